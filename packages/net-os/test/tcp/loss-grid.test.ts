import { expect, test } from 'vitest';
import { gridRow, measureRow, pftk } from '../support/loss-grid.js';

/** A part of the grid that takes a fraction of a second; `loss-grid.long.test.ts` has all of it. */
const ROWS: readonly { readonly buffer: number; readonly loss: number; readonly total: number }[] = [
  { buffer: 512, loss: 0.05, total: 50_000 },
  { buffer: 32_768, loss: 0, total: 60_000 },
  { buffer: 32_768, loss: 0.01, total: 60_000 },
  { buffer: 32_768, loss: 0.05, total: 60_000 },
];

test('throughput under loss, a part of the grid', () => {
  const rows = ROWS.map((row) => ({ ...row, rates: measureRow(row) }));
  for (const { buffer, loss, rates } of rows) {
    const model = pftk({ buffer, loss, acked: 1 });
    const [, , , newreno = 0, cubic = 0] = rates;
    if (loss > 0)
      expect([gridRow({ buffer, loss }, rates), newreno >= 0.8 * model, cubic >= 0.8 * model]).toEqual([
        expect.any(String),
        true,
        true,
      ]);
  }
  const none = rows.slice(1).map(({ rates }) => rates[0] ?? 0);
  // smoltcp publishes 68 % of its loss-free throughput at 1 % and 24 % at 5 %, without congestion control.
  expect((none[1] ?? 0) / (none[0] ?? 1)).toBeGreaterThan(0.68);
  expect((none[2] ?? 0) / (none[0] ?? 1)).toBeGreaterThan(0.24);
});

test('the model: no loss is a window each round trip, loss is less, more loss is less still', () => {
  expect(pftk({ loss: 0, buffer: 14_480 })).toBe(144_800);
  // By hand, one segment of window, p = 0.1, b = 1: (9 + 1 + 1.1111) segments in 0.1 s * (0.125 + 9 + 2) + 1 s * 1.12484 / 0.9.
  const f = 1 + 0.1 + 2 * 0.01 + 4 * 0.001 + 8 * 0.0001 + 16 * 0.00001 + 32 * 0.000001;
  expect(pftk({ loss: 0.1, buffer: 1_448, acked: 1 }) / 1_448).toBeCloseTo((9 + 1 + 1 / 0.9) / (1.1125 + f / 0.9), 6);
  // The well-known approximation for small loss and a large window, 1 / (RTT * sqrt(2 b p / 3)), within a tenth.
  expect(pftk({ loss: 0.0001, buffer: 10_000_000 }) / 1_448 / (10 / Math.sqrt((2 * 2 * 0.0001) / 3))).toBeCloseTo(1, 1);
  expect(pftk({ loss: 0.3, buffer: 1_000_000 })).toBeLessThan(pftk({ loss: 0.2, buffer: 1_000_000 }));
  expect(pftk({ loss: 0.05, buffer: 4_096 })).toBeLessThan(pftk({ loss: 0.05, buffer: 8_192 }));
});
