import { err, ok, type Result } from '@nexus-net/sansio';

/** Why octets are no `newc` archive, or none that can be served. */
export type NewcReject = 'truncated' | 'bad-magic' | 'bad-number' | 'bad-path' | 'duplicate-path';

/**
 * The plain files of a `newc` cpio archive by path (Documentation/driver-api/early-userspace/buffer-format.rst): what {@link newcArchive}
 * writes. Directories and links are passed over. Total; the files share the archive's octets.
 */
export function readNewcArchive(archive: Uint8Array): Result<ReadonlyMap<string, Uint8Array>, NewcReject> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; ; ) {
    if (archive.length < at + HEADER_LENGTH) return err('truncated');
    const text = String.fromCharCode(...archive.subarray(at, at + HEADER_LENGTH));
    if (!text.startsWith(MAGIC)) return err('bad-magic');
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    const fields = text.slice(MAGIC.length);
    if (!/^[0-9a-fA-F]+$/.test(fields)) return err('bad-number');
    const field = (index: number): number => Number.parseInt(fields.slice(8 * index, 8 * index + 8), 16);
    const [mode, size, nameLength] = [field(1), field(6), field(11)];
    const nameAt = at + HEADER_LENGTH;
    const dataAt = aligned(nameAt + nameLength);
    if (nameLength < 2 || archive.length < dataAt + size) return err('truncated');
    const path = new TextDecoder().decode(archive.subarray(nameAt, nameAt + nameLength - 1));
    if (path === TRAILER) return ok(files);
    if (!path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')) return err('bad-path');
    if ((mode & S_IFMT) === S_IFREG) {
      if (files.has(path)) return err('duplicate-path');
      files.set(path, archive.subarray(dataAt, dataAt + size));
    }
    at = aligned(dataAt + size);
  }
}

function aligned(offset: number): number {
  return offset + (-offset & 3);
}

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const HEADER_LENGTH = MAGIC.length + 13 * 8;
// Of stat(2).
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
