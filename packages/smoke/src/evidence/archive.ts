/** One file of an archive. */
export interface ArchiveFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Why octets are no archive of ours. Stable labels. */
export type ArchiveError =
  | 'truncated'
  /** A header that the writer would not have written for its name and size: another kind of entry, an owner, a time, a checksum. */
  | 'bad-header'
  /** A name that leads elsewhere, or that nobody here would give. */
  | 'bad-name'
  | 'duplicate-name'
  /** Octets that are not zero behind the end of a file, up to the next block. */
  | 'bad-padding'
  | 'too-many-files'
  /** Octets behind the two blocks that end an archive. */
  | 'trailing-octets';

export type ArchiveResult =
  | { readonly ok: true; readonly files: readonly ArchiveFile[] }
  | { readonly ok: false; readonly error: ArchiveError; readonly offset: number };

/** Files of one archive. */
export const ARCHIVE_FILES_MAX = 128;

// POSIX ustar (IEEE 1003.1, pax): blocks of 512 octets; 0..100 name, 100 mode, 108 uid, 116 gid, 124 size, 136 mtime, 148 checksum,
// 156 type, 257 magic, 263 version, 329 and 337 device numbers. Numbers are octal text with a NUL behind.
const BLOCK = 512;
const END = 2 * BLOCK;
const SIZE_MAX = 8 ** 11 - 1;
/** At most one folder deep, no dot in front, nothing that a shell or a file system reads as more than a name. */
const NAME = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,31}\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** May a file have this name? */
export function isArchiveName(name: string): boolean {
  return NAME.test(name);
}

/** Writes files in the given order: no time, no owner, mode 0644, so that the same files give the same octets everywhere. */
export function encodeArchive(files: readonly ArchiveFile[]): Uint8Array {
  const length = files.reduce((sum, { bytes }) => sum + BLOCK + padded(bytes.length), END);
  const out = new Uint8Array(length);
  let offset = 0;
  for (const { name, bytes } of files) {
    out.set(encodeHeader(name, bytes.length), offset);
    out.set(bytes, offset + BLOCK);
    offset += BLOCK + padded(bytes.length);
  }
  return out;
}

/**
 * Reads what {@link encodeArchive} wrote, and nothing else: each octet that it would have written otherwise is an error, with its offset. Total:
 * returns for every input; the files are views of it.
 */
export function decodeArchive(bytes: Uint8Array): ArchiveResult {
  const files: ArchiveFile[] = [];
  const names = new Set<string>();
  const fail = (error: ArchiveError, offset: number): ArchiveResult => ({ ok: false, error, offset });
  for (let offset = 0; ; ) {
    const header = bytes.subarray(offset, offset + BLOCK);
    if (header.length < BLOCK) return fail('truncated', bytes.length);
    if (header[0] === 0) return decodeEnd(bytes, offset, files);
    if (files.length >= ARCHIVE_FILES_MAX) return fail('too-many-files', offset);
    const name = textOf(header.subarray(0, 100));
    if (!isArchiveName(name)) return fail('bad-name', offset);
    if (names.has(name)) return fail('duplicate-name', offset);
    const size = /^[0-7]{11}$/.exec(textOf(header.subarray(124, 136)))?.[0];
    if (size === undefined) return fail('bad-header', offset + 124);
    const octets = Number.parseInt(size, 8);
    const odd = firstDifference(header, encodeHeader(name, octets));
    if (odd !== undefined) return fail('bad-header', offset + odd);
    const start = offset + BLOCK;
    const next = start + padded(octets);
    if (next > bytes.length) return fail('truncated', bytes.length);
    for (let at = start + octets; at < next; at++) if (bytes[at] !== 0) return fail('bad-padding', at);
    names.add(name);
    files.push({ name, bytes: bytes.subarray(start, start + octets) });
    offset = next;
  }
}

function decodeEnd(bytes: Uint8Array, offset: number, files: readonly ArchiveFile[]): ArchiveResult {
  if (bytes.length < offset + END) return { ok: false, error: 'truncated', offset: bytes.length };
  for (let at = offset; at < offset + END; at++) if (bytes[at] !== 0) return { ok: false, error: 'bad-header', offset: at };
  if (bytes.length > offset + END) return { ok: false, error: 'trailing-octets', offset: offset + END };
  return { ok: true, files };
}

function encodeHeader(name: string, size: number): Uint8Array {
  if (!isArchiveName(name)) throw new RangeError(`no name for a file of an archive: ${name}`);
  if (size > SIZE_MAX) throw new RangeError('a file of an archive has at most 8 GiB');
  const header = new Uint8Array(BLOCK);
  const put = (offset: number, text: string): void => {
    for (let i = 0; i < text.length; i++) header[offset + i] = text.charCodeAt(i);
  };
  put(0, name);
  put(100, '0000644');
  put(108, '0000000');
  put(116, '0000000');
  put(124, size.toString(8).padStart(11, '0'));
  put(136, '00000000000');
  put(156, '0');
  put(257, 'ustar');
  put(263, '00');
  put(329, '0000000');
  put(337, '0000000');
  put(148, '        '); // the checksum is taken over blanks in its own place
  const sum = header.reduce((total, octet) => total + octet, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** Up to the first NUL, one character an octet. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const at = a.findIndex((octet, i) => octet !== b[i]);
  return at < 0 ? undefined : at;
}

function padded(length: number): number {
  return Math.ceil(length / BLOCK) * BLOCK;
}
