import { expect, test } from 'vitest';
import { traceOf } from '../support/gibibyte.js';

test('two hosts exchange 128 KiB; the same seed gives the same trace, another one another', () => {
  const first = traceOf({ total: 2 ** 17, seed: 1 });
  expect(first.exact).toBe(true);
  expect(traceOf({ total: 2 ** 17, seed: 1 })).toEqual(first);
  expect(traceOf({ total: 2 ** 17, seed: 2 }).trace).not.toBe(first.trace);
});
