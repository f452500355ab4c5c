import { type Ipv4Address, ipv4 as ip, type MacAddress } from '@nexus-net/sansio';
import { encodeIgmp, type IgmpMessage, IP_PROTOCOL, ipv4MulticastMac } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import type { Host, HostOptions } from '../src/index.js';
import { dissectAll, ECHO, icmp, ipv4, udp } from './support/frames.js';
import { bareHost, drainEvents, drainFrames, OUR_IP, ourHost, settle } from './support/wire.js';

const T = 100_000;
const GROUP = ip(239, 42, 0, 1);
const OTHER = ip(239, 42, 0, 2);
const ALL_HOSTS = ip(224, 0, 0, 1);
const ALL_ROUTERS = ip(224, 0, 0, 2);

function from(message: IgmpMessage, destination: Ipv4Address): Uint8Array {
  const packet = { protocol: IP_PROTOCOL.igmp, destination, ttl: 1, payload: encodeIgmp(message) };
  return ipv4(packet, ipv4MulticastMac(destination));
}

const query = (maxResponseCode: number, group: Ipv4Address = 0 as Ipv4Address): Uint8Array =>
  from({ type: 'query', maxResponseCode, group }, group === 0 ? ALL_HOSTS : group);

/** What a host says, in words. */
function said(host: Host): string[] {
  return dissectAll(drainFrames(host)).map(({ igmp }) => {
    if (igmp?.type === 'report') return `report v${igmp.version} ${igmp.group === GROUP ? 'GROUP' : 'OTHER'}`;
    return igmp?.type ?? 'something else';
  });
}

/** A member of GROUP whose unsolicited reports are over. */
function member(options: Partial<HostOptions> = {}): Host {
  const host = ourHost(options);
  host.joinGroup(0, GROUP);
  settle(host, 20_000);
  return host;
}

