import { DHCP_MESSAGE_TYPE, decodeDhcpMessage, messageType } from '@nexus-net/dhcp';
import { formatIpv4, IPV4_ANY, ipv4, parsePrefix, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN, dissect } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { type BringUpPolicy, Host, Netstackd, type NetstackdEvent, type NetstackdOptions } from '../src/index.js';
import { TestGateway } from './support/gateway.js';
import { ladder } from './support/ladder.js';
import { type Cable, World } from './support/world.js';

const { smoke } = ADDRESS_PLAN;
const GUEST = ipv4(10, 0, 2, 15);
const DHCP_ONLY: BringUpPolicy = { type: 'dhcp-only' };
const MTU_1400 = { code: 26, value: Uint8Array.of(5, 120) };
/** RFC 3442: 192.0.2.0/24 by 10.0.2.9, and everything else by 10.0.2.2. */
const OFFICE_AND_DEFAULT = { code: 121, value: Uint8Array.of(24, 192, 0, 2, 10, 0, 2, 9, 0, 10, 0, 2, 2) };
const HALF = { code: 121, value: Uint8Array.of(1, 128, 10, 0, 2, 2) };

function node(options: Partial<NetstackdOptions> = {}): Netstackd {
  return new Netstackd({
    mac: smoke.guestMac,
    entropy: new SeededEntropy('node'),
    policy: DHCP_ONLY,
    conflictCheck: false,
    ...options,
  });
}

function world(ours: Netstackd, gateway: TestGateway = new TestGateway(), cable?: Cable) {
  const both = new World({ ours, gateway }, cable);
  const events = (): NetstackdEvent[] =>
    both.events.filter(({ who }) => who === 'ours').map(({ event }) => event as NetstackdEvent);
  return { both, gateway, events, lines: () => ladder(both.events.filter(({ who }) => who === 'ours')) };
}

describe('what a lease says is what the interface has', () => {
  test('gateway, classless routes before the router, MTU and DNS servers', () => {
    const gateway = new TestGateway({ options: [MTU_1400, OFFICE_AND_DEFAULT], routers: [ipv4(10, 0, 2, 77)] });
    const ours = node();
    const { both, events } = world(ours, gateway);
    both.run(5_000, (now) => ours.linkUp(now));
    expect(ours.inspect()).toMatchObject({
      dnsServers: ['10.0.2.3'],
      host: {
        gateway: '10.0.2.2',
        routes: [
          { destination: '192.0.2.0/24', router: '10.0.2.9' },
          { destination: '0.0.0.0/0', router: '10.0.2.2' },
        ],
      },
    });
    expect(events().find(({ type }) => type === 'interface-up')).toMatchObject({
      mtu: 1_400,
      dnsServers: [smoke.dns],
      gateway: smoke.gateway,
    });
    const datagram = {
      source: { address: IPV4_ANY, port: 9 },
      destination: { address: smoke.gateway, port: 9 },
      payload: new Uint8Array(1_400),
    };
    ours.sendUdp(5_000, { datagram });
    both.run(6_000);
    const sizes = both.frames
      .filter(({ from, frame }) => from === 'ours' && dissect(frame).ipv4?.protocol === 17)
      .map(({ frame }) => frame.length - 14);
    expect(sizes.slice(-2)).toEqual([1_396, 52]); // the MTU of the lease, not of the cable
  });

  test('a route that the policy refuses is told, and not installed', () => {
    const gateway = new TestGateway({ options: [HALF] });
    const ours = node({ acceptRoute: ({ prefix }) => prefix !== parsePrefix('128.0.0.0/1') });
    const { both, lines } = world(ours, gateway);
    both.run(5_000, (now) => ours.linkUp(now));
    expect(lines().slice(-2)).toEqual([
      '4 interface-up 10.0.2.15/24 gw=none (dhcp)',
      '4 lease-part-refused route 128.0.0.0/1 via 10.0.2.2 (policy)',
    ]);
    expect(ours.inspect().host.routes).toEqual([]);
  });

  test('with a static address the servers of the options; without an address none', () => {
    const ours = node({ policy: { type: 'static', address: GUEST, prefixLength: 24 }, dnsServers: [smoke.dns] });
    expect(ours.dnsServers).toEqual([]);
    ours.linkUp(0);
    expect(ours.dnsServers).toEqual([smoke.dns]);
    ours.linkDown(1);
    expect(ours.dnsServers).toEqual([]);
  });
});

