import { formatIpv4, ipv4, SECOND } from '@nexus-net/sansio';
import { DNS_RCODE, DNS_TYPE } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { bothWays } from '../src/index.js';
import { MAC_A, MAC_B } from './support/frames.js';
import { GATEWAY, GUEST } from './support/host.js';
import { ladder, network } from './support/network.js';
import { attachNode, type Node, type NodeOptions } from './support/node.js';
import { Resolver } from './support/resolver.js';

const QUIET_GATEWAY = { host: { conflictTiming: { announceCount: 1 } } } as const;
const types = (node: Node): string[] => node.events.map(({ type }) => type);
const addressOf = (node: Node): string | undefined =>
  node.stack.address === undefined ? undefined : formatIpv4(node.stack.address);
const MINUTE = 60 * SECOND;

describe('a node and the gateway', () => {
  test('lease, ping and name, as one ladder', () => {
    const hosts = [{ name: 'gateway.test', addresses: [GATEWAY] }];
    const sim = network(1, { ports: ['a'], gateway: { ...QUIET_GATEWAY, dns: { hosts } } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A, bootAt: 10, conflictCheck: true });
    const resolver = new Resolver(sim, node);
    sim.run({ until: 10 * SECOND, stop: () => node.stack.address !== undefined });
    node.stack.ping(sim.now, { destination: GATEWAY, identifier: 7, sequence: 1 });
    resolver.ask('gateway.test');
    resolver.ask('nobody.test', { server: GATEWAY, id: 0x4343 });
    sim.run({ until: sim.now });
    expect(resolver.answers.map(({ responseCode }) => responseCode)).toEqual([DNS_RCODE.nxDomain, DNS_RCODE.noError]);
    expect(ladder(sim)).toMatchInlineSnapshot(`
      "
              0 gateway  | ARP announce 10.0.2.2
              0 wire     * ethernet.seen mac=52:55:0a:00:02:02
              0 gateway  | ARP announce 10.0.2.3
             10 a        - link-up
             10 a        - acquiring cause=link-up
             10 a        | 0.0.0.0:68 > 255.255.255.255:67 DHCP DISCOVER xid 3e5dcd5d
             10 wire     * ethernet.seen mac=52:54:00:00:00:0a
             10 wire     * dhcp.discovered client=52:54:00:00:00:0a xid=3e5dcd5d
             10 gateway  - dhcp offered client=id 0152540000000a address=10.0.2.15 xid=3e5dcd5d
             10 gateway  | 10.0.2.2:67 > 10.0.2.15:68 DHCP OFFER xid 3e5dcd5d yiaddr 10.0.2.15
             10 wire     * dhcp.offered client=52:54:00:00:00:0a server=10.0.2.2 address=10.0.2.15 xid=3e5dcd5d
             10 a        | 0.0.0.0:68 > 255.255.255.255:67 DHCP REQUEST xid 3e5dcd5d
             10 wire     * dhcp.requested client=52:54:00:00:00:0a address=10.0.2.15 xid=3e5dcd5d
             10 gateway  - dhcp leased client=id 0152540000000a address=10.0.2.15 xid=3e5dcd5d until=3600010
             10 gateway  | 10.0.2.2:67 > 10.0.2.15:68 DHCP ACK xid 3e5dcd5d yiaddr 10.0.2.15
             10 wire     * dhcp.leased client=52:54:00:00:00:0a server=10.0.2.2 address=10.0.2.15 xid=3e5dcd5d leaseMs=3600000 prefixLength=24 router=10.0.2.2
             10 a        - checking-address address=10.0.2.15
            530 a        | ARP probe 10.0.2.15
           1649 a        | ARP probe 10.0.2.15
           3278 a        | ARP probe 10.0.2.15
           5278 a        - dhcp-bound lease=10.0.2.15 cause=acquired
           5278 a        - interface-up origin=dhcp address=10.0.2.15 prefixLength=24 gateway=10.0.2.2
           5278 a        | ARP announce 10.0.2.15
           5278 a        | ARP who has 10.0.2.2? tell 10.0.2.15
           5278 gateway  | ARP 10.0.2.2 is at 52:55:0a:00:02:02
           5278 wire     * arp.resolved askerMac=52:54:00:00:00:0a askerIp=10.0.2.15 ownerMac=52:55:0a:00:02:02 ownerIp=10.0.2.2
           5278 a        | ARP who has 10.0.2.3? tell 10.0.2.15
           5278 gateway  | ARP 10.0.2.3 is at 52:55:0a:00:02:02
           5278 wire     * arp.resolved askerMac=52:54:00:00:00:0a askerIp=10.0.2.15 ownerMac=52:55:0a:00:02:02 ownerIp=10.0.2.3
           5278 a        - host arp-resolved address=10.0.2.2 mac=52:55:0a:00:02:02
           5278 a        - host arp-resolved address=10.0.2.3 mac=52:55:0a:00:02:02
           5278 a        | 10.0.2.15 > 10.0.2.2 ICMP echo-request id 0x0007 seq 1
           5278 gateway  | 10.0.2.2 > 10.0.2.15 ICMP echo-reply id 0x0007 seq 1
           5278 wire     * icmp.echo-answered asker=10.0.2.15 answerer=10.0.2.2 identifier=7 sequence=1 roundTripMs=0
           5278 a        | 10.0.2.15:40000 > 10.0.2.2:53 DNS 0x4343 a nobody.test?
           5278 gateway  - dns answered client=10.0.2.15 name=nobody.test questionType=1 responseCode=3 answerCount=0 truncated=false
           5278 gateway  | 10.0.2.2:53 > 10.0.2.15:40000 DNS 0x4343 a nobody.test: nxDomain, 0 answers
           5278 wire     * dns.answered client=10.0.2.15 server=10.0.2.2 id=17219 name=nobody.test responseCode=3
           5278 a        | 10.0.2.15:40000 > 10.0.2.3:53 DNS 0x4242 a gateway.test?
           5278 gateway  - dns answered client=10.0.2.15 name=gateway.test questionType=1 responseCode=0 answerCount=1 truncated=false
           5278 gateway  | 10.0.2.3:53 > 10.0.2.15:40000 DNS 0x4242 a gateway.test: noError, 1 answers
           5278 wire     * dns.answered client=10.0.2.15 server=10.0.2.3 id=16962 name=gateway.test responseCode=0
           5278 a        - host ping-reply id=1 from=10.0.2.2 roundTripMs=0
           5278 a        - host datagram socket=2 linkSource=52:55:0a:00:02:02
           5278 a        - host datagram socket=2 linkSource=52:55:0a:00:02:02"
    `);
  });

  test('the gateway can check the guest', () => {
    const sim = network(1);
    const node = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: SECOND, stop: () => node.stack.address !== undefined });
    sim.lan.command(sim.now, (gateway, now) => gateway.ping(now, { destination: GUEST }));
    sim.lan.command(sim.now, (gateway, now) => gateway.ping(now, { destination: ipv4(10, 0, 2, 250), timeoutMs: 500 }));
    sim.run({ until: 10 * SECOND });
    expect(sim.trace.text()).toContain('host ping-reply id=1 from=10.0.2.15');
    expect(sim.trace.text()).toContain('host ping-timeout id=2 destination=10.0.2.250');
  });

  test('two nodes get an address each and reach each other', () => {
    const sim = network(1);
    const a = attachNode(sim, { port: 'a', mac: MAC_A });
    const b = attachNode(sim, { port: 'b', mac: MAC_B, bootAt: 5 });
    sim.run({ until: SECOND });
    expect([addressOf(a), addressOf(b)]).toEqual(['10.0.2.15', '10.0.2.16']);
    a.stack.ping(sim.now, { destination: ipv4(10, 0, 2, 16) });
    sim.run({ until: 2 * SECOND });
    expect(a.events).toContainEqual({
      type: 'host',
      event: { type: 'ping-reply', id: 1, from: ipv4(10, 0, 2, 16), roundTripMs: 0 },
    });
  });

  test('both addresses of the gateway answer DNS for every kind of question', () => {
    const sim = network(1, { gateway: { dns: { hosts: [{ name: 'a.test', addresses: [ipv4(10, 0, 2, 9)] }] } } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A });
    const resolver = new Resolver(sim, node);
    sim.run({ until: SECOND });
    for (const server of [ipv4(10, 0, 2, 2), ipv4(10, 0, 2, 3)]) {
      resolver.ask('A.TEST', { server });
      resolver.ask('9.2.0.10.in-addr.arpa', { server, type: DNS_TYPE.ptr });
      resolver.ask('b.test', { server });
    }
    sim.run({ until: 2 * SECOND });
    expect(resolver.answers.map(({ answers, responseCode }) => [answers.length, responseCode])).toEqual(
      expect.arrayContaining([
        [1, 0],
        [1, 0],
        [0, 3],
      ]),
    );
    expect(resolver.answers).toHaveLength(6);
  });
});

