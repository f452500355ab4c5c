/**
 * Storage for the buffers of all connections of a host: arrays of 2^n octets, handed out until `octetsMax` are in use. Arrays that come back
 * are kept for the next user, not cleared: a ring hands out only what was written into it. So an idle connection holds none.
 */
export class BufferPool {
  readonly #octetsMax: number;
  readonly #keptMax: number;
  readonly #free = new Map<number, Uint8Array[]>();
  #used = 0;
  #kept = 0;

  constructor({ octetsMax, keptMax }: { readonly octetsMax: number; readonly keptMax: number }) {
    this.#octetsMax = octetsMax;
    this.#keptMax = keptMax;
  }

  /** Octets in use by connections. */
  get used(): number {
    return this.#used;
  }

  /** An array of 2^n octets, at least `octets`; `undefined` where that would exceed the total. */
  take(octets: number): Uint8Array | undefined {
    const size = sizeClass(octets);
    if (this.#used + size > this.#octetsMax) return undefined;
    this.#used += size;
    const kept = this.#free.get(size)?.pop();
    if (kept === undefined) return new Uint8Array(size);
    this.#kept -= size;
    return kept;
  }

  give(array: Uint8Array): void {
    const size = array.length;
    if (size === 0) return;
    this.#used -= size;
    if (this.#kept + size > this.#keptMax) return;
    this.#kept += size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [array]);
    else list.push(array);
  }
}

/** The least power of two that holds `octets`, 1 KiB or more. */
function sizeClass(octets: number): number {
  return octets <= LEAST ? LEAST : 2 ** (32 - Math.clz32(octets - 1));
}

const LEAST = 1_024;
