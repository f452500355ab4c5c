import { bytesEqual, type Ipv4Address, type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import { encodeIpv4, IPV4_HEADER_LENGTH, type Ipv4Packet } from './ipv4.js';

export interface ReassemblyLimits {
  /** How long a datagram may stay incomplete, from its first fragment on. Default 30 000 ms; 15 000..120 000 (RFC 1122 §3.3.2). */
  readonly timeoutMs: Millis;
  /** Incomplete datagrams of all sources. Default 64. */
  readonly datagramCountMax: number;
  /** Octets kept for all sources, with the cost of keeping them. Default 1 048 576. */
  readonly octetsMax: number;
  /** What one source may take of `octetsMax`. Default 262 144; at least 81 920, so that the longest datagram fits. */
  readonly sourceOctetsMax: number;
  /** Incomplete datagrams of one source. Default 16. */
  readonly sourceDatagramCountMax: number;
}

export const REASSEMBLY_LIMITS: ReassemblyLimits = {
  timeoutMs: 30_000,
  datagramCountMax: 64,
  octetsMax: 1_048_576,
  sourceOctetsMax: 262_144,
  sourceDatagramCountMax: 16,
};

/**
 * Why a fragment was refused. `fragment-bad-length`: no octets, or more to follow and no multiple of 8 (RFC 791 §3.2).
 * `fragment-too-long`: its datagram would exceed 65535 octets. `fragment-overlap`: it covers octets that another fragment
 * brought, and is no copy of it: the whole datagram is given up. `fragment-bad-end`: two ends, or octets behind the end: given
 * up as well. `fragment-bad-ecn`: marks that exclude each other (RFC 3168 §5.3). `fragment-refused`: of a datagram given up
 * before. `fragment-limit`: its datagram alone exceeds the share of its source.
 */
export type FragmentError =
  | 'fragment-bad-length'
  | 'fragment-too-long'
  | 'fragment-overlap'
  | 'fragment-bad-end'
  | 'fragment-bad-ecn'
  | 'fragment-refused'
  | 'fragment-limit';

export interface ReassembledDatagram {
  /** The whole datagram: the header of its first fragment, without fragment fields; a copy of its own. */
  readonly packet: Ipv4Packet;
  /** The octets that `packet` is a view of. */
  readonly bytes: Uint8Array;
}

export type FragmentOutcome =
  | { readonly type: 'complete'; readonly datagram: ReassembledDatagram }
  /** Kept, until the rest comes. */
  | { readonly type: 'kept' }
  /** An exact copy of a fragment that is there: harmless, and of no use. */
  | { readonly type: 'duplicate' }
  | { readonly type: 'refused'; readonly error: FragmentError };

/** A datagram that did not become whole in time. */
export interface ExpiredDatagram {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** The first fragment as far as an ICMP error may quote it (header and 8 octets); absent where it never came. */
  readonly quote?: Uint8Array;
}

export interface ReassemblySnapshot {
  readonly datagrams: number;
  readonly octets: number;
  readonly completed: number;
  readonly expired: number;
  /** Incomplete datagrams that made room for newer ones. */
  readonly evicted: number;
}

interface Incomplete {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly nextAt: Millis;
  /** By offset, without overlap. Empty for a datagram that was given up: the entry stays, to refuse the rest. */
  readonly pieces: Map<number, Uint8Array>;
  /** One octet for each 8 of the payload: 1 where a piece lies. */
  blocks: Uint8Array;
  givenUp: boolean;
  /** Octets of payload that are there. */
  present: number;
  /** Highest octet that a piece reaches. */
  reached: number;
  /** Length of the whole payload, once the last fragment is there. */
  total: number | undefined;
  /** The first fragment without its payload, once it is there. */
  header: Ipv4Packet | undefined;
  quote: Uint8Array | undefined;
  congested: boolean;
  notCapable: boolean;
  cost: number;
}

/**
 * Joins IPv4 fragments (RFC 791 §3.2) for a host or an observer. What it keeps is bounded in octets and in number, for all and
 * for each source, so that a flood takes from itself first and the newest datagram still fits; the work for a fragment is linear
 * in its length, whatever came before (CVE-2018-5391).
 */
export class Ipv4Reassembler {
  readonly #limits: ReassemblyLimits;
  /** In order of arrival of the first fragment, which is the order of their deadlines. */
  readonly #incomplete = new Map<string, Incomplete>();
  #octets = 0;
  #completed = 0;
  #expired = 0;
  #evicted = 0;

  constructor(options: Partial<ReassemblyLimits> = {}) {
    const limits: { -readonly [K in keyof ReassemblyLimits]: ReassemblyLimits[K] } = { ...REASSEMBLY_LIMITS };
    for (const name of Object.keys(REASSEMBLY_LIMITS) as (keyof ReassemblyLimits)[]) {
      const value = options[name] ?? REASSEMBLY_LIMITS[name];
      requireArgument(Number.isSafeInteger(value) && value >= 1, `${name} is a positive integer`);
      limits[name] = value;
    }
    requireArgument(limits.timeoutMs >= 15_000 && limits.timeoutMs <= 120_000, 'timeoutMs is 15000..120000');
    requireArgument(limits.sourceOctetsMax >= SOURCE_OCTETS_MIN, `sourceOctetsMax is at least ${SOURCE_OCTETS_MIN}`);
    requireArgument(limits.octetsMax >= limits.sourceOctetsMax, 'octetsMax is not less than sourceOctetsMax');
    this.#limits = limits;
  }

  /** Takes one fragment, which is borrowed for the call. `bytes`: the packet's own octets, for a quote. */
  handleFragment(now: Millis, fragment: Ipv4Packet, bytes: Uint8Array): FragmentOutcome {
    const { payload, moreFragments, fragmentOffset: start, options } = fragment;
    const end = start + payload.length;
    if (payload.length === 0 || (moreFragments && payload.length % 8 !== 0)) return refused('fragment-bad-length');
    if (IPV4_HEADER_LENGTH + options.length + end > 0xffff) return refused('fragment-too-long');
    const key = keyOf(fragment);
    const known = this.#incomplete.get(key);
    if (known?.givenUp === true) return refused('fragment-refused');
    if (known !== undefined) {
      const standing = judge(known, { start, end, payload, moreFragments });
      if (standing === 'duplicate') return { type: 'duplicate' };
      if (standing !== 'new') return this.#giveUp(known, standing);
    }
    const entry = known ?? this.#begin(now, key, fragment);
    const mark = fragment.trafficClass & ECN_MASK;
    entry.congested ||= mark === ECN_CONGESTED;
    entry.notCapable ||= mark === 0;
    if (entry.congested && entry.notCapable) return this.#giveUp(entry, 'fragment-bad-ecn');
    if (!this.#makeRoom(entry, { key, octets: payload.length, end })) {
      this.#drop(key, entry);
      return refused('fragment-limit');
    }
    this.#keep(entry, start, payload.slice());
    if (!moreFragments) entry.total = end;
    if (start === 0) {
      entry.header = { ...fragment, options: options.slice(), payload: NOTHING };
      entry.quote = bytes.slice(0, IPV4_HEADER_LENGTH + options.length + 8);
    }
    if (entry.header === undefined || entry.total === undefined || entry.present < entry.total) return { type: 'kept' };
    return this.#complete(key, entry, { ...entry.header, payload: NOTHING }, entry.total);
  }

  /** The datagram that ran out of time first, where one has by `now`; once each. One that was given up says nothing. */
  pollExpired(now: Millis): ExpiredDatagram | undefined {
    for (const [key, entry] of this.#incomplete) {
      if (entry.nextAt > now) return undefined;
      this.#drop(key, entry);
      if (entry.givenUp) continue;
      this.#expired += 1;
      const { source, destination, quote } = entry;
      return { source, destination, ...(quote === undefined ? {} : { quote }) };
    }
    return undefined;
  }

  nextTimeout(): Millis {
    for (const { nextAt } of this.#incomplete.values()) return nextAt;
    return NEVER;
  }

  /** Forgets everything that is incomplete. */
  clear(): void {
    this.#incomplete.clear();
    this.#octets = 0;
  }

  inspect(): ReassemblySnapshot {
    return {
      datagrams: this.#incomplete.size,
      octets: this.#octets,
      completed: this.#completed,
      expired: this.#expired,
      evicted: this.#evicted,
    };
  }

  #begin(now: Millis, key: string, { source, destination }: Ipv4Packet): Incomplete {
    const entry: Incomplete = {
      source,
      destination,
      nextAt: now + this.#limits.timeoutMs,
      pieces: new Map(),
      blocks: NOTHING,
      givenUp: false,
      present: 0,
      reached: 0,
      total: undefined,
      header: undefined,
      quote: undefined,
      congested: false,
      notCapable: false,
      cost: ENTRY_COST,
    };
    this.#incomplete.set(key, entry);
    this.#octets += ENTRY_COST;
    return entry;
  }

  /** Room for one more piece: first from the oldest of the same source, then from the oldest of all. False where nothing helps. */
  #makeRoom(
    entry: Incomplete,
    { key, octets, end }: { readonly key: string; readonly octets: number; readonly end: number },
  ): boolean {
    const blockCount = Math.ceil(end / 8);
    const grown = blockCount > entry.blocks.length ? Math.min(BLOCKS_MAX, Math.max(64, blockCount, 2 * entry.blocks.length)) : 0;
    const cost = octets + PIECE_COST + Math.max(0, grown - entry.blocks.length);
    const { sourceOctetsMax, sourceDatagramCountMax, octetsMax, datagramCountMax } = this.#limits;
    if (entry.cost + cost > sourceOctetsMax) return false;
    let share = 0;
    let count = 0;
    for (const other of this.#incomplete.values()) {
      if (other.source !== entry.source) continue;
      share += other.cost;
      count += 1;
    }
    for (const [otherKey, other] of this.#incomplete) {
      const sourceFull = share + cost > sourceOctetsMax || count > sourceDatagramCountMax;
      const full = this.#octets + cost > octetsMax || this.#incomplete.size > datagramCountMax;
      if (!sourceFull && !full) break;
      if (otherKey === key || (sourceFull && other.source !== entry.source)) continue;
      if (other.source === entry.source) {
        share -= other.cost;
        count -= 1;
      }
      this.#drop(otherKey, other);
      this.#evicted += 1;
    }
    if (grown > 0) {
      const blocks = new Uint8Array(grown);
      blocks.set(entry.blocks);
      entry.blocks = blocks;
    }
    entry.cost += cost;
    this.#octets += cost;
    return true;
  }

  #keep(entry: Incomplete, start: number, payload: Uint8Array): void {
    const first = start / 8;
    entry.blocks.fill(1, first, first + Math.ceil(payload.length / 8));
    entry.pieces.set(start, payload);
    entry.present += payload.length;
    entry.reached = Math.max(entry.reached, start + payload.length);
  }

  #complete(key: string, entry: Incomplete, header: Ipv4Packet, total: number): FragmentOutcome {
    this.#drop(key, entry);
    const headerLength = IPV4_HEADER_LENGTH + header.options.length;
    if (headerLength + total > 0xffff) return refused('fragment-too-long');
    const payload = new Uint8Array(total);
    for (const [start, piece] of entry.pieces) payload.set(piece, start);
    const trafficClass = entry.congested ? header.trafficClass | ECN_CONGESTED : header.trafficClass;
    const whole = { ...header, trafficClass, moreFragments: false, fragmentOffset: 0, payload };
    const bytes = encodeIpv4(whole);
    this.#completed += 1;
    return { type: 'complete', datagram: { packet: { ...whole, payload: bytes.subarray(headerLength) }, bytes } };
  }

  /** RFC 5722 §4 by analogy: no fragment of it is used, those still to come included. */
  #giveUp(entry: Incomplete, error: FragmentError): FragmentOutcome {
    entry.givenUp = true;
    entry.pieces.clear();
    entry.blocks = NOTHING;
    this.#octets -= entry.cost - ENTRY_COST;
    entry.cost = ENTRY_COST;
    return refused(error);
  }

  #drop(key: string, entry: Incomplete): void {
    this.#incomplete.delete(key);
    this.#octets -= entry.cost;
  }
}

