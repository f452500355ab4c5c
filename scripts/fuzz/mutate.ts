import type { Random } from './random.js';

/** Changes inputs. Works in one buffer of its own: an outcome is valid until the next call, the caller copies what it keeps. */
export class Mutator {
  readonly #random: Random;
  readonly #dictionary: readonly Uint8Array[];
  readonly #octetsMax: number;
  readonly #buffer: Uint8Array;
  #length = 0;
  /** Tokens of the last change, and tokens that led somewhere: these are tried more often. */
  #used: Uint8Array[] = [];
  readonly #useful: Uint8Array[] = [];

  constructor({
    random,
    dictionary,
    octetsMax,
  }: {
    readonly random: Random;
    readonly dictionary: readonly Uint8Array[];
    /** No outcome is longer. */
    readonly octetsMax: number;
  }) {
    this.#random = random;
    this.#dictionary = dictionary;
    this.#octetsMax = octetsMax;
    this.#buffer = new Uint8Array(octetsMax);
  }

  /** `base` with one to sixteen changes, more often few; pieces come from `other`. */
  mutate(base: Uint8Array, other: Uint8Array): Uint8Array {
    const random = this.#random;
    this.#length = Math.min(base.length, this.#octetsMax);
    this.#buffer.set(base.subarray(0, this.#length));
    this.#used = [];
    const changes = 1 << random.below(random.oneIn(4) ? 5 : 3);
    for (let i = 0; i < changes; i++) this.#change(other);
    return this.#buffer.subarray(0, this.#length);
  }

  /** The last outcome was worth keeping. */
  praise(): void {
    for (const token of this.#used) {
      if (this.#useful.length < 256) this.#useful.push(token);
      else this.#useful[this.#random.below(256)] = token;
    }
  }

  #change(other: Uint8Array): void {
    const random = this.#random;
    const buffer = this.#buffer;
    if (this.#length === 0) {
      this.#insert(this.#token(), 0);
      return;
    }
    const at = random.below(this.#length);
    switch (random.below(16)) {
      case 0:
      case 1:
        buffer[at] = (buffer[at] as number) ^ (1 << random.below(8));
        return;
      case 2:
        buffer[at] = random.below(256);
        return;
      case 3:
        buffer[at] = random.pick(INTERESTING_OCTETS);
        return;
      case 4:
        this.#add(at, random.below(2) === 0 ? 1 + random.below(16) : -1 - random.below(16));
        return;
      case 5:
        this.#write(at, random.pick(INTERESTING_NUMBERS));
        return;
      case 6: // a length: of what follows, of the whole, of the distance to another place
        this.#write(
          at,
          random.pick([
            this.#length - at,
            this.#length - at - 1,
            this.#length - at - 2,
            this.#length,
            random.below(this.#length),
          ]),
        );
        return;
      case 7:
        this.#remove(at, 1 + random.below(random.oneIn(4) ? this.#length - at : Math.min(16, this.#length - at)));
        return;
      case 8: {
        const length = 1 + random.below(Math.min(random.oneIn(4) ? 256 : 16, this.#length - at));
        const copy = buffer.slice(at, at + length);
        if (random.below(2) === 0) this.#insert(copy, random.below(this.#length + 1));
        else this.#overwrite(copy, random.below(this.#length));
        return;
      }
      case 9:
      case 10:
        this.#overwrite(this.#token(), at);
        return;
      case 11:
      case 12:
        this.#insert(this.#token(), random.below(this.#length + 1));
        return;
      case 13:
        this.#insert(random.oneIn(2) ? new Uint8Array(1 + random.below(32)) : this.#noise(1 + random.below(8)), at);
        return;
      case 14: {
        if (other.length === 0) return;
        const from = random.below(other.length);
        const piece = other.subarray(from, from + 1 + random.below(Math.min(64, other.length - from)));
        if (random.below(2) === 0) this.#insert(piece, random.below(this.#length + 1));
        else this.#overwrite(piece, at);
        return;
      }
      default: // the head of the one, the tail of the other
        if (random.oneIn(3)) {
          this.#length = at;
          this.#insert(other.subarray(random.below(other.length + 1)), at);
        } else this.#length = Math.max(1, this.#length - random.below(8));
    }
  }

  #token(): Uint8Array {
    const random = this.#random;
    const from = this.#useful.length > 0 && random.oneIn(2) ? this.#useful : this.#dictionary;
    const token = from.length === 0 ? this.#noise(4) : random.pick(from);
    this.#used.push(token);
    return token;
  }

  #noise(length: number): Uint8Array {
    const noise = new Uint8Array(length);
    for (let i = 0; i < length; i++) noise[i] = this.#random.below(256);
    return noise;
  }

  #insert(piece: Uint8Array, at: number): void {
    const count = Math.min(piece.length, this.#octetsMax - this.#length);
    this.#buffer.copyWithin(at + count, at, this.#length);
    this.#copy(piece, at, count);
    this.#length += count;
  }

  #overwrite(piece: Uint8Array, at: number): void {
    const count = Math.min(piece.length, this.#octetsMax - at);
    this.#copy(piece, at, count);
    this.#length = Math.max(this.#length, at + count);
  }

  /** Octet by octet: pieces are short, and a view for each would keep the garbage collector busy. */
  #copy(piece: Uint8Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) this.#buffer[at + i] = piece[i] as number;
  }

  #remove(at: number, count: number): void {
    this.#buffer.copyWithin(at, at + count, this.#length);
    this.#length -= count;
  }

  /** A number of one, two or four octets in either byte order, cut where the input ends. */
  #write(at: number, value: number): void {
    const width = 1 << this.#random.below(3);
    const bigEndian = this.#random.below(3) > 0;
    for (let i = 0; i < width && at + i < this.#length; i++)
      this.#buffer[at + i] = value >>> (8 * (bigEndian ? width - 1 - i : i));
  }

  #add(at: number, delta: number): void {
    const buffer = this.#buffer;
    if (this.#random.below(2) === 0 || at + 1 >= this.#length) {
      buffer[at] = (buffer[at] as number) + delta;
      return;
    }
    const value = ((buffer[at] as number) << 8) + (buffer[at + 1] as number) + delta;
    buffer[at] = value >>> 8;
    buffer[at + 1] = value;
  }
}

const INTERESTING_OCTETS: readonly number[] = [0, 1, 2, 4, 8, 16, 20, 32, 63, 64, 100, 127, 128, 192, 252, 253, 254, 255];
const INTERESTING_NUMBERS: readonly number[] = [
  ...[0, 1, 2, 16, 127, 128, 255, 256, 257, 1000, 1024, 1500, 4095, 4096, 32_767, 32_768, 65_534, 65_535, 65_536],
  ...[0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff],
];
