import type { Result } from '@nexus-net/sansio';
import { err, ok } from '@nexus-net/sansio';

export type Lz4Error = 'no-magic' | 'truncated' | 'bad-offset' | 'block-too-long';

/**
 * Unpacks the legacy LZ4 stream in which a Linux kernel lies: a magic number, then blocks with a little-endian length before
 * each, of 8 MiB unpacked at most. What follows the last block is left alone. `octetsMax` bounds the result.
 */
export function decodeLz4Legacy(stream: Uint8Array, octetsMax: number): Result<Uint8Array, Lz4Error> {
  if (stream.length < 4 || MAGIC.some((octet, at) => stream[at] !== octet)) return err('no-magic');
  const out = new Uint8Array(octetsMax);
  let length = 0;
  let at = MAGIC.length;
  while (at + 4 <= stream.length) {
    const size = lengthAt(stream, at);
    if (size === 0 || size > COMPRESSED_MAX) break; // not a block: the size of the kernel that the build leaves behind it
    if (at + 4 + size > stream.length) return err('truncated');
    const end = Math.min(octetsMax, length + BLOCK_MAX);
    const unpacked = decodeBlock(stream.subarray(at + 4, at + 4 + size), out.subarray(0, end), length);
    if (!unpacked.ok) return unpacked;
    length = unpacked.value;
    at += 4 + size;
  }
  return ok(out.subarray(0, length));
}

/** One block: sequences of literals and copies of what came before. Returns where `out` ends now. */
function decodeBlock(block: Uint8Array, out: Uint8Array, start: number): Result<number, Lz4Error> {
  let from = 0;
  let to = start;
  const extended = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (let octet = 255; octet === 255; ) {
      octet = block[from++] ?? Number.NaN; // past the end: not a number fails every comparison that follows
      length += octet;
    }
    return length;
  };
  while (from < block.length) {
    const token = block[from++] as number;
    const literals = extended(token >> 4);
    if (!(from + literals <= block.length)) return err('truncated');
    if (to + literals > out.length) return err('block-too-long');
    out.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) return ok(to); // the last sequence has literals alone
    if (from + 2 > block.length) return err('truncated');
    const offset = (block[from] as number) | ((block[from + 1] as number) << 8);
    from += 2;
    const copied = extended(token & 15) + MATCH_MIN;
    if (offset === 0 || offset > to - start) return err('bad-offset');
    if (Number.isNaN(copied)) return err('truncated');
    if (to + copied > out.length) return err('block-too-long');
    if (offset >= copied) {
      out.copyWithin(to, to - offset, to - offset + copied);
      to += copied;
    } else {
      for (const end = to + copied; to < end; to++) out[to] = out[to - offset] as number; // overlaps: a pattern repeats
    }
  }
  return ok(to);
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

const MAGIC = [0x02, 0x21, 0x4c, 0x18] as const;
const MATCH_MIN = 4;
const BLOCK_MAX = 8 * 2 ** 20;
/** A block that can't be packed grows by one octet in 255, and a few. */
const COMPRESSED_MAX = BLOCK_MAX + BLOCK_MAX / 255 + 16;
