import { type FrameMachine, ipv4, parseMac, parsePrefix, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN, ARP_REQUEST, dissect } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { addressFromMac, type BringUpPolicy, Host, Netstackd, type NetstackdOptions } from '../src/index.js';
import { TestGateway } from './support/gateway.js';
import { ladder } from './support/ladder.js';
import { type Cable, World } from './support/world.js';

const { smoke, os2vm } = ADDRESS_PLAN;
const SQUATTER_MAC = parseMac('02:00:00:00:00:66');
const FALLBACK = { address: ipv4(10, 0, 2, 200), prefixLength: 24, gateway: smoke.gateway };
const DHCP_ONLY: BringUpPolicy = { type: 'dhcp-only' };

function policy(lateLease: 'apply' | 'refuse'): BringUpPolicy {
  return { type: 'dhcp-then-static', lateLease, ...FALLBACK };
}

function node(given: BringUpPolicy, options: Partial<NetstackdOptions> = {}): Netstackd {
  return new Netstackd({ mac: smoke.guestMac, entropy: new SeededEntropy('node'), policy: given, ...options });
}

/** Our node and the gateway on one cable. */
function smokeWorld(ours: Netstackd, { gateway = new TestGateway(), cable }: { gateway?: TestGateway; cable?: Cable } = {}) {
  const world = new World({ ours, gateway }, cable);
  return { world, gateway, lines: () => ladder(world.events.filter(({ who }) => who === 'ours')) };
}

/** A host that already uses `address`. */
function squatter(address: ReturnType<typeof ipv4>): Host {
  const host = new Host({ mac: SQUATTER_MAC, entropy: new SeededEntropy('squatter'), defence: 'defend-always' });
  host.configure(0, { address, prefixLength: 24 });
  return host;
}

describe('dhcp-only', () => {
  test('link up, lease, address: in this order', () => {
    const ours = node(DHCP_ONLY);
    const { world, lines } = smokeWorld(ours);
    world.run(10_000, (now) => ours.linkUp(now));
    expect(lines()).toMatchInlineSnapshot(`
      [
        "0 link-up",
        "0 acquiring (link-up)",
        "4 checking-address 10.0.2.15",
        "5998 dhcp-bound 10.0.2.15/24 (acquired)",
        "5998 interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)",
      ]
    `);
    expect(ours.inspect()).toMatchObject({ state: 'up', origin: 'dhcp', dhcpUnsent: 0, host: { gateway: '10.0.2.2' } });
  });

  test('the lease is renewed at half of its time, without the interface going down', () => {
    const ours = node(DHCP_ONLY);
    const { world, lines } = smokeWorld(ours, { gateway: new TestGateway({ leaseMs: 600_000 }) });
    world.run(1_000_000, (now) => ours.linkUp(now));
    expect(lines().filter((line) => line.includes('interface'))).toHaveLength(1);
    expect(lines().filter((line) => line.includes('renewed'))).toEqual([
      '300006 dhcp-renewed 10.0.2.15 (renewed)',
      '600006 dhcp-renewed 10.0.2.15 (renewed)',
      '900006 dhcp-renewed 10.0.2.15 (renewed)',
    ]);
  });

  test('an unanswered lease ends with its address; the budget starts anew, and a late lease is applied', () => {
    const ours = node(DHCP_ONLY);
    const { world, gateway, lines } = smokeWorld(ours, { gateway: new TestGateway({ leaseMs: 600_000 }) });
    world.run(10_000, (now) => ours.linkUp(now));
    gateway.serving = false;
    world.run(640_000);
    gateway.serving = true;
    world.run(900_000);
    expect(lines().slice(4)).toMatchInlineSnapshot(`
      [
        "5998 interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)",
        "300004 host arp-resolved",
        "412504 host arp-resolved",
        "600002 interface-down 10.0.2.15 (expired)",
        "600002 acquiring (expired)",
        "630002 dhcp-unavailable (time) fallback none",
        "660436 checking-address 10.0.2.15",
        "666472 late-lease applied 10.0.2.15 of 10.0.2.2",
        "666472 interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)",
      ]
    `);
  });

  test('another router with the renewal is used at once', () => {
    const first = new TestGateway({ leaseMs: 600_000 });
    const ours = node(DHCP_ONLY);
    const { world, lines } = smokeWorld(ours, { gateway: first });
    world.run(10_000, (now) => ours.linkUp(now));
    const second = new TestGateway({ leaseMs: 600_000, routers: [ipv4(10, 0, 2, 9)] });
    const after = new World({ ours, gateway: second });
    after.now = 10_000;
    after.run(700_000);
    expect([...lines(), ...ladder(after.events.filter(({ who }) => who === 'ours'))].slice(4)).toContainEqual(
      expect.stringContaining('dhcp-renewed 10.0.2.15 (renewed) routes'),
    );
    expect(ours.inspect().host).toMatchObject({ gateway: '10.0.2.9' });
  });
});

