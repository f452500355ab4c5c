import type { Millis } from '@nexus-net/sansio';

/** Where a driver reads the time. */
export interface Clock {
  /** Milliseconds since an arbitrary instant; never goes backwards. */
  now(): Millis;
}

/** The monotonic clock of this process, with a fraction. Changes of the wall clock don't move it. */
export const monotonicClock: Clock = { now: () => performance.now() };

/**
 * Milliseconds since 1970, for instants that outlive the process: a lease store's. Read from the wall clock once, when the
 * process starts; goes on monotonically from there, so a later step of the wall clock counts from the next start on.
 */
export const epochClock: Clock = { now: () => performance.timeOrigin + performance.now() };
