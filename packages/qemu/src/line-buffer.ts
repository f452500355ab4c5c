/** Cuts a byte stream into lines at LF, holding an unfinished line up to a limit. */
export class LineBuffer {
  readonly #lineBytesMax: number;
  #held: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** `lineBytesMax`: octets of the longest line, without its LF. */
  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** No unfinished line is held. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /**
   * Takes the first line off `bytes`, or holds all of them where they end none. The line is without its LF and valid
   * until the next call.
   */
  take(bytes: Uint8Array): { readonly line: Uint8Array | undefined; readonly rest: Uint8Array } | 'over-limit' {
    const end = bytes.indexOf(LF);
    const part = end < 0 ? bytes : bytes.subarray(0, end);
    if (this.#length + part.length > this.#lineBytesMax) return 'over-limit';
    if (end >= 0 && this.#length === 0) return { line: part, rest: bytes.subarray(end + 1) };
    this.#hold(part);
    if (end < 0) return { line: undefined, rest: bytes.subarray(bytes.length) };
    const line = this.#held.subarray(0, this.#length);
    this.#length = 0;
    return { line, rest: bytes.subarray(end + 1) };
  }

  #hold(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.min(Math.max(2 * this.#held.length, length, 256), this.#lineBytesMax)); // doubling: linear in all
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(part, this.#length);
    this.#length = length;
  }
}

const LF = 0x0a;
