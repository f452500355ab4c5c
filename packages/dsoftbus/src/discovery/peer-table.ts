import {
  bytesEqual,
  type DeadlineEntry,
  DeadlineHeap,
  type Endpoint,
  type Ipv4Address,
  type Millis,
  NEVER,
} from '@nexus-net/sansio';
import type { Announce } from './announce.js';
import type { PeerTableLimits } from './discovery-options.js';
import { PeerLru } from './peer-lru.js';

/** One way to reach a device: the key that was announced, from where. A hint for dialling; trust comes from the handshake. */
export interface PeerCandidate {
  /** Source address of the announce, or where a session was. */
  readonly address: Ipv4Address;
  /** TCP port of sessions. */
  readonly port: number;
  readonly noiseStatic: Uint8Array;
  readonly services: readonly string[];
  readonly heardAt: Millis;
  /** A handshake with this key came to its end at this address. */
  readonly proven: boolean;
}

/** A device that was heard of. */
export interface Peer {
  readonly deviceId: string;
  /** The one heard last first, at least one. */
  readonly candidates: readonly PeerCandidate[];
  /** Its key is fixed by a session, or beforehand. */
  readonly key: Uint8Array | undefined;
  /** A session stands: it can't be evicted and doesn't expire. */
  readonly bound: boolean;
  /** `NEVER` where it doesn't expire. */
  readonly expiresAt: Millis;
}

export type PeerReject = 'key-mismatch' | 'source-quota' | 'table-full';

export type PeerEvent =
  | { readonly type: 'peer-found'; readonly at: Millis; readonly peer: Peer }
  /** Another key, address, port or list of services came in front. */
  | { readonly type: 'peer-changed'; readonly at: Millis; readonly peer: Peer }
  | {
      readonly type: 'peer-lost';
      readonly at: Millis;
      readonly deviceId: string;
      readonly cause: 'expired' | 'evicted' | 'forgotten';
    };

/**
 * Devices by id, bounded. What is announced is a hint that anybody can forge, so (against flaw F8 of the OS):
 *
 * - a device keeps several candidates, and a new one takes the place of no proven one: a forged or replayed announce adds a way to
 *   fail, it doesn't take away the way that works;
 * - a key that is bound by a session or pinned beforehand can't be replaced: such an announce is refused;
 * - a bound device can't be evicted, and one source can introduce few devices.
 */
export class PeerTable {
  readonly #limits: PeerTableLimits;
  readonly #peers: PeerLru<Entry>;
  /** How many of the devices in the table each source address introduced. */
  readonly #introduced = new Map<Ipv4Address, number>();
  /** Addresses of bound devices, each with how many are there. */
  readonly #boundAddresses = new Map<Ipv4Address, number>();
  readonly #expiries: DeadlineHeap<Entry>;
  readonly #changes: DeadlineHeap<Entry>;
  readonly #tell: (event: PeerEvent) => void;

  constructor(limits: PeerTableLimits, tell: (event: PeerEvent) => void) {
    this.#limits = limits;
    this.#peers = new PeerLru(limits.peerCountMax);
    this.#expiries = new DeadlineHeap(limits.peerCountMax);
    this.#changes = new DeadlineHeap(limits.peerCountMax);
    this.#tell = tell;
  }

  get size(): number {
    return this.#peers.size;
  }

