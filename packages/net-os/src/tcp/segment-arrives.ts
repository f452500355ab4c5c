import type { Millis } from '@nexus-net/sansio';
import { acknowledge, noteShut, settleMss } from './acknowledge.js';
import { announcedMss } from './build-segment.js';
import { endConnection } from './end-connection.js';
import { sendAck } from './output.js';
import { takeText, takeUrgent } from './receive-text.js';
import { ACK, FIN, RST, type Segment, SYN } from './segment.js';
import { seqAdd, seqDiff, seqLt } from './sequence.js';
import { NEWS, type Tcb } from './tcb.js';
import type { TcpDropLabel } from './tcp-labels.js';
import { MSS_DEFAULT } from './tcp-options.js';
import { TIMER } from './timer-table.js';
import { takeUserTimeout, userTimeoutOf } from './user-timeout.js';

/** SEGMENT ARRIVES of RFC 9293 §3.10.7.3 and §3.10.7.4, for a connection. A label where the segment changed nothing. */
export function segmentArrives(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  tcb.segmentsReceived += 1;
  if (tcb.state === 'SYN-SENT') return inSynSent(now, tcb, segment);
  return inOthers(now, tcb, segment);
}

/** §3.10.7.3 */
function inSynSent(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  const hasAck = segment.has(ACK);
  if (hasAck && segment.acknowledgment !== tcb.sndNxt) {
    if (!segment.has(RST)) tcb.context.sendReset(now, tcb, segment.acknowledgment);
    return 'tcp-bad-ack';
  }
  if (segment.has(RST)) {
    if (!hasAck) return 'tcp-bad-reset';
    endConnection(tcb, 'reset', 'refused');
    return undefined;
  }
  if (!segment.has(SYN)) return 'tcp-no-syn';
  takeSyn(now, tcb, segment);
  if (!hasAck) {
    // Simultaneous open (§3.5, figure 7).
    tcb.enter('syn');
    tcb.mustSyn = true;
    return undefined;
  }
  tcb.enter('syn-ack');
  establish(now, tcb, segment);
  tcb.mustAck = true;
  tcb.context.tell(tcb, NEWS.connected);
  return undefined;
}

/** IRS, RCV.NXT and the options of the peer's SYN. Text of a SYN is not taken: the peer sends it again (§3.10.7.2 would keep it). */
export function takeSyn(now: Millis, tcb: Tcb, segment: Segment): void {
  const { options } = tcb;
  tcb.irs = segment.sequence;
  tcb.rcvNxt = seqAdd(segment.sequence, 1);
  tcb.rcvAdv = tcb.rcvNxt;
  tcb.lastAckSent = tcb.rcvNxt;
  tcb.lastHeardAt = now;
  tcb.peerMss = segment.mss < 0 ? MSS_DEFAULT : segment.mss; // MUST-15
  tcb.hasTimestamps = options.timestamps && segment.hasTimestamps;
  tcb.hasSack = options.selectiveAcks && segment.sackPermitted;
  tcb.hasScaling = options.windowScaling && segment.windowScale >= 0;
  tcb.sndShift = tcb.hasScaling ? Math.min(14, segment.windowScale) : 0; // RFC 7323 §2.3: above 14 counts as 14
  if (!tcb.hasScaling) tcb.rcvShift = 0;
  if (tcb.hasTimestamps) {
    tcb.timestampRecent = segment.timestamp;
    tcb.timestampRecentAt = now;
  }
  if (segment.userTimeout >= 0) takeUserTimeout(tcb, segment.userTimeout);
  settleMss(tcb, tcb.context.pathMtu(tcb.remoteAddress));
  tcb.receiveMss = Math.min(MSS_DEFAULT, announcedMss(tcb));
  tcb.sndWnd = segment.window; // RFC 7323 §2.2: never scaled in a SYN
  tcb.maxSndWnd = segment.window;
  tcb.sndWl1 = segment.sequence;
  tcb.sndWl2 = segment.has(ACK) ? segment.acknowledgment : tcb.iss;
}

