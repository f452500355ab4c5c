import type { Millis } from '@nexus-net/sansio';

export interface RoundTripLimits {
  /** RFC 6298 §2.1: before the first measurement. */
  readonly rtoInitialMs: Millis;
  /** RFC 6298 §2.4. */
  readonly rtoMinMs: Millis;
  /** RFC 6298 §2.5. */
  readonly rtoMaxMs: Millis;
}

/** The retransmission timeout of RFC 6298. */
export class RoundTrip {
  readonly #limits: RoundTripLimits;
  /** SRTT; -1 before the first measurement. */
  smoothedMs = -1;
  /** RTTVAR */
  variationMs = 0;
  #rtoMs: Millis;
  #backoff = 0;

  constructor(limits: RoundTripLimits) {
    this.#limits = limits;
    this.#rtoMs = limits.rtoInitialMs;
  }

  /** RTO with its backoff. */
  get timeoutMs(): Millis {
    return this.#backoff === 0 ? this.#rtoMs : Math.min(this.#limits.rtoMaxMs, this.#rtoMs * 2 ** this.#backoff);
  }

  /** How often RTO has been doubled since something new was acknowledged. */
  get backoff(): number {
    return this.#backoff;
  }

  /** A measurement of a segment that was sent once (Karn) or told by its timestamp. `samples`: expected in one round trip (RFC 7323 appendix G). */
  measure(ms: Millis, samples = 1): void {
    const rtt = Math.max(0, ms);
    if (this.smoothedMs < 0) {
      this.smoothedMs = rtt;
      this.variationMs = rtt / 2;
    } else {
      this.variationMs += (Math.abs(this.smoothedMs - rtt) - this.variationMs) / (4 * samples);
      this.smoothedMs += (rtt - this.smoothedMs) / (8 * samples);
    }
    const { rtoMinMs, rtoMaxMs } = this.#limits;
    // (2.3) with the clock granularity G of a millisecond.
    this.#rtoMs = Math.min(rtoMaxMs, Math.max(rtoMinMs, this.smoothedMs + Math.max(1, 4 * this.variationMs)));
    this.#backoff = 0;
  }

  /** (5.5) */
  backOff(): void {
    if (this.#rtoMs * 2 ** this.#backoff < this.#limits.rtoMaxMs) this.#backoff += 1;
  }

  /** (5.7): after a lost SYN, data starts with at least 3 s. */
  startAfterLostSyn(): void {
    this.#backoff = 0;
    if (this.smoothedMs < 0) this.#rtoMs = Math.max(this.#rtoMs, 3_000);
  }
}
