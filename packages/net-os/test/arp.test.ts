import { type Ipv4Address, ipv4, ipv4FromU32, MAC_BROADCAST, MAC_ZERO, type MacAddress, parseMac } from '@nexus-net/sansio';
import { ARP_REPLY, ARP_REQUEST, ETHERTYPE } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import type { Host } from '../src/index.js';
import { arp, arpReply, dissectAll, ECHO, frame, icmp } from './support/frames.js';
import {
  bareHost,
  drainEvents,
  drainFrames,
  eventTypes,
  OUR_IP,
  OUR_MAC,
  ourHost,
  PEER_IP,
  PEER_MAC,
  ROUTER_IP,
  THIRD_MAC,
} from './support/wire.js';

const T = 10_000;

function known(host: Host): Record<string, string> {
  return Object.fromEntries(host.inspect().neighbours.known.map(({ address, mac }) => [address, mac]));
}

function requestsFor(frames: readonly Uint8Array[], address: Ipv4Address): number {
  return dissectAll(frames).filter(({ arp: a }) => a?.operation === ARP_REQUEST && a.targetIp === address).length;
}

describe('answering', () => {
  test('a request for our address gets a unicast reply, and the asker is learnt', () => {
    const host = ourHost();
    host.handleFrame(T, arp());
    const [reply] = dissectAll(drainFrames(host));
    expect(reply?.ethernet).toMatchObject({ source: OUR_MAC, destination: PEER_MAC });
    expect(reply?.arp).toEqual({
      operation: ARP_REPLY,
      senderMac: OUR_MAC,
      senderIp: OUR_IP,
      targetMac: PEER_MAC,
      targetIp: PEER_IP,
    });
    expect(known(host)).toEqual({ '10.1.0.2': '02:00:00:00:00:02' });
  });

  test('a probe is answered, and 0.0.0.0 is nobody to learn', () => {
    const host = ourHost();
    host.handleFrame(T, arp({ senderIp: ipv4(0, 0, 0, 0) }));
    expect(dissectAll(drainFrames(host))).toMatchObject([{ arp: { operation: ARP_REPLY, senderIp: OUR_IP } }]);
    expect(known(host)).toEqual({});
  });

  test('a host off the link is answered but is no neighbour', () => {
    const host = ourHost();
    host.handleFrame(T, arp({ senderIp: ipv4(192, 168, 9, 9) }));
    expect(drainFrames(host)).toHaveLength(1);
    expect(known(host)).toEqual({});
  });

  test('without an address nothing is answered and nothing learnt', () => {
    const host = bareHost();
    host.handleFrame(T, arp());
    expect(drainFrames(host)).toEqual([]);
    expect(host.inspect()).toMatchObject({ neighbours: { known: [] }, drops: { 'arp-not-for-us': 1 } });
  });
});

describe('fault/A02 malformed ARP', () => {
  test.each([
    ['truncated', '000108000604000200000000ee0a0100fe02', 'arp-truncated'],
    ['hlen 255', '00010800ff040001020000000002 0a010002 000000000000 0a010001', 'arp-unsupported'],
    ['a protocol that is not IPv4', '000186dd0604 0001 020000000002 0a010002 000000000000 0a010001', 'arp-unsupported'],
  ])('%s is dropped', (_, hex, label) => {
    const host = ourHost();
    const bytes = Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    host.handleFrame(T, frame(ETHERTYPE.arp, bytes));
    expect(host.inspect().drops).toEqual({ [label]: 1 });
    expect(drainFrames(host)).toEqual([]);
  });
});

describe('fault/A03 an unsolicited reply for the router', () => {
  function hostThatKnowsTheRouter(): Host {
    const host = ourHost();
    host.ping(T, { destination: ROUTER_IP });
    host.handleFrame(T, arpReply(ROUTER_IP, PEER_MAC));
    drainFrames(host);
    drainEvents(host);
    return host;
  }

  test('a confirmed entry is held, and the claim is an event', () => {
    const host = hostThatKnowsTheRouter();
    host.handleFrame(T + 1_000, arpReply(ROUTER_IP, THIRD_MAC));
    expect(known(host)).toEqual({ '10.1.0.254': '02:00:00:00:00:02' });
    expect(drainEvents(host)).toEqual([{ type: 'arp-conflict', address: ROUTER_IP, mac: PEER_MAC, claimant: THIRD_MAC }]);
    expect(host.inspect().drops).toEqual({ 'arp-held': 1 });
  });

  test('after the hold time a router may have a new MAC', () => {
    const host = hostThatKnowsTheRouter();
    host.handleFrame(T + 5_000, arpReply(ROUTER_IP, THIRD_MAC));
    expect(known(host)).toEqual({ '10.1.0.254': '02:00:00:00:00:03' });
  });

  test('an unknown address makes no entry', () => {
    const host = ourHost();
    host.handleFrame(T, arpReply(ipv4(10, 1, 0, 77), THIRD_MAC));
    host.handleFrame(T, arp({ senderIp: ipv4(10, 1, 0, 78), targetIp: ipv4(10, 1, 0, 78), senderMac: THIRD_MAC }));
    expect(known(host)).toEqual({});
    expect(host.inspect().drops).toEqual({ 'arp-unsolicited': 1, 'arp-not-for-us': 1 });
  });
});

