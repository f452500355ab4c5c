import { type Millis, writeU16, writeU32 } from '@nexus-net/sansio';
import { finishChecksum, IP_PROTOCOL, IPV4_HEADER_LENGTH, TCP_HEADER_LENGTH } from '@nexus-net/wire';
import { FRAME_HEADROOM } from '../ipv4/packet-frame.js';
import {
  ACK,
  KIND_MSS,
  KIND_NOP,
  KIND_SACK,
  KIND_SACK_PERMITTED,
  KIND_TIMESTAMPS,
  KIND_USER_TIMEOUT,
  KIND_WINDOW_SCALE,
  SYN,
  URG,
} from './segment.js';
import { type Seq, seqAdd, seqDiff, seqLt } from './sequence.js';
import type { Tcb } from './tcb.js';
import { userTimeoutOf } from './user-timeout.js';

export interface Outgoing {
  readonly sequence: Seq;
  readonly flags: number;
  /** Octets of text, from `sequence` on, out of the send buffer. */
  readonly count: number;
}

/** Where the TCP header lies in a frame: behind the room for those below. */
const TCP: number = FRAME_HEADROOM;
const SACK_BLOCKS_MAX = 4;

/** Builds one segment of a connection and hands it to the network. False where it could not go. */
export function sendSegment(now: Millis, tcb: Tcb, { sequence, flags, count }: Outgoing): boolean {
  const isSyn = (flags & SYN) !== 0;
  const blocks = count === 0 && !isSyn ? sackBlockCount(tcb) : 0;
  const optionLength = isSyn ? synOptionLength(tcb, flags) : tcb.optionLength + (blocks > 0 ? 4 + 8 * blocks : 0);
  const headerLength = TCP_HEADER_LENGTH + optionLength;
  const text = TCP + headerLength;
  const frame = tcb.context.slab.take(text + count);
  const acknowledges = (flags & ACK) !== 0;
  const window = acknowledges || isSyn ? offerWindow(tcb, isSyn) : 0;
  writeU16(frame, TCP, tcb.localPort);
  writeU16(frame, TCP + 2, tcb.remotePort);
  writeU32(frame, TCP + 4, sequence);
  if (acknowledges) writeU32(frame, TCP + 8, tcb.rcvNxt);
  frame[TCP + 12] = headerLength << 2;
  frame[TCP + 13] = flags;
  writeU16(frame, TCP + 14, window);
  if (tcb.isSendingUrgent) markUrgent(frame, tcb, sequence);
  if (isSyn) writeSynOptions(frame, now, tcb, flags);
  else if (optionLength > 0) writeOptions(frame, now, tcb, blocks);
  if (count > 0) tcb.sendRing.copyOut(frame, text, { at: seqDiff(sequence, tcb.sendBase), count });
  const pseudo = tcb.addressSum + IP_PROTOCOL.tcp + headerLength + count;
  writeU16(frame, TCP + 16, finishChecksum(pseudo + tcb.context.words.sum(frame, TCP, text + count)));
  if (acknowledges) {
    tcb.lastAckSent = tcb.rcvNxt;
    tcb.mustAck = false;
    tcb.unackedSegments = 0;
    tcb.timers.disarm(2); // delayedAck
  }
  tcb.segmentsSent += 1;
  return tcb.context.sendFrame(now, frame, tcb);
}

/** RFC 9293 §3.8.5: the pointer leads to the octet that follows the urgent data. */
function markUrgent(frame: Uint8Array, tcb: Tcb, sequence: Seq): void {
  const ahead = seqDiff(tcb.sndUp, sequence);
  if (ahead <= 0) return;
  frame[TCP + 13] = (frame[TCP + 13] as number) | URG;
  writeU16(frame, TCP + 18, Math.min(ahead, 0xffff));
}

/**
 * The window field, and with it RCV.ADV. The right edge never moves left (RFC 9293 §3.8.6), and it moves right only by as much as is worth a
 * segment (§3.8.6.2.2: silly window avoidance of the receiver).
 */
function offerWindow(tcb: Tcb, isSyn: boolean): number {
  const limit = tcb.options.receiveBufferMax;
  const shift = isSyn ? 0 : tcb.rcvShift;
  const room = Math.min(limit - tcb.receiveRing.length, 0xffff << shift);
  const edge = seqAdd(tcb.rcvNxt, Math.max(0, room));
  if (seqDiff(edge, tcb.rcvAdv) >= Math.min(limit >>> 1, tcb.receiveMss) || isSyn) {
    if (seqLt(tcb.rcvAdv, edge)) tcb.rcvAdv = edge;
  }
  return Math.min(0xffff, tcb.rcvWnd >>> shift);
}

