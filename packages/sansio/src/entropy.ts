import { requireArgument } from './errors.js';

/** A source of random bits, given to a machine at construction. Never a default: two nodes must not draw the same. */
export interface Entropy {
  /** Uniform in 0..2^32-1. */
  u32(): number;
  /** Fills the whole array. */
  fill(bytes: Uint8Array): void;
}

/** Uniform integer in `low..high`, both inclusive; at most 2^32 values. Rejection sampling: no modulo bias. */
export function uniform(entropy: Entropy, { low, high }: { readonly low: number; readonly high: number }): number {
  const count = high - low + 1;
  requireArgument(
    Number.isSafeInteger(low) && Number.isSafeInteger(high) && count >= 1 && count <= 2 ** 32,
    'low..high are safe integers, at most 2^32 of them',
  );
  const limit = 2 ** 32 - (2 ** 32 % count);
  let draw = entropy.u32();
  while (draw >= limit) draw = entropy.u32();
  return low + (draw % count);
}

/** True with probability `p` (0..1), to a resolution of 2^-32. */
export function chance(entropy: Entropy, p: number): boolean {
  return entropy.u32() < p * 2 ** 32;
}

/**
 * Deterministic entropy for tests and simulations: the same seed gives the same draws, everywhere and for ever. Not for
 * keys. The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state with a counter, so no short cycles.
 */
export class SeededEntropy implements Entropy {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    // FNV-1a over the seed's text, finished differently for each word of state.
    let hash = 0x811c9dc5;
    for (const unit of `${typeof seed}:${seed}`) hash = Math.imul(hash ^ (unit.codePointAt(0) as number), 0x01000193);
    this.#a = mix(hash);
    this.#b = mix(hash ^ 0x9e3779b9);
    this.#c = mix(hash ^ 0x85ebca6b);
    for (let i = 0; i < 12; i++) this.u32(); // the author's warm-up: spreads the seed over the whole state
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 4) {
      const word = this.u32();
      for (let j = i; j < Math.min(i + 4, bytes.length); j++) bytes[j] = word >>> (8 * (j - i));
    }
  }

  /** An independent stream for one part of a simulation, so that a draw more in one part changes nothing in another. */
  fork(label: string): SeededEntropy {
    return new SeededEntropy(`${this.u32()}/${label}`);
  }
}

/** The 32-bit finalizer of MurmurHash3 (public domain): every input bit changes half of the output bits. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
