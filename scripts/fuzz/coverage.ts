/**
 * What executions have reached so far. A counter's value falls into one of eight buckets (1, 2, 3, 4.., 8.., 16.., 32..,
 * 128..): the first time in a bucket is something new, so loops that run longer count as progress, but not each turn.
 */
export class Coverage {
  readonly #counters: Uint32Array;
  readonly #seen: Uint8Array;
  /** How many executions passed each counter: the seldom ones lead to where few inputs get. */
  readonly hits: Float64Array;
  /** Counters that some execution passed, in the order of discovery. */
  readonly reached: number[] = [];

  constructor(counters: Uint32Array) {
    this.#counters = counters;
    this.#seen = new Uint8Array(counters.length);
    this.hits = new Float64Array(counters.length);
  }

  get total(): number {
    return this.#counters.length;
  }

  /** Adds the execution whose counters stand now; says whether it reached a new bucket, and what it cost: the counters' sum. */
  add(): { readonly isNew: boolean; readonly cost: number } {
    const counters = this.#counters;
    const seen = this.#seen;
    const hits = this.hits;
    let isNew = false;
    let cost = 0;
    for (let i = 0; i < counters.length; i++) {
      const count = counters[i] as number;
      if (count === 0) continue;
      cost += count;
      hits[i] = (hits[i] as number) + 1;
      const bucket = BUCKETS[Math.min(count, 128)] as number;
      const before = seen[i] as number;
      if ((before & bucket) !== 0) continue;
      if (before === 0) this.reached.push(i);
      seen[i] = before | bucket;
      isNew = true;
    }
    return { isNew, cost };
  }

  /** The counters above zero now, ascending. */
  present(): number[] {
    const present: number[] = [];
    for (let i = 0; i < this.#counters.length; i++) if (this.#counters[i] !== 0) present.push(i);
    return present;
  }
}

const BUCKETS: Uint8Array = Uint8Array.from({ length: 129 }, (_, count) => {
  if (count < 4) return count === 0 ? 0 : 1 << (count - 1);
  return 1 << (count < 8 ? 3 : count < 16 ? 4 : count < 32 ? 5 : count < 128 ? 6 : 7);
});
