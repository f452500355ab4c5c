import { type Entropy, type Millis, NEVER, SECOND, uniform } from '@nexus-net/sansio';

/**
 * How long to wait for an answer after the `sends`-th sending (1, 2, …) of a message while there is no address:
 * 4, 8, 16, 32, 64, 64 … s, each ± 1 s, uniform (RFC 2131 §4.1).
 */
export function acquisitionDelay(entropy: Entropy, sends: number): Millis {
  const base = Math.min(FIRST_DELAY * 2 ** (sends - 1), LAST_DELAY);
  return base + uniform(entropy, { low: -JITTER, high: JITTER });
}

/**
 * When to ask again in RENEWING or REBINDING: after half of the time left until T2 or the end of the lease, at least
 * 60 s (RFC 2131 §4.4.5). May lie behind `end`; then the end comes first. A lease without an end (renewed because of
 * FORCERENEW) has no half: every hour.
 */
export function renewalRetryAt({ now, end }: { readonly now: Millis; readonly end: Millis }): Millis {
  return now + (end === NEVER ? RENEWAL_DELAY_ENDLESS : Math.max((end - now) / 2, RENEWAL_DELAY_MIN));
}

/** The wait after the `inARow`-th refusal (1, 2, …) without a lease between: doubles from `min` up to `max`. */
export function refusalDelay(inARow: number, { min, max }: { readonly min: Millis; readonly max: Millis }): Millis {
  return Math.min(min * 2 ** (inARow - 1), max);
}

/** Whole seconds since `since` for the `secs` field: 16 bit, saturated, never wrapped. */
export function secondsField({ since, now }: { readonly since: Millis; readonly now: Millis }): number {
  return Math.min(Math.floor((now - since) / SECOND), 0xffff);
}

const FIRST_DELAY = 4 * SECOND;
const LAST_DELAY = 64 * SECOND;
const JITTER = SECOND;
const RENEWAL_DELAY_MIN = 60 * SECOND;
const RENEWAL_DELAY_ENDLESS = 3_600 * SECOND;
