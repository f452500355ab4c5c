import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CableConfig, octetAt, streamOf, TcpPair, transfer } from '../support/tcp-pair.js';

/** The long suite tries as many times more. */
const FACTOR = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1');

const cable = fc.record({
  delayMs: fc.constantFrom(0, 1, 20, 100),
  jitterMs: fc.constantFrom(0, 0, 5, 80),
  loss: fc.constantFrom(0, 0, 0.02, 0.1, 0.25),
  duplicate: fc.constantFrom(0, 0, 0.1, 0.5),
  corrupt: fc.constantFrom(0, 0, 0.05),
  queueMax: fc.constantFrom(2, 5, 1_000),
}) satisfies fc.Arbitrary<CableConfig>;

const buffer = fc.constantFrom(1, 50, 128, 700, 1_460, 4_096, 40_000, 200_000);

const options = fc.record({
  sendBufferMax: buffer,
  receiveBufferMax: buffer,
  congestion: fc.constantFrom('newreno' as const, 'cubic' as const),
  timestamps: fc.boolean(),
  selectiveAcks: fc.boolean(),
  windowScaling: fc.boolean(),
  noDelay: fc.boolean(),
  delayedAckMs: fc.constantFrom(0, 40, 200),
  mssMax: fc.constantFrom(48, 536, 1_460),
});

/** Lets go of nothing: what is tried is delivery, not patience. */
const PATIENT = { userTimeoutMs: 1e12, connectTimeoutMs: 2 ** 40 };

describe('whatever the cable does', () => {
  test('property: every octet arrives once, in order, and then the end', () => {
    fc.assert(
      fc.property(fc.nat(), cable, options, options, fc.nat(3_000), (seed, wire, a, b, size) => {
        const total = Math.min(size, 60 * Math.min(a.sendBufferMax, b.receiveBufferMax));
        const pair = new TcpPair({ seed, cable: wire });
        const { sink, client, server } = transfer(pair, {
          total,
          optionsA: { ...a, ...PATIENT },
          optionsB: { ...b, ...PATIENT },
        });
        expect({ received: sink.received, exact: sink.isExact, end: sink.isAtEnd }).toEqual({
          received: total,
          exact: true,
          end: true,
        });
        expect(client.end).toBe('closed');
        expect(server.end === undefined || server.end === 'closed' || server.end === 'timed-out').toBe(true);
      }),
      { numRuns: 10 * FACTOR },
    );
  });

  test('property: any split of sends and receives gives the same octets, both ways at once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.constantFrom(0, 0.05),
        fc.nat(),
        (pieces, readSize, loss, seed) => {
          const pair = new TcpPair({ seed, cable: { delayMs: 10, loss } });
          const { client, server } = pair.open(PATIENT, PATIENT);
          const total = pieces.reduce((sum, piece) => sum + piece, 0);
          const got = { client: 0, server: 0 };
          const sent = { client: 0, server: 0 };
          let isExact = true;
          const target = new Uint8Array(readSize);
          const both = { client, server };
          pair.onStep = () => {
            for (const who of ['client', 'server'] as const) {
              for (let piece = pieces[0]; piece !== undefined && sent[who] < total; ) {
                const accepted = both[who].send(pair.now, streamOf(sent[who], Math.min(piece, total - sent[who])));
                if (typeof accepted !== 'number') break;
                sent[who] += accepted;
                piece = pieces[sent[who] % pieces.length];
              }
              for (;;) {
                const count = both[who].receiveInto(pair.now, target);
                if (typeof count !== 'number') break;
                for (let i = 0; i < count; i++) if (target[i] !== octetAt(got[who] + i)) isExact = false;
                got[who] += count;
              }
            }
          };
          pair.run({ until: 1e9, stop: () => got.client === total && got.server === total });
          expect({ ...got, isExact }).toEqual({ client: total, server: total, isExact: true });
        },
      ),
      { numRuns: 4 * FACTOR },
    );
  });

  test('property: one seed, one trace', () => {
    fc.assert(
      fc.property(fc.nat(), cable, (seed, wire) => {
        const trace = (): string => {
          const pair = new TcpPair({ seed, cable: wire });
          let hash = 0;
          pair.onFrame = (now, from, frame) => {
            hash = Math.imul(hash ^ Math.round(now * 16) ^ (from === 'a' ? 1 : 2), 0x01000193);
            for (const octet of frame) hash = Math.imul(hash ^ octet, 0x01000193);
          };
          const { ms } = transfer(pair, { total: 20_000, optionsA: PATIENT, optionsB: PATIENT });
          return `${ms} ${hash}`;
        };
        expect(trace()).toBe(trace());
      }),
      { numRuns: FACTOR },
    );
  });
});
