import { formatIpv4, formatMac, type Ipv4Address, type MacAddress, type Millis, NEVER } from '@nexus-net/sansio';
import { earliest } from '../deadlines.js';
import type { HostLimits } from '../host-options.js';
import type { HostPort } from '../host-port.js';
import { RequestPacer } from './request-pacer.js';

/** What an ARP packet says, as far as the cache cares. */
export interface NeighbourClaim {
  readonly address: Ipv4Address;
  readonly mac: MacAddress;
  /** A request that asks for us: the sender is about to talk to us, so RFC 826 adds it. Any other claim only updates. */
  readonly asksForUs: boolean;
}

/** `held`: another MAC was confirmed moments ago and stays. `unknown`: nobody asked, so nothing was learnt. */
export type ClaimOutcome = 'confirmed' | 'added' | 'held' | 'unknown';

/** A frame, or the fragments of one packet. */
type Packet = Uint8Array | readonly Uint8Array[];

interface Neighbour {
  mac: MacAddress;
  confirmedAt: Millis;
  /** When we last sent to it; -Infinity for one that only ever asked for us. */
  usedAt: Millis;
  /** When it was last asked, by unicast, whether it is still there. */
  refreshedAt: Millis;
}

interface Resolving {
  sentCount: number;
  /** The next request, or giving up after the last one. */
  nextAt: Millis;
  readonly pending: Packet[];
  pendingOctets: number;
}

/**
 * The ARP cache. Two tables, so that a flood of half-known neighbours cannot push out those in use: resolved ones age
 * without a timer, those being resolved have one each.
 */
export class NeighbourCache {
  readonly #limits: HostLimits;
  readonly #port: HostPort;
  readonly #request: (target: Ipv4Address, mac: MacAddress | undefined) => void;
  readonly #pacer: RequestPacer;
  readonly #refreshAgeMs: Millis;
  readonly #known = new Map<Ipv4Address, Neighbour>();
  readonly #resolving = new Map<Ipv4Address, Resolving>();

