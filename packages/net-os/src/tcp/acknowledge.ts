import type { Millis } from '@nexus-net/sansio';
import { announcedMss } from './build-segment.js';
import { RANGE_COUNT_MAX } from './output.js';
import { SeqRanges } from './ranges.js';
import { FIN, type Segment } from './segment.js';
import { type Seq, seqAdd, seqDiff, seqLeq, seqLt, seqMax, seqMin } from './sequence.js';
import { NEWS, Tcb } from './tcb.js';
import { MSS_FLOOR } from './tcp-options.js';
import { TIMER } from './timer-table.js';
import { userTimeoutOf } from './user-timeout.js';

/**
 * What an acceptable acknowledgment says: SND.UNA..SND.MAX, or an older one. RFC 9293 §3.10.7.4 fifth, RFC 5681 §3, RFC 6582, RFC 6675.
 * True where it acknowledges our FIN.
 */
export function acknowledge(now: Millis, tcb: Tcb, segment: Segment): boolean {
  const acked = seqDiff(segment.acknowledgment, tcb.sndUna);
  const windowBefore = tcb.sndWnd;
  takeWindow(now, tcb, segment);
  const news = tcb.hasSack && segment.sackCount > 0 && takeSack(tcb, segment);
  let isFinAcked = false;
  if (acked > 0) isFinAcked = advance(now, tcb, { segment, acked });
  else if (acked === 0 && tcb.flight > 0) {
    const isDuplicate = tcb.hasSack
      ? news
      : segment.length === 0 && !segment.has(FIN) && tcb.sndWnd === windowBefore && segment.sequence === tcb.rcvNxt;
    if (isDuplicate) countDuplicate(tcb);
  }
  if (acked <= 0 && tcb.sndWnd === 0) noteShut(now, tcb);
  if (news || (acked <= 0 && tcb.duplicateAcks > 0)) judgeLoss(tcb);
  if (windowBefore === 0 && tcb.sndWnd > 0) reopen(tcb);
  return isFinAcked;
}

/** SND.WND from the newest segment only (RFC 9293 §3.10.7.4 fifth, ESTABLISHED). */
export function takeWindow(now: Millis, tcb: Tcb, segment: Segment): void {
  const { sequence, acknowledgment } = segment;
  if (seqLt(acknowledgment, tcb.sndUna)) return;
  if (!seqLt(tcb.sndWl1, sequence) && !(tcb.sndWl1 === sequence && seqLeq(tcb.sndWl2, acknowledgment))) return;
  tcb.sndWnd = segment.window << tcb.sndShift; // below 2^30
  tcb.maxSndWnd = Math.max(tcb.maxSndWnd, tcb.sndWnd);
  tcb.sndWl1 = sequence;
  tcb.sndWl2 = acknowledgment;
  if (tcb.sndWnd > 0) tcb.shutSince = -1;
  else if (tcb.shutSince < 0) tcb.shutSince = now;
}

/** The peer is there and takes nothing: the connection stays as long as the user lets it (RFC 9293 MUST-37). */
export function noteShut(now: Millis, tcb: Tcb): void {
  if (!tcb.timers.isArmed(TIMER.user)) return;
  const patience = tcb.shutSince < 0 ? now : tcb.shutSince;
  tcb.timers.arm(TIMER.user, Math.min(now + userTimeoutOf(tcb), patience + tcb.zeroWindowTimeoutMs));
  tcb.context.timersChanged(tcb);
}

/** The window opens. What was sent into it while it was shut has been thrown away by the peer. */
function reopen(tcb: Tcb): void {
  tcb.persistBackoff = 0;
  tcb.timers.disarm(TIMER.persist);
  if (tcb.flight === 0) return;
  tcb.resent?.clear();
  tcb.lostEdge = tcb.sndNxt;
  tcb.mustResend = true;
}

function advance(now: Millis, tcb: Tcb, { segment, acked }: { readonly segment: Segment; readonly acked: number }): boolean {
  const flight = tcb.flight;
  const { acknowledgment } = segment;
  measure(now, tcb, segment);
  const text = Math.min(seqDiff(acknowledgment, tcb.sendBase), tcb.sendRing.length);
  const isFinAcked = tcb.isFinSent && seqDiff(acknowledgment, tcb.finSequence) === 1;
  tcb.sendRing.consume(text);
  tcb.sendBase = seqAdd(tcb.sendBase, text);
  tcb.sndUna = acknowledgment;
  tcb.sndNxt = seqMax(tcb.sndNxt, acknowledgment);
  tcb.timeoutsInRow = 0;
  tcb.persistBackoff = 0;
  tcb.mustProbe = false;
  notePath(now, tcb, text);
  if (tcb.isSendingUrgent && seqLeq(tcb.sndUp, tcb.sndUna)) tcb.isSendingUrgent = false;
  tcb.sacked?.dropBefore(acknowledgment);
  tcb.resent?.dropBefore(acknowledgment);
  if (seqLt(tcb.lostEdge, acknowledgment)) tcb.lostEdge = acknowledgment;
  recover(now, tcb, { acked, flight });
  rearm(now, tcb);
  if (tcb.wantsWrite && tcb.sendRoom >= tcb.options.sendBufferMax >>> 2) {
    tcb.wantsWrite = false;
    tcb.context.tell(tcb, NEWS.writable);
  }
  return isFinAcked;
}

