import type { Result } from '@nexus-net/sansio';
import { err } from '@nexus-net/sansio';
import { decodeLz4Legacy, type Lz4Error } from './lz4-legacy.js';

export type BzImageError = 'no-boot-header' | 'no-payload' | Lz4Error;

/**
 * The kernel inside a `vmlinuz` for x86, as the ELF file that QEMU starts at its PVH entry: a fifth of a second earlier than
 * through the real-mode code and the unpacker of the kernel itself. (Documentation/arch/x86/boot.rst: `setup_sects`,
 * `payload_offset`, `payload_length`, protocol 2.08.)
 */
export function vmlinuxOf(bzImage: Uint8Array): Result<Uint8Array, BzImageError> {
  if (bzImage.length < HEADER_END) return err('no-boot-header');
  const view = new DataView(bzImage.buffer, bzImage.byteOffset, bzImage.byteLength);
  if (view.getUint32(HEADER_MAGIC_AT, true) !== HEADER_MAGIC || view.getUint16(VERSION_AT, true) < 0x0208) {
    return err('no-boot-header');
  }
  const setupSectors = view.getUint8(SETUP_SECTS_AT) || 4; // zero means four, for the oldest loaders
  const start = (setupSectors + 1) * 512 + view.getUint32(PAYLOAD_OFFSET_AT, true);
  const length = view.getUint32(PAYLOAD_LENGTH_AT, true);
  if (length < 4 || start + length > bzImage.length) return err('no-payload');
  // The build puts the unpacked size behind the payload's data.
  const unpacked = view.getUint32(start + length - 4, true);
  if (unpacked > VMLINUX_OCTETS_MAX) return err('block-too-long');
  return decodeLz4Legacy(bzImage.subarray(start, start + length - 4), unpacked);
}

const SETUP_SECTS_AT = 0x1f1;
const HEADER_MAGIC_AT = 0x202;
const VERSION_AT = 0x206;
const PAYLOAD_OFFSET_AT = 0x248;
const PAYLOAD_LENGTH_AT = 0x24c;
const HEADER_END = 0x250;
const HEADER_MAGIC = 0x53726448; // "HdrS"
const VMLINUX_OCTETS_MAX = 512 * 2 ** 20;
