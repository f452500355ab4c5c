/**
 * Octets of one direction that are not a whole message yet. Each octet is copied a bounded number of times however small the pieces are
 * that it comes in, and room is made for what came, not for what a prefix promises.
 */
export class StreamBuffer {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (this.#end + bytes.length > this.#bytes.length) {
      // More than half in use doubles the room; otherwise what is read already makes it.
      const room = length > this.#bytes.length / 2 ? new Uint8Array(Math.max(256, 2 * length)) : this.#bytes;
      room.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = room;
      this.#end = this.length;
      this.#start = 0;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** A view of the first `count` octets, good until the next `push`; `undefined` where there are fewer. */
  peek(count: number): Uint8Array | undefined {
    return this.length < count ? undefined : this.#bytes.subarray(this.#start, this.#start + count);
  }

  /** The same, and they are gone. */
  take(count: number): Uint8Array | undefined {
    const taken = this.peek(count);
    if (taken !== undefined) this.#start += count;
    return taken;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }
}

const EMPTY = new Uint8Array(0);
