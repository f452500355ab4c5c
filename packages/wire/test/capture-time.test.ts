import { UsageError } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { nanosecondsOf } from '../src/capture-time.js';
import { millisOfNanoseconds } from '../src/index.js';

test.each([
  [0n, 0],
  [1n, 0.000001],
  [1_500_000n, 1.5],
  [1_700_000_000_123_456_789n, 1_700_000_000_123.4568],
  [-1_500_000n, -1.5],
])('%s ns are %s ms', (nanoseconds, millis) => {
  expect(millisOfNanoseconds(nanoseconds)).toBe(millis);
});

test('milliseconds keep what a double can hold of their nanoseconds', () => {
  expect(nanosecondsOf({ at: 0.000001 })).toBe(1n);
  expect(nanosecondsOf({ at: 1.9999999 })).toBe(2_000_000n);
  expect(nanosecondsOf({ at: 86_400_000.000001 })).toBe(86_400_000_000_001n);
  // Near the present a double steps by 244 ns; no more than that is lost.
  const ns = 1_700_000_000_123_456_789n;
  const error = nanosecondsOf({ at: millisOfNanoseconds(ns) }) - ns;
  expect(Number(error)).toBeGreaterThanOrEqual(-123);
  expect(Number(error)).toBeLessThanOrEqual(123);
});

test('nanoseconds count where both are given', () => {
  expect(nanosecondsOf({ at: 5, timestampNs: 7n })).toBe(7n);
});

test('the ends of the range', () => {
  expect(nanosecondsOf({ timestampNs: 2n ** 64n - 1n })).toBe(2n ** 64n - 1n);
  for (const timestampNs of [-1n, 2n ** 64n]) expect(() => nanosecondsOf({ timestampNs })).toThrow(UsageError);
  for (const at of [-0.001, Number.NaN, Number.POSITIVE_INFINITY, 2e13]) expect(() => nanosecondsOf({ at })).toThrow(UsageError);
});
