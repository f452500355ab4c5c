import { IPV4_BROADCAST, ipv4 as ip, MAC_BROADCAST, parseMac } from '@nexus-net/sansio';
import {
  ARP_REPLY,
  ETHERTYPE,
  encodeArp,
  encodeEthernet,
  encodeIgmp,
  encodeIpv4,
  IP_PROTOCOL,
  ipv4MulticastMac,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DROP_LABELS, type DropLabel, Host, type HostOptions } from '../src/index.js';
import { arp, arpReply, ECHO, frame, icmp, ipv4, udp } from './support/frames.js';
import { drainEvents, drainFrames, OUR_IP, OUR_MAC, ourHost, PEER_IP, PEER_MAC, ROUTER_IP, THIRD_MAC } from './support/wire.js';

const T = 10_000;
const BODY = Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0);
const UNREACHABLE = { type: 'destination-unreachable', code: 3, nextHopMtu: 0 } as const;

/** An echo request whose IPv4 header was changed after its checksum was computed. */
function broken(change: (header: Uint8Array) => void): Uint8Array {
  const bytes = icmp(ECHO);
  change(bytes.subarray(14));
  return bytes;
}

/** The same with a right header checksum: encoded, changed, summed anew. */
function withOptions(options: Uint8Array): Uint8Array {
  return icmp(ECHO, { options });
}

interface Case {
  readonly bytes: Uint8Array;
  readonly options?: Partial<HostOptions>;
  /** Frames and commands before, whose own drops don't count. */
  readonly before?: (host: Host) => void;
}

