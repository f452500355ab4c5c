import { type FrameMachine, type Millis, NEVER, readU32, SeededEntropy, toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectBroken } from '../../sansio/test/support/planted.js';
import { runs } from '../../sansio/test/support/runs.js';
import { Channel, type ChannelEvent, type ChannelView, type Impairment } from '../src/index.js';
import { drain, frameOf, MAC_A, MAC_B } from './support/frames.js';

type Wire = FrameMachine<ChannelEvent> & { inspect(): ChannelView };

const probability = fc.double({ min: 0, max: 1, noNaN: true });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const impairment: fc.Arbitrary<Impairment> = fc
  .record({
    loss: maybe(probability),
    burst: maybe(fc.record({ enter: probability, leave: probability })),
    drop: maybe(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 })),
    delayMs: maybe(fc.nat({ max: 100 })),
    jitterMs: maybe(fc.nat({ max: 50 })),
    duplicate: maybe(probability),
    duplicateLagMs: maybe(fc.nat({ max: 500 })),
    reorder: maybe(probability),
    reorderMeanMs: maybe(fc.integer({ min: 1, max: 100 })),
    corrupt: maybe(probability),
    corruptKind: maybe(fc.constantFrom('bit' as const, 'octet' as const, 'swap' as const)),
    frameOctetsMax: maybe(fc.constantFrom(60, 100)),
    rateBps: maybe(fc.constantFrom(10_000, 1_000_000)),
    queueCountMax: maybe(fc.integer({ min: 1, max: 20 })),
    cut: maybe(fc.constant(false)),
    outages: maybe(fc.constant([{ from: 30, until: 60 }])),
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
const script = fc.array(fc.record({ wait: fc.nat({ max: 20 }), octets: fc.constantFrom(60, 80, 120) }), { maxLength: 30 });

interface Passage {
  readonly arrivals: readonly { readonly at: Millis; readonly frame: Uint8Array }[];
  readonly view: ChannelView;
}

/** Sends frames tagged 0, 1, 2 … and waits until the wire is empty. */
function pass(wire: Wire, sends: readonly { readonly wait: Millis; readonly octets: number }[]): Passage {
  const arrivals: { at: Millis; frame: Uint8Array }[] = [];
  const collect = (at: Millis): void => {
    for (const frame of drain(() => wire.pollTransmit())) arrivals.push({ at, frame });
  };
  const runTo = (until: Millis): void => {
    for (let at = wire.nextTimeout(); at !== NEVER && at <= until; at = wire.nextTimeout()) {
      wire.handleTimeout(at);
      collect(at);
    }
  };
  let now = 0;
  for (const [tag, { wait, octets }] of sends.entries()) {
    now += wait;
    runTo(now);
    wire.handleFrame(now, frameOf({ from: MAC_A, to: MAC_B, tag, octets }));
    collect(now);
  }
  runTo(NEVER);
  return { arrivals, view: wire.inspect() };
}

const channel = (config: { impairment: Impairment; seed: number }): Wire =>
  new Channel({ entropy: new SeededEntropy(config.seed), impairment: config.impairment });

/** Every frame, and every copy that the wire made, either arrives or is counted lost under one label. */
function losesNothingUncounted(make: typeof channel, count: number): void {
  fc.assert(
    fc.property(impairment, script, fc.nat(), (given, sends, seed) => {
      const { arrivals, view } = pass(make({ impairment: given, seed }), sends);
      const lost = Object.values(view.losses).reduce((sum, n) => sum + n, 0);
      expect(view.inFlight).toBe(0);
      expect(arrivals.length).toBe(view.delivered);
      expect(arrivals.length + lost).toBe(sends.length + view.duplicated);
    }),
    { numRuns: runs(count) },
  );
}

test('property: every frame arrives or is counted as lost', () => {
  losesNothingUncounted(channel, 80);
});

test('property every frame arrives or is counted as lost catches a planted bug: a frame forgotten now and then', () => {
  const forgetful: typeof channel = (config) => {
    const real = channel(config);
    let seen = 0;
    return {
      handleFrame: (now, frame) => real.handleFrame(now, frame),
      handleTimeout: (now) => real.handleTimeout(now),
      pollTransmit: () => {
        if (++seen % 7 === 0) real.pollTransmit();
        return real.pollTransmit();
      },
      pollEvent: () => real.pollEvent(),
      nextTimeout: () => real.nextTimeout(),
      inspect: () => real.inspect(),
    };
  };
  expectBroken(() => losesNothingUncounted(forgetful, 150));
});

/** The same seed, impairment and frames give the same arrivals, octet by octet. */
function sameSeedSamePassage(make: typeof channel, count: number): void {
  fc.assert(
    fc.property(impairment, script, fc.nat(), (given, sends, seed) => {
      const text = (): string[] =>
        pass(make({ impairment: given, seed }), sends).arrivals.map(({ at, frame }) => `${at} ${toHex(frame)}`);
      expect(text()).toEqual(text());
    }),
    { numRuns: runs(count) },
  );
}

test('property: same seed, same arrivals', () => {
  sameSeedSamePassage(channel, 40);
});

test('property same seed, same arrivals catches a planted bug: entropy that survives its wire', () => {
  const shared = new SeededEntropy('shared');
  const leaky: typeof channel = ({ impairment: given }) => new Channel({ entropy: shared, impairment: given });
  expectBroken(() => sameSeedSamePassage(leaky, 100));
});

/** Without reordering and duplication frames arrive in the order in which they were sent, whatever the jitter and the rate. */
function keepsOrder(make: typeof channel, count: number): void {
  fc.assert(
    fc.property(impairment, script, fc.nat(), ({ reorder: _r, duplicate: _d, corrupt: _c, ...given }, sends, seed) => {
      const order = pass(make({ impairment: given, seed }), sends).arrivals.map(({ frame }) => readU32(frame, 14));
      expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
    }),
    { numRuns: runs(count) },
  );
}

test('property: without reordering the order is kept', () => {
  keepsOrder(channel, 80);
});

test('property without reordering the order is kept catches a planted bug: jitter that overtakes', () => {
  const overtaking: typeof channel = ({ impairment: given, seed }) =>
    channel({ impairment: { ...given, reorder: 0.3, reorderMeanMs: 40 }, seed });
  expectBroken(() => keepsOrder(overtaking, 150));
});
