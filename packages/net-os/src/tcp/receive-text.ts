import type { Millis } from '@nexus-net/sansio';
import { SeqRanges } from './ranges.js';
import { FIN, type Segment, URG } from './segment.js';
import { type Seq, seqAdd, seqDiff, seqLeq, seqLt, seqMax, seqMin } from './sequence.js';
import { mayReceive } from './states.js';
import { NEWS, type Tcb } from './tcb.js';
import type { TcpDropLabel } from './tcp-labels.js';
import { TIMER } from './timer-table.js';

/** RFC 9293 §3.10.7.4, sixth: RCV.UP moves on; the user is told once for each stretch of urgent octets. */
export function takeUrgent(tcb: Tcb, segment: Segment): void {
  if (!segment.has(URG) || !mayReceive(tcb.state)) return;
  const up = seqAdd(segment.sequence, segment.urgentPointer);
  // A pointer to octets already read, or to none, says nothing (RFC 6093, CVE-2019-12255).
  if (!seqLt(tcb.rcvNxt, up) && !seqLt(readNext(tcb), up)) return;
  if (tcb.isReceivingUrgent && seqLeq(up, tcb.rcvUp)) return;
  const isNew = !tcb.isReceivingUrgent;
  tcb.rcvUp = up;
  tcb.isReceivingUrgent = true;
  if (isNew) tcb.context.tell(tcb, NEWS.urgent);
}

/** The number of the octet that the user reads next. */
export function readNext(tcb: Tcb): Seq {
  return seqAdd(tcb.rcvNxt, -tcb.receiveRing.length - (tcb.isPeerFinTaken ? 1 : 0));
}

/**
 * Seventh and eighth: text goes to the ring, in order or beyond a hole; the FIN counts once everything before it is there. A label where the
 * segment brought nothing that could be kept. `peer-fin` where the FIN is taken.
 */
export function takeText(now: Millis, tcb: Tcb, segment: Segment): TcpDropLabel | 'peer-fin' | undefined {
  const isFin = segment.has(FIN);
  if (segment.length === 0 && !isFin) return undefined;
  if (!mayReceive(tcb.state)) {
    tcb.mustAck = true; // what follows a FIN was never part of the stream (§3.10.7.4)
    return 'tcp-after-fin';
  }
  const textEnd = seqAdd(segment.sequence, segment.length);
  if (isFin && tcb.peerFin === undefined && seqLeq(textEnd, tcb.rcvAdv) && seqLeq(tcb.rcvNxt, textEnd)) tcb.peerFin = textEnd;
  const left = seqMax(segment.sequence, tcb.rcvNxt);
  let right = seqMin(textEnd, tcb.rcvAdv);
  if (seqLt(right, textEnd)) tcb.mustAck = true; // the rest does not fit: the peer learns where the window ends
  if (tcb.peerFin !== undefined) right = seqMin(right, tcb.peerFin);
  let drop: TcpDropLabel | undefined;
  if (seqLt(left, right)) drop = store(now, tcb, { segment, left, right });
  else if (!isFin) {
    tcb.mustAck = true;
    return 'tcp-no-room';
  }
  if (tcb.peerFin === tcb.rcvNxt) {
    tcb.rcvNxt = seqAdd(tcb.rcvNxt, 1);
    tcb.isPeerFinTaken = true;
    tcb.mustAck = true;
    return 'peer-fin';
  }
  if (isFin) tcb.mustAck = true;
  return drop;
}

interface Stretch {
  readonly segment: Segment;
  readonly left: Seq;
  readonly right: Seq;
}

function store(now: Millis, tcb: Tcb, { segment, left, right }: Stretch): TcpDropLabel | undefined {
  const ring = tcb.receiveRing;
  const { holes } = tcb;
  const beyond = seqDiff(left, tcb.rcvNxt);
  const at = ring.length + beyond;
  const count = seqDiff(right, left);
  const used =
    holes !== undefined && holes.count > 0 ? ring.length + seqDiff(holes.right(holes.count - 1), tcb.rcvNxt) : ring.length;
  if (!ring.reserve(at + count, used) && !(tcb.context.relieve(now, tcb) && ring.reserve(at + count, used))) {
    tcb.mustAck = true;
    return 'tcp-no-memory';
  }
  const from = segment.start + seqDiff(left, segment.sequence);
  if (count > tcb.receiveMss) tcb.receiveMss = count;
  if (beyond > 0) {
    tcb.mustAck = true; // RFC 5681 §4.2: at once, so that the sender learns of the hole
    tcb.holes ??= new SeqRanges(tcb.context.limits.holeCountMax);
    if (!tcb.holes.add(left, right)) return 'tcp-too-many-holes';
    tcb.lastBeyond = left;
    ring.write(at, segment.bytes, { from, to: from + count });
    return undefined;
  }
  ring.write(at, segment.bytes, { from, to: from + count });
  ring.commit(count);
  tcb.rcvNxt = right;
  tcb.octetsReceived += count;
  if (holes !== undefined && holes.count > 0) closeHoles(tcb, holes);
  else noteReceived(now, tcb, count);
  if (tcb.wantsRead) {
    tcb.wantsRead = false;
    tcb.context.tell(tcb, NEWS.readable);
  }
  return undefined;
}

/** What lay beyond the hole is in order now. */
function closeHoles(tcb: Tcb, holes: SeqRanges): void {
  tcb.mustAck = true; // RFC 5681 §4.2: a segment that fills a hole is acknowledged at once
  const end = holes.gapFrom(tcb.rcvNxt);
  const count = seqDiff(end, tcb.rcvNxt);
  tcb.receiveRing.commit(count);
  tcb.octetsReceived += count;
  tcb.rcvNxt = end;
  holes.dropBefore(end);
}

/** RFC 9293 §3.8.6.3: every second full segment at once (MUST-59), a single one within the delay. */
function noteReceived(now: Millis, tcb: Tcb, count: number): void {
  tcb.unackedSegments += 1;
  const { delayedAckMs } = tcb.options;
  if (delayedAckMs === 0 || tcb.unackedSegments >= 2 || count >= 2 * tcb.receiveMss) {
    tcb.mustAck = true;
    return;
  }
  if (tcb.timers.isArmed(TIMER.delayedAck)) return;
  tcb.timers.arm(TIMER.delayedAck, now + delayedAckMs);
  tcb.context.timersChanged(tcb);
}
