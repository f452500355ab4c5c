import { type Millis, requireArgument } from '@nexus-net/sansio';
import type { WitnessOptions } from './witness-events.js';

interface Kept<T> {
  readonly value: T;
  readonly at: Millis;
}

/**
 * First halves of exchanges that wait for their second half, keyed by what both halves share. Bounded in number and in
 * age; several under one key are kept apart, for a sender may reuse an identifier before its first use was answered.
 */
export class ExchangeTable<T> {
  readonly #countMax: number;
  readonly #ageMs: Millis;
  /** In order of the last addition to the key. */
  readonly #byKey = new Map<string, Kept<T>[]>();
  #size = 0;
  #evicted = 0;

  constructor({ exchangeCountMax = 1_024, exchangeAgeMs = 10_000 }: WitnessOptions) {
    requireArgument(
      Number.isSafeInteger(exchangeCountMax) && exchangeCountMax >= PER_KEY_MAX,
      `exchangeCountMax is an integer of at least ${PER_KEY_MAX}`,
    );
    requireArgument(exchangeAgeMs > 0, 'exchangeAgeMs is positive');
    this.#countMax = exchangeCountMax;
    this.#ageMs = exchangeAgeMs;
  }

  get size(): number {
    return this.#size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  add(now: Millis, key: string, value: T): void {
    this.#forgetOld(now);
    const list = this.#byKey.get(key) ?? [];
    this.#byKey.delete(key);
    this.#byKey.set(key, list);
    list.push({ value, at: now });
    this.#size += 1;
    if (list.length > PER_KEY_MAX) {
      list.shift();
      this.#size -= 1;
      this.#evicted += 1;
    }
    while (this.#size > this.#countMax) this.#evictOldestKey();
  }

  /** What was added under `key` and is not too old, oldest first. */
  get(now: Millis, key: string): readonly T[] {
    const list = this.#byKey.get(key) ?? [];
    return list.filter(({ at }) => now - at <= this.#ageMs).map(({ value }) => value);
  }

  #forgetOld(now: Millis): void {
    for (const [key, list] of this.#byKey) {
      const newest = list[list.length - 1];
      if (newest !== undefined && now - newest.at <= this.#ageMs) return;
      this.#byKey.delete(key);
      this.#size -= list.length;
    }
  }

  #evictOldestKey(): void {
    for (const [key, list] of this.#byKey) {
      this.#byKey.delete(key);
      this.#size -= list.length;
      this.#evicted += list.length;
      return;
    }
  }
}

/** Exchanges kept under one key. */
const PER_KEY_MAX = 8;
