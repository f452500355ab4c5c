import { type Millis, NEVER } from '@nexus-net/sansio';
import type { Binding } from './binding.js';

/**
 * Bindings by the instant at which their state ends, earliest first: a binary heap in which each binding knows its own
 * place, so that a renewal moves the one entry it has instead of leaving a stale one behind. Of equal deadlines the one
 * that was set first comes first.
 */
export class DeadlineHeap {
  readonly #entries: Binding[] = [];
  #order = 0;

  get count(): number {
    return this.#entries.length;
  }

  /** The earliest deadline; `NEVER` where there is none. */
  get next(): Millis {
    return this.#entries[0]?.deadline ?? NEVER;
  }

  get first(): Binding | undefined {
    return this.#entries[0];
  }

  /** Puts the binding where its present deadline belongs; one without a deadline is taken out. */
  update(binding: Binding): void {
    if (binding.deadline === NEVER) {
      this.#remove(binding);
      return;
    }
    binding.heapOrder = ++this.#order;
    if (binding.heapIndex < 0) {
      binding.heapIndex = this.#entries.length;
      this.#entries.push(binding);
    }
    this.#sink(this.#rise(binding.heapIndex));
  }

  #remove(binding: Binding): void {
    const index = binding.heapIndex;
    if (index < 0) return;
    binding.heapIndex = -1;
    const last = this.#entries.pop() as Binding;
    if (last === binding) return;
    this.#place(last, index);
    this.#sink(this.#rise(index));
  }

  #place(binding: Binding, index: number): void {
    this.#entries[index] = binding;
    binding.heapIndex = index;
  }

  #rise(start: number): number {
    let index = start;
    const binding = this.#entries[index] as Binding;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#entries[above] as Binding;
      if (isBefore(parent, binding)) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(binding, index);
    return index;
  }

  #sink(start: number): void {
    let index = start;
    const binding = this.#entries[index] as Binding;
    for (;;) {
      const left = 2 * index + 1;
      let child = this.#entries[left];
      if (child === undefined) break;
      const right = this.#entries[left + 1];
      let below = left;
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below = left + 1;
      }
      if (isBefore(binding, child)) break;
      this.#place(child, index);
      index = below;
    }
    this.#place(binding, index);
  }
}

function isBefore(a: Binding, b: Binding): boolean {
  const difference = a.deadline - b.deadline;
  return difference < 0 || (difference === 0 && a.heapOrder < b.heapOrder);
}
