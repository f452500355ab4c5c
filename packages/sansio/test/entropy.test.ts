import { describe, expect, test } from 'vitest';
import { chance, type Entropy, SeededEntropy, toHex, UsageError, uniform } from '../src/index.js';

/** Gives the listed draws, then fails. */
function scripted(...draws: readonly number[]): Entropy {
  const left = [...draws];
  return {
    u32: () => {
      const draw = left.shift();
      if (draw === undefined) throw new Error('one draw more than expected');
      return draw;
    },
    fill: () => {
      throw new Error('not expected');
    },
  };
}

test('the draws of a seed are what they always were', () => {
  // Recorded runs name their seeds: a change here makes all of them useless.
  const draws = (seed: number | string): number[] => {
    const entropy = new SeededEntropy(seed);
    return Array.from({ length: 4 }, () => entropy.u32());
  };
  expect(draws(1)).toEqual(PINNED_1);
  expect(draws('1')).toEqual(PINNED_TEXT_1);
  const bytes = new Uint8Array(6);
  new SeededEntropy(1).fill(bytes);
  expect(toHex(bytes)).toBe(PINNED_FILL);
  expect(new SeededEntropy(1).fork('link').u32()).toBe(PINNED_FORK);
});

describe('uniform', () => {
  test('draws again from the incomplete last round, where small values would come up more often', () => {
    // 2^32 = 6 × 715 827 882 + 4: the last four draws belong to no whole round.
    const limit = 2 ** 32 - 4;
    expect(uniform(scripted(limit, 2 ** 32 - 1, limit - 1), { low: 10, high: 15 })).toBe(15);
    expect(uniform(scripted(limit - 6), { low: 10, high: 15 })).toBe(10);
  });

  test('a power of two never draws again, and the full range is the draw itself', () => {
    expect(uniform(scripted(2 ** 32 - 1), { low: 0, high: 2 ** 32 - 1 })).toBe(2 ** 32 - 1);
    expect(uniform(scripted(2 ** 32 - 1), { low: -4, high: 3 })).toBe(3);
  });

  test('one value needs one draw all the same, so that a range of one changes nothing behind it', () => {
    expect(uniform(scripted(12345), { low: 7, high: 7 })).toBe(7);
  });

  test.each([
    { low: 1, high: 0 },
    { low: 0, high: 2 ** 32 },
    { low: 0.5, high: 2 },
    { low: 0, high: 2.5 },
    { low: Number.NaN, high: 1 },
    { low: 0, high: Number.POSITIVE_INFINITY },
    { low: 2 ** 53, high: 2 ** 53 + 2 },
    { low: 2 ** 53 - 1, high: 2 ** 53 },
  ])('$low..$high is the mistake of the caller', (range) => {
    expect(() => uniform(scripted(0), range)).toThrow(UsageError);
  });
});

describe('chance', () => {
  test('0 is never and 1 is always', () => {
    for (const draw of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      expect(chance(scripted(draw), 0)).toBe(false);
      expect(chance(scripted(draw), 1)).toBe(true);
    }
  });

  test('a half is the lower half of the draws', () => {
    expect(chance(scripted(2 ** 31 - 1), 0.5)).toBe(true);
    expect(chance(scripted(2 ** 31), 0.5)).toBe(false);
  });

  test('comes up as often as asked', () => {
    const entropy = new SeededEntropy('chance');
    let hits = 0;
    for (let i = 0; i < 10_000; i++) if (chance(entropy, 0.1)) hits++;
    expect(hits).toBeGreaterThan(900); // 1000 ± 3.3 standard deviations
    expect(hits).toBeLessThan(1_100);
  });
});

const PINNED_1 = [71_248_213, 3_839_911_834, 3_046_646_215, 1_756_146_716];
const PINNED_TEXT_1 = [3_098_204_238, 1_814_691_340, 1_970_803_412, 363_909_124];
const PINNED_FILL = '55293f049a67';
const PINNED_FORK = 3_669_777_653;