/** Our SYN is acknowledged: from here on octets flow. */
export function establish(now: Millis, tcb: Tcb, segment: Segment): void {
  const wasRepeated = tcb.timeouts > 0;
  if (tcb.hasTimestamps && segment.hasTimestamps && !wasRepeated && tcb.lastSentAt <= now)
    tcb.roundTrip.measure(now - tcb.timedAt);
  else if (tcb.isTiming) tcb.roundTrip.measure(now - tcb.timedAt);
  else if (wasRepeated) tcb.roundTrip.startAfterLostSyn();
  tcb.isTiming = false;
  tcb.sndUna = segment.acknowledgment;
  tcb.sendBase = tcb.sndUna;
  tcb.recoverPoint = tcb.sndUna;
  tcb.lostEdge = tcb.sndUna;
  tcb.timeoutsInRow = 0;
  tcb.congestion = tcb.options.congestion(tcb.mss);
  if (wasRepeated) tcb.congestion.onTimeout(0, tcb.mss, false); // RFC 5681 §3.1: a lost SYN starts with one segment
  tcb.timers.disarm(TIMER.retransmit);
  tcb.timers.disarm(TIMER.user);
  armKeepAlive(now, tcb);
  if (tcb.isFinQueued) tcb.enter('close');
  if (tcb.sendRing.length > 0 || tcb.isFinQueued) tcb.timers.arm(TIMER.user, now + userTimeoutOf(tcb));
  tcb.context.timersChanged(tcb);
}

export function armKeepAlive(now: Millis, tcb: Tcb): void {
  tcb.keepAliveSent = 0;
  if (tcb.keepAliveMs === undefined) tcb.timers.disarm(TIMER.keepAlive);
  else {
    tcb.timers.arm(TIMER.keepAlive, now + tcb.keepAliveMs);
    tcb.context.timersChanged(tcb);
  }
}

/** §3.10.7.4, in its order. */
function inOthers(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  if (tcb.state === 'SYN-RECEIVED' && segment.has(SYN) && segment.sequence === tcb.irs) {
    if (!segment.has(ACK)) {
      // The peer has not seen our SYN-ACK.
      if (mayAnswer(now, tcb)) tcb.mustSyn = true;
      return 'tcp-duplicate-syn';
    }
    // The peer's half of a simultaneous open: its SYN is known, its acknowledgment counts.
    segment.sequence = seqAdd(segment.sequence, 1);
    segment.flags &= ~SYN;
  }
  const bad = checkSequence(now, tcb, segment);
  if (bad !== undefined) return bad;
  if (segment.has(RST)) return takeReset(now, tcb, segment);
  if (segment.has(SYN)) return challenge(now, tcb, 'tcp-syn-in-window'); // RFC 5961 §4.2
  if (!segment.has(ACK)) return 'tcp-no-ack';
  const badAck = checkAck(now, tcb, segment);
  if (badAck !== undefined) return badAck;
  noteTimestamp(now, tcb, segment);
  heard(now, tcb);
  if (segment.userTimeout >= 0) takeUserTimeout(tcb, segment.userTimeout);
  if (tcb.state === 'SYN-RECEIVED') {
    const refused = completeHandshake(now, tcb, segment);
    if (refused !== undefined) return refused;
  }
  if (acknowledge(now, tcb, segment) && finAcknowledged(now, tcb)) return undefined;
  takeUrgent(tcb, segment);
  return deliver(now, tcb, segment);
}

/** RFC 7323 §4.3 (2): of the segments that moved the left edge, the newest timestamp is the one to echo. */
function noteTimestamp(now: Millis, tcb: Tcb, segment: Segment): void {
  if (!tcb.hasTimestamps || !segment.hasTimestamps || seqLt(tcb.lastAckSent, segment.sequence)) return;
  if (seqDiff(segment.timestamp, tcb.timestampRecent) >= 0) tcb.timestampRecent = segment.timestamp;
  tcb.timestampRecentAt = now;
}

