import { type Millis, NEVER } from '@nexus-net/sansio';
import { sendSegment } from './build-segment.js';
import { overlapOctets, SeqRanges } from './ranges.js';
import { ACK, FIN, PSH, RST, SYN } from './segment.js';
import { type Seq, seqAdd, seqDiff, seqLt, seqMax, seqMin } from './sequence.js';
import type { Tcb } from './tcb.js';
import { TIMER } from './timer-table.js';
import { userTimeoutOf } from './user-timeout.js';

/** Sends the one segment that is due next; false where nothing is. */
export function sendNext(now: Millis, tcb: Tcb): boolean {
  switch (tcb.state) {
    case 'CLOSED':
    case 'LISTEN':
    case 'TIME-WAIT':
      return false;
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
      return (tcb.mustSyn && sendSyn(now, tcb)) || (tcb.mustAck && tcb.state === 'SYN-RECEIVED' && sendAck(now, tcb));
    default:
      return (
        ((tcb.mustResend || seqLt(tcb.sndUna, tcb.lostEdge)) && resendLost(now, tcb)) ||
        sendNew(now, tcb) ||
        (tcb.mustProbe && sendProbe(now, tcb)) ||
        (tcb.mustKeepAlive && sendKeepAlive(now, tcb)) ||
        (tcb.mustAck && sendAck(now, tcb))
      );
  }
}

/** A pure acknowledgment, now. */
export function sendAck(now: Millis, tcb: Tcb): boolean {
  sendSegment(now, tcb, { sequence: tcb.sndNxt, flags: ACK, count: 0 });
  return true;
}

/** RFC 9293 §3.10.5: a reset that the peer will accept. */
export function sendAbort(now: Millis, tcb: Tcb): void {
  sendSegment(now, tcb, { sequence: tcb.sndNxt, flags: RST | ACK, count: 0 });
}

/** Octets that the network holds, as far as we know: RFC 6675 §4 (Pipe); without SACK each duplicate stands for a segment. */
export function pipeOf(tcb: Tcb): number {
  const { sacked, resent } = tcb;
  const edge = seqMin(tcb.lostEdge, tcb.sndNxt);
  const lost = seqDiff(edge, tcb.sndUna);
  if (lost <= 0 && (sacked === undefined || sacked.count === 0))
    return tcb.hasSack ? tcb.flight : Math.max(0, tcb.flight - tcb.duplicateAcks * tcb.mss);
  let pipe = tcb.flight - (sacked === undefined ? 0 : sacked.octets);
  if (lost > 0) {
    pipe -= lost - (sacked === undefined ? 0 : sacked.octetsWithin(tcb.sndUna, edge));
    if (resent !== undefined) pipe += resent.octets - (sacked === undefined ? 0 : overlapOctets(resent, sacked));
  }
  if (!tcb.hasSack) pipe -= tcb.duplicateAcks * tcb.mss;
  return Math.max(0, pipe);
}

function sendSyn(now: Millis, tcb: Tcb): boolean {
  tcb.mustSyn = false;
  const flags = tcb.state === 'SYN-SENT' ? SYN : SYN | ACK;
  if (tcb.sndNxt === tcb.iss) {
    tcb.sndNxt = seqAdd(tcb.iss, 1);
    tcb.sndMax = tcb.sndNxt;
    tcb.timedAt = now;
    tcb.isTiming = true;
  } else {
    tcb.isTiming = false; // Karn
  }
  tcb.lastSentAt = now;
  tcb.timers.arm(TIMER.retransmit, now + tcb.roundTrip.timeoutMs);
  if (!tcb.timers.isArmed(TIMER.user)) tcb.timers.arm(TIMER.user, now + tcb.options.connectTimeoutMs);
  tcb.context.timersChanged(tcb);
  sendSegment(now, tcb, { sequence: tcb.iss, flags, count: 0 });
  return true;
}

