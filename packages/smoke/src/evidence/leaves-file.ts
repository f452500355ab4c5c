import { concatBytes, err, ok, type Result } from '@nexus-net/sansio';
import { ARCHIVE_FILES_MAX, isArchiveName } from './archive.js';
import { CHUNK_KINDS, encodeFileHead, type FileLeaves, HASH_LENGTH, HEAD_AFTER_NAME } from './hash-tree.js';

export type LeavesError = 'truncated' | 'bad-name' | 'bad-kind' | 'bad-count' | 'too-many-files' | 'trailing-octets';

// 0..4 count of files, big-endian; of each its head, as `encodeFileHead` writes it, and the leaves of 32 octets.

/** The first level of the tree as octets: with it a verifier can say where a file was altered, and not only that it was. */
export function encodeLeaves(files: readonly FileLeaves[]): Uint8Array {
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, files.length);
  const parts = files.flatMap((file) => [encodeFileHead(file), ...file.leaves]);
  return concatBytes([count, ...parts]);
}

/** Total, and bounded by the octets that are there: a count that promises more than follows is refused before anything is made of it. */
export function decodeLeaves(bytes: Uint8Array): Result<readonly FileLeaves[], LeavesError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) return err('truncated');
  const count = view.getUint32(0);
  if (count > ARCHIVE_FILES_MAX) return err('too-many-files');
  const files: FileLeaves[] = [];
  let offset = 4;
  for (let i = 0; i < count; i++) {
    if (offset + 2 > bytes.length) return err('truncated');
    const nameLength = view.getUint16(offset);
    const at = offset + 2 + nameLength;
    if (at + HEAD_AFTER_NAME > bytes.length) return err('truncated');
    const name = new TextDecoder('latin1').decode(bytes.subarray(offset + 2, at));
    if (!isArchiveName(name) || files.some((file) => file.name === name)) return err('bad-name');
    const kind = CHUNK_KINDS[view.getUint8(at)];
    if (kind === undefined) return err('bad-kind');
    const octets = Number(view.getBigUint64(at + 1));
    const leafCount = view.getUint32(at + 9);
    offset = at + HEAD_AFTER_NAME;
    if (leafCount > octets) return err('bad-count');
    if (offset + leafCount * HASH_LENGTH > bytes.length) return err('truncated');
    const leaves = Array.from({ length: leafCount }, (_, leaf) => {
      const start = offset + leaf * HASH_LENGTH;
      return bytes.subarray(start, start + HASH_LENGTH);
    });
    files.push({ name, kind, octets, leaves });
    offset += leafCount * HASH_LENGTH;
  }
  return offset === bytes.length ? ok(files) : err('trailing-octets');
}
