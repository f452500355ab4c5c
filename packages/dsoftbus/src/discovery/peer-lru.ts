import { requireArgument } from '@nexus-net/sansio';

/**
 * A bounded table that forgets what was used longest ago. An entry that is held is never forgotten: where all are, a new one is
 * refused. Keys are compared as whole texts.
 */
export class PeerLru<T> {
  readonly #countMax: number;
  /** Used longest ago first: a `Map` keeps the order of insertion. */
  readonly #entries = new Map<string, T>();
  readonly #held = new Set<string>();

  /** `countMax`: entries kept at most. 0 keeps one, as the OS does. Default 16. */
  constructor(countMax: number = PEER_COUNT_DEFAULT) {
    requireArgument(Number.isSafeInteger(countMax) && countMax >= 0, 'countMax is a whole number');
    this.#countMax = Math.max(1, countMax);
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Puts `value` in front, in place of what `id` had before. A new id takes the place of the last entry that isn't held where the
   * table is full: `evicted` is what that was. `false` where there is no place.
   */
  insert(id: string, value: T): { readonly evicted: T | undefined } | false {
    const known = this.#entries.delete(id);
    let evicted: T | undefined;
    if (!known && this.#entries.size >= this.#countMax) {
      const last = this.#lastNotHeld();
      if (last === undefined) return false;
      evicted = this.#entries.get(last);
      this.#entries.delete(last);
    }
    this.#entries.set(id, value);
    return { evicted };
  }

  /** The value of `id`, which moves to the front. */
  get(id: string): T | undefined {
    const value = this.#entries.get(id);
    if (value === undefined) return undefined;
    this.#entries.delete(id);
    this.#entries.set(id, value);
    return value;
  }

  /** The value of `id`, which stays where it is. */
  peek(id: string): T | undefined {
    return this.#entries.get(id);
  }

  /** An entry that is held stays, whatever else comes. `false`: it isn't there. */
  hold(id: string): boolean {
    if (!this.#entries.has(id)) return false;
    this.#held.add(id);
    return true;
  }

  letGo(id: string): void {
    this.#held.delete(id);
  }

  remove(id: string): boolean {
    this.#held.delete(id);
    return this.#entries.delete(id);
  }

  /** All entries, the one used last first. */
  entries(): readonly (readonly [id: string, value: T])[] {
    return [...this.#entries].reverse();
  }

  #lastNotHeld(): string | undefined {
    for (const id of this.#entries.keys()) if (!this.#held.has(id)) return id;
    return undefined;
  }
}

/** `MAX_PEERS` of the OS. */
export const PEER_COUNT_DEFAULT = 16;
