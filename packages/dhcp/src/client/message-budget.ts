import { type Millis, SECOND } from '@nexus-net/sansio';

/** What a message is for: asking for something, or giving an address back. */
export type MessagePurpose = 'asking' | 'closing';

/**
 * Limits messages over any window of a minute, so that no server can make the client flood the segment: leases of a
 * second, refusals in a row and contested addresses all cost what the budget allows and no more.
 *
 * A sliding window over the instants of the last messages, not a token bucket: a bucket lets twice its size pass within
 * a minute. A small part is kept for RELEASE and DECLINE, which have no second chance.
 */
export class MessageBudget {
  readonly #perMinute: number;
  readonly #reserved: number;
  /** Instants of the last `perMinute` messages, oldest first. */
  #sentAt: readonly Millis[] = [];

  constructor({ perMinute, reserved }: { readonly perMinute: number; readonly reserved: number }) {
    this.#perMinute = perMinute;
    this.#reserved = reserved;
  }

  /** The instant from which a message may be sent: `now`, or a later one. */
  allowedAt(now: Millis, purpose: MessagePurpose): Millis {
    const limit = purpose === 'closing' ? this.#perMinute : this.#perMinute - this.#reserved;
    const blocking = this.#sentAt[this.#sentAt.length - limit];
    return blocking === undefined ? now : Math.max(now, blocking + WINDOW);
  }

  /** Notes one message sent at `now`. */
  spend(now: Millis): void {
    this.#sentAt = [...this.#sentAt, now].slice(-this.#perMinute);
  }

  /** Messages within the minute before `now`. */
  spent(now: Millis): number {
    return this.#sentAt.filter((at) => at + WINDOW > now).length;
  }
}

const WINDOW = 60 * SECOND;
