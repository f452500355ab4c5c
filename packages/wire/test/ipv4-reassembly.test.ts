import { bytesEqual, type Ipv4Address, ipv4, parseMac, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  decodeIpv4,
  ETHERTYPE,
  encodeEthernet,
  encodeIpv4,
  encodeUdp,
  type FragmentOutcome,
  FrameDissector,
  type Ipv4Encodable,
  Ipv4Reassembler,
  REASSEMBLY_LIMITS,
  type ReassemblyLimits,
} from '../src/index.js';

const SOURCE = ipv4(10, 1, 0, 2);
const DESTINATION = ipv4(10, 1, 0, 1);
const WHOLE = Uint8Array.from({ length: 4_000 }, (_, i) => i & 0xff);

/** Octets `start` to `end` of the whole, the last fragment unless more follow. */
function part(start: number, end: number, fields: Partial<Ipv4Encodable> = {}): Uint8Array {
  return encodeIpv4({
    protocol: 17,
    source: SOURCE,
    destination: DESTINATION,
    identification: 7,
    moreFragments: end < WHOLE.length,
    fragmentOffset: start,
    payload: WHOLE.subarray(start, end),
    ...fields,
  });
}

function feed(reassembler: Ipv4Reassembler, bytes: Uint8Array, now = 0): FragmentOutcome {
  const decoded = decodeIpv4(bytes);
  if (!decoded.ok) throw new Error(decoded.error);
  return reassembler.handleFragment(now, decoded.value, bytes);
}

function payloadOf(outcome: FragmentOutcome | undefined): Uint8Array {
  return outcome?.type === 'complete' ? outcome.datagram.packet.payload : new Uint8Array(0);
}

function outcomes(...fragments: readonly Uint8Array[]): string[] {
  const reassembler = new Ipv4Reassembler();
  return fragments.map((bytes) => {
    const outcome = feed(reassembler, bytes);
    return outcome.type === 'refused' ? outcome.error : outcome.type;
  });
}

const A = part(0, 1_480);
const B = part(1_480, 2_960);
const C = part(2_960, 4_000);

describe('what becomes whole', () => {
  test.each([[[A, B, C]], [[A, C, B]], [[B, A, C]], [[B, C, A]], [[C, A, B]], [[C, B, A]]])(
    'any order of three (%#)',
    (order) => {
      const reassembler = new Ipv4Reassembler();
      const last = order.map((bytes) => feed(reassembler, bytes)).at(-1);
      if (last?.type !== 'complete') throw new Error('it is not complete');
      const { source, identification, moreFragments, fragmentOffset } = last.datagram.packet;
      expect([source, identification, moreFragments, fragmentOffset]).toEqual([SOURCE, 7, false, 0]);
      expect(bytesEqual(payloadOf(last), WHOLE)).toBe(true);
      const decoded = decodeIpv4(last.datagram.bytes);
      expect(decoded.ok && bytesEqual(decoded.value.payload, WHOLE)).toBe(true);
      expect(reassembler.inspect()).toEqual({ datagrams: 0, octets: 0, completed: 1, expired: 0, evicted: 0 });
    },
  );

  test('the header and the options are those of the first fragment (RFC 791 §3.2)', () => {
    const options = Uint8Array.of(1, 1, 1, 0);
    const reassembler = new Ipv4Reassembler();
    feed(reassembler, part(2_960, 4_000, { ttl: 3 }));
    feed(reassembler, part(0, 1_480, { options, ttl: 9 }));
    const last = feed(reassembler, B);
    const packet = last.type === 'complete' ? last.datagram.packet : undefined;
    expect([packet?.ttl, packet?.options]).toEqual([9, options]);
    expect(bytesEqual(payloadOf(last), WHOLE)).toBe(true);
  });

  test('an exact copy is harmless, also of the last fragment', () => {
    expect(outcomes(A, A, C, C, B)).toEqual(['kept', 'duplicate', 'kept', 'duplicate', 'complete']);
  });

  test.each([
    ['source', { source: ipv4(10, 1, 0, 9) }],
    ['destination', { destination: ipv4(10, 1, 0, 9) }],
    ['protocol', { protocol: 1 }],
    ['identification', { identification: 8 }],
  ])('fragments of another %s belong to another datagram', (_, fields) => {
    expect(outcomes(A, B, part(2_960, 4_000, fields))).toEqual(['kept', 'kept', 'kept']);
  });

  test('congestion seen by one fragment is seen by the datagram (RFC 3168 §5.3)', () => {
    const reassembler = new Ipv4Reassembler();
    feed(reassembler, part(0, 1_480, { trafficClass: 2 }));
    feed(reassembler, part(1_480, 2_960, { trafficClass: 3 }));
    const last = feed(reassembler, part(2_960, 4_000, { trafficClass: 2 }));
    expect(last.type === 'complete' && last.datagram.packet.trafficClass).toBe(3);
  });
});

