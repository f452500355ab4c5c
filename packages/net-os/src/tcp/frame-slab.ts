/**
 * Frames cut from larger arrays: an array for each would cost more than everything else about a segment. A slab is written once and never reused,
 * so a frame belongs to whoever has it; frames of one slab keep it alive together. Frames lie so that the IPv4 header behind the 14 octets of
 * Ethernet is aligned to four.
 */
export class FrameSlab {
  #buffer: ArrayBuffer = new ArrayBuffer(0);
  #used = 0;

  /** Zero-filled. */
  take(length: number): Uint8Array {
    if (length > LARGE) return new Uint8Array(new ArrayBuffer((length + 6) & ~3), ALIGN, length);
    const start = this.#used + ALIGN;
    if (start + length > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(SLAB);
      this.#used = 0;
      return this.take(length);
    }
    this.#used = (start + length + 3) & ~3;
    return new Uint8Array(this.#buffer, start, length);
  }
}

const SLAB = 32_768;
const LARGE = 8_192;
const ALIGN = 2;
