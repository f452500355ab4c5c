import type { Entropy } from '@nexus-net/sansio';

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of four 32-bit words under a key drawn at construction: the F of RFC 6528 §3, of RFC 6056 §3.3 and of
 * SYN cookies. Gives the low 32 bits, unsigned.
 */
export class KeyedHash {
  readonly #key: Int32Array = new Int32Array(4);
  /** Scratch: nothing of it outlives a call. */
  readonly #state: Int32Array = new Int32Array(8);

  constructor(entropy: Entropy) {
    for (let i = 0; i < 4; i++) this.#key[i] = entropy.u32();
  }

  hash(a: number, b: number, c: number, d: number): number {
    const key = this.#key;
    const v = this.#state;
    // v0 = k0 ^ "somepseu", v1 = k1 ^ "dorandom", v2 = k0 ^ "lygenera", v3 = k1 ^ "tedbytes"; low half first.
    v[0] = (key[0] as number) ^ 0x70736575;
    v[1] = (key[1] as number) ^ 0x736f6d65;
    v[2] = (key[2] as number) ^ 0x6e646f6d;
    v[3] = (key[3] as number) ^ 0x646f7261;
    v[4] = (key[0] as number) ^ 0x6e657261;
    v[5] = (key[1] as number) ^ 0x6c796765;
    v[6] = (key[2] as number) ^ 0x79746573;
    v[7] = (key[3] as number) ^ 0x74656462;
    absorb(v, a, b);
    absorb(v, c, d);
    absorb(v, 0, 16 << 24); // the length of the message, in octets, in the last octet
    v[4] = (v[4] as number) ^ 0xff;
    for (let i = 0; i < 4; i++) round(v);
    return ((v[0] as number) ^ (v[2] as number) ^ (v[4] as number) ^ (v[6] as number)) >>> 0;
  }
}

function absorb(v: Int32Array, low: number, high: number): void {
  v[6] = (v[6] as number) ^ low;
  v[7] = (v[7] as number) ^ high;
  round(v);
  round(v);
  v[0] = (v[0] as number) ^ low;
  v[1] = (v[1] as number) ^ high;
}

function round(v: Int32Array): void {
  add(v, 0, 2);
  rotate(v, 2, 13);
  mix(v, 2, 0);
  swap(v, 0);
  add(v, 4, 6);
  rotate(v, 6, 16);
  mix(v, 6, 4);
  add(v, 0, 6);
  rotate(v, 6, 21);
  mix(v, 6, 0);
  add(v, 4, 2);
  rotate(v, 2, 17);
  mix(v, 2, 4);
  swap(v, 4);
}

// Words are pairs: `at` the low half, `at + 1` the high half.

function add(v: Int32Array, to: number, from: number): void {
  const low = ((v[to] as number) >>> 0) + ((v[from] as number) >>> 0);
  v[to] = low;
  v[to + 1] = (v[to + 1] as number) + (v[from + 1] as number) + (low > 0xffffffff ? 1 : 0);
}

function mix(v: Int32Array, to: number, from: number): void {
  v[to] = (v[to] as number) ^ (v[from] as number);
  v[to + 1] = (v[to + 1] as number) ^ (v[from + 1] as number);
}

function rotate(v: Int32Array, at: number, bits: number): void {
  const low = v[at] as number;
  const high = v[at + 1] as number;
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

/** A rotation by 32. */
function swap(v: Int32Array, at: number): void {
  const low = v[at] as number;
  v[at] = v[at + 1] as number;
  v[at + 1] = low;
}
