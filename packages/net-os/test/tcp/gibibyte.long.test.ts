import { expect, test } from 'vitest';
import { traceOf } from '../support/gibibyte.js';

/** A minute or two each on an idle core. */
test('two hosts exchange 1 GiB; the same seed gives the same trace', () => {
  const first = traceOf({ total: 2 ** 30, seed: 1 });
  expect(first.exact).toBe(true);
  expect(traceOf({ total: 2 ** 30, seed: 1 })).toEqual(first);
});