/** RFC 6675 §4 NextSeg (1): the first octets that are lost, not selectively acknowledged and not sent again yet. */
function resendLost(now: Millis, tcb: Tcb): boolean {
  // A shut window takes nothing but a FIN; probes ask when it opens.
  if (tcb.sndWnd === 0 && tcb.sndUna !== tcb.finSequence) {
    tcb.mustResend = false;
    return false;
  }
  const edge = seqMin(tcb.lostEdge, tcb.sndNxt);
  const from = nextHole(tcb, tcb.sndUna);
  if (!seqLt(from, edge)) {
    tcb.mustResend = false;
    return false;
  }
  let limit = edge;
  if (tcb.sacked !== undefined) limit = tcb.sacked.nextFrom(from, limit);
  if (tcb.resent !== undefined) limit = tcb.resent.nextFrom(from, limit);
  const count = Math.min(tcb.textMax, seqDiff(limit, from));
  if (!tcb.mustResend && pipeOf(tcb) + count > windowOf(tcb)) {
    tcb.isCongestionLimited = true;
    return false;
  }
  const text = Math.min(count, Math.max(0, seqDiff(tcb.finSequence, from)));
  const withFin = text < count; // the number after the text is the FIN's
  noteResent(tcb, from, seqAdd(from, count));
  if (from === tcb.sndUna) {
    tcb.headMark = tcb.sndNxt;
    tcb.timers.arm(TIMER.retransmit, now + tcb.roundTrip.timeoutMs);
  } else if (!tcb.timers.isArmed(TIMER.retransmit)) {
    tcb.timers.arm(TIMER.retransmit, now + tcb.roundTrip.timeoutMs);
  }
  tcb.context.timersChanged(tcb);
  tcb.mustResend = false;
  tcb.isTiming = false; // Karn: no measurement across a retransmission
  tcb.octetsRetransmitted += text;
  tcb.lastSentAt = now;
  sendSegment(now, tcb, { sequence: from, flags: ACK | (withFin ? FIN : 0) | (text > 0 ? PSH : 0), count: text });
  return true;
}

function nextHole(tcb: Tcb, from: Seq): Seq {
  let at = from;
  for (;;) {
    let next = tcb.sacked === undefined ? at : tcb.sacked.gapFrom(at);
    if (tcb.resent !== undefined) next = tcb.resent.gapFrom(next);
    if (next === at) return at;
    at = next;
  }
}

function noteResent(tcb: Tcb, left: Seq, right: Seq): void {
  tcb.resent ??= new SeqRanges(RANGE_COUNT_MAX);
  if (tcb.resent.add(left, right)) return;
  // Too many pieces to tell apart: all before counts as sent again; the timer finds what this forgets.
  tcb.resent.clear();
  tcb.resent.add(tcb.sndUna, right);
}

/** New text and FIN as windows, Nagle and silly-window avoidance permit (RFC 9293 §3.8.6.2.1). */
function sendNew(now: Millis, tcb: Tcb): boolean {
  if (tcb.isFinSent) return false;
  const available = tcb.sendRing.length - seqDiff(tcb.sndNxt, tcb.sendBase);
  const withFin = tcb.isFinQueued;
  if (available === 0 && !withFin) {
    tcb.isCongestionLimited = false;
    return false;
  }
  const { flight } = tcb;
  const usable = tcb.sndWnd - flight;
  const count = Math.max(0, Math.min(available, tcb.textMax, usable));
  if (available > 0 && count === 0) return waitForWindow(now, tcb);
  if (available > 0 && !isWorthSending(tcb, { count, available, flight })) return waitForWindow(now, tcb);
  // A FIN alone goes out even into a shut window: it takes no room, and its acknowledgment tells the window.
  const fin = withFin && count === available && (usable > count || (count === 0 && flight === 0));
  if (count === 0 && !fin) return waitForWindow(now, tcb);
  if (flight === 0 && now - tcb.lastSentAt > tcb.roundTrip.timeoutMs) tcb.congestion?.onIdle(tcb.mss);
  if (count > 0 && pipeOf(tcb) + count > windowOf(tcb)) {
    tcb.isCongestionLimited = true;
    return false;
  }
  tcb.mustPush = false;
  const sequence = tcb.sndNxt;
  tcb.sndNxt = seqAdd(sequence, count + (fin ? 1 : 0));
  tcb.sndMax = seqMax(tcb.sndMax, tcb.sndNxt);
  tcb.isFinSent = fin;
  tcb.octetsSent += count;
  if (count > tcb.flightText) tcb.flightText = count;
  if (!tcb.hasTimestamps && !tcb.isTiming) {
    tcb.isTiming = true;
    tcb.timedEnd = tcb.sndNxt;
    tcb.timedAt = now;
  }
  noteSent(now, tcb);
  const isLast = count === available;
  sendSegment(now, tcb, { sequence, flags: ACK | (fin ? FIN : 0) | (isLast && count > 0 ? PSH : 0), count });
  return true;
}