describe('without a DHCP server', () => {
  test('a static node comes up and is usable', () => {
    const sim = network(1, { gateway: { dhcp: 'off' } });
    const policy = { type: 'static', address: GUEST, prefixLength: 24, gateway: GATEWAY } as const;
    const node = attachNode(sim, { port: 'a', mac: MAC_A, policy });
    sim.run({ until: SECOND });
    node.stack.ping(sim.now, { destination: GATEWAY });
    sim.run({ until: 2 * SECOND });
    expect(types(node).slice(0, 2)).toEqual(['link-up', 'interface-up']);
    expect(node.events.some((event) => event.type === 'host' && event.event.type === 'ping-reply')).toBe(true);
    expect(sim.trace.text()).not.toContain('DHCP');
    expect(sim.lan.inspect().gateway).not.toHaveProperty('dhcp');
  });

  test('dhcp-then-static falls back when the budget is used up', () => {
    const sim = network(1, { gateway: { dhcp: 'off' } });
    const node = attachNode(sim, {
      port: 'a',
      mac: MAC_A,
      policy: { type: 'dhcp-then-static', address: GUEST, prefixLength: 24, gateway: GATEWAY, lateLease: 'apply' },
      budget: { timeMs: 9 * SECOND },
    });
    sim.run({ until: 20 * SECOND });
    expect(node.events.filter(({ type }) => type !== 'host')).toMatchObject([
      { type: 'link-up' },
      { type: 'acquiring' },
      { type: 'dhcp-unavailable', reason: 'time', at: 9 * SECOND, fallback: { address: GUEST } },
      { type: 'interface-up', origin: 'static', address: GUEST },
    ]);
  });

  test('dhcp-only stays down, and says so once', () => {
    const sim = network(1, { gateway: { dhcp: 'off' } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A, budget: { timeMs: 9 * SECOND } });
    sim.run({ until: 10 * MINUTE });
    expect(types(node)).toEqual(['link-up', 'acquiring', 'dhcp-unavailable']);
    expect(node.stack.address).toBeUndefined();
  });

  test('nobody answers for an address that nobody owns', () => {
    const sim = network(1, { gateway: 'off' });
    const policy = { type: 'static', address: GUEST, prefixLength: 24 } as const;
    const node = attachNode(sim, { port: 'a', mac: MAC_A, policy });
    sim.run({ until: SECOND });
    node.stack.ping(sim.now, { destination: GATEWAY });
    sim.run({ until: MINUTE });
    expect(node.events).toContainEqual({
      type: 'host',
      event: { type: 'ping-failed', id: 1, destination: GATEWAY, reason: 'unresolved' },
    });
  });
});