function heard(now: Millis, tcb: Tcb): void {
  tcb.lastHeardAt = now;
  tcb.softError = false;
  if (tcb.keepAliveSent > 0) armKeepAlive(now, tcb);
}

/** First: is any of it in the window? PAWS comes before (RFC 7323 §5.3). */
function checkSequence(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  const isReset = segment.has(RST);
  if (tcb.hasTimestamps && !isReset) {
    if (!segment.hasTimestamps) return 'tcp-no-timestamp'; // RFC 7323 §3.2
    const isOld = seqDiff(segment.timestamp, tcb.timestampRecent) < 0 && now - tcb.timestampRecentAt < TIMESTAMP_LIFE_MS;
    if (isOld) return outOfWindow(now, tcb, segment, 'tcp-old-timestamp');
  }
  const window = tcb.rcvWnd;
  const start = seqDiff(segment.sequence, tcb.rcvNxt);
  const length = segment.sequenceLength;
  const isAcceptable =
    length === 0
      ? start === 0 || (start > 0 && start < window)
      : // MUST-66: with a shut window the text is left, and what comes with it counts.
        start === 0 || (start > 0 && start < window) || (start < 0 && start + length > 0);
  if (isAcceptable) return undefined;
  return isReset ? 'tcp-bad-reset' : outOfWindow(now, tcb, segment, 'tcp-out-of-window');
}

/**
 * Answers a segment outside of the window with where we are; those that carry nothing at most twice a second, or two confused ends would
 * answer each other for ever.
 */
function outOfWindow(now: Millis, tcb: Tcb, segment: Segment, label: TcpDropLabel): TcpDropLabel {
  // The peer repeats what we have: our acknowledgment was lost. Its acknowledgment may still say something about a shut window.
  if (segment.has(ACK) && segment.acknowledgment === tcb.sndUna && tcb.sndWnd === 0) noteShut(now, tcb);
  if (tcb.keepAliveSent > 0) heard(now, tcb);
  if (segment.length > 0 || segment.has(FIN)) {
    // A repetition because our acknowledgment was lost. Echoing its timestamp, and not that of the first copy, keeps the time in between
    // out of the peer's round trip. It lies as near to the window as an acceptable segment does, so it proves as much.
    if (seqDiff(tcb.rcvNxt, segment.sequence) <= tcb.options.receiveBufferMax) noteTimestamp(now, tcb, segment);
    tcb.mustAck = true;
  } else if (segment.has(SYN)) return challenge(now, tcb, label);
  else if (mayAnswer(now, tcb)) tcb.mustAck = true;
  return label;
}

function mayAnswer(now: Millis, tcb: Tcb): boolean {
  if (now - tcb.lastOutOfWindowAckAt < OUT_OF_WINDOW_MS) return false;
  tcb.lastOutOfWindowAckAt = now;
  return true;
}

/** Second: RFC 5961 §3.2. Only a reset at exactly RCV.NXT is believed. */
function takeReset(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  if (segment.sequence !== tcb.rcvNxt) return challenge(now, tcb, 'tcp-bad-reset');
  endConnection(tcb, 'reset', tcb.state === 'SYN-RECEIVED' ? 'refused' : 'reset');
  return undefined;
}

/** RFC 5961 §7: a few for each connection, and a number for all that no stranger can know. */
export function challenge(now: Millis, tcb: Tcb, label: TcpDropLabel): TcpDropLabel {
  const refill = Math.floor((now - tcb.challengeAt) / CHALLENGE_MS);
  if (refill > 0) {
    tcb.challengeTokens = Math.min(CHALLENGES, tcb.challengeTokens + refill);
    tcb.challengeAt = now;
  }
  if (tcb.challengeTokens === 0 || !tcb.context.mayChallenge(now)) {
    tcb.context.count('tcp-challenge-limited');
    return label;
  }
  tcb.challengeTokens -= 1;
  sendAck(now, tcb);
  return label;
}

