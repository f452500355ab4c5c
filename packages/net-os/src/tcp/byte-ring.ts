import type { BufferPool } from './buffer-pool.js';

/**
 * A ring of octets that grows by doubling and lives on the storage of a pool. Positions count from the oldest octet. It does not know how
 * many octets behind `length` have been written: the receiver writes ahead of holes.
 */
export class ByteRing {
  readonly #pool: BufferPool;
  #storage: Uint8Array = EMPTY;
  /** Of the storage. Asking an array for its buffer costs as much as copying a segment. */
  #buffer: ArrayBufferLike = EMPTY.buffer;
  #head = 0;
  #length = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Octets in order, ready to be read. */
  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#storage.length;
  }

  /** Makes room for `octets` in all; false where the pool has none left. `used`: octets from the oldest on that must survive. */
  reserve(octets: number, used: number): boolean {
    if (octets <= this.#storage.length) return true;
    const larger = this.#pool.take(octets);
    if (larger === undefined) return false;
    if (used > 0) this.copyOut(larger, 0, { at: 0, count: used });
    this.#pool.give(this.#storage);
    this.#storage = larger;
    this.#buffer = larger.buffer;
    this.#head = 0;
    return true;
  }

  /** Writes `source[from..to)` at a position; the caller has reserved the room. */
  write(at: number, source: Uint8Array, { from, to }: { readonly from: number; readonly to: number }): void {
    const storage = this.#storage;
    const mask = storage.length - 1;
    const start = (this.#head + at) & mask;
    const first = Math.min(to - from, storage.length - start);
    storage.set(from === 0 && first === source.length ? source : source.subarray(from, from + first), start);
    if (first < to - from) storage.set(source.subarray(from + first, to), 0);
  }

  /** Counts `octets` more as readable. */
  commit(octets: number): void {
    this.#length += octets;
  }

  /** Copies `count` octets from a position on into `target`. */
  copyOut(target: Uint8Array, offset: number, { at, count }: { readonly at: number; readonly count: number }): void {
    const storage = this.#storage;
    const start = (this.#head + at) & (storage.length - 1);
    const first = Math.min(count, storage.length - start);
    target.set(new Uint8Array(this.#buffer, start, first), offset);
    if (first < count) target.set(storage.subarray(0, count - first), offset + first);
  }

  /** Drops the oldest octets. `ahead`: octets beyond `length` are in use, so the storage stays. */
  consume(count: number, ahead = false): void {
    this.#length -= count;
    if (this.#length === 0 && !ahead) this.clear();
    else this.#head = (this.#head + count) & (this.#storage.length - 1);
  }

  clear(): void {
    this.#pool.give(this.#storage);
    this.#storage = EMPTY;
    this.#buffer = EMPTY.buffer;
    this.#head = 0;
    this.#length = 0;
  }
}

const EMPTY = new Uint8Array(0);
