import { requireArgument } from './errors.js';
import { type Millis, NEVER } from './time.js';

/** A place in a heap. It belongs to that heap for ever, in it or out of it. */
export interface DeadlineEntry<T> {
  readonly item: T;
  /** When it is due; `NEVER` while it is not in the heap. */
  readonly at: Millis;
}

/**
 * What is due when, earliest first: a binary heap with a bound. Of one deadline the entry that was set first leaves first, so
 * whatever is built on it has one order only. An entry that is scheduled knows its place, so that it can be moved or taken out in
 * logarithmic time and leaves nothing stale behind.
 */
export class DeadlineHeap<T> {
  readonly #countMax: number;
  readonly #entries: Entry<T>[] = [];
  #order = 0;

  /** `countMax`: entries held at most; a further one is refused. */
  constructor(countMax: number) {
    requireArgument(countMax >= 1, 'countMax is at least 1');
    this.#countMax = countMax;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The earliest deadline, `NEVER` where there is none. */
  get nextAt(): Millis {
    return this.#entries[0]?.at ?? NEVER;
  }

  /** The item with the earliest deadline, left in place. */
  get first(): T | undefined {
    return this.#entries[0]?.item;
  }

  /** Adds an item that leaves only when it is due; `false` where the heap is full. */
  push(at: Millis, item: T): boolean {
    return this.schedule(at, item) !== undefined;
  }

  /** Adds an item whose deadline may change; `undefined` where the heap is full. */
  schedule(at: Millis, item: T): DeadlineEntry<T> | undefined {
    if (this.#entries.length >= this.#countMax) return undefined;
    const entry: Entry<T> = { item, at, order: ++this.#order, index: this.#entries.length };
    this.#entries.push(entry);
    this.#rise(entry);
    return entry;
  }

  /** Gives an entry of this heap another deadline, as if it came only now. One that is out comes in again, a full heap or not. */
  reschedule(entry: DeadlineEntry<T>, at: Millis): void {
    const own = entry as Entry<T>;
    own.at = at;
    own.order = ++this.#order;
    if (own.index < 0) {
      own.index = this.#entries.length;
      this.#entries.push(own);
    }
    this.#rise(own);
    this.#sink(own);
  }

  /** Takes an entry of this heap out; one that is out stays out. */
  cancel(entry: DeadlineEntry<T>): void {
    const own = entry as Entry<T>;
    const { index } = own;
    if (index < 0) return;
    const last = this.#entries.pop() as Entry<T>;
    own.index = -1;
    own.at = NEVER;
    if (last === own) return;
    this.#place(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  /** Takes the earliest entry where its deadline is not after `now`. */
  popDue(now: Millis): T | undefined {
    const first = this.#entries[0];
    if (first === undefined || first.at > now) return undefined;
    this.cancel(first);
    return first.item;
  }

  clear(): void {
    for (const entry of this.#entries) {
      entry.index = -1;
      entry.at = NEVER;
    }
    this.#entries.length = 0;
  }

  #place(entry: Entry<T>, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }

  #rise(entry: Entry<T>): void {
    let { index } = entry;
    while (index > 0) {
      const parent = this.#entries[(index - 1) >> 1] as Entry<T>;
      if (!isBefore(entry, parent)) break;
      const above = parent.index;
      this.#place(parent, index);
      index = above;
    }
    this.#place(entry, index);
  }

  #sink(entry: Entry<T>): void {
    let { index } = entry;
    for (;;) {
      let child = this.#entries[2 * index + 1];
      if (child === undefined) break;
      const right = this.#entries[2 * index + 2];
      if (right !== undefined && isBefore(right, child)) child = right;
      if (!isBefore(child, entry)) break;
      const below = child.index;
      this.#place(child, index);
      index = below;
    }
    this.#place(entry, index);
  }
}

interface Entry<T> {
  readonly item: T;
  at: Millis;
  /** Rises with every change: decides between equal deadlines. */
  order: number;
  /** Where it is in the array; -1 for out of the heap. */
  index: number;
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
