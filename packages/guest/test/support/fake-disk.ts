import type { BlockStore } from '../../src/index.js';

/** A disk whose power goes after so many octets: the one that is being written then is cut. */
export class FakeDisk implements BlockStore {
  readonly bytes: Uint8Array;
  /** Octets that may still be written. */
  budget: number = Number.POSITIVE_INFINITY;
  written = 0;

  constructor(content: Uint8Array | number) {
    this.bytes = typeof content === 'number' ? new Uint8Array(content) : content.slice();
  }

  get size(): number {
    return this.bytes.length;
  }

  read(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }

  write(at: number, bytes: Uint8Array): void {
    const count = Math.min(bytes.length, this.budget);
    this.bytes.set(bytes.subarray(0, count), at);
    this.budget -= count;
    this.written += count;
    if (count < bytes.length) throw new Error('no power');
  }
}
