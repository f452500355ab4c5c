import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import { spreadOf, wilson } from '../../src/index.js';

// By hand from the formula, as tables of it have them.
test.each([
  [0, 200, 0, 0.0188],
  [1, 200, 0.0009, 0.0278],
  [5, 10, 0.2366, 0.7634],
  [10, 10, 0.7225, 1],
])('%i failures of %i', (count, total, low, high) => {
  const interval = wilson({ count, total });
  expect(interval?.rate).toBe(count / total);
  expect(interval?.low).toBeCloseTo(low, 3);
  expect(interval?.high).toBeCloseTo(high, 3);
});

test('nothing tried, nothing known', () => {
  expect(wilson({ count: 0, total: 0 })).toBeUndefined();
  expect(spreadOf([])).toBeUndefined();
});

test('property: the interval holds the rate, and more attempts make it narrower', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (total, share) => {
      const count = Math.round(share * total);
      const { rate, low, high } = wilson({ count, total })!;
      expect(low).toBeLessThanOrEqual(rate);
      expect(high).toBeGreaterThanOrEqual(rate);
      const more = wilson({ count: 4 * count, total: 4 * total })!;
      expect(more.high - more.low).toBeLessThan(high - low);
    }),
    { numRuns: runs(50) },
  );
});

test('property: median, p95 and maximum are values that were measured, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 50 }), (values) => {
      const { median, p95, max } = spreadOf(values)!;
      for (const each of [median, p95, max]) expect(values).toContain(each);
      expect([median, p95, max]).toEqual([median, p95, max].sort((a, b) => a - b));
      expect(max).toBe(Math.max(...values));
      const below = values.filter((each) => each <= median).length;
      expect(below).toBeGreaterThanOrEqual(values.length / 2);
    }),
    { numRuns: runs(50) },
  );
});
