import { readU16, readU32 } from './bytes.js';

/**
 * Reads big-endian fields in order. Reading past the end returns zeros, moves nothing and sets {@link overrun}, so a
 * decoder reads all its fields and asks once.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #overrun = false;

  /** Borrows `bytes`; `take` and `rest` return views into it. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Octets read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Octets not yet read. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Some read asked for more than there was. Stays true. */
  get overrun(): boolean {
    return this.#overrun;
  }

  u8(): number {
    const at = this.#advance(1);
    return at < 0 ? 0 : (this.#bytes[at] as number);
  }

  u16(): number {
    const at = this.#advance(2);
    return at < 0 ? 0 : readU16(this.#bytes, at);
  }

  u32(): number {
    const at = this.#advance(4);
    return at < 0 ? 0 : readU32(this.#bytes, at);
  }

  /** The next `length` octets as a view, or an empty view where there are fewer. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return at < 0 ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  #advance(length: number): number {
    const at = this.#offset;
    // A length from the wire may be anything; only a whole number that fits moves the cursor.
    if (!Number.isInteger(length) || length < 0 || length > this.#bytes.length - at) {
      this.#overrun = true;
      return -1;
    }
    this.#offset = at + length;
    return at;
  }
}