/** A full segment has passed, or all that was in flight. After a black hole: larger ones are tried again in time (RFC 2923 §3.1). */
function notePath(now: Millis, tcb: Tcb, text: number): void {
  if (text >= tcb.textMax && tcb.provenText < tcb.textMax) tcb.provenText = tcb.textMax;
  if (tcb.flight === 0) {
    if (tcb.flightText > tcb.provenText) tcb.provenText = tcb.flightText;
    tcb.flightText = 0;
  }
  if (tcb.blackHoleAt < 0 || now - tcb.blackHoleAt < BLACK_HOLE_MS) return;
  tcb.blackHoleAt = -1;
  tcb.provenText = 0;
  settleMss(tcb, tcb.context.pathMtu(tcb.remoteAddress));
}

/** RFC 6298 §3 and RFC 7323 §4: by timestamp where there are, else by the one segment that is timed. */
function measure(now: Millis, tcb: Tcb, segment: Segment): void {
  if (tcb.hasTimestamps) {
    if (!segment.hasTimestamps) return;
    const rtt = (tcb.timestampAt(now) - segment.timestampEcho) | 0;
    // An echo of something never sent would make nonsense of the estimate.
    if (rtt < 0 || rtt > ECHO_MS_MAX) return;
    tcb.roundTrip.measure(rtt, Math.max(1, Math.ceil(tcb.flight / (2 * tcb.mss))));
    return;
  }
  if (!tcb.isTiming || seqLt(segment.acknowledgment, tcb.timedEnd)) return;
  tcb.isTiming = false;
  tcb.roundTrip.measure(now - tcb.timedAt);
}

/** Where the sender stands after something new was acknowledged. */
function recover(now: Millis, tcb: Tcb, { acked, flight }: { readonly acked: number; readonly flight: number }): void {
  if (tcb.lossState !== 'open' && seqLeq(tcb.recoverPoint, tcb.sndUna)) {
    const wasLoss = tcb.lossState === 'loss';
    endRecovery(tcb);
    if (!wasLoss) return; // fast recovery gives no growth for what it repaired
  }
  if (tcb.lossState === 'recovery') {
    partial(tcb, acked);
    return;
  }
  tcb.duplicateAcks = 0;
  const facts = Tcb.ackFacts;
  facts.now = now;
  facts.acked = acked;
  facts.flight = flight;
  facts.mss = tcb.mss;
  facts.smoothedMs = Math.max(0, tcb.roundTrip.smoothedMs);
  facts.isLimited = tcb.isCongestionLimited || tcb.lossState === 'loss';
  tcb.congestion?.onAck(facts);
}

function endRecovery(tcb: Tcb): void {
  tcb.lossState = 'open';
  tcb.lostEdge = tcb.sndUna;
  tcb.resent?.clear();
  tcb.duplicateAcks = 0;
  tcb.mustResend = false;
}

/** RFC 6582 §3.2 (3), and its counterpart with SACK: the next hole begins where the acknowledgment ends. */
function partial(tcb: Tcb, acked: number): void {
  const head = seqMin(seqAdd(tcb.sndUna, tcb.textMax), tcb.sndNxt);
  if (!tcb.hasSack) {
    tcb.resent?.clear();
    tcb.lostEdge = seqMax(tcb.lostEdge, head);
    tcb.duplicateAcks = Math.max(0, tcb.duplicateAcks + 1 - Math.ceil(acked / tcb.mss));
    tcb.mustResend = true;
    return;
  }
  const { sacked } = tcb;
  if (sacked === undefined || sacked.count === 0) return;
  tcb.lostEdge = seqMax(tcb.lostEdge, seqMin(head, sacked.left(0)));
}

