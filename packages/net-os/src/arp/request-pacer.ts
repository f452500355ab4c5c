import type { Ipv4Address, Millis } from '@nexus-net/sansio';

/**
 * Remembers which neighbour was asked for when, apart from the cache: a neighbour that is dropped, evicted or forgotten
 * with the address is still not asked for twice within the interval (RFC 1122 §2.3.2.1).
 */
export class RequestPacer {
  readonly #intervalMs: Millis;
  readonly #countMax: number;
  /** In order of time: a note is always the latest. */
  readonly #askedAt = new Map<Ipv4Address, Millis>();

  constructor({ intervalMs, countMax }: { readonly intervalMs: Millis; readonly countMax: number }) {
    this.#intervalMs = intervalMs;
    this.#countMax = countMax;
  }

  /** May one more target be remembered? */
  hasRoom(now: Millis, target: Ipv4Address): boolean {
    this.#forget(now);
    return this.#askedAt.size < this.#countMax || this.#askedAt.has(target);
  }

  /** The earliest instant, not before `now`, for a request. */
  earliest(now: Millis, target: Ipv4Address): Millis {
    const asked = this.#askedAt.get(target);
    return asked === undefined ? now : Math.max(now, asked + this.#intervalMs);
  }

  note(now: Millis, target: Ipv4Address): void {
    this.#forget(now);
    this.#askedAt.delete(target);
    this.#askedAt.set(target, now);
  }

  #forget(now: Millis): void {
    for (const [target, askedAt] of this.#askedAt) {
      if (now - askedAt < this.#intervalMs) return;
      this.#askedAt.delete(target);
    }
  }
}