describe('what is refused', () => {
  test.each([
    ['a second fragment inside the first (teardrop)', [A, part(8, 800, { moreFragments: true })], 'fragment-overlap'],
    ['one that begins before the end of another', [A, part(1_472, 2_960)], 'fragment-overlap'],
    ['one that covers another', [B, part(0, 2_968)], 'fragment-overlap'],
    ['the same place with other octets', [A, part(0, 1_480, { payload: new Uint8Array(1_480) })], 'fragment-overlap'],
    ['the same place with another length', [A, part(0, 1_472)], 'fragment-overlap'],
    [
      'the last one again, with more to follow',
      [part(2_960, 3_992, { moreFragments: false }), part(2_960, 3_992)],
      'fragment-overlap',
    ],
    ['two different ends', [C, part(1_480, 2_960, { moreFragments: false })], 'fragment-bad-end'],
    ['octets behind the end', [part(1_480, 2_960, { moreFragments: false }), C], 'fragment-bad-end'],
    ['an end before octets that are there', [B, part(0, 1_480, { moreFragments: false })], 'fragment-bad-end'],
    ['CE and not capable', [part(0, 1_480, { trafficClass: 3 }), part(1_480, 2_960, { trafficClass: 0 })], 'fragment-bad-ecn'],
  ] as const)('%s: the datagram is given up, and what follows of it refused', (_, fragments, error) => {
    const all = outcomes(...fragments, A, B, C);
    expect(all.slice(0, 2)).toEqual(['kept', error]);
    expect(new Set(all.slice(2))).toEqual(new Set(['fragment-refused']));
  });

  test.each([
    ['no octets', part(0, 0, { moreFragments: true, payload: new Uint8Array(0) }), 'fragment-bad-length'],
    ['no octets at the end', part(8, 8, { moreFragments: false, payload: new Uint8Array(0) }), 'fragment-bad-length'],
    ['9 octets and more to follow', part(0, 9), 'fragment-bad-length'],
    [
      'an end past 65535 (ping of death)',
      part(65_520, 65_520, { payload: new Uint8Array(8), moreFragments: false }),
      'fragment-too-long',
    ],
  ])('%s: that fragment alone', (_, bytes, error) => {
    expect(outcomes(A, bytes, B, C)).toEqual(['kept', error, 'kept', 'complete']);
  });

  test('the longest datagram of all becomes whole', () => {
    const payload = Uint8Array.from({ length: 65_515 }, (_, i) => i % 251);
    const reassembler = new Ipv4Reassembler();
    let last: FragmentOutcome | undefined;
    for (let at = 0; at < payload.length; at += 1_480) {
      const octets = payload.subarray(at, at + 1_480);
      last = feed(reassembler, part(at, at, { payload: octets, moreFragments: at + 1_480 < payload.length }));
    }
    expect(bytesEqual(payloadOf(last), payload)).toBe(true);
  });
});

