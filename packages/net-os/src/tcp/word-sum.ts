import { foldSum, sumWords } from '@nexus-net/wire';

/**
 * Internet checksums of large ranges, four octets at a time. The sum of RFC 1071 does not depend on byte order (§2 B), so words are added
 * as the machine reads them and the outcome is swapped once. The view of the last buffer is kept: making one costs
 * as much as summing 500 octets, and frames of one slab share it.
 */
export class WordSum {
  #buffer: ArrayBufferLike | undefined;
  #words: Int32Array = NO_WORDS;

  /** The folded big-endian sum of `bytes[start..end)`, 0..0xffff, not complemented. The range lies inside, at most 65 535 octets. */
  sum(bytes: Uint8Array, start: number, end: number): number {
    const first = bytes.byteOffset + start;
    if (end - start < SHORT || (first & 1) !== 0) return foldSum(sumWords(bytes, { start, end, initial: 0 }));
    const { buffer } = bytes;
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
    }
    const words = this.#words;
    let at = start;
    let edges = 0;
    if ((first & 2) !== 0) {
      edges = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      at += 2;
    }
    let word = (bytes.byteOffset + at) >>> 2;
    const count = (end - at) >>> 2;
    const stop = word + count;
    // All words modulo 2^32, and their upper halves: the lower halves follow, for their sum stays below 2^31.
    let all = 0;
    let high = 0;
    for (const unrolled = stop - 7; word < unrolled; word += 8) {
      const a = words[word] as number;
      const b = words[word + 1] as number;
      const c = words[word + 2] as number;
      const d = words[word + 3] as number;
      const e = words[word + 4] as number;
      const f = words[word + 5] as number;
      const g = words[word + 6] as number;
      const h = words[word + 7] as number;
      all = (all + a + b + c + d + e + f + g + h) | 0;
      high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16) + (e >>> 16) + (f >>> 16) + (g >>> 16) + (h >>> 16)) | 0;
    }
    for (; word < stop; word++) {
      const a = words[word] as number;
      all = (all + a) | 0;
      high = (high + (a >>> 16)) | 0;
    }
    at += count * 4;
    if (at + 1 < end) {
      edges += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      at += 2;
    }
    if (at < end) edges += (bytes[at] as number) << 8;
    return foldSum(inOrder(all, high) + edges);
  }
}

/** The folded sum in network order, from the sum of all words and that of their upper halves as the machine reads them. */
function inOrder(all: number, high: number): number {
  const low = (all - (high << 16)) >>> 0;
  const native = foldSum(low + high);
  return LITTLE_ENDIAN ? ((native & 0xff) << 8) | (native >>> 8) : native;
}

const NO_WORDS = new Int32Array(0);
/** Below this a plain loop is as fast. */
const SHORT = 64;
const LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
