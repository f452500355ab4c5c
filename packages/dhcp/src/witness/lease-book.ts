import { bytesEqual, type Ipv4Address, type MacAddress, type Millis } from '@nexus-net/sansio';
import type { Sighting } from './sighting.js';

/** A lease as the wire told it. */
export interface SeenLease {
  readonly address: Ipv4Address;
  readonly client: MacAddress;
  readonly clientId: Uint8Array | undefined;
  readonly server: Ipv4Address | undefined;
  /** The number of the frame with the ACK. */
  readonly frame: number;
  readonly at: Millis;
  readonly until: Millis;
  /** T1. */
  readonly renewAt: Millis;
  /** `active` until the wire shows that it ended. */
  state: 'active' | 'released' | 'declined' | 'refused';
  endedAt: Millis;
  /** A use that was reported already: one report for each lease and rule. */
  readonly reported: Set<string>;
  /** Does the client sit on this wire? Behind a relay its frames carry other link addresses. */
  readonly local: boolean;
  /** Was a frame from the client to one station seen? Then a renewal would have been seen too. */
  unicastSeen: boolean;
}

/** Leases by address and by client, bounded: the one that was made longest ago makes room. */
export class LeaseBook {
  readonly #countMax: number;
  readonly #byAddress = new Map<Ipv4Address, SeenLease>();
  readonly #byClient = new Map<MacAddress, SeenLease>();
  #evicted = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#byAddress.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  at(address: Ipv4Address): SeenLease | undefined {
    return this.#byAddress.get(address);
  }

  /** The newest lease of a station. */
  of(client: MacAddress): SeenLease | undefined {
    return this.#byClient.get(client);
  }

  note(lease: SeenLease): void {
    const before = this.#byAddress.get(lease.address);
    if (before !== undefined && this.#byClient.get(before.client) === before) this.#byClient.delete(before.client);
    this.#byAddress.delete(lease.address); // so that it becomes the youngest
    this.#byAddress.set(lease.address, lease);
    this.#byClient.set(lease.client, lease);
    if (this.#byAddress.size <= this.#countMax) return;
    const oldest = this.#byAddress.values().next().value as SeenLease;
    this.#byAddress.delete(oldest.address);
    if (this.#byClient.get(oldest.client) === oldest) this.#byClient.delete(oldest.client);
    this.#evicted++;
  }
}

/** Does the lease hold at this instant, so far as the wire told? */
export function holds(lease: SeenLease, now: Millis): boolean {
  return lease.state === 'active' && now < lease.until;
}

/** Same client: the same link address, or the same client identifier (RFC 2131 §4.2). A doubt is no second holder. */
export function isHolder(lease: SeenLease, { client, clientId }: Pick<Sighting, 'client' | 'clientId'>): boolean {
  if (lease.client === client) return true;
  return lease.clientId !== undefined && clientId !== undefined && bytesEqual(lease.clientId, clientId);
}
