import { requireArgument } from './errors.js';

/**
 * A first-in first-out queue with a named bound. A head index instead of `Array.shift`, which becomes linear in the
 * queue's length near 50 000 entries.
 */
export class Queue<T> {
  readonly #countMax: number;
  #items: (T | undefined)[] = [];
  #head = 0;
  #dropped = 0;

  /** `countMax`: entries held at most; a further `push` is refused and counted. */
  constructor(countMax: number) {
    requireArgument(countMax >= 1, 'countMax is at least 1');
    this.#countMax = countMax;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Entries refused because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Appends, or refuses with `false` where the queue is full. */
  push(item: T): boolean {
    if (this.length >= this.#countMax) {
      this.#dropped++;
      return false;
    }
    this.#items.push(item);
    return true;
  }

  /** Takes the oldest entry. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined; // lets the entry be collected
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** The oldest entry, left in place. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

const COMPACT_AT = 1024;
