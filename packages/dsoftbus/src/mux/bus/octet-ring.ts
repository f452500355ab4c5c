/**
 * Octets that wait, first in first out, in a ring that grows by doubling up to a bound. Both ends copy, so a piece of one octet holds
 * no buffer of 64 KiB alive.
 */
export class OctetRing {
  readonly #octetsMax: number;
  #bytes: Uint8Array = EMPTY;
  #head = 0;
  #length = 0;

  /** `octetsMax`: octets held at most. */
  constructor(octetsMax: number) {
    this.#octetsMax = octetsMax;
  }

  get length(): number {
    return this.#length;
  }

  /** Octets that still fit. */
  get room(): number {
    return this.#octetsMax - this.#length;
  }

  /** Takes `count` octets of `source` from `offset`; the caller has looked at {@link room}. */
  push(source: Uint8Array, offset: number, count: number): void {
    if (this.#bytes.length - this.#length < count) this.#grow(this.#length + count);
    const size = this.#bytes.length;
    let at = this.#head + this.#length;
    if (at >= size) at -= size;
    const first = Math.min(count, size - at);
    copy(source, offset, this.#bytes, at, first);
    if (first < count) copy(source, offset + first, this.#bytes, 0, count - first);
    this.#length += count;
  }

  /** Moves the oldest `count` octets to `target`; there are so many. */
  shiftInto(target: Uint8Array, offset: number, count: number): void {
    const size = this.#bytes.length;
    const first = Math.min(count, size - this.#head);
    copy(this.#bytes, this.#head, target, offset, first);
    if (first < count) copy(this.#bytes, 0, target, offset + first, count - first);
    this.#length -= count;
    this.#head += count;
    if (this.#head >= size) this.#head -= size;
    if (this.#length === 0) this.#head = 0;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#head = 0;
    this.#length = 0;
  }

  #grow(needed: number): void {
    let size = Math.max(this.#bytes.length * 2, SIZE_MIN);
    while (size < needed) size *= 2;
    const bytes = new Uint8Array(Math.min(size, this.#octetsMax));
    const held = this.#length;
    if (held > 0) this.shiftInto(bytes, 0, held);
    this.#bytes = bytes;
    this.#head = 0;
    this.#length = held;
  }
}

/** A loop beats a view and `set` for a few octets. */
function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  if (count >= LOOP_MAX) target.set(source.subarray(from, from + count), to);
  else for (let i = 0; i < count; i++) target[to + i] = source[from + i] as number;
}

const EMPTY = new Uint8Array(0);
const SIZE_MIN = 32;
const LOOP_MAX = 32;