describe('fault/A05 a sender that no station can be', () => {
  test.each([
    ['broadcast MAC', { senderMac: MAC_BROADCAST }, 'arp-bad-sender-mac'],
    ['multicast MAC', { senderMac: parseMac('01:00:5e:00:00:01') }, 'arp-bad-sender-mac'],
    ['zero MAC', { senderMac: MAC_ZERO }, 'arp-bad-sender-mac'],
    ['broadcast address', { senderIp: ipv4(255, 255, 255, 255) }, 'arp-bad-sender-ip'],
    ['broadcast address of the network', { senderIp: ipv4(10, 1, 0, 255) }, 'arp-bad-sender-ip'],
    ['number of the network', { senderIp: ipv4(10, 1, 0, 0) }, 'arp-bad-sender-ip'],
    ['loopback address', { senderIp: ipv4(127, 0, 0, 1) }, 'arp-bad-sender-ip'],
    ['multicast address', { senderIp: ipv4(224, 0, 0, 1) }, 'arp-bad-sender-ip'],
    ['a reply from 0.0.0.0', { senderIp: ipv4(0, 0, 0, 0), operation: ARP_REPLY }, 'arp-bad-sender-ip'],
  ])('%s is dropped', (_, packet, label) => {
    const host = ourHost();
    host.ping(T, { destination: PEER_IP });
    drainFrames(host);
    host.handleFrame(T, arp(packet));
    expect(host.inspect()).toMatchObject({ drops: { [label]: 1 }, neighbours: { known: [], resolving: [{ pending: 1 }] } });
    expect(drainFrames(host)).toEqual([]);
  });
});

describe('fault/A06 floods', () => {
  test('requests go out once a second, three times, then the neighbour is given up', () => {
    const host = ourHost();
    const id = host.ping(T, { destination: PEER_IP, timeoutMs: 60_000 });
    const sent: number[] = [];
    for (let now = T; now < T + 10_000; now += 100) {
      host.handleTimeout(now);
      host.ping(now, { destination: PEER_IP, timeoutMs: 60_000 });
      for (let n = requestsFor(drainFrames(host), PEER_IP); n > 0; n--) sent.push(now - T);
    }
    // Each failed resolution starts another one, for the pings go on; never two requests within a second.
    expect(sent).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000]);
    expect(drainEvents(host).filter((event) => event.type === 'ping-failed' && event.id === id)).toMatchObject([
      { reason: 'unresolved' },
    ]);
  });

  test('the pacing outlives the address', () => {
    const host = ourHost();
    host.ping(T, { destination: PEER_IP });
    expect(requestsFor(drainFrames(host), PEER_IP)).toBe(1);
    host.deconfigure(T + 100);
    host.configure(T + 100, { address: OUR_IP, prefixLength: 24 });
    host.ping(T + 200, { destination: PEER_IP });
    expect(requestsFor(drainFrames(host), PEER_IP)).toBe(0);
    host.handleTimeout(T + 1_000);
    expect(requestsFor(drainFrames(host), PEER_IP)).toBe(1);
  });

  test('a packet waits for its neighbour; the oldest ones make room', () => {
    const host = ourHost({ pendingCountMax: 2 });
    for (let sequence = 1; sequence <= 4; sequence++) host.ping(T, { destination: PEER_IP, sequence });
    drainFrames(host);
    host.handleFrame(T + 5, arpReply(PEER_IP, PEER_MAC));
    expect(dissectAll(drainFrames(host)).map(({ icmp: m }) => m?.type === 'echo-request' && m.sequence)).toEqual([3, 4]);
    expect(host.inspect().limits).toEqual({ 'arp-pending-overflow': 2 });
  });

  test('a sweep over a whole network resolves a bounded number at a time', () => {
    const host = ourHost({ resolvingCountMax: 8 });
    for (let last = 2; last < 252; last++) host.ping(T, { destination: ipv4FromU32(OUR_IP + last) });
    expect(host.inspect().neighbours.resolving).toHaveLength(8);
    expect(drainFrames(host)).toHaveLength(8);
    expect(host.inspect().limits).toMatchObject({ 'arp-table-full': expect.any(Number) });
  });

  test('256 requests from 256 addresses: the table is bounded, the neighbour in use survives, replies are limited', () => {
    const host = ourHost({ neighbourCountMax: 16 });
    host.ping(T, { destination: PEER_IP });
    host.handleFrame(T, arpReply(PEER_IP, PEER_MAC));
    drainFrames(host);
    for (let i = 3; i < 254; i++) {
      const senderMac = (0x020000001000 + i) as MacAddress;
      host.handleFrame(T + 10, arp({ senderIp: ipv4FromU32(OUR_IP - 1 + i), senderMac }));
    }
    expect(Object.keys(known(host))).toHaveLength(16);
    expect(known(host)).toMatchObject({ '10.1.0.2': '02:00:00:00:00:02' });
    expect(drainFrames(host)).toHaveLength(100);
    expect(host.inspect().drops).toEqual({ 'arp-reply-limited': 151 });
  });

  test('a neighbour unused for a minute is asked for again', () => {
    const host = ourHost();
    host.handleFrame(T, arp());
    drainFrames(host);
    host.ping(T + 44_999, { destination: PEER_IP });
    expect(requestsFor(drainFrames(host), PEER_IP)).toBe(0);
    host.ping(T + 60_000, { destination: PEER_IP });
    expect(requestsFor(drainFrames(host), PEER_IP)).toBe(1);
    expect(host.inspect().neighbours.resolving).toHaveLength(1);
  });

  test('a neighbour in use is asked by unicast before it is too old, and nothing waits for the answer (RFC 1122 §2.3.2.1)', () => {
    const host = ourHost();
    host.handleFrame(T, arp());
    drainFrames(host);
    host.ping(T + 45_000, { destination: PEER_IP });
    expect(dissectAll(drainFrames(host))).toMatchObject([
      { ethernet: { destination: PEER_MAC }, arp: { operation: ARP_REQUEST, targetIp: PEER_IP } },
      { ethernet: { destination: PEER_MAC }, icmp: { type: 'echo-request' } },
    ]);
    host.ping(T + 45_500, { destination: PEER_IP });
    expect(requestsFor(drainFrames(host), PEER_IP)).toBe(0); // not twice a second
    host.handleFrame(T + 45_600, arpReply(PEER_IP, PEER_MAC));
    host.ping(T + 100_000, { destination: PEER_IP });
    expect(dissectAll(drainFrames(host))).toMatchObject([{ arp: {} }, { icmp: { type: 'echo-request' } }]);
  });
});