describe('dhcp-then-static', () => {
  test('no server: the static address when the time is used up', () => {
    const ours = node(policy('apply'));
    const { world, gateway, lines } = smokeWorld(ours);
    gateway.serving = false;
    world.run(40_000, (now) => ours.linkUp(now));
    expect(lines()).toMatchInlineSnapshot(`
      [
        "0 link-up",
        "0 acquiring (link-up)",
        "30000 dhcp-unavailable (time) fallback 10.0.2.200",
        "30000 checking-address 10.0.2.200",
        "36248 interface-up 10.0.2.200/24 gw=10.0.2.2 (static)",
      ]
    `);
  });

  test('no server: the static address when the attempts are used up', () => {
    const ours = node(policy('refuse'), { budget: { attempts: 2 } });
    const { world, gateway, lines } = smokeWorld(ours);
    gateway.serving = false;
    world.run(60_000, (now) => ours.linkUp(now));
    expect(lines()[2]).toMatch(/^1[0-4]\d{3} dhcp-unavailable \(attempts\) fallback 10.0.2.200$/);
    const discovers = world.frames.filter(({ frame }) => dissect(frame).udp?.destinationPort === 67);
    expect(discovers).toHaveLength(2);
  });

  test('late lease, apply: it takes the place of the static address', () => {
    const ours = node(policy('apply'));
    const { world, gateway, lines } = smokeWorld(ours);
    gateway.serving = false;
    world.run(40_000, (now) => ours.linkUp(now));
    gateway.serving = true;
    world.run(120_000);
    expect(lines().slice(5)).toMatchInlineSnapshot(`
      [
        "60900 checking-address 10.0.2.15",
        "66636 late-lease applied 10.0.2.15 of 10.0.2.2",
        "66636 interface-down 10.0.2.200 (replaced)",
        "66636 interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)",
      ]
    `);
  });

  test('late lease, refuse: an offer still on its way is reported once, and DHCP is silent', () => {
    const ours = node(policy('refuse'), { budget: { timeMs: 3_000, attempts: 4 } });
    // The gateway's frames take 5 s: the offer to the first DISCOVER comes after the budget.
    const { world, lines } = smokeWorld(ours, { cable: ({ from }) => [from === 'gateway' ? 5_000 : 1] });
    world.run(200_000, (now) => ours.linkUp(now));
    expect(lines()).toMatchInlineSnapshot(`
      [
        "0 link-up",
        "0 acquiring (link-up)",
        "3000 dhcp-unavailable (time) fallback 10.0.2.200",
        "3000 checking-address 10.0.2.200",
        "5001 late-lease refused 10.0.2.15 of 10.0.2.2",
        "8467 interface-up 10.0.2.200/24 gw=10.0.2.2 (static)",
      ]
    `);
    expect(ours.inspect().dhcp.state.type).toBe('stopped');
  });

  test('a lease in hand is probed to its end although the time is used up', () => {
    const ours = node(policy('refuse'), { budget: { timeMs: 1_000, attempts: 4 } });
    const { world, lines } = smokeWorld(ours);
    world.run(10_000, (now) => ours.linkUp(now));
    expect(lines().map((line) => line.replace(/^\d+ /, ''))).toContain('dhcp-bound 10.0.2.15/24 (acquired)');
    expect(lines().join()).not.toContain('unavailable');
  });

  test('the lease in hand turns out to be in use: the fallback follows at once', () => {
    const ours = node(policy('refuse'), { budget: { timeMs: 1_000, attempts: 4 } });
    const world = new World({ ours, gateway: new TestGateway(), taken: squatter(smoke.guest) }, ({ from }) =>
      from === 'taken' ? [2_500] : [1],
    );
    world.run(20_000, (now) => ours.linkUp(now));
    const lines = ladder(world.events.filter(({ who }) => who === 'ours')).map((line) => line.replace(/^\d+ /, ''));
    expect(lines).toMatchInlineSnapshot(`
      [
        "link-up",
        "acquiring (link-up)",
        "checking-address 10.0.2.15",
        "address-conflict 10.0.2.15 with 02:00:00:00:00:66",
        "dhcp-unavailable (time) fallback 10.0.2.200",
        "checking-address 10.0.2.200",
        "interface-up 10.0.2.200/24 gw=10.0.2.2 (static)",
      ]
    `);
  });

  test('the fallback may be the address that the server leases', () => {
    const ours = node({ type: 'dhcp-then-static', lateLease: 'apply', address: smoke.guest, prefixLength: 24 });
    const { world, gateway, lines } = smokeWorld(ours);
    gateway.serving = false;
    world.run(40_000, (now) => ours.linkUp(now));
    gateway.serving = true;
    world.run(120_000);
    const seen = lines().map((line) => line.replace(/^\d+ /, ''));
    expect(seen.filter((line) => line.startsWith('interface'))).toEqual([
      'interface-up 10.0.2.15/24 gw=none (static)',
      'interface-down 10.0.2.15 (replaced)',
      'interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)',
    ]);
  });
});

