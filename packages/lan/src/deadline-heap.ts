import { type Millis, NEVER, requireArgument } from '@nexus-net/sansio';

/**
 * What is due when: a binary heap over deadlines. Entries of one deadline leave in the order in which they came, so a
 * simulation built on it has one order only.
 */
export class DeadlineHeap<T> {
  readonly #countMax: number;
  readonly #entries: Entry<T>[] = [];
  #sequence = 0;

  /** `countMax`: entries held at most; a further `push` is refused with `false`. */
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

  push(at: Millis, item: T): boolean {
    if (this.#entries.length >= this.#countMax) return false;
    this.#entries.push({ at, sequence: this.#sequence++, item });
    this.#siftUp(this.#entries.length - 1);
    return true;
  }

  /** Takes the earliest entry where its deadline is not after `now`. */
  popDue(now: Millis): T | undefined {
    const first = this.#entries[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#entries.pop() as Entry<T>;
    if (this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#siftDown();
    }
    return first.item;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  #siftUp(from: number): void {
    const entry = this.#entries[from] as Entry<T>;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#entries[parent] as Entry<T>;
      if (!before(entry, above)) break;
      this.#entries[index] = above;
      index = parent;
    }
    this.#entries[index] = entry;
  }

  #siftDown(): void {
    const entry = this.#entries[0] as Entry<T>;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = this.#entries[child];
      if (below === undefined) break;
      const right = this.#entries[child + 1];
      if (right !== undefined && before(right, below)) {
        child++;
        below = right;
      }
      if (!before(below, entry)) break;
      this.#entries[index] = below;
      index = child;
    }
    this.#entries[index] = entry;
  }
}

interface Entry<T> {
  readonly at: Millis;
  readonly sequence: number;
  readonly item: T;
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
