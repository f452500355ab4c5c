import { readU32, requireArgument, writeU32 } from '@nexus-net/sansio';

/** Octets in front of every message on TCP: its length, u32 big-endian. */
export const HOST_LENGTH_OCTETS = 4;

/** A message with its length in front. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(HOST_LENGTH_OCTETS + message.length);
  writeU32(framed, 0, message.length);
  framed.set(message, HOST_LENGTH_OCTETS);
  return framed;
}

/**
 * Takes the messages out of a byte stream, however it is cut. Memory follows what has arrived, not what a prefix promises,
 * and a prefix above the limit is refused as soon as it is read.
 */
export class MessageSplitter {
  #lengthMax: number;
  #buffer = new Uint8Array(64);
  #length = 0;

  /** `lengthMax`: octets of a message at most. */
  constructor(lengthMax: number) {
    requireArgument(Number.isInteger(lengthMax) && lengthMax > 0, 'lengthMax is a whole number of octets');
    this.#lengthMax = lengthMax;
  }

  /** Another limit, for the messages that come next. */
  setLengthMax(lengthMax: number): void {
    this.#lengthMax = lengthMax;
  }

  /** Octets of a message that isn't whole yet. */
  get pending(): number {
    return this.#length;
  }

  /**
   * Calls `take` for each whole message, in order, with a view that is good for the call; it returns whether to go on. False when a
   * prefix is above the limit: the stream is beyond saving.
   */
  push(bytes: Uint8Array, take: (message: Uint8Array) => boolean): boolean {
    let offset = 0;
    for (;;) {
      const need = this.#length < HOST_LENGTH_OCTETS ? HOST_LENGTH_OCTETS : HOST_LENGTH_OCTETS + readU32(this.#buffer, 0);
      if (need - HOST_LENGTH_OCTETS > this.#lengthMax) return false;
      if (this.#length >= HOST_LENGTH_OCTETS && this.#length === need) {
        this.#length = 0;
        if (!take(this.#buffer.subarray(HOST_LENGTH_OCTETS, need))) return true;
        continue;
      }
      // Whole messages are handed on where they are.
      if (this.#length === 0 && bytes.length - offset >= HOST_LENGTH_OCTETS) {
        const length = readU32(bytes, offset);
        if (length > this.#lengthMax) return false;
        if (bytes.length - offset >= HOST_LENGTH_OCTETS + length) {
          const start = offset + HOST_LENGTH_OCTETS;
          offset = start + length;
          if (!take(bytes.subarray(start, offset))) return true;
          continue;
        }
      }
      if (offset === bytes.length) return true;
      const count = Math.min(need - this.#length, bytes.length - offset);
      this.#keep(bytes.subarray(offset, offset + count));
      offset += count;
    }
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.#buffer.length, HOST_LENGTH_OCTETS + this.#lengthMax)));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }
}
