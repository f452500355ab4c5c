/** A share of attempts, and the 95 % interval that it may lie in. All between 0 and 1. */
export interface Rate {
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054;

/**
 * `count` of `total` with its Wilson score interval (E. B. Wilson 1927), which stays honest at the ends: 0 failures in 200 attempts
 * are a rate of 0, and up to 1.9 % can't be ruled out. Absent where nothing was tried.
 */
export function wilson({ count, total }: { readonly count: number; readonly total: number }): Rate | undefined {
  if (total === 0) return undefined;
  const rate = count / total;
  const scale = 1 + Z ** 2 / total;
  const centre = (rate + Z ** 2 / (2 * total)) / scale;
  const half = (Z / scale) * Math.sqrt((rate * (1 - rate)) / total + Z ** 2 / (4 * total ** 2));
  return {
    rate,
    low: count === 0 ? 0 : Math.max(0, centre - half),
    high: count === total ? 1 : Math.min(1, centre + half),
  };
}

/** What a list of durations comes to, in the unit of the list. Percentiles are of the nearest rank, so each is one that was measured. */
export interface Spread {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  if (sorted.length === 0) return undefined;
  return { median: rank(0.5), p95: rank(0.95), max: rank(1) };
}