  /** `request` asks for one address: everybody, or the station that had it. */
  constructor(limits: HostLimits, port: HostPort, request: (target: Ipv4Address, mac: MacAddress | undefined) => void) {
    this.#limits = limits;
    this.#port = port;
    this.#request = request;
    this.#refreshAgeMs = limits.neighbourAgeMs * REFRESH_AT;
    this.#pacer = new RequestPacer({
      intervalMs: limits.arpRequestIntervalMs,
      countMax: limits.resolvingCountMax * 2,
    });
  }

  /** The MAC of a neighbour known and not too old, marked as in use. */
  lookup(now: Millis, address: Ipv4Address): MacAddress | undefined {
    const known = this.#fresh(now, address);
    if (known === undefined) return undefined;
    known.usedAt = now;
    if (now - known.confirmedAt >= this.#refreshAgeMs) this.#refresh(now, address, known);
    return known.mac;
  }

  /** Is this neighbour being asked for? */
  isResolving(address: Ipv4Address): boolean {
    return this.#resolving.has(address);
  }

  /** Keeps `packet` until the neighbour answers and asks for it. False where the table has no room. */
  enqueue(now: Millis, address: Ipv4Address, packet: Packet): boolean {
    let entry = this.#resolving.get(address);
    if (entry === undefined) {
      if (this.#resolving.size >= this.#limits.resolvingCountMax || !this.#pacer.hasRoom(now, address)) {
        this.#port.count('arp-table-full');
        return false;
      }
      entry = { sentCount: 0, nextAt: this.#pacer.earliest(now, address), pending: [], pendingOctets: 0 };
      this.#resolving.set(address, entry);
      if (entry.nextAt <= now) this.#ask(now, address, entry);
    }
    const octets = octetsOf(packet);
    const { pendingCountMax, pendingOctetsMax } = this.#limits;
    // RFC 1122 §2.3.2.2 wants the latest packet kept, so the oldest ones go.
    while (entry.pending.length >= pendingCountMax || entry.pendingOctets + octets > pendingOctetsMax) {
      const oldest = entry.pending.shift();
      if (oldest === undefined) break; // one packet fits alone, whatever it has
      entry.pendingOctets -= octetsOf(oldest);
      this.#port.count('arp-pending-overflow');
    }
    entry.pending.push(packet);
    entry.pendingOctets += octets;
    return true;
  }

  /** Judges what a valid ARP packet of a host on the link claims. */
  learn(now: Millis, { address, mac, asksForUs }: NeighbourClaim): ClaimOutcome {
    const resolving = this.#resolving.get(address);
    if (resolving !== undefined) {
      this.#resolving.delete(address);
      this.#store(now, address, { mac, confirmedAt: now, usedAt: now, refreshedAt: now });
      this.#port.emit({ type: 'arp-resolved', address, mac });
      for (const packet of resolving.pending) this.#port.sendPacket(packet, mac);
      return 'confirmed';
    }
    const known = this.#fresh(now, address);
    if (known === undefined) {
      if (!asksForUs) return 'unknown';
      this.#store(now, address, { mac, confirmedAt: now, usedAt: Number.NEGATIVE_INFINITY, refreshedAt: now });
      return 'added';
    }
    if (known.mac !== mac && now - known.confirmedAt < this.#limits.neighbourHoldMs) {
      this.#port.emit({ type: 'arp-conflict', address, mac: known.mac, claimant: mac });
      return 'held';
    }
    known.mac = mac;
    known.confirmedAt = now;
    return 'confirmed';
  }

  /** Repeats or gives up the request that is due first. */
  runNext(now: Millis): void {
    const next = earliest(this.#resolving);
    if (next === undefined || next.entry.nextAt > now) return;
    const { key: address, entry } = next;
    if (entry.sentCount < this.#limits.arpRequestCountMax) {
      this.#ask(now, address, entry);
      return;
    }
    this.#resolving.delete(address);
    for (const _ of entry.pending) this.#port.count('arp-unresolved');
    this.#port.emit({ type: 'arp-failed', address });
  }

  nextTimeout(): Millis {
    return earliest(this.#resolving)?.entry.nextAt ?? NEVER;
  }

  /** Forgets what is known of one neighbour: who sends to it next has to ask. Requests under way go on. */
  forget(address: Ipv4Address): void {
    this.#known.delete(address);
  }

  /** Forgets every neighbour and every waiting packet; the pacing of requests stays in force. */
  clear(): void {
    this.#known.clear();
    this.#resolving.clear();
  }

  inspect(now: Millis): NeighbourSnapshot {
    const known = [...this.#known].filter(([address]) => this.#fresh(now, address) !== undefined);
    return {
      known: known.map(([address, entry]) => ({
        address: formatIpv4(address),
        mac: formatMac(entry.mac),
        ageMs: now - entry.confirmedAt,
      })),
      resolving: [...this.#resolving].map(([address, entry]) => ({
        address: formatIpv4(address),
        requests: entry.sentCount,
        pending: entry.pending.length,
      })),
    };
  }

  #fresh(now: Millis, address: Ipv4Address): Neighbour | undefined {
    const known = this.#known.get(address);
    return known !== undefined && now - known.confirmedAt < this.#limits.neighbourAgeMs ? known : undefined;
  }

  #ask(now: Millis, address: Ipv4Address, entry: Resolving): void {
    entry.sentCount += 1;
    entry.nextAt = now + this.#limits.arpRequestIntervalMs;
    this.#pacer.note(now, address);
    this.#request(address, undefined);
  }

  /** RFC 1122 §2.3.2.1 (2), a unicast poll: one in use is asked before it is too old, and traffic never waits for the answer. */
  #refresh(now: Millis, address: Ipv4Address, known: Neighbour): void {
    if (now - Math.max(known.refreshedAt, known.confirmedAt) < this.#limits.arpRequestIntervalMs) return;
    if (this.#pacer.earliest(now, address) > now || !this.#pacer.hasRoom(now, address)) return;
    known.refreshedAt = now;
    this.#pacer.note(now, address);
    this.#request(address, known.mac);
  }

  #store(now: Millis, address: Ipv4Address, neighbour: Neighbour): void {
    if (!this.#known.has(address) && this.#known.size >= this.#limits.neighbourCountMax) this.#evict(now);
    this.#known.set(address, neighbour);
  }

  /** Makes room: too old ones first, then the one unused for longest, which those that only asked for us always are. */
  #evict(now: Millis): void {
    let victim: Ipv4Address | undefined;
    let least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
    for (const [address, { usedAt, confirmedAt }] of this.#known) {
      const expired = now - confirmedAt >= this.#limits.neighbourAgeMs;
      const rank = [expired ? Number.NEGATIVE_INFINITY : usedAt, confirmedAt] as const;
      if (rank[0] < least[0] || (rank[0] === least[0] && rank[1] < least[1])) {
        least = rank;
        victim = address;
      }
    }
    if (victim !== undefined) this.#known.delete(victim);
    this.#port.count('arp-neighbour-evicted');
  }
}

export interface NeighbourSnapshot {
  readonly known: readonly { readonly address: string; readonly mac: string; readonly ageMs: Millis }[];
  readonly resolving: readonly { readonly address: string; readonly requests: number; readonly pending: number }[];
}

function octetsOf(packet: Packet): number {
  if (packet instanceof Uint8Array) return packet.length;
  let octets = 0;
  for (const frame of packet) octets += frame.length;
  return octets;
}

/** The part of its age at which a neighbour in use is asked again. */
const REFRESH_AT = 0.75;
