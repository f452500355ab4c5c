import { type Ipv4Address, type Millis, NEVER } from '@nexus-net/sansio';
import { ACK, FIN, RST, type Segment, SYN } from './segment.js';
import { type Seq, seqDiff, seqLt } from './sequence.js';
import type { Tcb } from './tcb.js';

/** What TIME-WAIT has to remember of a connection. */
export interface TimeWaitEntry {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  readonly sndNxt: Seq;
  readonly rcvNxt: Seq;
  readonly rcvWnd: number;
  readonly rcvShift: number;
  readonly hasTimestamps: boolean;
  readonly timestampOffset: number;
  timestampRecent: number;
  expiresAt: Millis;
  answeredAt: Millis;
  /** The connection whose user has not let go of it yet. */
  readonly tcb: Tcb | undefined;
}

/** `reuse`: a new connection may take the place (RFC 9293 §3.6.1, RFC 6191). `answer`: with where we are. */
export type TimeWaitVerdict = 'reuse' | 'answer' | 'ignore';

/**
 * Connections in TIME-WAIT: small entries instead of control blocks, all with the same time to live, so in order of their end. Bounded; the
 * oldest makes room.
 */
export class TimeWaitTable {
  readonly #countMax: number;
  readonly #lifeMs: Millis;
  readonly #entries = new Map<string, TimeWaitEntry>();

  constructor({ countMax, lifeMs }: { readonly countMax: number; readonly lifeMs: Millis }) {
    this.#countMax = countMax;
    this.#lifeMs = lifeMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Puts a connection in; the oldest one that had to make room for it, if any. */
  add(now: Millis, tcb: Tcb): TimeWaitEntry | undefined {
    const evicted = this.#entries.size >= this.#countMax ? this.takeOldest() : undefined;
    this.#entries.set(keyOf(tcb), {
      localAddress: tcb.localAddress,
      localPort: tcb.localPort,
      remoteAddress: tcb.remoteAddress,
      remotePort: tcb.remotePort,
      sndNxt: tcb.sndNxt,
      rcvNxt: tcb.rcvNxt,
      rcvWnd: tcb.rcvWnd,
      rcvShift: tcb.rcvShift,
      hasTimestamps: tcb.hasTimestamps,
      timestampOffset: tcb.timestampOffset,
      timestampRecent: tcb.timestampRecent,
      expiresAt: now + this.#lifeMs,
      answeredAt: Number.NEGATIVE_INFINITY,
      tcb: tcb.isReleased ? undefined : tcb,
    });
    return evicted;
  }

  find(segment: Segment): TimeWaitEntry | undefined {
    if (this.#entries.size === 0) return undefined;
    return this.#entries.get(`${segment.source}/${segment.sourcePort}/${segment.destination}/${segment.destinationPort}`);
  }

  has(tuple: TupleLike): boolean {
    return this.#entries.size > 0 && this.#entries.has(keyOf(tuple));
  }

  delete(entry: TimeWaitEntry): void {
    this.#entries.delete(keyOf(entry));
  }

  /** RFC 9293 §3.10.7.4 for TIME-WAIT. A repeated FIN starts the two MSL again. */
  judge(now: Millis, entry: TimeWaitEntry, segment: Segment): TimeWaitVerdict {
    // RFC 1337: a reset that came late must not open the way for old duplicates.
    if (segment.has(RST)) return 'ignore';
    if (segment.has(SYN) && !segment.has(ACK)) {
      const isNewer =
        entry.hasTimestamps && segment.hasTimestamps
          ? seqDiff(segment.timestamp, entry.timestampRecent) > 0 ||
            (segment.timestamp === entry.timestampRecent && seqLt(entry.rcvNxt, segment.sequence))
          : seqLt(entry.rcvNxt, segment.sequence);
      if (isNewer) return 'reuse';
    }
    if (!segment.has(ACK) && !segment.has(SYN)) return 'ignore';
    const isKnownFin = segment.has(FIN) && seqDiff(segment.sequence + segment.sequenceLength, entry.rcvNxt) === 0;
    if (isKnownFin) {
      this.#entries.delete(keyOf(entry));
      entry.expiresAt = now + this.#lifeMs;
      this.#entries.set(keyOf(entry), entry);
      return 'answer';
    }
    if (segment.sequenceLength === 0 && segment.sequence === entry.rcvNxt) return 'ignore';
    if (now - entry.answeredAt < ANSWER_MS) return 'ignore';
    entry.answeredAt = now;
    return 'answer';
  }

  nextTimeout(): Millis {
    for (const entry of this.#entries.values()) return entry.expiresAt;
    return NEVER;
  }

  takeOldest(): TimeWaitEntry | undefined {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      return entry;
    }
    return undefined;
  }
}

interface TupleLike {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
}

function keyOf({ localAddress, localPort, remoteAddress, remotePort }: TupleLike): string {
  return `${remoteAddress}/${remotePort}/${localAddress}/${localPort}`;
}

const ANSWER_MS = 500;