/** RFC 6298 (5.2), (5.3); the user timeout counts from progress. */
function rearm(now: Millis, tcb: Tcb): void {
  const { timers } = tcb;
  if (tcb.flight > 0) {
    timers.arm(TIMER.retransmit, now + tcb.roundTrip.timeoutMs);
    timers.arm(TIMER.user, now + userTimeoutOf(tcb));
    tcb.context.timersChanged(tcb);
    return;
  }
  timers.disarm(TIMER.retransmit);
  timers.disarm(TIMER.user);
}

function countDuplicate(tcb: Tcb): void {
  tcb.duplicateAcksTotal += 1;
  // No more duplicates than segments in flight: anything above is made up (Savage 1999).
  if (tcb.duplicateAcks * tcb.mss < tcb.flight) tcb.duplicateAcks += 1;
}

/** Puts the blocks of a SACK option on the scoreboard; true where one tells something new. Odd blocks say nothing (RFC 2018 §3). */
function takeSack(tcb: Tcb, segment: Segment): boolean {
  const una = seqMax(tcb.sndUna, segment.acknowledgment);
  tcb.sacked ??= new SeqRanges(RANGE_COUNT_MAX);
  let isNews = false;
  for (let i = 0; i < segment.sackCount; i++) {
    const left = segment.sackEdges[2 * i] as Seq;
    const right = segment.sackEdges[2 * i + 1] as Seq;
    if (!seqLt(left, right) || !seqLt(una, left) || !seqLeq(right, tcb.sndNxt)) continue;
    if (tcb.sacked.octetsWithin(left, right) === seqDiff(right, left)) continue;
    if (tcb.sacked.add(left, right)) isNews = true;
  }
  return isNews;
}

/** RFC 6675 §4 IsLost and §5: what is lost, and whether that begins a recovery. Without SACK: three duplicates (RFC 5681 §3.2). */
function judgeLoss(tcb: Tcb): void {
  const edge = lostBySack(tcb);
  const isLost = seqLt(tcb.sndUna, edge) || tcb.duplicateAcks >= DUPLICATES;
  if (tcb.lossState === 'open') {
    if (!isLost || !seqLeq(tcb.recoverPoint, tcb.sndUna)) return;
    const head = seqMin(seqAdd(tcb.sndUna, tcb.textMax), tcb.sndNxt);
    const first = tcb.sacked !== undefined && tcb.sacked.count > 0 ? seqMin(head, tcb.sacked.left(0)) : head;
    tcb.recoverPoint = tcb.sndNxt;
    tcb.congestion?.onLoss(tcb.flight, tcb.mss);
    tcb.lossState = 'recovery';
    tcb.resent?.clear();
    tcb.lostEdge = seqMax(edge, first);
    tcb.mustResend = true;
    tcb.fastRetransmits += 1;
    return;
  }
  tcb.lostEdge = seqMax(tcb.lostEdge, edge);
  judgeHead(tcb);
}

/** Has the head of the hole, sent again, been lost again? Three segments' worth sent after it have arrived. */
function judgeHead(tcb: Tcb): void {
  const { sacked, resent } = tcb;
  if (sacked === undefined || resent === undefined || sacked.count === 0 || resent.indexOf(tcb.sndUna) < 0) return;
  if (seqDiff(sacked.right(sacked.count - 1), tcb.headMark) < DUPLICATES * tcb.textMax) return;
  resent.dropBefore(seqMin(seqAdd(tcb.sndUna, tcb.textMax), sacked.left(0)));
}

function lostBySack(tcb: Tcb): Seq {
  const { sacked } = tcb;
  if (sacked === undefined) return tcb.sndUna;
  let octets = 0;
  let ranges = 0;
  for (let i = sacked.count - 1; i >= 0; i--) {
    octets += seqDiff(sacked.right(i), sacked.left(i));
    ranges += 1;
    if (ranges >= DUPLICATES || octets > (DUPLICATES - 1) * tcb.mss) return sacked.left(i);
  }
  return tcb.sndUna;
}

/** SMSS anew from what peer and path take (RFC 9293 §3.7.1, MUST-16); never below the floor. */
export function settleMss(tcb: Tcb, pathMtu: number): void {
  const path = Math.min(announcedMss(tcb), pathMtu - 40);
  const mss = Math.max(MSS_FLOOR, Math.min(tcb.peerMss, path));
  if (mss === tcb.mss) return;
  tcb.mss = mss;
  tcb.flightText = 0; // what was in flight goes again, in other pieces
  tcb.congestion?.onMssChange(mss);
}

/** How long segments stay small after a black hole. */
const BLACK_HOLE_MS = 60_000;
/** DupThresh */
const DUPLICATES = 3;
/** An echo older than this is not believed. */
const ECHO_MS_MAX = 2 ** 30;
