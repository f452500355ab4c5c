import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesEqual, type Entropy, SeededEntropy, uniform } from '../src/index.js';
import { property } from './support/law.js';
import { sfc32 } from './support/sfc32.js';
import { anyText } from './support/text.js';

const seed: fc.Arbitrary<number | string> = fc.oneof(fc.integer(), fc.double(), anyText({ maxLength: 12 }));

property('draws are those of the bigint twin, for every seed', {
  law: (create: (seed: number | string) => Entropy) =>
    fc.property(seed, fc.nat({ max: 20 }), (value, skipped) => {
      const entropy = create(value);
      const twin = sfc32(value);
      for (let i = 0; i <= skipped; i++) if (entropy.u32() !== twin.next().value) return false;
      return true;
    }),
  real: (value) => new SeededEntropy(value),
  planted: {
    'one warm-up round more': (value) => {
      const entropy = new SeededEntropy(value);
      entropy.u32();
      return entropy;
    },
    'a number and its text are one seed': (value) => new SeededEntropy(String(value)),
    'signed draws': (value) =>
      new (class extends SeededEntropy {
        override u32(): number {
          return super.u32() | 0;
        }
      })(value),
  },
});

property('fill writes the draws little-endian, the last one cut, over the whole array', {
  law: (create: (seed: number) => Entropy) =>
    fc.property(fc.integer(), fc.nat({ max: 40 }), (value, length) => {
      const twin = sfc32(value);
      const words = new DataView(new ArrayBuffer(44));
      for (let offset = 0; offset < length; offset += 4) words.setUint32(offset, twin.next().value, true);
      const bytes = new Uint8Array(length).fill(0xa5);
      const entropy = create(value);
      entropy.fill(bytes);
      // No word is drawn that was not used: the next draw is the twin's next.
      return bytesEqual(bytes, new Uint8Array(words.buffer, 0, length)) && entropy.u32() === twin.next().value;
    }),
  real: (value) => new SeededEntropy(value),
  planted: {
    'only whole words': (value) =>
      new (class extends SeededEntropy {
        override fill(bytes: Uint8Array): void {
          super.fill(bytes.subarray(0, bytes.length & ~3));
        }
      })(value),
    'big-endian': (value) =>
      new (class extends SeededEntropy {
        override fill(bytes: Uint8Array): void {
          const words = new DataView(new ArrayBuffer(bytes.length + 4));
          for (let i = 0; i < bytes.length; i += 4) words.setUint32(i, this.u32());
          bytes.set(new Uint8Array(words.buffer, 0, bytes.length));
        }
      })(value),
    'a draw for each octet': (value) =>
      new (class extends SeededEntropy {
        override fill(bytes: Uint8Array): void {
          for (let i = 0; i < bytes.length; i++) bytes[i] = this.u32();
        }
      })(value),
  },
});

type Uniform = typeof uniform;

property('uniform stays in its range', {
  law: (draw: Uniform) =>
    fc.property(fc.integer(), fc.integer(), fc.nat(), (value, low, width) => {
      const drawn = draw(new SeededEntropy(value), { low, high: low + width });
      return Number.isInteger(drawn) && drawn >= low && drawn <= low + width;
    }),
  real: uniform,
  planted: {
    'the end is outside by one': (entropy, { low, high }) => uniform(entropy, { low, high: high + 1 }) + (low === high ? 1 : 0),
    'from zero': (entropy, { low, high }) => uniform(entropy, { low: 0, high: high - low }),
  },
});

