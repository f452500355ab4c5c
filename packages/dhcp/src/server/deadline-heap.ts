import { type Millis, NEVER } from '@nexus-net/sansio';
import type { Binding } from './binding.js';

/**
 * Bindings by the instant at which their state ends, earliest first: a binary heap in which each binding knows its own
 * place, so that a renewal moves the one entry it has instead of leaving a stale one behind.
 */
export class DeadlineHeap {
  readonly #entries: Binding[] = [];

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
    const deadline = binding.deadline;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#entries[above] as Binding;
      if (parent.deadline <= deadline) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(binding, index);
    return index;
  }

  #sink(start: number): void {
    let index = start;
    const binding = this.#entries[index] as Binding;
    const deadline = binding.deadline;
    for (;;) {
      const left = 2 * index + 1;
      let child = this.#entries[left];
      if (child === undefined) break;
      const right = this.#entries[left + 1];
      let below = left;
      if (right !== undefined && right.deadline < child.deadline) {
        child = right;
        below = left + 1;
      }
      if (child.deadline >= deadline) break;
      this.#place(child, index);
      index = below;
    }
    this.#place(binding, index);
  }
}
