import type { Millis } from '@nexus-net/sansio';
import type { KeyedHash } from './keyed-hash.js';
import type { Segment } from './segment.js';
import { type Seq, seqAdd } from './sequence.js';

/**
 * SYN cookies (RFC 4987 §3.6): an initial sequence number that says what a half-open connection would have to remember. 5 bits of a counter of
 * 64 s, 3 bits of MSS, 24 bits of hash. The options of the SYN are lost but for the MSS.
 */
export function makeCookie(now: Millis, hash: KeyedHash, segment: Segment): Seq {
  const slot = slotOf(now);
  let index = 0;
  while (index < MSS_VALUES.length - 1 && (MSS_VALUES[index + 1] as number) <= Math.max(0, segment.mss)) index += 1;
  return ((slot & 31) << 27) | (index << 24) | tag(hash, segment, { slot, irs: segment.sequence });
}

/** The MSS of the cookie that this segment acknowledges; `undefined` where it is none of ours, or older than two minutes. */
export function readCookie(now: Millis, hash: KeyedHash, segment: Segment): number | undefined {
  const cookie = seqAdd(segment.acknowledgment, -1);
  const irs = seqAdd(segment.sequence, -1);
  const slot = slotOf(now);
  const age = (slot - (cookie >>> 27)) & 31;
  if (age > 1) return undefined;
  if (tag(hash, segment, { slot: slot - age, irs }) !== (cookie & 0xffffff)) return undefined;
  return MSS_VALUES[(cookie >>> 24) & 7];
}

function slotOf(now: Millis): number {
  return Math.floor(now / SLOT_MS);
}

function tag(hash: KeyedHash, segment: Segment, { slot, irs }: { readonly slot: number; readonly irs: Seq }): number {
  const ports = (segment.sourcePort << 16) | segment.destinationPort;
  return hash.hash(segment.source, segment.destination, ports, irs ^ Math.imul(slot, 0x9e3779b1)) & 0xffffff;
}

const SLOT_MS = 64_000;
const MSS_VALUES: readonly number[] = [216, 536, 966, 1_200, 1_360, 1_440, 1_460, 8_960];
/** How long after the last cookie an acknowledgment of one may come. */
export const COOKIE_LIFE_MS: Millis = 2 * SLOT_MS;
