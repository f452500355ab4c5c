import { constants, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import type { BlockStore } from '../statefs/disk-statefs.js';

/** A block device of Linux, or a file as one. Everything that was written is on it when `write` returns. It stays open as long as the process. */
export class BlockDevice implements BlockStore {
  readonly size: number;
  readonly #fd: number;

  /** `path`: as `/dev/vda`. Throws the error of the system. */
  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_SYNC);
    const stat = fstatSync(this.#fd);
    this.size = stat.isBlockDevice() ? 512 * Number(readFileSync(`/sys/class/block/${basename(path)}/size`, 'utf8')) : stat.size;
  }

  read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = readSync(this.#fd, bytes, done, length - done, at + done);
      if (count === 0) throw new Error(`the disk ends at ${at + done}, before ${at + length}`);
      done += count;
    }
    return bytes;
  }

  write(at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done, bytes.length - done, at + done);
  }
}
