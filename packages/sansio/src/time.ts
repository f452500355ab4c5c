/**
 * Milliseconds on a monotonic axis that the caller owns. The zero point is arbitrary; integers in tests,
 * fractions are allowed. A `number` is exact here for 285 000 years.
 */
export type Millis = number;

/** No timer armed. Greater than every real instant, so `Math.min` needs no branch. */
export const NEVER: Millis = Number.POSITIVE_INFINITY;

/** Milliseconds in a second: protocol fields carry seconds, machines carry {@link Millis}. */
export const SECOND: Millis = 1_000;
