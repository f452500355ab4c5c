/** Little-endian; zero past the end, like the big-endian readers of sansio. */
export function readU16Le(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

/** Little-endian, unsigned. */
export function readU32Le(bytes: Uint8Array, offset: number): number {
  return (readU16Le(bytes, offset) | (readU16Le(bytes, offset + 2) << 16)) >>> 0;
}

export function writeU16Le(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

export function writeU32Le(bytes: Uint8Array, offset: number, value: number): void {
  writeU16Le(bytes, offset, value);
  writeU16Le(bytes, offset + 2, value >>> 16);
}
