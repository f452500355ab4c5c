import { Buffer } from 'node:buffer';

/** Writes capture files as others do: either byte order, odd options, wrong lengths. Shares nothing with src. */
export class FileBuilder {
  readonly little: boolean;
  constructor(order: 'little' | 'big') {
    this.little = order === 'little';
  }

  u16(value: number): Uint8Array {
    return this.#inOrder(2, value);
  }

  u32(value: number): Uint8Array {
    return this.#inOrder(4, value);
  }

  s64(value: bigint): Uint8Array {
    return this.#inOrder(8, value);
  }

  // pcap

  pcapHeader({
    magic = 0xa1b2c3d4,
    major = 2,
    snapLength = 65_535,
    linkType = 1,
  }: {
    readonly magic?: number;
    readonly major?: number;
    readonly snapLength?: number;
    readonly linkType?: number;
  } = {}): Uint8Array {
    return join(this.u32(magic), this.u16(major), this.u16(4), new Uint8Array(8), this.u32(snapLength), this.u32(linkType));
  }

  record({
    seconds = 0,
    fraction = 0,
    data = new Uint8Array(0),
    captured = data.length,
    original = captured,
    extra = 0,
  }: {
    readonly seconds?: number;
    readonly fraction?: number;
    readonly data?: Uint8Array;
    readonly captured?: number;
    readonly original?: number;
    /** Octets between header and data: 8 in Kuznetzov's variant. */
    readonly extra?: number;
  }): Uint8Array {
    const header = [seconds, fraction, captured, original].map((value) => this.u32(value));
    return join(...header, new Uint8Array(extra).fill(0xee), data);
  }

  // pcapng

  option(code: number, value: Uint8Array | string): Uint8Array {
    const octets = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    return join(this.u16(code), this.u16(octets.length), padded(octets));
  }

  block(type: number, ...body: readonly Uint8Array[]): Uint8Array {
    const octets = join(...body);
    const length = this.u32(octets.length + 12);
    return join(this.u32(type), length, octets, length);
  }

  section({
    major = 1,
    magic = 0x1a2b3c4d,
    options = [],
  }: {
    major?: number;
    magic?: number;
    options?: readonly Uint8Array[];
  } = {}): Uint8Array {
    return this.block(0x0a0d0d0a, this.u32(magic), this.u16(major), this.u16(0), this.s64(-1n), ...options);
  }

  interface({
    linkType = 1,
    snapLength = 0,
    options = [],
  }: {
    linkType?: number;
    snapLength?: number;
    options?: readonly Uint8Array[];
  } = {}): Uint8Array {
    return this.block(1, this.u16(linkType), this.u16(0), this.u32(snapLength), ...options);
  }

  enhanced({
    interfaceId = 0,
    ticks = 0n,
    data = new Uint8Array(0),
    captured = data.length,
    original = captured,
    options = [],
  }: {
    readonly interfaceId?: number;
    readonly ticks?: bigint;
    readonly data?: Uint8Array;
    readonly captured?: number;
    readonly original?: number;
    readonly options?: readonly Uint8Array[];
  } = {}): Uint8Array {
    return this.block(6, this.u32(interfaceId), this.#packetBody({ ticks, data, captured, original }), ...options);
  }

  /** The obsolete packet block: a 16-bit interface and a count of drops. */
  obsolete({
    interfaceId = 0,
    drops = 0,
    ticks = 0n,
    data = new Uint8Array(0),
    options = [],
  }: {
    interfaceId?: number;
    drops?: number;
    ticks?: bigint;
    data?: Uint8Array;
    options?: readonly Uint8Array[];
  } = {}): Uint8Array {
    const body = this.#packetBody({ ticks, data, captured: data.length, original: data.length });
    return this.block(2, this.u16(interfaceId), this.u16(drops), body, ...options);
  }

  simple({ data, original = data.length }: { readonly data: Uint8Array; readonly original?: number }): Uint8Array {
    return this.block(3, this.u32(original), padded(data));
  }

  #inOrder(length: number, value: number | bigint): Uint8Array {
    const digits = BigInt.asUintN(8 * length, BigInt(value))
      .toString(16)
      .padStart(2 * length, '0');
    const octets = Uint8Array.from(Buffer.from(digits, 'hex'));
    return this.little ? octets.reverse() : octets;
  }

  #packetBody({
    ticks,
    data,
    captured,
    original,
  }: {
    readonly ticks: bigint;
    readonly data: Uint8Array;
    readonly captured: number;
    readonly original: number;
  }): Uint8Array {
    const words = [Number(ticks >> 32n), Number(ticks & 0xffffffffn), captured, original].map((value) => this.u32(value));
    return join(...words, padded(data));
  }
}

export const ORDERS = ['little', 'big'] as const;

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function padded(octets: Uint8Array): Uint8Array {
  return join(octets, new Uint8Array((4 - (octets.length % 4)) % 4));
}
