import { type Millis, NEVER, SECOND } from '@nexus-net/sansio';

/** Options 51, 58 and 59 in seconds, `Infinity` for ever; `undefined` where absent or malformed. */
export interface RawLeaseTimes {
  /** At least 1. 0 is nobody's lease: refuse it before asking here. */
  readonly leaseS: number;
  readonly renewS: number | undefined;
  readonly rebindS: number | undefined;
}

export interface LeaseTimes {
  readonly leaseMs: Millis;
  /** T1 */
  readonly renewMs: Millis;
  /** T2 */
  readonly rebindMs: Millis;
  /** The server's T1 or T2 made no sense, and the defaults stand in. */
  readonly repaired: boolean;
}

/**
 * The times of a lease with `renewMs <= rebindMs < leaseMs`, whatever the server said (RFC 2131 §4.4.5).
 *
 * - for ever: no T1, no T2, no expiry, whatever 58 and 59 say;
 * - T1 or T2 of 0 counts as absent: taken at its word it asks for a storm;
 * - both given: they hold if T1 < T2 < lease, else both defaults;
 * - T1 alone: T2 is 0.875 of the lease, or three quarters of the time left after T1 where that is later;
 * - T2 alone: T1 is half of the lease, or T2 where that is earlier (then there is no RENEWING).
 *
 * `leaseMsMax` cuts the lease first: a T2 that lies behind the cut makes both defaults.
 */
export function leaseTimes(raw: RawLeaseTimes, leaseMsMax: Millis = NEVER): LeaseTimes {
  const leaseMs = Math.min(raw.leaseS * SECOND, leaseMsMax);
  if (leaseMs === NEVER) return { leaseMs, renewMs: NEVER, rebindMs: NEVER, repaired: false };
  const renewMs = raw.renewS === undefined || raw.renewS === 0 ? undefined : raw.renewS * SECOND;
  const rebindMs = raw.rebindS === undefined || raw.rebindS === 0 ? undefined : raw.rebindS * SECOND;
  const defaults = { leaseMs, renewMs: leaseMs * T1_SHARE, rebindMs: leaseMs * T2_SHARE };
  const zero = raw.renewS === 0 || raw.rebindS === 0;

  if (renewMs === undefined && rebindMs === undefined) return { ...defaults, repaired: zero };
  if (rebindMs === undefined) {
    const t1 = renewMs as Millis;
    if (t1 >= leaseMs) return { ...defaults, repaired: true };
    return { leaseMs, renewMs: t1, rebindMs: Math.max(defaults.rebindMs, t1 + (leaseMs - t1) * 0.75), repaired: zero };
  }
  if (rebindMs >= leaseMs) return { ...defaults, repaired: true };
  if (renewMs === undefined) return { leaseMs, renewMs: Math.min(defaults.renewMs, rebindMs), rebindMs, repaired: zero };
  if (renewMs >= rebindMs) return { ...defaults, repaired: true };
  return { leaseMs, renewMs, rebindMs, repaired: zero };
}

/** RFC 2131 §4.4.5. */
const T1_SHARE = 0.5;
const T2_SHARE = 0.875;