/** Fifth, RFC 5961 §5.2: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT. */
function checkAck(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  const { acknowledgment } = segment;
  if (tcb.state === 'SYN-RECEIVED') {
    if (acknowledgment === tcb.sndNxt) return undefined;
    tcb.context.sendReset(now, tcb, acknowledgment);
    return 'tcp-bad-ack';
  }
  if (seqLt(tcb.sndMax, acknowledgment) || seqDiff(tcb.sndUna, acknowledgment) > Math.max(tcb.maxSndWnd, 1))
    return challenge(now, tcb, 'tcp-bad-ack');
  return undefined;
}

function completeHandshake(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  const wasPassive = tcb.listener !== undefined;
  if (wasPassive && !tcb.context.admit(tcb)) return 'tcp-backlog-full';
  tcb.enter('ack-of-syn');
  tcb.sndWnd = segment.window << tcb.sndShift;
  tcb.maxSndWnd = Math.max(tcb.maxSndWnd, tcb.sndWnd);
  tcb.sndWl1 = segment.sequence;
  tcb.sndWl2 = segment.acknowledgment;
  establish(now, tcb, segment);
  if (!wasPassive) tcb.context.tell(tcb, NEWS.connected);
  return undefined;
}

/** Our FIN is acknowledged. True where the connection is over with that. */
function finAcknowledged(now: Millis, tcb: Tcb): boolean {
  switch (tcb.state) {
    case 'FIN-WAIT-1':
      tcb.enter('ack-of-fin');
      armFinWait2(now, tcb);
      return false;
    case 'CLOSING':
      tcb.enter('ack-of-fin');
      tcb.context.keepTimeWait(now, tcb);
      return true;
    case 'LAST-ACK':
      endConnection(tcb, 'ack-of-fin', 'closed');
      return true;
    default:
      return false;
  }
}

/** Nobody will read what the peer may still send, so its FIN is not waited for without end. */
export function armFinWait2(now: Millis, tcb: Tcb): void {
  if (!tcb.isReleased || tcb.state !== 'FIN-WAIT-2') return;
  tcb.timers.arm(TIMER.finWait2, now + tcb.options.finWait2Ms);
  tcb.context.timersChanged(tcb);
}

function deliver(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | undefined {
  if (tcb.isReleased && segment.length > 0 && seqLt(tcb.rcvNxt, seqAdd(segment.sequence, segment.length))) {
    // §3.6.1: new octets for a user who has gone: the peer must learn that nobody reads them.
    tcb.context.sendReset(now, tcb, tcb.sndNxt);
    endConnection(tcb, 'abort', 'aborted');
    return 'tcp-nobody-reads';
  }
  const outcome = takeText(now, tcb, segment);
  if (outcome !== 'peer-fin') return outcome;
  takeFin(now, tcb);
  return undefined;
}

/** Eighth. */
function takeFin(now: Millis, tcb: Tcb): void {
  const wasFinWait2 = tcb.state === 'FIN-WAIT-2';
  tcb.enter('fin');
  tcb.context.tell(tcb, NEWS.peerClosed | (tcb.wantsRead && !tcb.isReleased ? NEWS.readable : 0));
  tcb.wantsRead = false;
  if (!wasFinWait2) return;
  sendAck(now, tcb);
  tcb.context.keepTimeWait(now, tcb);
}

/** RFC 7323 §5.5: after 24 days without a segment the timestamp clock may have wrapped. */
const TIMESTAMP_LIFE_MS = 24 * 86_400_000;
const OUT_OF_WINDOW_MS = 500;
/** RFC 5961 §7: ten in five seconds. */
const CHALLENGES = 10;
const CHALLENGE_MS = 500;