/** RFC 9293 §3.8.6.2.1, (1) to (3); the persist timer is the override of (4). */
function isWorthSending(
  tcb: Tcb,
  { count, available, flight }: { readonly count: number; readonly available: number; readonly flight: number },
): boolean {
  if (count >= tcb.textMax) return true;
  if (count === available && (flight === 0 || tcb.noDelay || tcb.isFinQueued || tcb.isSendingUrgent)) return true;
  return count >= tcb.maxSndWnd / 2 || tcb.mustPush;
}

/** Nothing goes now. With nothing in flight, no acknowledgment will come by itself: the persist timer asks. */
function waitForWindow(now: Millis, tcb: Tcb): false {
  tcb.isCongestionLimited = false;
  if (tcb.flight > 0 || tcb.timers.isArmed(TIMER.persist)) return false;
  tcb.timers.arm(TIMER.persist, now + persistMs(tcb));
  armUser(now, tcb);
  tcb.context.timersChanged(tcb);
  return false;
}

/** RFC 9293 SHLD-29, SHLD-30: first after RTO, then ever longer. */
export function persistMs(tcb: Tcb): Millis {
  return Math.min(tcb.options.rtoMaxMs, tcb.roundTrip.timeoutMs * 2 ** tcb.persistBackoff);
}

/** One octet beyond the window (RFC 9293 §3.8.6.1), or the one at its start again. */
function sendProbe(now: Millis, tcb: Tcb): boolean {
  tcb.mustProbe = false;
  const sequence = tcb.sndUna;
  const hasText = seqDiff(tcb.finSequence, sequence) > 0;
  const end = seqAdd(sequence, 1);
  tcb.sndMax = seqMax(tcb.sndMax, hasText ? end : tcb.sndMax);
  tcb.lastSentAt = now;
  tcb.isTiming = false;
  sendSegment(now, tcb, { sequence, flags: ACK | (hasText || !tcb.isFinSent ? 0 : FIN), count: hasText ? 1 : 0 });
  return true;
}

/** RFC 9293 §3.8.4: a number that the peer has acknowledged already, so that it must answer. */
function sendKeepAlive(now: Millis, tcb: Tcb): boolean {
  tcb.mustKeepAlive = false;
  sendSegment(now, tcb, { sequence: seqAdd(tcb.sndNxt, -1), flags: ACK, count: 0 });
  return true;
}

function noteSent(now: Millis, tcb: Tcb): void {
  tcb.lastSentAt = now;
  const { timers } = tcb;
  timers.disarm(TIMER.persist);
  if (timers.isArmed(TIMER.retransmit)) return;
  timers.arm(TIMER.retransmit, now + tcb.roundTrip.timeoutMs); // RFC 6298 (5.1)
  armUser(now, tcb);
  tcb.context.timersChanged(tcb);
}

function armUser(now: Millis, tcb: Tcb): void {
  if (tcb.timers.isArmed(TIMER.user)) return;
  const shutUntil = tcb.shutSince < 0 ? NEVER : tcb.shutSince + tcb.zeroWindowTimeoutMs;
  tcb.timers.arm(TIMER.user, Math.min(now + userTimeoutOf(tcb), Math.max(now, shutUntil)));
}

function windowOf(tcb: Tcb): number {
  return tcb.congestion === undefined ? 0 : tcb.congestion.window;
}

/** Ranges that the sender tells apart. */
export const RANGE_COUNT_MAX = 256;
