import { requireArgument } from '@nexus-net/sansio';

/**
 * What netstackd has instead of a queue of datagrams where a node talks to itself: a ring of octets. Datagrams run together, and
 * what doesn't fit is lost without a word. For tests of what that does to a session.
 */
export class UdpLoopbackRing {
  readonly #octets: Uint8Array;
  #start = 0;
  #length = 0;

  /** `capacity` in octets. Default 128. */
  constructor(capacity = 128) {
    requireArgument(Number.isSafeInteger(capacity) && capacity >= 1, 'capacity is a whole number of at least 1');
    this.#octets = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Octets that were taken, from the first on. */
  push(payload: Uint8Array): number {
    const taken = Math.min(payload.length, this.#octets.length - this.#length);
    for (let i = 0; i < taken; i++) this.#octets[(this.#start + this.#length + i) % this.#octets.length] = payload[i] as number;
    this.#length += taken;
    return taken;
  }

  /** At most `max` octets, oldest first. */
  pop(max: number): Uint8Array {
    const out = new Uint8Array(Math.min(max, this.#length));
    for (let i = 0; i < out.length; i++) out[i] = this.#octets[(this.#start + i) % this.#octets.length] as number;
    this.#start = (this.#start + out.length) % this.#octets.length;
    this.#length -= out.length;
    return out;
  }
}