describe('announcing (RFC 5227 §2.3)', () => {
  test('an address is announced at once and 2 s later', () => {
    const host = bareHost();
    host.configure(T, { address: OUR_IP, prefixLength: 24 });
    expect(dissectAll(drainFrames(host))).toMatchObject([
      { ethernet: { destination: MAC_BROADCAST }, arp: { operation: ARP_REQUEST, senderIp: OUR_IP, targetIp: OUR_IP } },
    ]);
    expect(host.nextTimeout()).toBe(T + 2_000);
    host.handleTimeout(T + 2_000);
    expect(drainFrames(host)).toHaveLength(1);
    expect(host.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('configuring the same address again keeps neighbours and announces nothing', () => {
    const host = ourHost();
    host.handleFrame(T, arp());
    drainFrames(host);
    host.configure(T, { address: OUR_IP, prefixLength: 16, gateway: ROUTER_IP });
    expect(drainFrames(host)).toEqual([]);
    expect(known(host)).toEqual({ '10.1.0.2': '02:00:00:00:00:02' });
    expect(host.gateway).toBe(ROUTER_IP);
  });
});

describe('probing (RFC 5227 §2.1)', () => {
  function probeTimes(host: Host): { probes: number[]; clearAt: number } {
    host.probe(T, PEER_IP);
    const probes: number[] = [];
    for (let guard = 0; guard < 10; guard++) {
      const now = host.nextTimeout();
      host.handleTimeout(now);
      for (const { arp: packet } of dissectAll(drainFrames(host))) {
        expect(packet).toMatchObject({ operation: ARP_REQUEST, senderIp: 0, targetMac: 0, targetIp: PEER_IP });
        probes.push(now - T);
      }
      if (eventTypes(drainEvents(host)).includes('probe-clear')) return { probes, clearAt: now - T };
    }
    throw new Error('never clear');
  }

  test('three probes within the times of the RFC, then 2 s of silence', () => {
    const { probes, clearAt } = probeTimes(ourHost());
    const [first = 0, second = 0, third = 0] = probes;
    expect(probes).toHaveLength(3);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(first).toBeLessThanOrEqual(1_000);
    for (const gap of [second - first, third - second]) {
      expect(gap).toBeGreaterThanOrEqual(1_000);
      expect(gap).toBeLessThanOrEqual(2_000);
    }
    expect(clearAt - third).toBe(2_000);
  });

  test.each([
    ['an answer', arpReply(PEER_IP, THIRD_MAC)],
    ['any request from that address', arp({ senderIp: PEER_IP, senderMac: THIRD_MAC, targetIp: ROUTER_IP })],
    ['a probe for the same address', arp({ senderIp: ipv4(0, 0, 0, 0), senderMac: THIRD_MAC, targetIp: PEER_IP })],
  ])('%s is a conflict', (_, packet) => {
    const host = ourHost();
    host.probe(T, PEER_IP);
    host.handleFrame(T + 1, packet);
    expect(drainEvents(host)).toEqual([{ type: 'probe-conflict', address: PEER_IP, claimant: THIRD_MAC }]);
    expect(host.inspect()).toMatchObject({ probing: [], drops: {} });
  });

  test('dhcp/L31 our own probe that comes back is no conflict', () => {
    const host = bareHost();
    host.probe(T, PEER_IP);
    host.handleTimeout(T + 1_000);
    for (const sent of drainFrames(host)) host.handleFrame(T + 1_001, sent);
    expect(drainEvents(host)).toEqual([]);
    expect(host.inspect()).toMatchObject({ probing: ['10.1.0.2'], drops: { 'frame-own-source': 1 } });
  });

  test('after ten conflicts new probes are a minute apart (§2.1.1)', () => {
    const host = bareHost();
    for (let i = 0; i < 10; i++) {
      host.probe(T, PEER_IP);
      host.handleFrame(T, arpReply(PEER_IP, THIRD_MAC));
    }
    host.probe(T, PEER_IP);
    expect(host.nextTimeout()).toBeGreaterThanOrEqual(T + 60_000);
  });

  test('an address of ours is clear at once; a cancelled probe says nothing', () => {
    const host = ourHost();
    host.probe(T, OUR_IP);
    host.probe(T, PEER_IP);
    host.cancelProbe(T, PEER_IP);
    host.handleTimeout(T + 60_000);
    expect(drainEvents(host)).toEqual([{ type: 'probe-clear', address: OUR_IP }]);
    expect(drainFrames(host)).toEqual([]);
  });
});

describe('fault/A04 somebody else uses our address (RFC 5227 §2.4)', () => {
  const claim = arp({ senderIp: OUR_IP, senderMac: THIRD_MAC, targetIp: ROUTER_IP });

  function actions(host: Host, times: readonly number[]): string[] {
    for (const at of times) host.handleFrame(T + at, claim);
    return drainEvents(host).map((event) => (event.type === 'conflict' ? event.action : event.type));
  }

  test('defend-once: one announcement, and giving up at a second conflict within 10 s', () => {
    const host = ourHost();
    expect(actions(host, [0])).toEqual(['defended']);
    expect(dissectAll(drainFrames(host))).toMatchObject([{ arp: { senderIp: OUR_IP, targetIp: OUR_IP } }]);
    expect(actions(host, [9_999])).toEqual(['gave-up']);
    expect(drainFrames(host)).toEqual([]);
    expect(host.address).toBeUndefined();
  });

  test('defend-once: conflicts 10 s apart are defended each time', () => {
    expect(actions(ourHost(), [0, 10_000, 20_000])).toEqual(['defended', 'defended', 'defended']);
  });

  test('defend-always: at most one defence in 10 s, and the address stays', () => {
    const host = ourHost({ defence: 'defend-always' });
    expect(actions(host, [0, 1_000, 9_999, 10_000])).toEqual(['defended', 'tolerated', 'tolerated', 'defended']);
    expect(drainFrames(host)).toHaveLength(2);
    expect(host.address).toBe(OUR_IP);
  });

  test('give-up: at once', () => {
    const host = ourHost({ defence: 'give-up' });
    expect(actions(host, [0])).toEqual(['gave-up']);
    expect(host.address).toBeUndefined();
  });

  test('the claimant gets no answer and no entry', () => {
    const host = ourHost();
    host.handleFrame(T, arp({ senderIp: OUR_IP, senderMac: THIRD_MAC }));
    expect(dissectAll(drainFrames(host)).map(({ ethernet }) => ethernet?.destination)).toEqual([MAC_BROADCAST]);
    expect(known(host)).toEqual({});
  });
});

test('a packet for a neighbour that is known goes out at once', () => {
  const host = ourHost();
  host.handleFrame(T, arp());
  drainFrames(host);
  host.handleFrame(T, icmp(ECHO));
  expect(dissectAll(drainFrames(host))).toMatchObject([{ ethernet: { destination: PEER_MAC }, icmp: { type: 'echo-reply' } }]);
});