describe('static and from-mac', () => {
  test('static: the link is asked first, no DHCP is spoken', () => {
    const ours = node({ type: 'static', ...FALLBACK });
    const { world, lines } = smokeWorld(ours);
    world.run(20_000, (now) => ours.linkUp(now));
    expect(lines()).toMatchInlineSnapshot(`
      [
        "0 link-up",
        "0 checking-address 10.0.2.200",
        "5304 interface-up 10.0.2.200/24 gw=10.0.2.2 (static)",
      ]
    `);
    expect(world.frames.some(({ frame }) => dissect(frame).udp !== undefined)).toBe(false);
  });

  test('without the check the address is up at once', () => {
    const ours = node({ type: 'static', ...FALLBACK }, { conflictCheck: false });
    const { world, lines } = smokeWorld(ours);
    world.run(0, (now) => ours.linkUp(now));
    expect(lines()).toEqual(['0 link-up', '0 interface-up 10.0.2.200/24 gw=10.0.2.2 (static)']);
  });

  test('an address in use is not taken, and tried again a minute later', () => {
    const ours = node({ type: 'static', ...FALLBACK });
    const taken = squatter(FALLBACK.address);
    const world = new World<string>({ ours, taken });
    world.run(30_000, (now) => ours.linkUp(now));
    expect(ours.address).toBeUndefined();
    taken.deconfigure(world.now);
    world.run(100_000);
    expect(ladder(world.events.filter(({ who }) => who === 'ours'))).toMatchInlineSnapshot(`
      [
        "0 link-up",
        "0 checking-address 10.0.2.200",
        "1 address-conflict 10.0.2.200 with 02:00:00:00:00:66",
        "60001 checking-address 10.0.2.200",
        "65759 interface-up 10.0.2.200/24 gw=10.0.2.2 (static)",
      ]
    `);
  });

  test('from-mac: the last octet of the MAC', () => {
    const ours = node({ type: 'from-mac', network: os2vm.network }, { mac: os2vm.nodeBMac });
    const { world, lines } = smokeWorld(ours);
    world.run(20_000, (now) => ours.linkUp(now));
    expect(lines().at(-1)).toMatch(/interface-up 10.42.0.11\/24 gw=none \(from-mac\)$/);
  });

  test.each([
    ['52:54:00:12:34:0a', '10.42.0.0/24', ipv4(10, 42, 0, 10)],
    ['52:54:00:12:34:00', '10.42.0.0/24', ipv4(10, 42, 0, 1)],
    ['52:54:00:12:34:ff', '10.42.0.0/24', ipv4(10, 42, 0, 254)],
    ['52:54:00:12:34:ff', '10.42.0.0/16', ipv4(10, 42, 0, 255)],
    ['52:54:00:12:34:13', '10.42.0.0/28', ipv4(10, 42, 0, 3)],
    ['52:54:00:12:34:1f', '10.42.0.0/28', ipv4(10, 42, 0, 14)],
  ])('%s in %s', (mac, network, address) => {
    expect(addressFromMac(parseMac(mac), parsePrefix(network))).toBe(address);
  });
});

