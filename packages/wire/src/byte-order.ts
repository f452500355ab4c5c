import { readU16, readU32 } from '@nexus-net/sansio';

/** Reads integers in one of the two octet orders, for files that say which one they use. Past the end reads zero. */
export interface ByteOrder {
  u16(bytes: Uint8Array, offset: number): number;
  /** Unsigned. */
  u32(bytes: Uint8Array, offset: number): number;
}

/** Most significant octet first. */
export const BIG_ENDIAN: ByteOrder = { u16: readU16, u32: readU32 };

/** Least significant octet first. */
export const LITTLE_ENDIAN: ByteOrder = {
  u16: (bytes, offset) => (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8),
  u32: (bytes, offset) =>
    ((bytes[offset] ?? 0) |
      ((bytes[offset + 1] ?? 0) << 8) |
      ((bytes[offset + 2] ?? 0) << 16) |
      ((bytes[offset + 3] ?? 0) << 24)) >>>
    0,
};

/**
 * The same octets as a plain Uint8Array. A file that was read by Node comes as a Buffer: views of it would be Buffers as well,
 * whose `slice` does not copy.
 */
export function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
