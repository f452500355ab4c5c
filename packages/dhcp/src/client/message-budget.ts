import { assert, type Millis, SECOND } from '@nexus-net/sansio';

/**
 * Limits messages over any window of a minute, so that no server can make the client flood the segment: leases of a
 * second, refusals in a row and contested addresses all cost what the budget allows and no more.
 *
 * A sliding window over the instants of the last messages, not a token bucket: a bucket lets twice its size pass within
 * a minute. What asks for something (DISCOVER, REQUEST, INFORM) waits; one message is kept for what gives an address back
 * (RELEASE, DECLINE), which is sent once or never. One is enough: each lease is given back once, and between two leases
 * something was asked.
 */
export class MessageBudget {
  readonly #perMinute: number;
  /** Instants of the last `perMinute` messages, oldest first. */
  #sentAt: readonly Millis[] = [];

  constructor({ perMinute }: { readonly perMinute: number }) {
    this.#perMinute = perMinute;
  }

  /** The instant from which something may be asked: `now`, or a later one. */
  allowedAt(now: Millis): Millis {
    const blocking = this.#sentAt[this.#sentAt.length - (this.#perMinute - KEPT)];
    return blocking === undefined ? now : Math.max(now, blocking + WINDOW);
  }

  /** Notes one message sent at `now`. */
  spend(now: Millis): void {
    assert(this.spent(now) < this.#perMinute, 'the message budget holds');
    this.#sentAt = [...this.#sentAt, now].slice(-this.#perMinute);
  }

  /** Messages within the minute before `now`. */
  spent(now: Millis): number {
    return this.#sentAt.filter((at) => at + WINDOW > now).length;
  }
}

const WINDOW = 60 * SECOND;
/** For RELEASE or DECLINE. */
const KEPT = 1;
