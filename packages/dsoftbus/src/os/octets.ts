// The frames of the OS's services are little-endian. Past the end these read zero, like the big-endian ones of sansio.

export function readU16le(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

/** Unsigned. */
export function readU32le(bytes: Uint8Array, offset: number): number {
  return (readU16le(bytes, offset) | (readU16le(bytes, offset + 2) << 16)) >>> 0;
}

export function readU64le(bytes: Uint8Array, offset: number): bigint {
  return BigInt(readU32le(bytes, offset)) | (BigInt(readU32le(bytes, offset + 4)) << 32n);
}

/** Appends little-endian fields: small frames, built once. */
export class FrameBuilder {
  readonly #octets: number[] = [];

  constructor(...head: readonly number[]) {
    this.#octets.push(...head);
  }

  get length(): number {
    return this.#octets.length;
  }

  u8(value: number): this {
    this.#octets.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  u32(value: number): this {
    return this.u16(value).u16(value >>> 16);
  }

  u64(value: bigint): this {
    return this.u32(Number(value & 0xffffffffn)).u32(Number((value >> 32n) & 0xffffffffn));
  }

  bytes(octets: Uint8Array): this {
    for (const octet of octets) this.#octets.push(octet);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#octets);
  }
}

export function startsWith(bytes: Uint8Array, ...head: readonly number[]): boolean {
  return head.every((octet, i) => bytes[i] === octet);
}
