import { Corpus, type Entry } from './corpus.js';
import { Coverage } from './coverage.js';
import { Executor, type Finding, HangError } from './execute.js';
import { minimise } from './minimise.js';
import { Mutator } from './mutate.js';
import type { Program } from './program.js';
import { Random } from './random.js';

export interface FuzzerOptions {
  readonly program: Program;
  readonly seeds: readonly Uint8Array[];
  readonly seed: number;
  /** An execution that takes longer is a hang. Default 2000 ms. */
  readonly timeoutMs?: number;
  /** After so many different findings a run ends. Default 5. */
  readonly findingsMax?: number;
}

/** A finding with the shortest input known for it. */
export interface Crash {
  readonly finding: Finding;
  readonly bytes: Uint8Array;
  /** At which execution it was found. */
  readonly execution: number;
}

/** The most expensive input, by steps for each octet. */
export interface Slowest {
  readonly steps: number;
  readonly octets: number;
}

/** A watchdog guards executions for so long. Where a batch ends changes nothing about the run. */
const BATCH_MS = 100;
/** What ended a batch is a hang if it has no end within so many time-outs: a busy machine may stand still for one. */
const HANG_PATIENCE = 5;
/** Executions of one changed entry before the next one is chosen. */
const CHILDREN = 64;

/**
 * The loop: choose an entry, change it, execute, keep what reaches something new. What it does depends on the seed and the
 * inputs alone; the clock of the caller only says when to stop.
 */
export class Fuzzer {
  readonly coverage: Coverage;
  readonly corpus: Corpus;
  readonly crashes: Crash[] = [];
  executions = 0;
  slowest: Slowest = { steps: 0, octets: 1 };
  readonly #executor: Executor;
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #findingsMax: number;
  /** Highest cost by class of length (power of two), so that slow inputs breed too. */
  readonly #costs: number[] = [];
  readonly #signatures = new Set<string>();
  readonly #seeds: Uint8Array[];
  #parent: Entry | undefined;
  #children = 0;

  constructor({ program, seeds, seed, timeoutMs = 2000, findingsMax = 5 }: FuzzerOptions) {
    this.#executor = new Executor(program, { timeoutMs });
    this.#random = new Random(seed);
    const { octetsMax } = this.#executor.limits;
    this.#mutator = new Mutator({ random: this.#random, dictionary: program.dictionary, octetsMax });
    this.coverage = new Coverage(program.counters);
    this.corpus = new Corpus(this.coverage);
    this.#findingsMax = findingsMax;
    this.#seeds = [new Uint8Array(0), new Uint8Array(8), ...seeds].map((bytes) => bytes.slice(0, octetsMax)).reverse();
  }

  get finished(): boolean {
    return this.crashes.length >= this.#findingsMax;
  }

  /** Runs `count` more executions, fewer when it is finished before. */
  run(count: number): void {
    const end = this.executions + count;
    while (this.executions < end && !this.finished) {
      try {
        // An input that reached something new is examined outside of the batch, under a watchdog of its own.
        const bytes = this.#executor.guarded(() => this.#batch(end), BATCH_MS);
        if (bytes !== undefined) this.#keep(bytes);
      } catch (error) {
        if (!(error instanceof HangError)) throw error;
        const culprit = this.#executor.current.slice();
        const found = this.#executor.examine(culprit, HANG_PATIENCE);
        if (found !== undefined) this.#report(found, culprit); // or else the whole machine stood still
      }
    }
  }

  /** Executes until something has to be looked at, and returns it; for {@link BATCH_MS} at most, and a few executions. */
  #batch(end: number): Uint8Array | undefined {
    const started = performance.now();
    while (this.executions < end) {
      if (this.executions % 8 === 0 && performance.now() - started > BATCH_MS) return undefined;
      const bytes = this.#next();
      this.executions++;
      const found = this.#executor.execute(bytes);
      const { isNew, cost } = this.coverage.add();
      if (found !== undefined || isNew || this.#isSlow(cost, bytes.length)) return bytes.slice();
    }
    return undefined;
  }

  #next(): Uint8Array {
    const seed = this.#seeds.pop();
    if (seed !== undefined) return seed;
    if (this.#parent === undefined || ++this.#children >= CHILDREN) {
      this.#parent = this.corpus.choose(this.#random);
      this.#children = 0;
    }
    return this.#mutator.mutate(this.#parent.bytes, this.#random.pick(this.corpus.entries).bytes);
  }

  #isSlow(cost: number, octets: number): boolean {
    if (cost * this.slowest.octets > this.slowest.steps * Math.max(octets, 64))
      this.slowest = { steps: cost, octets: Math.max(octets, 64) };
    if (this.#executor.judgeCost(cost, octets) !== undefined) return true;
    const sizeClass = 32 - Math.clz32(octets);
    if (cost <= 1.25 * (this.#costs[sizeClass] ?? 0)) return false;
    this.#costs[sizeClass] = cost;
    return true;
  }

  #keep(bytes: Uint8Array): void {
    const found = this.#executor.examine(bytes);
    if (found !== undefined) {
      this.#report(found, bytes);
      if (this.corpus.entries.length > 0) return;
    }
    this.#executor.execute(bytes); // once more: the slow laws have passed counters of their own
    this.corpus.add({ bytes, counters: this.coverage.present() });
    this.#mutator.praise();
  }

  #report(finding: Finding, bytes: Uint8Array): void {
    if (this.#signatures.has(finding.signature)) return;
    this.#signatures.add(finding.signature);
    const isSame = (candidate: Uint8Array): boolean => this.#executor.examine(candidate)?.signature === finding.signature;
    // Each try of a hang costs the whole time-out.
    const shortest = minimise(bytes, isSame, finding.kind === 'hang' ? 30 : 3000);
    const again = this.#executor.examine(shortest, HANG_PATIENCE);
    // A machine that stands still for a while looks like a hang: then what was found first counts.
    const crash = again?.signature === finding.signature ? { finding: again, bytes: shortest } : { finding, bytes };
    this.crashes.push({ ...crash, execution: this.executions });
  }

  /** A small set of short inputs that together reach every counter that the corpus reaches, `octetsMax` in all. */
  distil(octetsMax: number): Uint8Array[] {
    const distilled: Uint8Array[] = [];
    const covered = new Set<number>();
    let octets = 0;
    for (const entry of this.corpus.cover()) {
      const wanted = entry.counters.filter((counter) => !covered.has(counter));
      if (wanted.length === 0) continue;
      const { counters } = this.#executor.program;
      const reaches = (candidate: Uint8Array): boolean =>
        this.#executor.execute(candidate) === undefined && wanted.every((counter) => counters[counter] !== 0);
      const shortest = minimise(entry.bytes, reaches, 600);
      if (!reaches(shortest) || octets + shortest.length > octetsMax) continue;
      octets += shortest.length;
      distilled.push(shortest);
      this.#executor.execute(shortest);
      for (const counter of this.coverage.present()) covered.add(counter);
    }
    return distilled;
  }
}
