/** What a file `packages/<package>/test/fuzz/<target>.ts` exports. `npm run fuzz` runs it, `npm test` replays its corpus. */
export interface FuzzModule {
  /** Throws where a law is broken. The same octets always take the same way: nothing is kept between two calls. */
  target(bytes: Uint8Array): void;
  /** Laws that are too slow for each execution: run for inputs that reach something new, and at replay. */
  strict?(bytes: Uint8Array): void;
  /** Inputs to start from, beside the files of the corpus. */
  seeds?(): readonly Uint8Array[];
  readonly limits?: FuzzLimits;
}

/** Where an input is too long, too expensive or asks for too much memory. What is left out has a default in the fuzzer. */
export interface FuzzLimits {
  /** Octets of an input at most. */
  readonly octetsMax?: number;
  /** Steps (counted statements, functions and branches of the sources) that an input may cost: base, and for each octet. */
  readonly costBase?: number;
  readonly costPerOctet?: number;
  /** Octets that the sources may ask for as `new Uint8Array(length)`. */
  readonly allocatedBase?: number;
  readonly allocatedPerOctet?: number;
}

/** States a law inside of a target. */
export function demand(condition: boolean, law: string): asserts condition {
  if (!condition) throw new Error(`law broken: ${law}`);
}

/** Two values of codecs are the same: plain objects, arrays, octets, maps, numbers. Faster than `isDeepStrictEqual`. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || a instanceof Uint8Array) {
    if (!(Array.isArray(b) || b instanceof Uint8Array) || Array.isArray(a) !== Array.isArray(b) || a.length !== b.length)
      return false;
    for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
    return true;
  }
  if (a instanceof Map || a instanceof Set) {
    return b instanceof Object && a.constructor === b.constructor && isSame([...a], [...(b as Map<unknown, unknown>)]);
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key) || !isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** The same octets, but reading an index outside of them throws, in every view of them as well. Slow: for `strict`. */
export function guarded(bytes: Uint8Array): Uint8Array {
  return new Proxy(bytes, {
    get(octets, key) {
      if (typeof key === 'string' && /^-?\d+$|^NaN$|\./.test(key)) {
        const index = Number(key);
        if (!(Number.isInteger(index) && index >= 0 && index < octets.length))
          throw new RangeError(`read of octet ${key} of ${octets.length}`);
        return octets[index];
      }
      if (key === 'subarray') return (start?: number, end?: number) => guarded(octets.subarray(start, end));
      const value: unknown = Reflect.get(octets, key, octets);
      return typeof value === 'function' ? value.bind(octets) : value;
    },
  });
}

/** Takes everything that a queue holds; no call may bring more than `countMax`. */
export function drain<T>(poll: () => T | undefined, countMax = 1000): T[] {
  const all: T[] = [];
  for (let one = poll(); one !== undefined; one = poll()) {
    all.push(one);
    demand(all.length <= countMax, `one call brings at most ${countMax} things`);
  }
  return all;
}

/** Octets as a script: decisions, numbers and pieces of data. After the end all draws are zero. */
export class FuzzScript {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return ((this.u16() << 16) | this.u16()) >>> 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.u8() % choices.length] as T;
  }

  /** The next `length` octets, fewer at the end: a copy. */
  take(length: number): Uint8Array {
    const start = Math.min(this.#at, this.#bytes.length);
    this.#at += length;
    return this.#bytes.slice(start, start + length);
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length);
  }
}