describe('a lease that comes late', () => {
  const late = (lateLease: 'apply' | 'refuse'): Node => {
    const sim = network(1);
    sim.lan.setLink(0, 'a', { toStation: { delayMs: 3 * SECOND } });
    const static_ = { address: ipv4(10, 0, 2, 100), prefixLength: 24 };
    const node = attachNode(sim, {
      port: 'a',
      mac: MAC_A,
      policy: { type: 'dhcp-then-static', lateLease, ...static_ },
      budget: { timeMs: 2 * SECOND },
    });
    sim.run({ until: MINUTE });
    return node;
  };

  test('is applied where the policy says so', () => {
    const node = late('apply');
    expect(node.events.filter(({ type }) => type === 'late-lease')).toMatchObject([{ decision: 'applied', address: GUEST }]);
    expect(addressOf(node)).toBe('10.0.2.15');
  });

  test('is refused where the policy says so, and that is told', () => {
    const node = late('refuse');
    expect(node.events.filter(({ type }) => type === 'late-lease')).toMatchObject([{ decision: 'refused', address: GUEST }]);
    expect(addressOf(node)).toBe('10.0.2.100');
  });
});

describe('partitions', () => {
  const leased = (seed: number, options: Partial<NodeOptions> = {}) => {
    const sim = network(seed, { gateway: { dhcp: { leaseMs: 10 * MINUTE } } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A, ...options });
    sim.run({ until: SECOND });
    expect(addressOf(node)).toBe('10.0.2.15');
    return { sim, node };
  };

  test.each([
    ['symmetric', bothWays({ cut: true })],
    ['towards the switch', { toSwitch: { cut: true } }],
    ['towards the station', { toStation: { cut: true } }],
  ])('fault/L09 fault/L10: %s, healed before the lease ends: the lease is renewed, the interface never goes', (_, impairment) => {
    const { sim, node } = leased(2);
    sim.at(2 * MINUTE, () => sim.lan.setLink(sim.now, 'a', impairment));
    sim.at(9 * MINUTE, () => sim.lan.setLink(sim.now, 'a', {}));
    sim.run({ until: 30 * MINUTE });
    expect(types(node)).not.toContain('interface-down');
    expect(types(node)).toContain('dhcp-renewed');
    expect(addressOf(node)).toBe('10.0.2.15');
  });

  test('fault/L09: longer than the lease: the address goes when it ends, and comes back after the healing', () => {
    const { sim, node } = leased(3);
    sim.at(2 * MINUTE, () => sim.lan.setLink(sim.now, 'a', 'down'));
    sim.run({ until: 20 * MINUTE });
    expect(addressOf(node)).toBeUndefined();
    expect(node.events).toContainEqual({ type: 'interface-down', address: GUEST, reason: 'expired', at: 10 * MINUTE });
    sim.lan.setLink(sim.now, 'a', 'up');
    sim.run({ until: 23 * MINUTE });
    expect(addressOf(node)).toBe('10.0.2.15');
  });

  test('fault/L12: a wire that works two seconds of seven still gives a lease', () => {
    const sim = network(4);
    const outages = Array.from({ length: 200 }, (_, i) => ({ from: 7 * SECOND * i, until: 7 * SECOND * i + 5 * SECOND }));
    sim.lan.setLink(0, 'a', bothWays({ outages }));
    const node = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: 10 * MINUTE, stop: () => node.stack.address !== undefined });
    expect(addressOf(node)).toBe('10.0.2.15');
  });
});