describe('link, release and conflict', () => {
  test('a link that goes takes the address with it; a link that comes confirms the lease', () => {
    const ours = node(DHCP_ONLY);
    const { world, lines } = smokeWorld(ours);
    world.run(10_000, (now) => ours.linkUp(now));
    world.run(20_000, (now) => ours.linkDown(now));
    expect(ours.address).toBeUndefined();
    world.run(40_000, (now) => ours.linkUp(now));
    expect(lines().slice(5)).toMatchInlineSnapshot(`
      [
        "10000 interface-down 10.0.2.15 (link-down)",
        "10000 link-down",
        "20000 link-up",
        "20000 acquiring (link-up)",
        "20002 checking-address 10.0.2.15",
        "25546 dhcp-bound 10.0.2.15/24 (rebooted)",
        "25546 interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)",
      ]
    `);
  });

  test('release gives the lease back before the address goes, without waiting for ARP', () => {
    const ours = node(DHCP_ONLY);
    const { world, gateway, lines } = smokeWorld(ours);
    world.run(10_000, (now) => ours.linkUp(now));
    world.run(20_000, (now) => ours.release(now));
    expect(lines().at(-1)).toBe('10000 interface-down 10.0.2.15 (released)');
    expect(gateway.server.inspect()).toMatchObject({ received: { release: 1 }, counts: { leased: 0 } });
    expect(ours.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('stop keeps the lease in mind', () => {
    const ours = node(DHCP_ONLY);
    const { world, gateway } = smokeWorld(ours);
    world.run(10_000, (now) => ours.linkUp(now));
    world.run(20_000, (now) => ours.stop(now));
    expect(gateway.server.inspect().counts.leased).toBe(1);
    expect(ours.inspect()).toMatchObject({ state: 'stopped', host: { addresses: [] } });
  });

  test('a leased address that is in use is declined, and another one is leased', () => {
    const ours = node(DHCP_ONLY);
    const world = new World({ ours, gateway: new TestGateway(), taken: squatter(smoke.guest) });
    world.run(40_000, (now) => ours.linkUp(now));
    const lines = ladder(world.events.filter(({ who }) => who === 'ours')).map((line) => line.replace(/^\d+ /, ''));
    expect(lines).toMatchInlineSnapshot(`
      [
        "link-up",
        "acquiring (link-up)",
        "checking-address 10.0.2.15",
        "address-conflict 10.0.2.15 with 02:00:00:00:00:66",
        "checking-address 10.0.2.16",
        "dhcp-bound 10.0.2.16/24 (acquired)",
        "interface-up 10.0.2.16/24 gw=10.0.2.2 (dhcp)",
      ]
    `);
  });

  test('a leased address that is lost to somebody is declined, and another one is leased', () => {
    const ours = node(DHCP_ONLY);
    const gateway = new TestGateway();
    const rival = new Host({ mac: SQUATTER_MAC, entropy: new SeededEntropy('r'), defence: 'defend-always' });
    const world = new World<string>({ ours, gateway, rival });
    world.run(10_000, (now) => ours.linkUp(now));
    // It takes the address without asking: announcements at 10 s and 12 s.
    world.run(60_000, (now) => rival.configure(now, { address: smoke.guest, prefixLength: 24 }));
    const lines = ladder(world.events.filter(({ who }) => who === 'ours')).slice(5);
    expect(lines).toMatchInlineSnapshot(`
      [
        "10001 host conflict",
        "10003 address-conflict 10.0.2.15 with 02:00:00:00:00:66",
        "10003 interface-down 10.0.2.15 (conflict)",
        "10003 acquiring (conflict)",
        "20007 checking-address 10.0.2.16",
        "25743 dhcp-bound 10.0.2.16/24 (acquired)",
        "25743 interface-up 10.0.2.16/24 gw=10.0.2.2 (dhcp)",
      ]
    `);
  });

  test('a static address that is lost is tried again a minute later', () => {
    const ours = node({ type: 'static', ...FALLBACK }, { conflictCheck: false });
    const rival = new Host({ mac: SQUATTER_MAC, entropy: new SeededEntropy('r'), defence: 'defend-always' });
    const world = new World<string>({ ours, rival });
    world.run(1_000, (now) => ours.linkUp(now));
    world.run(10_000, (now) => rival.configure(now, { address: FALLBACK.address, prefixLength: 24 }));
    expect(ours.address).toBeUndefined();
    rival.deconfigure(world.now);
    world.run(100_000);
    expect(ours.address).toBe(FALLBACK.address);
  });
});

describe('the machine', () => {
  test('ping and datagrams go through, and are told as host events', () => {
    const ours = node(DHCP_ONLY);
    const { world, lines } = smokeWorld(ours);
    world.run(10_000, (now) => ours.linkUp(now));
    const socket = ours.bindUdp({ port: 7 });
    world.run(20_000, (now) => {
      ours.ping(now, { destination: smoke.gateway });
      const datagram = {
        source: { address: ipv4(0, 0, 0, 0), port: 7 },
        destination: { address: smoke.gateway, port: 9 },
        payload: Uint8Array.of(1),
      };
      expect(ours.sendUdp(now, { socket, datagram })).toBe('sent');
    });
    expect(lines().slice(5)).toEqual(['10002 host arp-resolved', '10004 host ping-reply', '10004 host datagram-unreachable']);
    ours.closeUdp(socket);
  });

  test('port 68 belongs to the DHCP client', () => {
    const ours = node(DHCP_ONLY);
    expect(() => ours.bindUdp({ port: 68 })).toThrow('UDP port 68 is taken');
  });

  test('without a link nothing is sent and nothing is heard', () => {
    const ours = node(DHCP_ONLY);
    const { world } = smokeWorld(ours);
    world.run(10_000, () => ours.handleFrame(0, new Uint8Array(60)));
    expect(world.frames.filter(({ from }) => from === 'ours')).toEqual([]);
    expect(ours.inspect()).toMatchObject({ framesWithoutLink: 3, host: { frames: { received: 0 } } });
  });

  test.each([
    ['a static address no host can have', { policy: { type: 'static', address: ipv4(10, 0, 2, 255), prefixLength: 24 } }],
    ['a gateway elsewhere', { policy: { type: 'static', address: smoke.guest, prefixLength: 24, gateway: ipv4(10, 9, 0, 1) } }],
    ['a network of 31 bits', { policy: { type: 'from-mac', network: parsePrefix('10.42.0.0/31') } }],
    ['no time', { budget: { timeMs: 0 } }],
    ['no attempt', { budget: { attempts: 0 } }],
    ['half an attempt', { budget: { attempts: 1.5 } }],
    ['no retry time', { conflictRetryMs: 0 }],
  ] as [string, Partial<NetstackdOptions>][])('refuses %s', (_, options) => {
    expect(() => node(DHCP_ONLY, options)).toThrow();
  });

  test('every probe asks for the address that is about to be used', () => {
    const ours = node(DHCP_ONLY);
    const { world } = smokeWorld(ours);
    world.run(5_600, (now) => ours.linkUp(now));
    const probes = world.frames.filter(({ from, frame }) => from === 'ours' && dissect(frame).arp !== undefined);
    expect(probes.map(({ frame }) => dissect(frame).arp)).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ operation: ARP_REQUEST, senderIp: 0, targetIp: smoke.guest })),
    );
  });
});

test('two nodes with addresses from their MACs reach each other', () => {
  const a = node({ type: 'from-mac', network: os2vm.network }, { mac: os2vm.nodeAMac });
  const b = node({ type: 'from-mac', network: os2vm.network }, { mac: os2vm.nodeBMac });
  const machines: Record<'a' | 'b', FrameMachine<unknown>> = { a, b };
  const world = new World(machines);
  world.run(20_000, (now) => {
    a.linkUp(now);
    b.linkUp(now);
  });
  world.run(30_000, (now) => a.ping(now, { destination: os2vm.nodeB }));
  expect(ladder(world.events.filter(({ who }) => who === 'a')).at(-1)).toBe('20004 host ping-reply');
});
