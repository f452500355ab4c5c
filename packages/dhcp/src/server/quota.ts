/** How many bindings each key holds, with a limit. A key that holds none takes no memory. */
export class Quota {
  readonly #countMax: number;
  readonly #counts = new Map<string, number>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  exhausted(key: string): boolean {
    return (this.#counts.get(key) ?? 0) >= this.#countMax;
  }

  add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  remove(key: string): void {
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
