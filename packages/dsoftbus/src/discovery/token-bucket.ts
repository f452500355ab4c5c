import { type Millis, requireArgument } from '@nexus-net/sansio';

/** How much of something is allowed. */
export interface Rate {
  /** Tokens that come back in a second. */
  readonly perSecond: number;
  /** Tokens that can be there at once. */
  readonly burst: number;
}

/** At most `burst` at once and `perSecond` in the long run. Needs no timer: it refills when asked. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: Millis;

  constructor({ perSecond, burst }: Rate, now: Millis) {
    requireArgument(perSecond >= 0 && burst >= 1, 'a rate has perSecond of at least 0 and burst of at least 1');
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** Takes one token, or says that there is none. */
  take(now: Millis): boolean {
    if (now > this.#filledAt) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
      this.#filledAt = now;
    }
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
