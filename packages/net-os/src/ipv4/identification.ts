import type { Entropy, Ipv4Address } from '@nexus-net/sansio';

/**
 * The identification of packets that may be fragmented: counted for each destination from a start drawn at random, so that two
 * packets to one destination never share one soon (RFC 6864 §4.3) and nobody learns from his how many others get (RFC 7739 §5.2).
 * Packets that nobody may fragment carry 0 (RFC 6864 §4.1) and never come here.
 */
export class Identifications {
  readonly #entropy: Entropy;
  /** In order of use. A destination that is forgotten starts at random anew. */
  readonly #next = new Map<Ipv4Address, number>();

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  take(destination: Ipv4Address): number {
    const identification = this.#next.get(destination) ?? this.#entropy.u32() & 0xffff;
    this.#next.delete(destination);
    if (this.#next.size >= DESTINATION_COUNT_MAX) {
      for (const oldest of this.#next.keys()) {
        this.#next.delete(oldest);
        break;
      }
    }
    this.#next.set(destination, (identification + 1) & 0xffff);
    return identification;
  }
}

const DESTINATION_COUNT_MAX = 256;
