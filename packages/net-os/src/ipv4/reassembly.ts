import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import { Ipv4Reassembler, type ReassemblySnapshot } from '@nexus-net/wire';
import type { Timed } from '../deadlines.js';
import type { HostLimits } from '../host-options.js';
import type { DropLabel, LimitLabel } from '../labels.js';
import type { Ipv4Arrival } from './ipv4-input.js';

export interface ReassemblyOptions {
  readonly limits: HostLimits;
  readonly count: (label: LimitLabel) => void;
  /** A datagram whose first fragment came did not become whole (RFC 1122 §3.3.2). */
  readonly onExpired: (now: Millis, expired: ExpiredQuote) => void;
}

export interface ExpiredQuote {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** Header and 8 octets of the first fragment. */
  readonly quote: Uint8Array;
}

/** Fragments of a host: they go up when they are whole. */
export class Reassembly implements Timed {
  readonly #options: ReassemblyOptions;
  readonly #reassembler: Ipv4Reassembler;

  constructor(options: ReassemblyOptions) {
    const { limits } = options;
    this.#options = options;
    this.#reassembler = new Ipv4Reassembler({
      timeoutMs: limits.reassemblyTimeoutMs,
      datagramCountMax: limits.reassemblyCountMax,
      octetsMax: limits.reassemblyOctetsMax,
      sourceOctetsMax: limits.reassemblySourceOctetsMax,
    });
  }

  /** The whole datagram, as if it had come with the frame that completed it; `kept`; or the label of the drop. */
  input(now: Millis, arrival: Ipv4Arrival): Ipv4Arrival | 'kept' | DropLabel {
    const evictedBefore = this.#reassembler.inspect().evicted;
    const outcome = this.#reassembler.handleFragment(now, arrival.packet, arrival.bytes);
    for (let i = this.#reassembler.inspect().evicted; i > evictedBefore; i--) this.#options.count('reassembly-evicted');
    switch (outcome.type) {
      case 'complete':
        return { ...arrival, ...outcome.datagram };
      case 'kept':
        return 'kept';
      case 'duplicate':
        return 'fragment-duplicate';
      case 'refused':
        return outcome.error;
    }
  }

  runNext(now: Millis): void {
    const expired = this.#reassembler.pollExpired(now);
    if (expired === undefined) return;
    this.#options.count('reassembly-expired');
    const { source, destination, quote } = expired;
    if (quote !== undefined) this.#options.onExpired(now, { source, destination, quote });
  }

  nextTimeout(): Millis {
    return this.#reassembler.nextTimeout();
  }

  inspect(): ReassemblySnapshot {
    return this.#reassembler.inspect();
  }
}
