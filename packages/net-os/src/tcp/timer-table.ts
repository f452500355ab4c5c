import { type Millis, NEVER } from '@nexus-net/sansio';

/** The timers of a connection. Each is armed for one instant, or not at all. */
export const TIMER: {
  /** The oldest octet in flight was not acknowledged in time (RFC 6298 §5). */
  readonly retransmit: 0;
  /** Ask a peer whose window is shut, or too small for what waits (RFC 9293 §3.8.6.1, §3.8.6.2.1). */
  readonly persist: 1;
  /** Acknowledge what was received, at last (RFC 9293 §3.8.6.3). */
  readonly delayedAck: 2;
  /** Ask whether a silent peer is still there (RFC 9293 §3.8.4). */
  readonly keepAlive: 3;
  /** Nobody acknowledged for so long that the connection ends (RFC 9293 §3.9.1.1, RFC 5482). */
  readonly user: 4;
  /** The user has closed, our FIN is acknowledged, and the peer never says FIN. */
  readonly finWait2: 5;
} = { retransmit: 0, persist: 1, delayedAck: 2, keepAlive: 3, user: 4, finWait2: 5 };

export type TimerId = (typeof TIMER)[keyof typeof TIMER];

export const TIMER_NAMES: readonly (keyof typeof TIMER)[] = [
  'retransmit',
  'persist',
  'delayedAck',
  'keepAlive',
  'user',
  'finWait2',
];

/** Deadlines under their names: a fixed table, scanned. */
export class TimerTable {
  readonly #at: Millis[] = [NEVER, NEVER, NEVER, NEVER, NEVER, NEVER];

  at(timer: TimerId): Millis {
    return this.#at[timer] as Millis;
  }

  isArmed(timer: TimerId): boolean {
    return this.#at[timer] !== NEVER;
  }

  arm(timer: TimerId, at: Millis): void {
    this.#at[timer] = at;
  }

  disarm(timer: TimerId): void {
    this.#at[timer] = NEVER;
  }

  disarmAll(): void {
    this.#at.fill(NEVER);
  }

  next(): Millis {
    const at = this.#at;
    let next = NEVER;
    for (let i = 0; i < at.length; i++) if ((at[i] as number) < next) next = at[i] as number;
    return next;
  }

  /** The timer that is due first, if by `now`. The order of the table decides between equals. */
  due(now: Millis): TimerId | undefined {
    const at = this.#at;
    let first: TimerId | undefined;
    let next = NEVER;
    for (let i = 0; i < at.length; i++) {
      const deadline = at[i] as number;
      if (deadline <= now && deadline < next) {
        first = i as TimerId;
        next = deadline;
      }
    }
    return first;
  }

  inspect(): Record<string, Millis> {
    const armed: Record<string, Millis> = {};
    TIMER_NAMES.forEach((name, i) => {
      const at = this.#at[i] as number;
      if (at !== NEVER) armed[name] = at;
    });
    return armed;
  }
}
