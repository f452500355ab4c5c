import { SeededEntropy } from '@nexus-net/sansio';

/** Draws of the fuzzer. The same seed gives the same draws, so a run is repeated by its seed and its count of executions. */
export class Random {
  readonly #entropy: SeededEntropy;

  constructor(seed: number | string) {
    this.#entropy = new SeededEntropy(seed);
  }

  /** An integer in 0..count-1. A bias of count / 2^32 does not matter here, speed does. */
  below(count: number): number {
    return Math.floor((this.#entropy.u32() / 2 ** 32) * count);
  }

  /** True once in `count` draws. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  u32(): number {
    return this.#entropy.u32();
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}
