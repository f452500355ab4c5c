import { requireArgument } from '@nexus-net/sansio';

/** Keeps the beginning and the end of a byte stream: where an error starts and where it stops are what matters. */
export class BoundedCapture {
  readonly #headBytesMax: number;
  readonly #tailBytesMax: number;
  #head: Uint8Array[] = [];
  #headBytes = 0;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor({ headBytesMax, tailBytesMax }: { readonly headBytesMax: number; readonly tailBytesMax: number }) {
    requireArgument(Number.isInteger(headBytesMax) && headBytesMax >= 0, 'headBytesMax is a whole number of octets');
    requireArgument(Number.isInteger(tailBytesMax) && tailBytesMax >= 1, 'tailBytesMax is at least 1');
    this.#headBytesMax = headBytesMax;
    this.#tailBytesMax = tailBytesMax;
  }

  /** Octets seen and not kept. */
  get droppedBytes(): number {
    return this.#total - this.#headBytes - Math.min(this.#tailBytes, this.#tailBytesMax);
  }

  push(bytes: Uint8Array): void {
    this.#total += bytes.length;
    const intoHead = Math.min(bytes.length, this.#headBytesMax - this.#headBytes);
    if (intoHead > 0) {
      this.#head.push(bytes.slice(0, intoHead));
      this.#headBytes += intoHead;
    }
    if (intoHead === bytes.length) return;
    this.#tail.push(bytes.slice(intoHead));
    this.#tailBytes += bytes.length - intoHead;
    if (this.#tailBytes > 2 * this.#tailBytesMax || this.#tail.length > 64) this.#trim();
  }

  /** UTF-8, with a line in the middle that says how much was left out. */
  text(): string {
    this.#trim();
    const head = decode(this.#head);
    const tail = decode(this.#tail);
    return this.droppedBytes === 0
      ? decode([...this.#head, ...this.#tail])
      : `${head}\n[… ${this.droppedBytes} octets left out …]\n${tail}`;
  }

  #trim(): void {
    const whole = Buffer.concat(this.#tail);
    const kept = whole.subarray(Math.max(0, whole.length - this.#tailBytesMax));
    this.#tail = [new Uint8Array(kept)];
    this.#tailBytes = kept.length;
  }
}

function decode(parts: readonly Uint8Array[]): string {
  return new TextDecoder().decode(Buffer.concat(parts));
}
