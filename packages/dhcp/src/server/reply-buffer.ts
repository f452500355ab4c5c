/**
 * Where replies are written: one after the other into a buffer that many share, for an array of its own costs each more than all the rest
 * of its making. What was handed out is never written to again; a buffer lives as long as one of its replies does.
 */
export class ReplyBuffer {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Has room for `length` octets at `offset`, until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get offset(): number {
    return this.#at;
  }

  reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(Math.max(BUFFER_OCTETS, length));
    this.#at = 0;
  }

  /** The reply that was written at `offset` is this long. */
  keep(length: number): void {
    this.#at += length;
  }
}

/** About fifty replies. */
const BUFFER_OCTETS = 16_384;
