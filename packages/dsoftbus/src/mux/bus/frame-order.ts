/** What stands in line for the wire. The links belong to the line. */
export interface Waiting {
  /** 0 (first) ..=7. */
  readonly priority: number;
  previous: Waiting | undefined;
  next: Waiting | undefined;
  isWaiting: boolean;
}

/** Frames of higher classes in a row while a lower class waits. */
export const BURST_MAX = 8;

/**
 * Whose frame is next. The highest class first, but after a burst of 8 frames in a row while a lower class waits, one frame goes to the
 * lower ones, which take turns for it. Within a class the streams take turns. So a class waits for at most 9 × 7 frames of others.
 *
 * The lines are linked lists, so that a stream leaves its place in constant time.
 */
export class FrameOrder<T extends Waiting> {
  readonly #first: (T | undefined)[] = new Array<T | undefined>(CLASS_COUNT).fill(undefined);
  readonly #last: (T | undefined)[] = new Array<T | undefined>(CLASS_COUNT).fill(undefined);
  /** Bit n: someone of class n waits. */
  #mask = 0;
  #burst = 0;
  /** The lower class that is asked first. */
  #cursor = 1;

  get isEmpty(): boolean {
    return this.#mask === 0;
  }

  /** To the end of its class; nothing where it waits already. */
  add(one: T): void {
    if (one.isWaiting) return;
    const { priority } = one;
    const last = this.#last[priority];
    one.isWaiting = true;
    one.previous = last;
    one.next = undefined;
    if (last === undefined) this.#first[priority] = one;
    else last.next = one;
    this.#last[priority] = one;
    this.#mask |= 1 << priority;
  }

  remove(one: T): void {
    if (!one.isWaiting) return;
    const { priority } = one;
    const previous = one.previous as T | undefined;
    const next = one.next as T | undefined;
    if (previous === undefined) this.#first[priority] = next;
    else previous.next = next;
    if (next === undefined) this.#last[priority] = previous;
    else next.previous = previous;
    if (this.#first[priority] === undefined) this.#mask &= ~(1 << priority);
    one.isWaiting = false;
    one.previous = undefined;
    one.next = undefined;
  }

  /** Takes the next one out of the line. */
  take(): T | undefined {
    if (this.#mask === 0) return undefined;
    const priority = this.#nextClass();
    const one = this.#first[priority] as T;
    this.remove(one);
    return one;
  }

  #nextClass(): number {
    const highest = 31 - Math.clz32(this.#mask & -this.#mask);
    const lower = this.#mask & ~(1 << highest);
    if (lower === 0) {
      this.#burst = 0;
      return highest;
    }
    if (this.#burst < BURST_MAX) {
      this.#burst++;
      return highest;
    }
    this.#burst = 0;
    for (let turn = 0; turn < CLASS_COUNT; turn++) {
      const priority = (this.#cursor + turn) % CLASS_COUNT;
      if ((lower & (1 << priority)) === 0) continue;
      this.#cursor = (priority + 1) % CLASS_COUNT;
      return priority;
    }
    return highest;
  }
}

const CLASS_COUNT = 8;
