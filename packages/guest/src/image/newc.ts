import { UsageError } from '@nexus-net/sansio';

/** One entry of an initial RAM file system. Paths are relative, without `./`: `bin/busybox`. */
export type ArchiveEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly type: 'file'; readonly path: string; readonly bytes: Uint8Array; readonly mode?: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'character-device'; readonly path: string; readonly major: number; readonly minor: number };

/**
 * The octets of a `newc` cpio archive, as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst), in
 * chunks. The same entries give the same octets: owner root, time zero, inode numbers from the order. Throws
 * {@link UsageError} for a path that is absolute, leaves its folder or comes twice.
 */
export function* newcArchive(entries: Iterable<ArchiveEntry>): Generator<Uint8Array> {
  const seen = new Set<string>();
  let inode = 1;
  for (const entry of entries) {
    const { path } = entry;
    if (!isPlainPath(path)) throw new UsageError(`not a plain relative path: ${JSON.stringify(path)}`);
    if (seen.has(path)) throw new UsageError(`two entries are called ${path}`);
    seen.add(path);
    const data = dataOf(entry);
    yield header({ inode: inode++, mode: modeOf(entry), size: data.length, device: deviceOf(entry), path });
    if (data.length > 0) yield data;
    yield padding(data.length);
  }
  yield header({ inode: 0, mode: 0, size: 0, device: NO_DEVICE, path: TRAILER });
}

/** The directories that a list of paths needs, parents first. */
export function parentDirectories(paths: Iterable<string>): ArchiveEntry[] {
  const found = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) found.add(parts.slice(0, depth).join('/'));
  }
  return [...found].sort().map((path) => ({ type: 'directory', path }));
}

interface Header {
  readonly inode: number;
  readonly mode: number;
  readonly size: number;
  readonly device: { readonly major: number; readonly minor: number };
  /** The name, without the NUL that ends it. */
  readonly path: string;
}

/** Magic, thirteen fields of eight hexadecimal digits, the name with its NUL, filled up to four octets. */
function header({ inode, mode, size, device, path }: Header): Uint8Array {
  const name = new TextEncoder().encode(path);
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, device.major, device.minor, name.length + 1, 0];
  const text = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const length = text.length + name.length + 1;
  const bytes = new Uint8Array(length + paddingLength(length));
  new TextEncoder().encodeInto(text, bytes);
  bytes.set(name, text.length);
  return bytes;
}

function dataOf(entry: ArchiveEntry): Uint8Array {
  if (entry.type === 'file') return entry.bytes;
  if (entry.type === 'symlink') return new TextEncoder().encode(entry.target);
  return new Uint8Array(0);
}

function modeOf(entry: ArchiveEntry): number {
  switch (entry.type) {
    case 'directory':
      return S_IFDIR | (entry.mode ?? 0o755);
    case 'file':
      return S_IFREG | (entry.mode ?? 0o644);
    case 'symlink':
      return S_IFLNK | 0o777;
    case 'character-device':
      return S_IFCHR | 0o600;
  }
}

function deviceOf(entry: ArchiveEntry): { readonly major: number; readonly minor: number } {
  return entry.type === 'character-device' ? { major: entry.major, minor: entry.minor } : NO_DEVICE;
}

function isPlainPath(path: string): boolean {
  return (
    path !== TRAILER && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
  );
}

function padding(length: number): Uint8Array {
  return new Uint8Array(paddingLength(length));
}

function paddingLength(length: number): number {
  return -length & 3;
}

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const NO_DEVICE = { major: 0, minor: 0 } as const;

// File types of stat(2).
const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
