import { requireArgument } from '@nexus-net/sansio';
import type { Fact, FactKind } from '@nexus-net/wire';

/** The facts of a run by kind, oldest first, bounded: of each kind the oldest make room for the newest, and are counted. */
export class FactLog {
  readonly #countMax: number;
  readonly #facts = new Map<FactKind, Fact[]>();
  #forgotten = 0;

  /** `countMax`: facts kept of one kind. Default 4 096. */
  constructor(countMax = 4_096) {
    requireArgument(Number.isInteger(countMax) && countMax > 1, 'countMax is an integer above 1');
    this.#countMax = countMax;
  }

  add(fact: Fact): void {
    const facts = this.#facts.get(fact.kind);
    if (facts === undefined) {
      this.#facts.set(fact.kind, [fact]);
      return;
    }
    if (facts.length === this.#countMax) {
      // Half at once, so that a flood of facts costs one copy in countMax / 2 facts.
      const dropped = this.#countMax >> 1;
      facts.splice(0, dropped);
      this.#forgotten += dropped;
    }
    facts.push(fact);
  }

  /** All facts of one kind that are kept, oldest first. */
  of<K extends FactKind>(kind: K): readonly Fact<K>[] {
    return (this.#facts.get(kind) ?? []) as unknown as readonly Fact<K>[];
  }

  /** How many facts of each kind are kept. */
  counts(): Readonly<Partial<Record<FactKind, number>>> {
    return Object.fromEntries([...this.#facts].map(([kind, facts]) => [kind, facts.length]));
  }

  /** Facts that made room for newer ones. */
  get forgotten(): number {
    return this.#forgotten;
  }
}