/** One frame for each label that a host can give: the type asks for all of them. */
const CASES: Record<DropLabel, Case> = {
  'frame-runt': { bytes: new Uint8Array(13) },
  'frame-oversize': { bytes: frame(ETHERTYPE.ipv4, new Uint8Array(1_505)) },
  'frame-group-source': { bytes: encodeEthernet({ ...shell(), source: parseMac('01:00:5e:00:00:01') }) },
  'frame-own-source': { bytes: encodeEthernet({ ...shell(), source: OUR_MAC }) },
  'frame-not-for-us': { bytes: encodeEthernet({ ...shell(), destination: THIRD_MAC }) },
  'ethertype-unknown': { bytes: frame(ETHERTYPE.ipv6, BODY) },
  'arp-truncated': { bytes: frame(ETHERTYPE.arp, encodeArp(packet()).subarray(0, 27)) },
  'arp-unsupported': { bytes: arp({ operation: 3 }) },
  'arp-bad-sender-mac': { bytes: arpReply(ROUTER_IP, MAC_BROADCAST) },
  'arp-bad-sender-ip': { bytes: arp({ senderIp: IPV4_BROADCAST }) },
  'arp-not-for-us': { bytes: arp({ targetIp: ROUTER_IP }) },
  'arp-unsolicited': { bytes: arpReply(ROUTER_IP, THIRD_MAC) },
  'arp-held': { bytes: arpReply(PEER_IP, THIRD_MAC), before: (host) => host.handleFrame(T, arp()) },
  'arp-reply-limited': { bytes: arp(), options: { arpReplyBurst: 1 }, before: (host) => host.handleFrame(T, arp()) },
  'ipv4-truncated': { bytes: frame(ETHERTYPE.ipv4, new Uint8Array(19)) },
  'ipv4-bad-version': { bytes: broken((header) => header.fill(0x65, 0, 1)) },
  'ipv4-bad-header-length': { bytes: broken((header) => header.fill(0x44, 0, 1)) },
  'ipv4-bad-total-length': { bytes: broken((header) => header.fill(0, 2, 4)) },
  'ipv4-bad-checksum': { bytes: broken((header) => header.fill(1, 8, 9)) },
  'ipv4-bad-options': { bytes: withOptions(Uint8Array.of(68, 1, 0, 0)) },
  'ipv4-source-route': { bytes: withOptions(Uint8Array.of(131, 7, 8, 10, 1, 0, 254, 0)) },
  'ipv4-bad-source': { bytes: icmp(ECHO, { source: IPV4_BROADCAST }) },
  'ipv4-own-source': { bytes: icmp(ECHO, { source: OUR_IP }) },
  'ipv4-not-for-us': { bytes: icmp(ECHO, { destination: ROUTER_IP }) },
  'ipv4-link-broadcast': { bytes: icmp(ECHO, {}, MAC_BROADCAST) },
  'ipv4-unknown-protocol': { bytes: ipv4({ protocol: 4, payload: BODY }) },
  'fragment-bad-length': { bytes: part(0, 9, true) },
  'fragment-too-long': { bytes: part(65_528, 8, false) },
  'fragment-overlap': { bytes: part(8, 16, true), before: (host) => host.handleFrame(T, part(0, 16, true)) },
  'fragment-bad-end': { bytes: part(16, 8, false), before: (host) => host.handleFrame(T, part(24, 8, true)) },
  'fragment-bad-ecn': {
    bytes: part(8, 8, true, { trafficClass: 0 }),
    before: (host) => host.handleFrame(T, part(0, 8, true, { trafficClass: 3 })),
  },
  'fragment-refused': {
    bytes: part(32, 8, false),
    before: (host) => {
      host.handleFrame(T, part(0, 16, true));
      host.handleFrame(T, part(8, 16, true));
    },
  },
  'fragment-limit': {
    bytes: part(8 * 1_105, 8, true),
    options: { reassemblySourceOctetsMax: 81_920 },
    // Each fragment costs more than its octets.
    before: (host) => {
      for (let i = 0; i < 1_105; i++) host.handleFrame(T, part(8 * i, 8, true));
    },
  },
  'fragment-duplicate': { bytes: part(8, 8, true), before: (host) => host.handleFrame(T, part(8, 8, true)) },
  'igmp-truncated': { bytes: igmp(new Uint8Array(7)) },
  'igmp-bad-checksum': { bytes: igmp(Uint8Array.of(0x11, 0, 0, 0, 0, 0, 0, 0)) },
  'igmp-bad-count': { bytes: igmp(Uint8Array.of(0x22, 0, 0xdd, 0xfe, 0, 0, 0, 1)) },
  'igmp-ignored': { bytes: igmp(encodeIgmp({ type: 'leave', group: ip(239, 42, 0, 1) })) },
  'icmp-truncated': { bytes: ipv4({ protocol: IP_PROTOCOL.icmp, payload: Uint8Array.of(8, 0, 0, 0) }) },
  'icmp-bad-checksum': { bytes: ipv4({ protocol: IP_PROTOCOL.icmp, payload: BODY.with(7, 1) }) },
  'icmp-broadcast-echo': { bytes: icmp(ECHO, { destination: IPV4_BROADCAST }, MAC_BROADCAST) },
  'icmp-unmatched-reply': { bytes: icmp({ ...ECHO, type: 'echo-reply' } as typeof ECHO) },
  'icmp-bad-quote': { bytes: icmp({ ...UNREACHABLE, original: Uint8Array.of(0x45, 0, 0, 24) }) },
  'icmp-foreign-quote': { bytes: icmp({ ...UNREACHABLE, original: encodeIpv4({ ...quoted(), source: ROUTER_IP }) }) },
  'icmp-ignored': { bytes: icmp({ type: 'other', icmpType: 5, code: 1, rest: BODY }) },
  'udp-truncated': { bytes: ipv4({ protocol: IP_PROTOCOL.udp, payload: new Uint8Array(7) }) },
  'udp-bad-length': { bytes: ipv4({ protocol: IP_PROTOCOL.udp, payload: Uint8Array.of(17, 136, 0, 7, 0, 100, 0, 0, 1) }) },
  'udp-bad-checksum': { bytes: ipv4({ protocol: IP_PROTOCOL.udp, payload: Uint8Array.of(17, 136, 0, 7, 0, 9, 17, 17, 1) }) },
  'udp-port-zero': { bytes: udp({ sourcePort: 0 }) },
  'udp-port-closed': { bytes: udp({ port: 8 }) },
  'no-route-back': { bytes: icmp(ECHO, { source: ip(192, 168, 9, 9) }) },
  'reply-not-sent': {
    bytes: icmp(ECHO),
    options: { transmitCountMax: 1 },
    before: (host) => {
      host.handleFrame(T, arp()); // the peer is known, and our ARP reply fills the queue
    },
  },
  'event-queue-full': {
    bytes: udp(),
    options: { eventCountMax: 1 },
    before: (host) => {
      host.bindUdp({ port: 7 });
      host.handleFrame(T, udp());
    },
  },
};

/** A fragment of a datagram of port numbers that nobody reads. */
function part(
  offset: number,
  length: number,
  moreFragments: boolean,
  fields: { readonly trafficClass?: number } = {},
): Uint8Array {
  const payload = new Uint8Array(length);
  return ipv4({ protocol: IP_PROTOCOL.udp, identification: 7, payload, fragmentOffset: offset, moreFragments, ...fields });
}

function igmp(payload: Uint8Array): Uint8Array {
  const destination = ip(224, 0, 0, 1);
  return ipv4({ protocol: IP_PROTOCOL.igmp, destination, payload, ttl: 1 }, ipv4MulticastMac(destination));
}

function shell(): { source: typeof PEER_MAC; destination: typeof OUR_MAC; etherType: number; payload: Uint8Array } {
  return { source: PEER_MAC, destination: OUR_MAC, etherType: ETHERTYPE.ipv4, payload: BODY };
}

function packet(): Parameters<typeof encodeArp>[0] {
  return { operation: ARP_REPLY, senderMac: PEER_MAC, senderIp: PEER_IP, targetMac: OUR_MAC, targetIp: OUR_IP };
}

function quoted(): Parameters<typeof encodeIpv4>[0] {
  return { protocol: IP_PROTOCOL.udp, source: OUR_IP, destination: PEER_IP, payload: BODY };
}