describe('clocks', () => {
  const running = () => {
    const sim = network(5, { gateway: { dhcp: { leaseMs: 10 * MINUTE } } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: SECOND });
    return { sim, node };
  };

  test('fault/L15: a jump ahead past the end of the lease ends it at once, and a new one is fetched', () => {
    const { sim, node } = running();
    sim.at(2 * MINUTE, () => node.station.jumpClock(10 * 365 * 86_400 * SECOND));
    sim.run({ until: 2 * MINUTE + SECOND });
    expect(types(node).filter((type) => type !== 'host')).toEqual([
      'link-up',
      'acquiring',
      'dhcp-bound',
      'interface-up',
      'interface-down',
      'acquiring',
      'dhcp-bound',
      'interface-up',
    ]);
    expect(addressOf(node)).toBe('10.0.2.15');
  });

  test('fault/L15: a jump back moves nothing; the lease is renewed when the clock has caught up', () => {
    const { sim, node } = running();
    sim.at(MINUTE, () => node.station.jumpClock(-2 * MINUTE));
    sim.run({ until: 8 * MINUTE });
    expect(node.events.find(({ type }) => type === 'dhcp-renewed')).toMatchObject({ at: 5 * MINUTE });
    expect(types(node)).not.toContain('interface-down');
  });

  test('fault/L17: timers that all run late run once', () => {
    const sim = network(6, { gateway: { dhcp: 'off' } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.at(SECOND, () => node.station.jumpClock(5 * MINUTE));
    const result = sim.run({ until: 2 * SECOND });
    expect(types(node)).toEqual(['link-up', 'acquiring', 'dhcp-unavailable']);
    expect(result.steps).toBeLessThan(20);
  });
});

test.each(['toSwitch', 'toStation'] as const)('fault/L03: any one frame lost %s: the lease still comes', (direction) => {
  for (let n = 1; n <= 6; n++) {
    const sim = network(n, { witnesses: [], frames: false });
    sim.lan.setLink(0, 'a', { [direction]: { drop: [n] } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: 2 * MINUTE, stop: () => node.stack.address !== undefined });
    expect([n, addressOf(node)]).toEqual([n, '10.0.2.15']);
  }
});

test('fault/L20: a node that crashes and comes back empty gets its address again', () => {
  const sim = network(7);
  const before = attachNode(sim, { port: 'a', mac: MAC_A });
  sim.run({ until: SECOND });
  sim.detach('a');
  const after = attachNode(sim, { port: 'a', mac: MAC_A, bootAt: 5 * SECOND, seed: 'second boot' });
  sim.run({ until: 10 * SECOND });
  expect([addressOf(before), addressOf(after)]).toEqual(['10.0.2.15', '10.0.2.15']);
});
