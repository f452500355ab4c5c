import { readU32 } from '@nexus-net/sansio';

/** One option after RFC 3396 concatenation: its code (1..254, never 52) and its whole value. */
export interface DhcpOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/**
 * The options of a message, in order of first appearance. A plain array of options is one; so is {@link DhcpOptions},
 * which a decoder hands out.
 */
export interface DhcpOptionList extends Iterable<DhcpOption> {
  readonly length: number;
  at(index: number): DhcpOption | undefined;
  find(predicate: (option: DhcpOption) => boolean): DhcpOption | undefined;
  filter(predicate: (option: DhcpOption) => boolean): DhcpOption[];
  map<T>(transform: (option: DhcpOption) => T): T[];
  some(predicate: (option: DhcpOption) => boolean): boolean;
}

/**
 * The options of a decoded message, each code once. Decoding records only where each value lies; a view of it is made
 * when somebody asks: thirty views cost more than all the rest of decoding.
 */
export class DhcpOptions implements DhcpOptionList {
  readonly #bytes: Uint8Array;
  /** One number for each option: offset of its value in `#bytes`, times 256, plus its code. */
  readonly #entries: readonly number[];
  /** Lengths of the values; absent where each value lies behind its own length octet. */
  readonly #lengths: readonly number[] | undefined;
  #items: readonly DhcpOption[] | undefined;

  /** For decoders: `bytes` must not change any more. */
  constructor(bytes: Uint8Array, entries: readonly number[], lengths?: readonly number[]) {
    this.#bytes = bytes;
    this.#entries = entries;
    this.#lengths = lengths;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The value of option `code`, or `undefined` where the message has none. At most 254 comparisons. */
  get(code: number): Uint8Array | undefined {
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) if ((entries[i]! & 0xff) === code) return this.#value(i);
    return undefined;
  }

  /** The value of option `code` as a big-endian number of four octets; `undefined` where there is none, or of another length. */
  u32(code: number): number | undefined {
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      if ((entries[i]! & 0xff) !== code) continue;
      const at = entries[i]! >>> 8;
      return (this.#lengths?.[i] ?? this.#bytes[at - 1]!) === 4 ? readU32(this.#bytes, at) : undefined;
    }
    return undefined;
  }

  /** All options, each with a view of its value. */
  toArray(): readonly DhcpOption[] {
    this.#items ??= this.#entries.map((entry, i) => ({ code: entry & 0xff, value: this.#value(i) }));
    return this.#items;
  }

  [Symbol.iterator](): IterableIterator<DhcpOption> {
    return this.toArray()[Symbol.iterator]();
  }

  at(index: number): DhcpOption | undefined {
    return this.toArray().at(index);
  }

  find(predicate: (option: DhcpOption) => boolean): DhcpOption | undefined {
    return this.toArray().find(predicate);
  }

  filter(predicate: (option: DhcpOption) => boolean): DhcpOption[] {
    return this.toArray().filter(predicate);
  }

  map<T>(transform: (option: DhcpOption) => T): T[] {
    return this.toArray().map(transform);
  }

  some(predicate: (option: DhcpOption) => boolean): boolean {
    return this.toArray().some(predicate);
  }

  #value(index: number): Uint8Array {
    const offset = this.#entries[index]! >>> 8;
    return this.#bytes.subarray(offset, offset + (this.#lengths?.[index] ?? this.#bytes[offset - 1]!));
  }
}

/**
 * The value of option `code` of a list or a message's list, or `undefined`. In a list that the local caller made, a code
 * given several times counts with its first instance.
 */
export function optionValue(options: DhcpOptionList, code: number): Uint8Array | undefined {
  return options instanceof DhcpOptions ? options.get(code) : options.find((option) => option.code === code)?.value;
}

/** The same options as an array. */
export function optionArray(options: DhcpOptionList): readonly DhcpOption[] {
  if (Array.isArray(options)) return options as readonly DhcpOption[];
  return options instanceof DhcpOptions ? options.toArray() : Array.from(options);
}
