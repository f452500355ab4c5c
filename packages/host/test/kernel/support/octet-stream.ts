import { type Cipher, createCipheriv, createHash } from 'node:crypto';

/** Octets that follow from a seed: AES-128 in counter mode over zeros. `kernel-peer.mjs` makes the same ones. */
export class OctetStream {
  readonly #cipher: Cipher;
  readonly #hash = createHash('sha256');
  #left: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(seed: number, count: number) {
    const key = Buffer.alloc(16);
    key.writeUInt32BE(seed);
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
    this.#left = count;
  }

  /** What comes next and was not taken; empty at the end. */
  peek(): Uint8Array {
    if (this.#offset === this.#chunk.length && this.#left > 0) {
      this.#chunk = this.#cipher.update(ZEROS.subarray(0, Math.min(ZEROS.length, this.#left)));
      this.#hash.update(this.#chunk);
      this.#left -= this.#chunk.length;
      this.#offset = 0;
    }
    return this.#chunk.subarray(this.#offset);
  }

  take(count: number): void {
    this.#offset += count;
  }

  /** Of all octets; once, at the end. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

export function octetsOf(seed: number, count: number): Uint8Array {
  const stream = new OctetStream(seed, count);
  const all = new Uint8Array(count);
  for (let at = 0; at < count; ) {
    const piece = stream.peek();
    all.set(piece, at);
    at += piece.length;
    stream.take(piece.length);
  }
  return all;
}

const ZEROS = new Uint8Array(65_536);
