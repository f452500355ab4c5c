import type { Millis } from '@nexus-net/sansio';
import type { Clock, Timers } from '../../src/index.js';

/** A clock that stands still until told, with timers that behave like Node's. */
export class ManualTime implements Clock, Timers {
  /** Every delay that was asked for, in order. */
  readonly delays: Millis[] = [];
  #now: Millis;
  #armed = new Map<number, { readonly at: Millis; readonly run: () => void }>();
  #lastId = 0;

  constructor(now: Millis = 0) {
    this.#now = now;
  }

  get armedCount(): number {
    return this.#armed.size;
  }

  now(): Millis {
    return this.#now;
  }

  after(delayMs: Millis, run: () => void): () => void {
    this.delays.push(delayMs);
    const id = ++this.#lastId;
    // What Node does with a delay that its 32 bits don't hold, and with one below 1.
    const delay = delayMs >= 1 && delayMs <= 2 ** 31 - 1 ? Math.trunc(delayMs) : 1;
    this.#armed.set(id, { at: this.#now + delay, run });
    return () => this.#armed.delete(id);
  }

  /** Lets time pass, timer by timer; at most `countMax` of them fire. Returns how many did. */
  advanceTo(now: Millis, countMax = 1000): number {
    for (let fired = 0; fired < countMax; fired++) {
      const due = [...this.#armed].filter(([, timer]) => timer.at <= now).sort((a, b) => a[1].at - b[1].at)[0];
      if (due === undefined) {
        this.#now = Math.max(this.#now, now);
        return fired;
      }
      this.#armed.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].run();
    }
    return countMax;
  }
}