describe('each drop has one label and one counter', () => {
  test('the table has every label', () => {
    expect(Object.keys(CASES).sort()).toEqual([...DROP_LABELS].sort());
  });

  test.each(Object.entries(CASES))('%s', (label, { bytes, options, before }) => {
    const host = ourHost(options);
    before?.(host);
    const { drops, frames } = host.inspect();
    host.handleFrame(T, bytes);
    const after = host.inspect();
    expect(after.drops).toEqual({ ...drops, [label]: (drops[label as DropLabel] ?? 0) + 1 });
    expect(after.frames).toMatchObject({ received: frames.received + 1, accepted: frames.accepted });
  });
});

describe('fault/A01 the link layer', () => {
  test.each(['frame-runt', 'frame-not-for-us', 'frame-group-source'] as const)('%s: silent, nothing learnt', (label) => {
    const host = ourHost();
    host.handleFrame(T, CASES[label].bytes);
    expect([drainFrames(host), drainEvents(host)]).toEqual([[], []]);
    expect(host.inspect().neighbours).toEqual({ known: [], resolving: [] });
  });
});

describe('fault/A07 a bad IPv4 header is dropped in silence', () => {
  test.each([
    'ipv4-truncated',
    'ipv4-bad-version',
    'ipv4-bad-header-length',
    'ipv4-bad-total-length',
    'ipv4-bad-checksum',
  ] as const)('%s', (label) => {
    const host = ourHost();
    host.handleFrame(T, CASES[label].bytes);
    expect(drainFrames(host)).toEqual([]);
  });
});

describe('fault/A09 an impossible source is dropped in silence', () => {
  test.each([
    ['limited broadcast', IPV4_BROADCAST, 'ipv4-bad-source'],
    ['the broadcast address of our network', ip(10, 1, 0, 255), 'ipv4-bad-source'],
    ['the number of our network', ip(10, 1, 0, 0), 'ipv4-bad-source'],
    ['multicast', ip(224, 0, 0, 1), 'ipv4-bad-source'],
    ['loopback', ip(127, 0, 0, 1), 'ipv4-bad-source'],
    ['class E', ip(240, 0, 0, 1), 'ipv4-bad-source'],
    ['0.0.0.0', ip(0, 0, 0, 0), 'ipv4-bad-source'],
    ['our own', OUR_IP, 'ipv4-own-source'],
  ])('%s', (_, source, label) => {
    const host = ourHost();
    host.handleFrame(T, icmp(ECHO, { source }));
    host.handleFrame(T, udp({ source }));
    expect(host.inspect().drops).toEqual({ [label]: 2 });
    expect(drainFrames(host)).toEqual([]);
  });
});

describe('fault/A11 fault/A12 options', () => {
  test.each([
    ['length 0', [7, 0, 0, 0], 'ipv4-bad-options'],
    ['length 1', [68, 1, 0, 0], 'ipv4-bad-options'],
    ['length past the end', [7, 40, 4, 0], 'ipv4-bad-options'],
    ['a code without a length', [1, 1, 1, 7], 'ipv4-bad-options'],
    ['loose source route', [131, 7, 8, 10, 1, 0, 254, 0], 'ipv4-source-route'],
    ['strict source route', [1, 137, 3, 4], 'ipv4-source-route'],
  ])('%s is dropped', (_, options, label) => {
    const host = ourHost();
    host.handleFrame(T, withOptions(Uint8Array.from(options)));
    expect(host.inspect().drops).toEqual({ [label]: 1 });
  });

  test('record route and padding are ignored', () => {
    const host = ourHost();
    host.handleFrame(T, arp());
    drainFrames(host);
    host.handleFrame(T, withOptions(Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0)));
    host.handleFrame(T, withOptions(Uint8Array.of(1, 1, 1, 0)));
    expect(drainFrames(host)).toHaveLength(2);
  });
});

test('fault/A13 a packet inside a packet is not opened', () => {
  const host = ourHost();
  host.handleFrame(T, arp());
  drainFrames(host);
  const inner = encodeIpv4({ protocol: IP_PROTOCOL.icmp, source: PEER_IP, destination: OUR_IP, payload: BODY });
  host.handleFrame(T, ipv4({ protocol: 4, payload: inner }));
  expect(host.inspect().drops).toEqual({ 'ipv4-unknown-protocol': 1 });
});

test('a TTL of 0 reaches a host (RFC 1122 §3.2.1.7)', () => {
  const host = ourHost();
  host.handleFrame(T, arp());
  drainFrames(host);
  host.handleFrame(T, icmp(ECHO, { ttl: 0 }));
  expect(drainFrames(host)).toHaveLength(1);
});

test('the constructor refuses the MAC of a group', () => {
  const entropy = { u32: () => 0, fill: () => undefined };
  expect(() => new Host({ mac: MAC_BROADCAST, entropy })).toThrow('mac is the address of one station');
});
