import type { Millis } from '@nexus-net/sansio';

/** A token bucket: so many at once, then so many a second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** How much of something that costs us the peer may still ask for. */
export class RateBudget {
  readonly #rate: Rate;
  #level: number;
  #at: Millis | undefined;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#level = rate.burst;
  }

  /** Pays for one; `false` where nothing is left. */
  take(now: Millis): boolean {
    const { burst, perSecond } = this.#rate;
    this.#level = Math.min(burst, this.#level + (Math.max(0, now - (this.#at ?? now)) * perSecond) / 1_000);
    this.#at = Math.max(now, this.#at ?? now);
    if (this.#level < 1) return false;
    this.#level--;
    return true;
  }
}
