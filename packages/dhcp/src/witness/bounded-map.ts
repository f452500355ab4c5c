/** A map that forgets the key that was set longest ago when it is full. */
export class BoundedMap<K, V> {
  readonly #countMax: number;
  readonly #entries = new Map<K, V>();
  #evicted = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** How many keys were forgotten for lack of room. */
  get evicted(): number {
    return this.#evicted;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#countMax) return;
    this.#entries.delete(this.#entries.keys().next().value as K);
    this.#evicted++;
  }
}