  get nextTimeout(): Millis {
    return Math.min(this.#expiries.nextAt, this.#changes.nextAt);
  }

  /** All devices, the one heard last first. */
  list(): Peer[] {
    return this.#peers.entries().map(([, entry]) => snapshot(entry));
  }

  peek(deviceId: string): Peer | undefined {
    const entry = this.#peers.peek(deviceId);
    return entry === undefined ? undefined : snapshot(entry);
  }

  isBoundAddress(address: Ipv4Address): boolean {
    return this.#boundAddresses.has(address);
  }

  /** An announce came from `address`. Says why it changes nothing, where it doesn't. */
  heard(now: Millis, address: Ipv4Address, { deviceId, port, noiseStatic, services }: Announce): PeerReject | undefined {
    const known = this.#peers.peek(deviceId);
    const key = known?.key ?? this.#limits.pinned.get(deviceId);
    if (key !== undefined && !bytesEqual(key, noiseStatic)) return 'key-mismatch';
    const candidate = { address, port, noiseStatic, services, heardAt: now, proven: false };
    if (known !== undefined) {
      this.#peers.get(deviceId);
      this.#hear(now, known, candidate);
      return undefined;
    }
    if ((this.#introduced.get(address) ?? 0) >= this.#limits.peersPerSourceMax) return 'source-quota';
    const entry = new Entry(deviceId, address, candidate, key);
    if (!this.#insert(now, entry)) return 'table-full';
    entry.toldAt = now;
    this.#tell({ type: 'peer-found', at: now, peer: snapshot(entry) });
    return undefined;
  }

  /** A session with the device stands at `endpoint`, and its handshake proved the key. `false`: all places are bound. */
  bind(now: Millis, { deviceId, noiseStatic, endpoint }: PeerBinding): boolean {
    const key = Uint8Array.from(noiseStatic);
    const known = this.#peers.get(deviceId);
    const heard = known?.candidates.find((one) => isAt(one, endpoint) && bytesEqual(one.noiseStatic, key));
    const { services = [], heardAt = now } = heard ?? {};
    const proven: PeerCandidate = { ...endpoint, noiseStatic: key, services, heardAt, proven: true };
    const entry = known ?? new Entry(deviceId, endpoint.address, proven, key);
    if (known === undefined && !this.#insert(now, entry)) return false;
    this.#release(entry);
    entry.key = key;
    const others = entry.candidates.filter((one) => one !== heard && one !== proven && bytesEqual(one.noiseStatic, key));
    // One proven way is kept: the last one that worked.
    entry.candidates = this.#trim([proven, ...others.map((one) => ({ ...one, proven: false }))]);
    entry.boundAt = endpoint.address;
    this.#boundAddresses.set(endpoint.address, (this.#boundAddresses.get(endpoint.address) ?? 0) + 1);
    this.#peers.hold(deviceId);
    this.#expiries.reschedule(entry.expiry as DeadlineEntry<Entry>, NEVER);
    return true;
  }

  /** The session is over. The key stays fixed as long as the device is known. */
  unbind(now: Millis, deviceId: string): void {
    const entry = this.#peers.peek(deviceId);
    if (entry === undefined || entry.boundAt === undefined) return;
    this.#release(entry);
    this.#peers.letGo(deviceId);
    this.#expiries.reschedule(entry.expiry as DeadlineEntry<Entry>, now + this.#limits.ttlMs);
  }

  /** Takes a device out, bound or not. */
  forget(now: Millis, deviceId: string): boolean {
    const entry = this.#peers.peek(deviceId);
    if (entry === undefined) return false;
    this.#peers.remove(deviceId);
    this.#removed(now, entry, 'forgotten');
    return true;
  }

  handleTimeout(now: Millis): void {
    for (let entry = this.#changes.popDue(now); entry !== undefined; entry = this.#changes.popDue(now))
      this.#tellChange(now, entry);
    for (let entry = this.#expiries.popDue(now); entry !== undefined; entry = this.#expiries.popDue(now)) {
      this.#peers.remove(entry.deviceId);
      this.#removed(now, entry, 'expired');
    }
  }

  #insert(now: Millis, entry: Entry): boolean {
    const placed = this.#peers.insert(entry.deviceId, entry);
    if (placed === false) return false;
    if (placed.evicted !== undefined) this.#removed(now, placed.evicted, 'evicted');
    entry.expiry = this.#expiries.schedule(now + this.#limits.ttlMs, entry);
    entry.change = this.#changes.schedule(NEVER, entry);
    this.#introduced.set(entry.introducedBy, (this.#introduced.get(entry.introducedBy) ?? 0) + 1);
    return true;
  }

  #removed(now: Millis, entry: Entry, cause: 'expired' | 'evicted' | 'forgotten'): void {
    this.#release(entry);
    this.#expiries.cancel(entry.expiry as DeadlineEntry<Entry>);
    this.#changes.cancel(entry.change as DeadlineEntry<Entry>);
    decrement(this.#introduced, entry.introducedBy);
    this.#tell({ type: 'peer-lost', at: now, deviceId: entry.deviceId, cause });
  }

  #release(entry: Entry): void {
    if (entry.boundAt !== undefined) decrement(this.#boundAddresses, entry.boundAt);
    entry.boundAt = undefined;
  }

  #hear(now: Millis, entry: Entry, heard: PeerCandidate): void {
    const before = entry.candidates.find((one) => isAt(one, heard) && bytesEqual(one.noiseStatic, heard.noiseStatic));
    const front = entry.candidates[0] as PeerCandidate;
    const others = entry.candidates.filter((one) => one !== before && (one.proven || now - one.heardAt < this.#limits.ttlMs));
    entry.candidates = this.#trim([{ ...heard, proven: before?.proven ?? false }, ...others]);
    if (entry.boundAt === undefined) this.#expiries.reschedule(entry.expiry as DeadlineEntry<Entry>, now + this.#limits.ttlMs);
    const isSame =
      before === front &&
      front.services.length === heard.services.length &&
      front.services.every((one, i) => one === heard.services[i]);
    if (isSame) return;
    const dueAt = entry.toldAt + this.#limits.changeEventMs;
    if (now >= dueAt) this.#tellChange(now, entry);
    else if (entry.change?.at === NEVER) this.#changes.reschedule(entry.change, dueAt);
  }

  #tellChange(now: Millis, entry: Entry): void {
    entry.toldAt = now;
    this.#changes.reschedule(entry.change as DeadlineEntry<Entry>, NEVER);
    this.#tell({ type: 'peer-changed', at: now, peer: snapshot(entry) });
  }

  /** The candidate heard longest ago gives way, but never the proven one. */
  #trim(candidates: readonly PeerCandidate[]): PeerCandidate[] {
    const kept = [...candidates];
    while (kept.length > this.#limits.candidateCountMax) {
      const last = kept.findLastIndex(({ proven }) => !proven);
      kept.splice(last < 0 ? kept.length - 1 : last, 1);
    }
    return kept;
  }
}

/** A session with a device, as its handshake proved it. */
export interface PeerBinding {
  readonly deviceId: string;
  readonly noiseStatic: Uint8Array;
  /** Where it listens: what can be dialled again. */
  readonly endpoint: Endpoint;
}

class Entry {
  readonly deviceId: string;
  readonly introducedBy: Ipv4Address;
  candidates: readonly PeerCandidate[];
  key: Uint8Array | undefined;
  /** The address of the session that stands. */
  boundAt: Ipv4Address | undefined;
  /** When something was told of it last. */
  toldAt: Millis = Number.NEGATIVE_INFINITY;
  expiry: DeadlineEntry<Entry> | undefined;
  /** `NEVER` where no change waits to be told. */
  change: DeadlineEntry<Entry> | undefined;

  constructor(deviceId: string, introducedBy: Ipv4Address, candidate: PeerCandidate, key: Uint8Array | undefined) {
    this.deviceId = deviceId;
    this.introducedBy = introducedBy;
    this.candidates = [candidate];
    this.key = key;
  }
}

function snapshot({ deviceId, candidates, key, boundAt, expiry }: Entry): Peer {
  return { deviceId, candidates, key, bound: boundAt !== undefined, expiresAt: expiry?.at ?? NEVER };
}

function isAt(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}

/** A count that comes to nothing leaves the map, so that the map has no more entries than there are devices. */
function decrement(counts: Map<Ipv4Address, number>, address: Ipv4Address): void {
  const count = counts.get(address) ?? 0;
  if (count <= 1) counts.delete(address);
  else counts.set(address, count - 1);
}