describe('joining (RFC 2236 §3)', () => {
  test('is reported at once and once more within 10 s, to the group, with TTL 1 and router alert', () => {
    const host = ourHost();
    host.joinGroup(T, GROUP);
    expect(dissectAll(drainFrames(host))).toMatchObject([
      {
        ethernet: { destination: ipv4MulticastMac(GROUP) },
        ipv4: { source: OUR_IP, destination: GROUP, ttl: 1, options: Uint8Array.of(148, 4, 0, 0) },
        igmp: { type: 'report', version: 2, group: GROUP },
      },
    ]);
    expect(host.nextTimeout()).toBeGreaterThan(T);
    expect(host.nextTimeout()).toBeLessThanOrEqual(T + 10_000);
    host.handleTimeout(T + 10_000);
    expect(said(host)).toEqual(['report v2 GROUP']);
    expect(host.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    expect(host.inspect().groups).toEqual([{ group: '239.42.0.1', state: 'idle' }]);
  });

  test('without an address is silent until there is one', () => {
    const host = bareHost();
    host.joinGroup(T, GROUP);
    expect(said(host)).toEqual([]);
    settle(host, T + 20_000);
    host.configure(T + 30_000, { address: OUR_IP, prefixLength: 24 });
    expect(said(host)).toEqual(['something else', 'report v2 GROUP']); // the announcement of the address first
  });

  test('224.0.0.1 is never reported', () => {
    const host = ourHost();
    host.joinGroup(T, ALL_HOSTS);
    host.leaveGroup(T, ALL_HOSTS);
    expect(said(host)).toEqual([]);
  });

  test('joins are counted: the last leave ends it', () => {
    const host = member();
    host.joinGroup(T, GROUP);
    host.leaveGroup(T, GROUP);
    expect(said(host)).toEqual([]);
    host.leaveGroup(T, GROUP);
    expect(said(host)).toEqual(['leave']);
    expect(() => host.leaveGroup(T, GROUP)).toThrow('239.42.0.1 was not joined');
  });

  test('the number of groups is bounded, and a unicast address is none', () => {
    const host = ourHost({ groupCountMax: 1 });
    host.joinGroup(T, GROUP);
    expect(() => host.joinGroup(T, OTHER)).toThrow('groupCountMax');
    expect(() => host.joinGroup(T, OUR_IP)).toThrow('10.1.0.1 is no multicast group');
  });
});

describe('answering queries', () => {
  test.each([
    ['a general query', query(100)],
    ['a query about the group', query(100, GROUP)],
  ])('%s: a report after a random part of the time that it gives', (_, frame) => {
    const host = member();
    host.handleFrame(T, frame);
    expect(said(host)).toEqual([]);
    expect(host.nextTimeout()).toBeGreaterThan(T);
    expect(host.nextTimeout()).toBeLessThanOrEqual(T + 10_000);
    host.handleTimeout(T + 10_000);
    expect(said(host)).toEqual(['report v2 GROUP']);
  });

  test('a query about another group is not for us', () => {
    const host = member();
    host.handleFrame(T, from({ type: 'query', maxResponseCode: 10, group: OTHER }, ALL_HOSTS));
    expect(host.inspect().drops).toEqual({ 'igmp-ignored': 1 });
    expect(host.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a timer that runs is made shorter by a hasty query, never longer by a slow one', () => {
    const host = member();
    host.handleFrame(T, query(1));
    const soon = host.nextTimeout();
    host.handleFrame(T, query(255));
    expect(host.nextTimeout()).toBe(soon);
    const other = member();
    other.handleFrame(T, query(255));
    other.handleFrame(T, query(1));
    expect(other.nextTimeout()).toBeLessThanOrEqual(T + 100);
  });

  test('somebody else has answered: we stay silent, and leave without a word', () => {
    const host = member();
    host.handleFrame(T, query(100));
    host.handleFrame(T + 1, from({ type: 'report', version: 2, group: GROUP }, GROUP));
    host.handleTimeout(T + 20_000);
    host.leaveGroup(T + 20_000, GROUP);
    expect(said(host)).toEqual([]);
  });

  test('the last to report tells all routers that it leaves', () => {
    const host = member();
    host.leaveGroup(T, GROUP);
    expect(dissectAll(drainFrames(host))).toMatchObject([
      { ipv4: { destination: ALL_ROUTERS, ttl: 1 }, igmp: { type: 'leave', group: GROUP } },
    ]);
  });

  test('a version 1 router is answered in version 1 for 400 s, and not told of leaving (RFC 2236 §4)', () => {
    const host = member();
    host.handleFrame(T, query(0));
    host.handleTimeout(T + 10_000);
    expect(said(host)).toEqual(['report v1 GROUP']);
    host.leaveGroup(T + 20_000, GROUP);
    expect(said(host)).toEqual([]);
    host.joinGroup(T + 400_000, OTHER);
    expect(said(host)).toEqual(['report v2 OTHER']);
  });

  test('a version 3 query is answered as one of version 2, within the time that it codes (RFC 3376 §4.1.1)', () => {
    const host = member();
    const v3 = { suppress: false, robustness: 2, intervalCode: 125, sources: [] };
    host.handleFrame(T, from({ type: 'query', maxResponseCode: 0x80, group: 0 as Ipv4Address, v3 }, ALL_HOSTS));
    expect(host.nextTimeout()).toBeLessThanOrEqual(T + 12_800);
    host.handleTimeout(T + 12_800);
    expect(said(host)).toEqual(['report v2 GROUP']);
  });

  test('a query by unicast does nothing', () => {
    const host = member();
    host.handleFrame(
      T,
      ipv4({ protocol: IP_PROTOCOL.igmp, payload: encodeIgmp({ type: 'query', maxResponseCode: 10, group: 0 as Ipv4Address }) }),
    );
    expect(host.inspect().drops).toEqual({ 'igmp-ignored': 1 });
  });
});

describe('receiving', () => {
  const toGroup = (destination: Ipv4Address, link: MacAddress = ipv4MulticastMac(destination)): Uint8Array =>
    udp({ destination, link });

  test('a datagram to a group comes to the endpoint of its port, while we are in the group', () => {
    const host = ourHost();
    const socket = host.bindUdp({ port: 7 });
    host.handleFrame(T, toGroup(GROUP));
    host.joinGroup(T, GROUP);
    host.handleFrame(T, toGroup(GROUP));
    host.leaveGroup(T, GROUP);
    host.handleFrame(T, toGroup(GROUP));
    expect(host.inspect().drops).toEqual({ 'frame-not-for-us': 2 });
    expect(drainEvents(host)).toMatchObject([
      { type: 'datagram', socket, datagram: { destination: { address: GROUP, port: 7 } } },
    ]);
  });

  test('a group that shares its link address with one of ours is not ours (RFC 1112 §6.4)', () => {
    const host = member();
    host.bindUdp({ port: 7 });
    const twin = ip(239, 170, 0, 1);
    expect(ipv4MulticastMac(twin)).toBe(ipv4MulticastMac(GROUP));
    host.handleFrame(T, toGroup(twin));
    expect(host.inspect().drops).toEqual({ 'ipv4-not-for-us': 1 });
    host.joinGroup(T, twin);
    host.leaveGroup(T, GROUP);
    host.handleFrame(T, toGroup(twin));
    expect(drainEvents(host)).toHaveLength(1);
  });

  test('an endpoint of the group alone', () => {
    const host = member();
    const socket = host.bindUdp({ port: 7, address: GROUP });
    host.handleFrame(T, toGroup(GROUP));
    host.handleFrame(T, udp());
    expect(drainEvents(host)).toMatchObject([{ type: 'datagram', socket }]);
    expect(host.inspect().drops).toEqual({ 'udp-port-closed': 1 });
  });

  test('fault/A10 fault/A25 to a group: no echo reply, no error', () => {
    const host = member();
    host.handleFrame(T, icmp(ECHO, { destination: GROUP }, ipv4MulticastMac(GROUP)));
    host.handleFrame(T, toGroup(GROUP));
    host.handleFrame(T, ipv4({ protocol: 132, destination: GROUP, payload: new Uint8Array(12) }, ipv4MulticastMac(GROUP)));
    expect(drainFrames(host)).toEqual([]);
    expect(host.inspect().drops).toEqual({ 'icmp-broadcast-echo': 1, 'udp-port-closed': 1, 'ipv4-unknown-protocol': 1 });
  });
});

describe('sending to a group', () => {
  const datagram = { source: { address: OUR_IP, port: 7 }, destination: { address: GROUP, port: 7 }, payload: Uint8Array.of(1) };

  test('needs no membership; TTL 1 unless said otherwise', () => {
    const host = ourHost();
    expect(host.sendUdp(T, { datagram })).toBe('sent');
    expect(host.sendUdp(T, { datagram, ttl: 9 })).toBe('sent');
    const [first, second] = dissectAll(drainFrames(host));
    expect([first?.ipv4?.ttl, second?.ipv4?.ttl, first?.ethernet?.destination]).toEqual([1, 9, ipv4MulticastMac(GROUP)]);
  });

  test.each([
    [true, 1],
    [false, 0],
  ])('multicastLoop %s: %i copy for ourselves', (multicastLoop, count) => {
    const host = member({ multicastLoop });
    host.bindUdp({ port: 7 });
    host.sendUdp(T, { datagram });
    host.handleTimeout(T);
    expect(drainEvents(host)).toHaveLength(count);
    expect(drainFrames(host)).toHaveLength(1);
  });
});
