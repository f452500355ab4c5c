/** One counter for each label of a closed set. Labels that never occurred are absent from the snapshot. */
export class Counters<Label extends string> {
  readonly #counts = new Map<Label, number>();

  increment(label: Label): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
  }

  get(label: Label): number {
    return this.#counts.get(label) ?? 0;
  }

  /** A plain object, labels in the order of their first occurrence. */
  snapshot(): Partial<Record<Label, number>> {
    return Object.fromEntries(this.#counts) as Partial<Record<Label, number>>;
  }
}
