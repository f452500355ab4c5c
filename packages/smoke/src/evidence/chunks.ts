/** How a file is cut into the leaves of the tree: so that a verifier can say where it was altered in the file's own terms. */
export type ChunkKind = 'octets' | 'lines' | 'frames';

/** A piece of a file. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  /** What it holds, counted from 1: lines of `lines`, packets of `frames` (none in a block that is no packet). */
  readonly first: number;
  readonly last: number;
}

/** A leaf has 32 octets, so short lines share one: the leaves of a file are never longer than half of it. */
const LINES_OCTETS_MIN = 64;
/** A longer piece is cut: a line or a block without an end must not be one leaf. */
const CHUNK_OCTETS_MAX = 65_536;

/** The kind for a file of a run, by its name. */
export function chunkKindOf(name: string): ChunkKind {
  if (name.endsWith('.pcapng')) return 'frames';
  return name.endsWith('.ndjson') || name.endsWith('.log') || name.endsWith('.json') ? 'lines' : 'octets';
}

/** Cuts a file. Total: every octet is in one chunk, in order, and no chunk is empty. */
export function chunksOf(kind: ChunkKind, bytes: Uint8Array): readonly Chunk[] {
  if (kind === 'lines') return lineChunks(bytes);
  return kind === 'frames' ? frameChunks(bytes) : octetChunks(bytes, { from: 0, count: 0 });
}

function lineChunks(bytes: Uint8Array): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0, line = 1; start < bytes.length; ) {
    // No line end is looked for beyond the longest chunk: a file without any must not be read again for each.
    const reach = bytes.subarray(0, start + CHUNK_OCTETS_MAX);
    let end = start;
    let ended = 0;
    while (end < reach.length && end - start < LINES_OCTETS_MIN) {
      const lineEnd = reach.indexOf(LF, end);
      if (lineEnd >= 0) ended++;
      end = lineEnd < 0 ? reach.length : lineEnd + 1;
    }
    const isWhole = bytes[end - 1] === LF;
    chunks.push({ start, end, first: line, last: line + ended - (isWhole ? 1 : 0) });
    line += ended;
    start = end;
  }
  return chunks;
}

/** A pcapng file by its blocks. From the first octet that begins no block on it is cut as octets are. */
function frameChunks(bytes: Uint8Array): readonly Chunk[] {
  const chunks: Chunk[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let littleEndian = true;
  let packets = 0;
  let start = 0;
  while (start + 12 <= bytes.length) {
    if (view.getUint32(start, true) === SECTION_HEADER) littleEndian = view.getUint32(start + 8, true) === BYTE_ORDER_MAGIC;
    const length = view.getUint32(start + 4, littleEndian);
    if (length < 12 || length % 4 !== 0 || length > CHUNK_OCTETS_MAX * 16 || start + length > bytes.length) break;
    const isPacket = PACKET_BLOCKS.includes(view.getUint32(start, littleEndian));
    if (isPacket) packets++;
    chunks.push({ start, end: start + length, first: isPacket ? packets : packets + 1, last: packets });
    start += length;
  }
  return [...chunks, ...octetChunks(bytes, { from: start, count: packets })];
}

function octetChunks(bytes: Uint8Array, { from, count }: { readonly from: number; readonly count: number }): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = from; start < bytes.length; start += CHUNK_OCTETS_MAX)
    chunks.push({ start, end: Math.min(bytes.length, start + CHUNK_OCTETS_MAX), first: count + 1, last: count });
  return chunks;
}

const LF = 0x0a;
// draft-ietf-opsawg-pcapng §3.1, §4.1, §4.3, §4.4, appendix A
const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Enhanced, simple and obsolete packet blocks. */
const PACKET_BLOCKS: readonly number[] = [6, 3, 2];
