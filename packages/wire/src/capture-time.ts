import { type Millis, requireArgument } from '@nexus-net/sansio';

/** The instant of a packet to be written: exact nanoseconds, or milliseconds. Where both are given the nanoseconds count. */
export type CaptureInstant =
  | { readonly timestampNs: bigint; readonly at?: Millis }
  | { readonly at: Millis; readonly timestampNs?: bigint };

/** Milliseconds of a count of nanoseconds, rounded once: a present-day date keeps about 0.25 µs. */
export function millisOfNanoseconds(nanoseconds: bigint): Millis {
  // Whole milliseconds are exact; only the last addition rounds.
  return Number(nanoseconds / NS_PER_MS) + Number(nanoseconds % NS_PER_MS) / 1e6;
}

/**
 * Nanoseconds since the Unix epoch of a packet to be written. Throws `UsageError` outside 0..2^64-1: that is what the
 * formats hold (years 1970 to 2554).
 */
export function nanosecondsOf(instant: CaptureInstant): bigint {
  const nanoseconds = instant.timestampNs ?? nanosecondsOfMillis(instant.at as Millis);
  requireArgument(nanoseconds >= 0n && nanoseconds <= U64_MAX, 'a packet is of a time from 0 to 2^64-1 ns after the Unix epoch');
  return nanoseconds;
}

function nanosecondsOfMillis(at: Millis): bigint {
  requireArgument(Number.isFinite(at), 'at is a finite number of milliseconds');
  const whole = Math.floor(at);
  // In two parts: `at * 1e6` would round to 256 ns for a present-day date before the fraction is looked at.
  return BigInt(whole) * NS_PER_MS + BigInt(Math.round((at - whole) * 1e6));
}

const NS_PER_MS = 1_000_000n;
const U64_MAX = 2n ** 64n - 1n;
