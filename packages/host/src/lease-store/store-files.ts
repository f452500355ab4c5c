import { close, fdatasync, fsync, open, readFile, rename, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { takeOwnership } from './owner-file.js';

/** A file that is written from its beginning to its end. */
export interface StoreFile {
  /** Appends all of the octets. After a failure some of them may be in the file. */
  append(bytes: Uint8Array): Promise<void>;
  /** All that was appended is on the disk, when this resolves. After a failure nobody knows, however often it is asked again. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What a journal needs of a file system: the seam at which a test replaces the disk. */
export interface StoreFiles {
  /** The whole file, `undefined` where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** A new and empty file in place of whatever has the path. Its name is durable only after {@link syncDirectory}. */
  create(path: string): Promise<StoreFile>;
  /** Puts the file in the place of another, in one step. Durable only after {@link syncDirectory}. */
  rename(from: string, to: string): Promise<void>;
  /** The names in the directory of this path are on the disk, when this resolves. */
  syncDirectory(path: string): Promise<void>;
  /** Makes this process the only owner of the path, until the returned function is called or the process ends. Throws `in-use`. */
  own(path: string): () => void;
}

/**
 * Octets that are written from here, for a write that only fills the system's memory takes less time than to hand it to another thread.
 * A sync, which waits for the disk, is always handed over.
 */
const WRITTEN_AT_ONCE = 65_536;

/** The files of the operating system. */
export const systemFiles: StoreFiles = {
  async read(path) {
    try {
      return await readFileAsync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  async create(path) {
    const fd = await openAsync(path, 'w', 0o640);
    return {
      async append(bytes) {
        for (let done = 0; done < bytes.length; )
          done += bytes.length > WRITTEN_AT_ONCE ? (await writeAsync(fd, bytes, done)).bytesWritten : writeSync(fd, bytes, done);
      },
      sync: () => fdatasyncAsync(fd),
      close: () => closeAsync(fd),
    };
  },
  rename: (from, to) => renameAsync(from, to),
  async syncDirectory(path) {
    const fd = await openAsync(dirname(path), 'r');
    try {
      await fsyncAsync(fd);
    } finally {
      await closeAsync(fd);
    }
  },
  own: takeOwnership,
};

const openAsync: (path: string, flags: string, mode?: number) => Promise<number> = promisify(open);
const closeAsync = promisify(close);
const writeAsync: (fd: number, bytes: Uint8Array, offset: number) => Promise<{ bytesWritten: number }> = promisify(write);
const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const readFileAsync = promisify(readFile);
const renameAsync = promisify(rename);
