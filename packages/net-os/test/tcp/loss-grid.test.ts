import { expect, test } from 'vitest';
import { type Cell, gridTable, measure, pftk } from '../support/loss-grid.js';

/** A part of the grid that takes a fraction of a second; `loss-grid.long.test.ts` has all of it. */
const CELLS: readonly Cell[] = [0, 0.01, 0.05].flatMap((loss) =>
  (['none', 'newreno', 'cubic'] as const).map((control) => ({ control, buffer: 32_768, loss, total: 300_000, seed: 3 })),
);

test('throughput under loss, a part of the grid', () => {
  const cells = CELLS.map((cell) => ({ cell, rate: measure(cell) }));
  expect(gridTable(cells)).toMatchInlineSnapshot(`
    "  buffer  loss      none   newreno     cubic      PFTK  KiB/s
       32768   0 %    308.39    279.02    279.02    311.09
       32768   1 %    279.02    202.05    217.01     99.91
       32768   5 %    234.38     94.81     90.14     24.73
    "
  `);
  const rateOf = (control: string, loss: number): number =>
    cells.find(({ cell }) => cell.control === control && cell.buffer === 32_768 && cell.loss === loss)?.rate ?? 0;
  // smoltcp publishes 68 % of its loss-free throughput at 1 % and 24 % at 5 %, without congestion control.
  expect(rateOf('none', 0.01) / rateOf('none', 0)).toBeGreaterThan(0.68);
  expect(rateOf('none', 0.05) / rateOf('none', 0)).toBeGreaterThan(0.24);
});

test('the model: no loss is a window each round trip, loss is less, more loss is less still', () => {
  expect(pftk({ loss: 0, buffer: 14_480 })).toBe(144_800);
  // By hand: p = 0.02, b = 2, RTT 0.1 s, T0 1 s: 1 / (0.1 * 0.16330 + 0.36742 * 0.02 * 1.0128) = 42.21 segments a second.
  expect(pftk({ loss: 0.02, buffer: 1_000_000 }) / 1_448).toBeCloseTo(42.2, 0);
  expect(pftk({ loss: 0.3, buffer: 1_000_000 })).toBeLessThan(pftk({ loss: 0.2, buffer: 1_000_000 }));
});
