/** Octets in order, in pieces as they came. Taking is linear in what is taken, whatever the sizes of the pieces. */
export class ByteFifo {
  #pieces: Uint8Array[] = [];
  /** The first piece that has octets left, and how many of it are gone. */
  #head = 0;
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps `bytes` themselves, not a copy. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The first octets, at most `octetsMax`, as an array of their own. */
  take(octetsMax: number): Uint8Array {
    const octets = new Uint8Array(Math.min(octetsMax, this.#length));
    for (let at = 0; at < octets.length; ) {
      const piece = this.#pieces[this.#head] as Uint8Array;
      const part = piece.subarray(this.#taken, this.#taken + octets.length - at);
      octets.set(part, at);
      at += part.length;
      this.#advance(part.length);
    }
    return octets;
  }

  /** The first piece that is left, as a view; empty where there is nothing. */
  peek(): Uint8Array {
    return this.#pieces[this.#head]?.subarray(this.#taken) ?? NOTHING;
  }

  /** Leaves out octets at the front, no more than those of {@link peek}. */
  skip(octets: number): void {
    if (octets > 0) this.#advance(octets);
  }

  clear(): void {
    this.#pieces = [];
    this.#head = 0;
    this.#taken = 0;
    this.#length = 0;
  }

  #advance(octets: number): void {
    this.#length -= octets;
    this.#taken += octets;
    const piece = this.#pieces[this.#head] as Uint8Array;
    if (this.#taken < piece.length) return;
    this.#taken = 0;
    this.#head += 1;
    if (this.#head < COMPACT_AT && this.#head < this.#pieces.length) return;
    this.#pieces = this.#pieces.slice(this.#head);
    this.#head = 0;
  }
}

const NOTHING = new Uint8Array(0);
const COMPACT_AT = 1_024;