/** Where a fragment stands to those that are there. */
function judge(
  entry: Incomplete,
  {
    start,
    end,
    payload,
    moreFragments,
  }: { readonly start: number; readonly end: number; readonly payload: Uint8Array; readonly moreFragments: boolean },
): 'new' | 'duplicate' | 'fragment-overlap' | 'fragment-bad-end' {
  const { blocks, total } = entry;
  const first = start / 8;
  const last = Math.ceil(end / 8);
  let covered = false;
  for (let i = first; i < last; i++) covered ||= (blocks[i] ?? 0) !== 0;
  if (covered) {
    const same = entry.pieces.get(start);
    const copy = same !== undefined && bytesEqual(same, payload) && moreFragments === (total !== end);
    return copy ? 'duplicate' : 'fragment-overlap';
  }
  if (total !== undefined && (end > total || !moreFragments)) return 'fragment-bad-end';
  if (!moreFragments && end < entry.reached) return 'fragment-bad-end';
  return 'new';
}

function keyOf({ source, destination, protocol, identification }: Ipv4Packet): string {
  return `${source}/${destination}/${protocol}/${identification}`;
}

function refused(error: FragmentError): FragmentOutcome {
  return { type: 'refused', error };
}

const NOTHING = new Uint8Array(0);
const BLOCKS_MAX = 8_192;
/** What an entry and a piece cost beside their octets. */
const ENTRY_COST = 256;
const PIECE_COST = 64;
/** The longest datagram in fragments of 1480 octets, with blocks and pieces. */
const SOURCE_OCTETS_MIN = 81_920;
/** The two ECN bits of the traffic class (RFC 3168 §5). */
const ECN_MASK = 3;
const ECN_CONGESTED = 3;
