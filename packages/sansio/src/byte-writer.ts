import { writeU16, writeU32 } from './bytes.js';
import { requireArgument } from './errors.js';

/**
 * Writes big-endian fields in order into a zero-filled buffer of fixed capacity. A write that doesn't fit writes
 * nothing and sets {@link overflow}, so an encoder writes all its fields and asks once.
 */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #overflow = false;

  /** `capacity` in octets. */
  constructor(capacity: number) {
    requireArgument(Number.isInteger(capacity) && capacity >= 0, 'capacity is a whole number of octets');
    this.#bytes = new Uint8Array(capacity);
  }

  /** Octets written so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Octets that still fit. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Some write did not fit. Stays true. */
  get overflow(): boolean {
    return this.#overflow;
  }

  u8(value: number): void {
    const at = this.#advance(1);
    if (at >= 0) this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#advance(2);
    if (at >= 0) writeU16(this.#bytes, at, value);
  }

  u32(value: number): void {
    const at = this.#advance(4);
    if (at >= 0) writeU32(this.#bytes, at, value);
  }

  bytes(octets: Uint8Array): void {
    const at = this.#advance(octets.length);
    if (at >= 0) this.#bytes.set(octets, at);
  }

  /** Leaves `length` octets zero. */
  zeros(length: number): void {
    // Anything else would move the cursor backwards or to nowhere.
    requireArgument(Number.isInteger(length) && length >= 0, 'length is a whole number of octets');
    this.#advance(length);
  }

  /** What was written, as a view of the writer's own buffer: the caller owns it from here on. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  #advance(length: number): number {
    const at = this.#offset;
    if (length > this.#bytes.length - at) {
      this.#overflow = true;
      return -1;
    }
    this.#offset = at + length;
    return at;
  }
}
