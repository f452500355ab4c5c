import { bytesEqual } from '@nexus-net/sansio';
import type { ArchiveFile } from './archive.js';
import { type Chunk, type ChunkKind, chunksOf } from './chunks.js';
import { type FileLeaves, leavesOf } from './hash-tree.js';

/** Where a file is not what its leaves say, in the file's own terms, or nothing where it is. */
export function alteration(sealed: FileLeaves, { name, bytes }: ArchiveFile): string | undefined {
  const { kind, octets, leaves } = sealed;
  const present = leavesOf(name, kind, bytes).leaves;
  const chunks = chunksOf(kind, bytes);
  const shorter = Math.min(present.length, leaves.length);
  let first = 0;
  while (first < shorter && same(present[first], leaves[first])) first++;
  if (first === present.length && first === leaves.length && bytes.length === octets) return undefined;
  let behind = 0;
  while (behind < shorter - first && same(present.at(-1 - behind), leaves.at(-1 - behind))) behind++;
  const grown = bytes.length - octets;
  const length = grown === 0 ? '' : grown > 0 ? `, ${grown} octets more than sealed` : `, ${-grown} octets fewer than sealed`;
  return `${place(kind, chunks.slice(first, present.length - behind), chunks[first - 1])}${length}`;
}

function place(kind: ChunkKind, altered: readonly Chunk[], before: Chunk | undefined): string {
  const [first, last] = [altered[0], altered.at(-1)];
  if (first === undefined || last === undefined)
    return `something is gone behind ${before === undefined ? 'its beginning' : spot(kind, before)}`;
  return spot(kind, { ...first, end: last.end, last: Math.max(first.last, last.last) });
}

function spot(kind: ChunkKind, { start, end, first, last }: Chunk): string {
  const octets = `octets ${start} to ${end - 1}`;
  if (kind === 'octets' || last < first) return octets;
  const what = kind === 'lines' ? 'line' : 'frame';
  return `${first === last ? `${what} ${first}` : `${what}s ${first} to ${last}`} (${octets})`;
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && bytesEqual(a, b);
}