/** Pearson's statistic of counts that are expected to be equal. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

// With a fixed seed this is arithmetic, not luck: it passes always or never. The bounds are of probability 0.001.
const CASES = [
  { name: 'six values', high: 5, buckets: 6, bound: 20.52 },
  {
    name: 'three quarters of the range, where a bare remainder is twice as often small',
    high: 3 * 2 ** 30 - 1,
    buckets: 3,
    bound: 13.82,
  },
  { name: 'the full range', high: 2 ** 32 - 1, buckets: 16, bound: 37.7 },
] as const;

function spread(draw: Uniform, { high, buckets }: { readonly high: number; readonly buckets: number }): number {
  const entropy = new SeededEntropy('chi-square');
  const counts = new Array<number>(buckets).fill(0);
  for (let i = 0; i < 12_000; i++) {
    const bucket = Math.floor((draw(entropy, { low: 1, high: high + 1 }) - 1) / ((high + 1) / buckets));
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  return chiSquare(counts);
}

test.each(CASES)('property: uniform has no favourites: $name', (each) => {
  expect(spread(uniform, each)).toBeLessThan(each.bound);
});

test.each<[string, number, Uniform]>([
  [
    'the end comes up half as often',
    0,
    (entropy, { low, high }) => {
      const drawn = uniform(entropy, { low, high });
      return drawn === high ? uniform(entropy, { low, high }) : drawn;
    },
  ],
  ['a bare remainder', 1, (entropy, { low, high }) => low + (entropy.u32() % (high - low + 1))],
  ['the top bit is never set', 2, (entropy, range) => Math.floor(uniform(entropy, range) / 2)],
])('property "uniform has no favourites" catches a planted bug: %s', (_, index, draw) => {
  const each = CASES[index] as (typeof CASES)[number];
  expect(spread(draw, each)).toBeGreaterThan(each.bound);
});

type Fork = (parent: SeededEntropy, label: string) => SeededEntropy;

function draws(entropy: Entropy, count: number): number[] {
  return Array.from({ length: count }, () => entropy.u32());
}

property('a fork is a stream of its own: what is drawn from it changes nothing elsewhere', {
  law: (fork: Fork) =>
    fc.property(fc.integer(), fc.nat({ max: 20 }), fc.string(), fc.string(), (value, drawn, label, other) => {
      const run = (count: number): number[] => {
        const parent = new SeededEntropy(value);
        const child = fork(parent, label);
        draws(child, count);
        const sibling = fork(parent, other);
        return [...draws(parent, 3), ...draws(sibling, 3)];
      };
      return run(0).every((each, i) => each === run(drawn)[i]);
    }),
  real: (parent, label) => parent.fork(label),
  planted: {
    'the parent itself': (parent) => parent,
    'a view that draws from the parent': (parent) =>
      new (class extends SeededEntropy {
        override u32(): number {
          return parent.u32();
        }
      })(0),
  },
});

property('forks differ: by label, by order, and from their parent', {
  law: (fork: Fork) =>
    fc.property(fc.integer(), fc.string(), fc.string(), (value, label, other) => {
      const first = draws(fork(new SeededEntropy(value), label), 4);
      const parent = new SeededEntropy(value);
      fork(parent, label);
      const streams = [first, draws(fork(parent, label), 4), draws(parent, 4), draws(new SeededEntropy(value), 4)];
      if (label !== other) streams.push(draws(fork(new SeededEntropy(value), other), 4));
      return new Set(streams.map(String)).size === streams.length;
    }),
  real: (parent, label) => parent.fork(label),
  planted: {
    'the label is ignored': (parent) => parent.fork(''),
    'only the label counts': (_, label) => new SeededEntropy(label),
    'a copy of the parent as it was made': (parent, label) => {
      parent.fork(label);
      return new SeededEntropy(0);
    },
  },
});

/** How far the bits of `a XOR b` are from half ones, in standard deviations. */
function correlation(a: Entropy, b: Entropy): number {
  const words = 2_000;
  let ones = 0;
  for (let i = 0; i < words; i++) for (let bits = (a.u32() ^ b.u32()) >>> 0; bits !== 0; bits &= bits - 1) ones++;
  const bits = 32 * words;
  return Math.abs(ones - bits / 2) / Math.sqrt(bits / 4);
}

test('property: a fork and its parent, and two forks, share no bits beyond chance', () => {
  const parent = new SeededEntropy('correlation');
  const [a, b] = [parent.fork('a'), parent.fork('b')];
  expect(correlation(a, parent)).toBeLessThan(3.3);
  expect(correlation(a, b)).toBeLessThan(3.3);
});

test('property "a fork shares no bits beyond chance" catches a planted bug: the fork is the parent with one bit turned', () => {
  const parent = new SeededEntropy('correlation');
  const twin = new SeededEntropy('correlation');
  const fork: Entropy = { u32: () => (twin.u32() ^ 1) >>> 0, fill: () => {} };
  expect(correlation(fork, parent)).toBeGreaterThan(3.3);
});
