import type { Coverage } from './coverage.js';
import type { Random } from './random.js';

/** An input that reached something new when it was found. */
export interface Entry {
  readonly bytes: Uint8Array;
  /** Counters that it passes, ascending. */
  readonly counters: readonly number[];
}

/** The inputs worth changing, and the choice among them. */
export class Corpus {
  readonly entries: Entry[] = [];
  readonly #coverage: Coverage;
  /** By counter: the shortest entry that passes it. */
  readonly #champions = new Map<number, Entry>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    for (const counter of entry.counters) {
      const champion = this.#champions.get(counter);
      if (champion === undefined || entry.bytes.length < champion.bytes.length) this.#champions.set(counter, entry);
    }
  }

  /** Half of the choices go to places that few executions reach, a quarter to the newest entries, the rest to any. */
  choose(random: Random): Entry {
    const { entries } = this;
    const way = random.below(4);
    if (way < 2) return this.#champions.get(this.#seldom(random)) ?? random.pick(entries);
    if (way === 2) return entries[entries.length - 1 - random.below(Math.min(entries.length, 16))] as Entry;
    return random.pick(entries);
  }

  /** Entries that together pass every counter, the seldom ones first. */
  cover(): Entry[] {
    const { hits } = this.#coverage;
    const chosen = new Set<Entry>();
    const covered = new Set<number>();
    const counters = [...this.#champions.keys()].sort((a, b) => (hits[a] as number) - (hits[b] as number) || a - b);
    for (const counter of counters) {
      if (covered.has(counter)) continue;
      const champion = this.#champions.get(counter) as Entry;
      chosen.add(champion);
      for (const each of champion.counters) covered.add(each);
    }
    return [...chosen];
  }

  /** The seldomest of a few counters drawn from those that were reached. */
  #seldom(random: Random): number {
    const { reached, hits } = this.#coverage;
    let best = random.pick(reached);
    for (let i = 0; i < 3; i++) {
      const other = random.pick(reached);
      if ((hits[other] as number) < (hits[best] as number)) best = other;
    }
    return best;
  }
}
