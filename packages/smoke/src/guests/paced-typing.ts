import type { Millis } from '@nexus-net/sansio';

/**
 * Types one octet after another, each when the guest has answered to the one before: for consoles that lose what comes faster than they
 * read. Whatever is said counts as an answer, and so does time, as not every octet is echoed.
 */
export class PacedTyping {
  readonly #type: (bytes: Uint8Array) => void;
  readonly #answerMs: Millis;
  #waiting: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `answerMs`: milliseconds after which an octet counts as answered. */
  constructor(type: (bytes: Uint8Array) => void, { answerMs = 250 }: { readonly answerMs?: Millis } = {}) {
    this.#type = type;
    this.#answerMs = answerMs;
  }

  type(bytes: Uint8Array): void {
    this.#waiting.push(...bytes);
    if (this.#timer === undefined) this.#next();
  }

  /** The guest said something. */
  answered(): void {
    if (this.#timer !== undefined) this.#next();
  }

  /** Nothing more is typed. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #next(): void {
    clearTimeout(this.#timer);
    const octet = this.#waiting.shift();
    if (octet === undefined) {
      this.#timer = undefined;
      return;
    }
    this.#timer = setTimeout(() => this.#next(), this.#answerMs);
    this.#type(Uint8Array.of(octet));
  }
}
