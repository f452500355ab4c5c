import { bytesEqual, ipv4 } from '@nexus-net/sansio';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { type Ipv4Packet, Ipv4Reassembler, REASSEMBLY_LIMITS } from '../src/index.js';

const NOTHING = new Uint8Array(0);

interface Part {
  readonly start: number;
  readonly payload: Uint8Array;
  readonly more: boolean;
}

function packetOf({ start, payload, more }: Part, fields: Partial<Ipv4Packet> = {}): Ipv4Packet {
  return {
    trafficClass: 0,
    identification: 7,
    dontFragment: false,
    moreFragments: more,
    fragmentOffset: start,
    ttl: 64,
    protocol: 17,
    source: ipv4(10, 1, 0, 2),
    destination: ipv4(10, 1, 0, 1),
    options: NOTHING,
    payload,
    ...fields,
  };
}

/** A payload cut at multiples of 8. */
const cut: fc.Arbitrary<{ readonly whole: Uint8Array; readonly parts: readonly Part[] }> = fc
  .tuple(fc.uint8Array({ minLength: 9, maxLength: 400 }), fc.uniqueArray(fc.integer({ min: 1, max: 49 }), { maxLength: 8 }))
  .map(([whole, cuts]) => {
    const at = [...cuts.map((n) => 8 * n).filter((n) => n < whole.length), 0, whole.length].sort((a, b) => a - b);
    const parts = at.slice(1).map((end, i) => {
      const start = at[i] as number;
      return { start, payload: whole.subarray(start, end), more: end < whole.length };
    });
    return { whole, parts: parts.filter(({ payload }) => payload.length > 0) };
  });

test('property: any order of the fragments of a datagram, with any copies of them, gives the datagram once and exactly', () => {
  const order = cut.chain(({ whole, parts }) =>
    fc.record({
      whole: fc.constant(whole),
      extra: fc.array(fc.constantFrom(...parts), { maxLength: 4 }),
      parts: fc.shuffledSubarray([...parts], { minLength: parts.length, maxLength: parts.length }),
    }),
  );
  fc.assert(
    fc.property(order, ({ whole, parts, extra }) => {
      const reassembler = new Ipv4Reassembler();
      const outcomes = [...extra, ...parts].map((part) => reassembler.handleFragment(0, packetOf(part), NOTHING));
      const complete = outcomes.filter(({ type }) => type === 'complete');
      // Copies that make it whole early make the rest begin a new one.
      expect(complete.length).toBeGreaterThanOrEqual(1);
      for (const outcome of complete)
        expect(outcome.type === 'complete' && bytesEqual(outcome.datagram.packet.payload, whole)).toBe(true);
      expect(outcomes.every(({ type }) => type !== 'refused')).toBe(true);
    }),
    { numRuns: runs(120) },
  );
});

/** What a datagram was made of: whatever is delivered is made of octets that came, each from one fragment. */
const anything: fc.Arbitrary<readonly Part[]> = fc.array(
  fc.record({
    start: fc.integer({ min: 0, max: 12 }).map((n) => 8 * n),
    payload: fc
      .tuple(fc.integer({ min: 0, max: 33 }), fc.integer({ min: 0, max: 255 }))
      .map(([n, octet]) => new Uint8Array(n).fill(octet)),
    more: fc.boolean(),
  }),
  { maxLength: 12 },
);

test('property: whatever fragments come, a datagram that is delivered has no octet that two different fragments brought', () => {
  fc.assert(
    fc.property(anything, (parts) => {
      const reassembler = new Ipv4Reassembler();
      let since: Part[] = [];
      for (const part of parts) {
        const outcome = reassembler.handleFragment(0, packetOf(part), NOTHING);
        if (outcome.type === 'refused' && outcome.error !== 'fragment-overlap' && outcome.error !== 'fragment-bad-end') continue;
        since.push(part);
        if (outcome.type !== 'complete') continue;
        const { payload } = outcome.datagram.packet;
        for (let at = 0; at < payload.length; at++) {
          const brought = since.filter(({ start, payload: octets }) => at >= start && at < start + octets.length);
          const agree = brought.every(({ start, payload: octets }) => octets[at - start] === payload[at]);
          if (brought.length === 0 || !agree) expect.fail(`octet ${at} was not brought by one fragment`);
        }
        since = [];
      }
      expect(reassembler.inspect().datagrams).toBeLessThanOrEqual(1);
    }),
    { numRuns: runs(120) },
  );
});

test('property: however many sources and datagrams, what is kept stays within its limits, and time empties it', () => {
  const flood = fc.array(
    fc.record({
      source: fc.integer({ min: 1, max: 40 }),
      id: fc.integer({ min: 0, max: 400 }),
      start: fc.integer({ min: 0, max: 8_100 }).map((n) => 8 * n),
      length: fc.constantFrom(8, 8, 64, 1_480),
      wait: fc.constantFrom(0, 0, 1, 4_000),
    }),
    { minLength: 50, maxLength: 200 },
  );
  fc.assert(
    fc.property(flood, (fragments) => {
      const reassembler = new Ipv4Reassembler({ octetsMax: 100_000, sourceOctetsMax: 81_920, datagramCountMax: 20 });
      let now = 0;
      for (const { source, id, start, length, wait } of fragments) {
        now += wait;
        while (reassembler.pollExpired(now) !== undefined);
        const part = { start, payload: new Uint8Array(length), more: true };
        const packet = packetOf(part, { source: ipv4(10, 0, 0, source), identification: id });
        reassembler.handleFragment(now, packet, NOTHING);
        const { octets, datagrams } = reassembler.inspect();
        if (octets > 100_000 || datagrams > 20) expect.fail(`${octets} octets of ${datagrams} datagrams`);
      }
      while (reassembler.pollExpired(now + REASSEMBLY_LIMITS.timeoutMs) !== undefined);
      expect(reassembler.inspect()).toMatchObject({ octets: 0, datagrams: 0 });
    }),
    { numRuns: runs(14) },
  );
});