describe('the address goes', () => {
  function connected(options: { readonly leaseMs: number }) {
    const gateway = new TestGateway(options);
    const ours = node();
    const { both, events } = world(ours, gateway);
    both.run(1_000, (now) => ours.linkUp(now));
    gateway.host.tcp.listen(1_000, { port: 80 });
    const connection = ours.tcp.connect(1_000, { remote: { address: smoke.gateway, port: 80 } });
    if (typeof connection === 'string') throw new Error(connection);
    const socket = ours.bindUdp({ port: 9, address: GUEST });
    both.run(2_000);
    expect(connection.state).toBe('ESTABLISHED');
    return { gateway, ours, both, events, connection, socket };
  }

  test('at the end of the lease: endpoints and connections of it are told', () => {
    const { gateway, both, events, connection, socket } = connected({ leaseMs: 60_000 });
    gateway.serving = false;
    both.run(70_000);
    expect(events().filter(({ type }) => type === 'interface-down')).toMatchObject([{ reason: 'expired' }]);
    const told = events().flatMap((event) => (event.type === 'host' ? [event.event] : []));
    expect(told).toContainEqual({ type: 'udp-address-lost', socket, address: GUEST });
    expect(told).toContainEqual({ type: 'tcp-closed', connection, reason: 'unreachable' });
  });

  test('with the cable: a connection waits, and goes on when the address is back', () => {
    const { ours, gateway, both, connection } = connected({ leaseMs: 600_000 });
    both.run(3_000, (now) => ours.linkDown(now));
    connection.send(3_000, Uint8Array.of(1, 2, 3));
    both.run(3_500, (now) => ours.linkUp(now));
    both.run(20_000);
    expect([connection.state, connection.unacknowledgedCount]).toEqual(['ESTABLISHED', 0]);
    expect(gateway.host.inspect().tcp).toBeDefined();
  });
});

describe('one clock: the budget of DHCP is time, and nothing else', () => {
  const FALLBACK: BringUpPolicy = {
    type: 'dhcp-then-static',
    lateLease: 'apply',
    address: ipv4(10, 0, 2, 200),
    prefixLength: 24,
  };

  /** The bring-up while nobody answers, polled as often as `poll` says. */
  function bringUp(polls: number): string[] {
    const ours = node({ policy: FALLBACK });
    const lines: string[] = [];
    const drain = (): void => {
      while (ours.pollTransmit() !== undefined);
      for (let event = ours.pollEvent(); event !== undefined; event = ours.pollEvent())
        lines.push(...ladder([{ at: 'at' in event ? event.at : 0, event }]));
    };
    ours.linkUp(0);
    for (let at = 0; at <= 40_000; at += 1_000) {
      for (let i = 0; i < polls; i++) ours.handleTimeout(at);
      drain();
    }
    return lines;
  }

  test('a node that is polled two hundred times for each second falls back when one does that is polled once', () => {
    expect(bringUp(200)).toEqual(bringUp(1));
    expect(bringUp(1)).toContain('30000 dhcp-unavailable (time) fallback 10.0.2.200');
  });

  test('with time standing still no number of polls uses the budget up', () => {
    const ours = node({ policy: FALLBACK });
    ours.linkUp(5_000);
    for (let i = 0; i < 30_001; i++) ours.handleTimeout(5_000);
    expect(ours.inspect().state).toBe('acquiring');
  });

  test('four DISCOVERs fit into it, whatever the policy', () => {
    const gateway = new TestGateway();
    gateway.serving = false;
    const ours = node({ policy: FALLBACK });
    const { both } = world(ours, gateway);
    both.run(30_000, (now) => ours.linkUp(now));
    const discovers = both.frames.filter(({ from, frame }) => {
      const { udp } = dissect(frame);
      const decoded = udp === undefined ? undefined : decodeDhcpMessage(udp.payload);
      return from === 'ours' && decoded?.ok === true && messageType(decoded.value) === DHCP_MESSAGE_TYPE.discover;
    });
    expect(discovers.length).toBe(4);
  });
});

test('fault/L05 the ACK of a lease that ran out comes back after minutes: nothing happens', () => {
  const gateway = new TestGateway({ leaseMs: 60_000 });
  const kept: Uint8Array[] = [];
  const ours = node();
  const { both, lines } = world(ours, gateway, ({ from, frame }) => {
    if (from === 'gateway' && dissect(frame).udp?.destinationPort === 68) kept.push(frame);
    return [1];
  });
  both.run(10_000, (now) => ours.linkUp(now));
  gateway.serving = false;
  both.run(300_000);
  expect(ours.address).toBeUndefined();
  const before = lines();
  expect(kept.length).toBeGreaterThan(1);
  both.run(300_100, (now) => {
    for (const frame of kept) ours.handleFrame(now, frame);
  });
  expect(ours.address).toBeUndefined();
  expect(lines()).toEqual(before);
});

test('a host without an address hears of a group by DHCP’s time: joined before, reported after', () => {
  const ours = node();
  const { both } = world(ours);
  ours.joinGroup(0, ipv4(239, 42, 0, 1));
  both.run(5_000, (now) => ours.linkUp(now));
  const reports = both.frames.map(({ frame }) => dissect(frame)).filter(({ igmp }) => igmp?.type === 'report');
  expect(reports.map(({ ipv4: packet }) => formatIpv4(packet?.source ?? IPV4_ANY))).toContain('10.0.2.15');
  expect(new Host({ mac: smoke.gatewayMac, entropy: new SeededEntropy('x') }).inspect().groups).toEqual([]);
});
