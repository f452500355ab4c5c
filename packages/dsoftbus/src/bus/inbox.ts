/**
 * Cuts a byte stream into pieces whose lengths become known one by one. What lies whole in the bytes of one call is handed out as a view;
 * only a piece that is split is copied, into room of just its size.
 */
export class Inbox {
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #part: Uint8Array | undefined;
  #filled = 0;

  /** Octets of a call, borrowed until they are all taken. */
  feed(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** Nothing of a piece is held back. */
  get isAtBoundary(): boolean {
    return this.#part === undefined && this.#at === this.#bytes.length;
  }

  /** The next `count` octets, or `undefined` until more was fed. Asked again, it is for the same count. */
  take(count: number): Uint8Array | undefined {
    const available = this.#bytes.length - this.#at;
    if (this.#part === undefined) {
      if (available >= count) {
        const whole = this.#bytes.subarray(this.#at, this.#at + count);
        this.#at += count;
        return whole;
      }
      if (available === 0) return undefined;
      this.#part = new Uint8Array(count);
      this.#filled = 0;
    }
    const part = this.#part;
    const piece = Math.min(available, part.length - this.#filled);
    part.set(this.#bytes.subarray(this.#at, this.#at + piece), this.#filled);
    this.#filled += piece;
    this.#at += piece;
    if (this.#filled < part.length) return undefined;
    this.#part = undefined;
    return part;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#at = 0;
    this.#part = undefined;
  }
}

const EMPTY = new Uint8Array(0);
