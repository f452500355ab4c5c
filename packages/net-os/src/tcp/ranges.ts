import { type Seq, seqDiff, seqLeq, seqLt, seqMax, seqMin } from './sequence.js';

/**
 * Disjoint ranges of sequence numbers, ascending, bounded in number: left and right edges in turn in one array. All of them lie within 2^31 of
 * each other, for they lie inside one window.
 */
export class SeqRanges {
  readonly #countMax: number;
  readonly #edges: Seq[] = [];

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#edges.length >>> 1;
  }

  left(index: number): Seq {
    return this.#edges[2 * index] as Seq;
  }

  right(index: number): Seq {
    return this.#edges[2 * index + 1] as Seq;
  }

  /** Octets in all ranges. */
  get octets(): number {
    let sum = 0;
    for (let i = 0; i < this.#edges.length; i += 2) sum += seqDiff(this.#edges[i + 1] as Seq, this.#edges[i] as Seq);
    return sum;
  }

  /** Adds a range, merging what it touches. False, and nothing changed, where it would be one range too many. */
  add(left: Seq, right: Seq): boolean {
    const edges = this.#edges;
    let first = edges.length;
    while (first > 0 && seqLeq(left, edges[first - 1] as Seq)) first -= 2; // ranges from `first` on end at or after `left`
    let last = first;
    let from = left;
    let to = right;
    while (last < edges.length && seqLeq(edges[last] as Seq, right)) {
      from = seqMin(from, edges[last] as Seq);
      to = seqMax(to, edges[last + 1] as Seq);
      last += 2;
    }
    if (last === first) {
      if (this.count >= this.#countMax) return false;
      edges.splice(first, 0, from, to);
      return true;
    }
    edges[first] = from;
    edges[first + 1] = to;
    if (last > first + 2) edges.splice(first + 2, last - first - 2);
    return true;
  }

  /** Forgets everything before `edge`. */
  dropBefore(edge: Seq): void {
    const edges = this.#edges;
    let gone = 0;
    while (gone < edges.length && seqLeq(edges[gone + 1] as Seq, edge)) gone += 2;
    if (gone > 0) edges.splice(0, gone);
    if (edges.length > 0 && seqLt(edges[0] as Seq, edge)) edges[0] = edge;
  }

  /** Takes the last range away. */
  dropLast(): void {
    this.#edges.length = Math.max(0, this.#edges.length - 2);
  }

  /** The index of the range that holds `at`; -1 where none does. */
  indexOf(at: Seq): number {
    for (let i = 0; i < this.#edges.length && seqLeq(this.#edges[i] as Seq, at); i += 2)
      if (seqLt(at, this.#edges[i + 1] as Seq)) return i >>> 1;
    return -1;
  }

  /** The first place at or after `at` that no range holds. */
  gapFrom(at: Seq): Seq {
    let gap = at;
    for (let i = 0; i < this.#edges.length && seqLeq(this.#edges[i] as Seq, gap); i += 2)
      gap = seqMax(gap, this.#edges[i + 1] as Seq);
    return gap;
  }

  /** The left edge of the first range after `at`, or `limit`. */
  nextFrom(at: Seq, limit: Seq): Seq {
    for (let i = 0; i < this.#edges.length; i += 2)
      if (seqLt(at, this.#edges[i] as Seq)) return seqMin(this.#edges[i] as Seq, limit);
    return limit;
  }

  /** Octets of `left..right` that lie in ranges. */
  octetsWithin(left: Seq, right: Seq): number {
    let sum = 0;
    for (let i = 0; i < this.#edges.length; i += 2) {
      const octets = seqDiff(seqMin(right, this.#edges[i + 1] as Seq), seqMax(left, this.#edges[i] as Seq));
      if (octets > 0) sum += octets;
    }
    return sum;
  }

  clear(): void {
    this.#edges.length = 0;
  }
}

/** Octets that lie in ranges of both. */
export function overlapOctets(a: SeqRanges, b: SeqRanges): number {
  let sum = 0;
  let i = 0;
  let j = 0;
  while (i < a.count && j < b.count) {
    const octets = seqDiff(seqMin(a.right(i), b.right(j)), seqMax(a.left(i), b.left(j)));
    if (octets > 0) sum += octets;
    if (seqLt(a.right(i), b.right(j))) i += 1;
    else j += 1;
  }
  return sum;
}