function sackBlockCount(tcb: Tcb): number {
  if (!tcb.hasSack || tcb.holes === undefined) return 0;
  return Math.min(tcb.holes.count, tcb.hasTimestamps ? SACK_BLOCKS_MAX - 1 : SACK_BLOCKS_MAX);
}

function writeOptions(frame: Uint8Array, now: Millis, tcb: Tcb, blocks: number): void {
  let at = TCP + TCP_HEADER_LENGTH;
  if (tcb.hasTimestamps) {
    frame[at] = KIND_NOP;
    frame[at + 1] = KIND_NOP;
    writeTimestamps(frame, at + 2, now, tcb);
    at += 12;
  }
  if (blocks > 0) writeSack(frame, at, tcb, blocks);
}

function writeTimestamps(frame: Uint8Array, at: number, now: Millis, tcb: Tcb): void {
  frame[at] = KIND_TIMESTAMPS;
  frame[at + 1] = 10;
  writeU32(frame, at + 2, tcb.timestampAt(now));
  writeU32(frame, at + 6, tcb.timestampRecent);
}

/** RFC 2018 §4: first the block with the octets that came last, then the others, the highest first. */
function writeSack(frame: Uint8Array, start: number, tcb: Tcb, blocks: number): void {
  const { holes } = tcb;
  if (holes === undefined) return;
  frame[start] = KIND_NOP;
  frame[start + 1] = KIND_NOP;
  frame[start + 2] = KIND_SACK;
  frame[start + 3] = 2 + 8 * blocks;
  const latest = Math.max(0, holes.indexOf(tcb.lastBeyond));
  let at = start + 4;
  writeU32(frame, at, holes.left(latest));
  writeU32(frame, at + 4, holes.right(latest));
  for (let i = holes.count - 1, written = 1; i >= 0 && written < blocks; i--) {
    if (i === latest) continue;
    at += 8;
    written += 1;
    writeU32(frame, at, holes.left(i));
    writeU32(frame, at + 4, holes.right(i));
  }
}

/** What a SYN offers; a SYN-ACK only what the peer offered too. */
function synOptionLength(tcb: Tcb, flags: number): number {
  const { timestamps, sack, scaling } = offered(tcb, flags);
  return 4 + (timestamps ? 12 : sack ? 4 : 0) + (scaling ? 4 : 0) + (tcb.options.advertiseUserTimeout ? 4 : 0);
}

function offered(tcb: Tcb, flags: number): { readonly timestamps: boolean; readonly sack: boolean; readonly scaling: boolean } {
  if ((flags & ACK) !== 0) return { timestamps: tcb.hasTimestamps, sack: tcb.hasSack, scaling: tcb.hasScaling };
  const { timestamps, selectiveAcks, windowScaling } = tcb.options;
  return { timestamps, sack: selectiveAcks, scaling: windowScaling };
}

function writeSynOptions(frame: Uint8Array, now: Millis, tcb: Tcb, flags: number): void {
  const { timestamps, sack, scaling } = offered(tcb, flags);
  let at = TCP + TCP_HEADER_LENGTH;
  frame[at] = KIND_MSS;
  frame[at + 1] = 4;
  writeU16(frame, at + 2, announcedMss(tcb));
  at += 4;
  if (timestamps || sack) {
    frame[at] = sack ? KIND_SACK_PERMITTED : KIND_NOP;
    frame[at + 1] = sack ? 2 : KIND_NOP;
    if (timestamps) writeTimestamps(frame, at + 2, now, tcb);
    else frame.fill(KIND_NOP, at + 2, at + 4);
    at += timestamps ? 12 : 4;
  }
  if (scaling) {
    frame[at] = KIND_NOP;
    frame[at + 1] = KIND_WINDOW_SCALE;
    frame[at + 2] = 3;
    frame[at + 3] = tcb.rcvShift;
    at += 4;
  }
  if (tcb.options.advertiseUserTimeout) {
    frame[at] = KIND_USER_TIMEOUT;
    frame[at + 1] = 4;
    writeU16(frame, at + 2, encodeUserTimeout(userTimeoutOf(tcb)));
  }
}

/** RFC 5482 §3: seconds, or minutes with the granularity bit set. */
function encodeUserTimeout(ms: Millis): number {
  const seconds = Math.ceil(ms / 1_000);
  return seconds <= 0x7fff ? seconds : 0x8000 | Math.min(0x7fff, Math.ceil(seconds / 60));
}

/** The MSS option speaks of text without options: the MTU less 40 (RFC 6691, RFC 9293 MUST-67). */
export function announcedMss(tcb: Tcb): number {
  return Math.min(tcb.options.mssMax, tcb.context.pathMtu(tcb.remoteAddress) - IPV4_HEADER_LENGTH - TCP_HEADER_LENGTH);
}
