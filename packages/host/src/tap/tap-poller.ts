import { closeSync, readSync, writeSync } from 'node:fs';
import type { TapSystem } from './tap-system.js';

/**
 * Tells when descriptors are readable. One thread of the pool waits for all of them, however many there are; it looks up at
 * least every {@link POLL_MS}, because neither Node nor anybody else could end a wait without an end when the process exits.
 */
export class TapPoller {
  readonly #system: TapSystem;
  readonly #watched = new Map<number, () => void>();
  #closing: { readonly fd: number; readonly done: () => void }[] = [];
  #wakeup = -1;
  #waiting = false;

  constructor(system: TapSystem) {
    this.#system = system;
  }

  /** Calls `readable` whenever there is something to read from `fd`, again and again while there is. */
  watch(fd: number, readable: () => void): void {
    if (this.#wakeup < 0) this.#wakeup = this.#system.openWakeup();
    this.#watched.set(fd, readable);
    this.#wait();
  }

  /** Forgets `fd` at once, and closes it as soon as nobody waits for it. Then calls `done`. */
  close(fd: number, done: () => void): void {
    this.#watched.delete(fd);
    this.#closing.push({ fd, done });
    this.#wait();
  }

  #wait(): void {
    if (this.#waiting) {
      writeSync(this.#wakeup, ONE);
      return;
    }
    this.#close();
    if (this.#watched.size === 0) return;
    const fds = [this.#wakeup, ...this.#watched.keys()];
    this.#waiting = true;
    this.#system.poll(fds, POLL_MS, (readable) => this.#look(fds, readable));
  }

  #look(fds: readonly number[], readable: readonly boolean[]): void {
    this.#waiting = false;
    try {
      if (readable[0]) readSync(this.#wakeup, new Uint8Array(8));
      for (const [i, fd] of fds.entries()) if (i > 0 && readable[i]) this.#watched.get(fd)?.();
    } finally {
      if (!this.#waiting) this.#wait(); // also where a callback threw: the others are still waited for
    }
  }

  #close(): void {
    const closing = this.#closing;
    this.#closing = [];
    for (const { fd } of closing) closeSync(fd);
    if (this.#watched.size === 0 && this.#wakeup >= 0) {
      this.#system.closeWakeup(this.#wakeup);
      this.#wakeup = -1;
    }
    for (const { done } of closing) done();
  }
}

/** The longest that the exit of a process waits for a device that was left open. */
const POLL_MS = 200;
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
