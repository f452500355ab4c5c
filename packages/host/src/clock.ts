import type { Millis } from '@nexus-net/sansio';

/** Where a driver reads the time. */
export interface Clock {
  /** Milliseconds since an arbitrary instant; never goes backwards. */
  now(): Millis;
}

/** The monotonic clock of this process, with a fraction. Changes of the wall clock don't move it. */
export const monotonicClock: Clock = { now: () => performance.now() };
