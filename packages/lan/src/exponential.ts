import type { Entropy, Millis } from '@nexus-net/sansio';

/**
 * A duration drawn from the exponential distribution with this mean, rounded up to a whole millisecond and cut at sixteen
 * means. Von Neumann's method (1951): comparisons of uniform draws only, so the result doesn't depend on how an engine
 * rounds a logarithm, and a seed gives the same trace everywhere.
 */
export function exponential(entropy: Entropy, meanMs: Millis): Millis {
  for (let whole = 0; whole < UNITS_MAX; whole++) {
    const first = entropy.u32();
    let last = first;
    let length = 1; // of the descending run that starts with `first`
    for (let next = entropy.u32(); next < last; next = entropy.u32()) {
      last = next;
      length++;
    }
    if (length % 2 === 1) return Math.ceil((whole + first / 2 ** 32) * meanMs);
  }
  return Math.ceil(UNITS_MAX * meanMs);
}

const UNITS_MAX = 16;