describe('time', () => {
  test('a datagram has 30 s from its first fragment on; then the first fragment is quoted', () => {
    const reassembler = new Ipv4Reassembler();
    feed(reassembler, B, 1_000);
    feed(reassembler, A, 20_000);
    expect(reassembler.nextTimeout()).toBe(31_000);
    expect(reassembler.pollExpired(30_999)).toBeUndefined();
    expect(reassembler.pollExpired(31_000)).toEqual({ source: SOURCE, destination: DESTINATION, quote: A.slice(0, 28) });
    expect(reassembler.pollExpired(31_000)).toBeUndefined();
    expect(reassembler.inspect()).toMatchObject({ datagrams: 0, octets: 0, expired: 1 });
  });

  test('without the first fragment there is nothing to quote; a datagram given up ends in silence', () => {
    const reassembler = new Ipv4Reassembler();
    feed(reassembler, B, 0);
    feed(reassembler, part(0, 16, { identification: 8 }), 0);
    feed(reassembler, part(8, 16, { identification: 8, moreFragments: true }), 0);
    expect(reassembler.pollExpired(30_000)).toEqual({ source: SOURCE, destination: DESTINATION });
    expect(reassembler.pollExpired(30_000)).toBeUndefined();
    expect(reassembler.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a flood', () => {
  const flooder = (n: number): Ipv4Address => (ipv4(10, 9, 0, 0) + n) as Ipv4Address;

  test('of one source takes from itself: what another has begun stays', () => {
    const reassembler = new Ipv4Reassembler();
    feed(reassembler, A);
    feed(reassembler, B);
    for (let id = 0; id < 200; id++)
      for (const start of [0, 800, 65_000 & ~7])
        feed(
          reassembler,
          part(start, start, { source: flooder(1), identification: id, payload: new Uint8Array(8), moreFragments: true }),
        );
    const { datagrams, octets, evicted } = reassembler.inspect();
    expect(datagrams).toBeLessThanOrEqual(1 + REASSEMBLY_LIMITS.sourceDatagramCountMax);
    expect(octets).toBeLessThanOrEqual(2 * REASSEMBLY_LIMITS.sourceOctetsMax);
    expect(evicted).toBeGreaterThan(150);
    expect(feed(reassembler, C).type).toBe('complete');
  });

  test('of three hundred sources: bounded, and the newest good datagram still becomes whole', () => {
    const reassembler = new Ipv4Reassembler();
    for (let n = 0; n < 300; n++) feed(reassembler, part(0, 1_480, { source: flooder(n), identification: n }));
    const { datagrams, octets } = reassembler.inspect();
    expect(datagrams).toBeLessThanOrEqual(REASSEMBLY_LIMITS.datagramCountMax);
    expect(octets).toBeLessThanOrEqual(REASSEMBLY_LIMITS.octetsMax);
    expect([A, B, C].map((bytes) => feed(reassembler, bytes).type)).toEqual(['kept', 'kept', 'complete']);
  });

  test('of tiny fragments of one datagram: it is dropped at the share of its source', () => {
    const reassembler = new Ipv4Reassembler({ sourceOctetsMax: 81_920 });
    const all = Array.from({ length: 2_000 }, (_, i) =>
      feed(reassembler, part(8 * i, 8 * i, { payload: new Uint8Array(8), moreFragments: true })),
    );
    expect(all.some((outcome) => outcome.type === 'refused' && outcome.error === 'fragment-limit')).toBe(true);
    expect(reassembler.inspect().octets).toBeLessThanOrEqual(81_920);
  });
});

test.each([
  [{ timeoutMs: 14_999 }],
  [{ timeoutMs: 120_001 }],
  [{ datagramCountMax: 0 }],
  [{ sourceOctetsMax: 81_919 }],
  [{ octetsMax: 100_000 }],
  [{ sourceDatagramCountMax: 1.5 }],
] satisfies [Partial<ReassemblyLimits>][])('%o is no limit', (limits) => {
  expect(() => new Ipv4Reassembler(limits)).toThrow(UsageError);
});

describe('an observer', () => {
  const datagram = encodeUdp(
    { sourcePort: 4_000, destinationPort: 9, payload: new Uint8Array(2_000) },
    { source: SOURCE, destination: DESTINATION },
  );
  const frameOf = (bytes: Uint8Array): Uint8Array =>
    encodeEthernet({
      source: parseMac('02:00:00:00:00:02'),
      destination: parseMac('02:00:00:00:00:01'),
      etherType: ETHERTYPE.ipv4,
      payload: bytes,
    });
  const first = frameOf(part(0, 0, { payload: datagram.subarray(0, 1_480), moreFragments: true }));
  const last = frameOf(part(1_480, 1_480, { payload: datagram.subarray(1_480), moreFragments: false }));

  test('sees the whole datagram at the fragment that completes it', () => {
    const observer = new FrameDissector();
    expect(observer.dissect(0, last).udp).toBeUndefined();
    const whole = observer.dissect(1, first);
    expect(whole).toMatchObject({
      ipv4: { moreFragments: true, payload: { length: 1_480 } },
      reassembled: { moreFragments: false, payload: { length: 2_008 } },
      udp: { destinationPort: 9, payload: { length: 2_000 } },
    });
    expect(whole.problem).toBeUndefined();
  });

  test('names a fragment that is refused, and forgets what is late', () => {
    const observer = new FrameDissector();
    observer.dissect(0, first);
    expect(observer.dissect(0, frameOf(part(8, 24))).problem).toEqual({ layer: 'ipv4', error: 'fragment-overlap' });
    observer.dissect(100_000, first);
    expect(observer.inspect()).toMatchObject({ datagrams: 1 });
    expect(observer.dissect(200_000, last).udp).toBeUndefined();
  });
});
