import type { Millis } from '@nexus-net/sansio';
import { settleMss } from './acknowledge.js';
import { endConnection } from './end-connection.js';
import { persistMs, pipeOf } from './output.js';
import { armKeepAlive } from './segment-arrives.js';
import { seqDiff } from './sequence.js';
import type { Tcb } from './tcb.js';
import { MSS_DEFAULT } from './tcp-options.js';
import { TIMER } from './timer-table.js';

/** Does what the timer that is due first asks for. True where there was one. */
export function runTimer(now: Millis, tcb: Tcb): boolean {
  const timer = tcb.timers.due(now);
  if (timer === undefined) return false;
  tcb.timers.disarm(timer);
  switch (timer) {
    case TIMER.retransmit:
      retransmit(now, tcb);
      break;
    case TIMER.persist:
      persist(now, tcb);
      break;
    case TIMER.delayedAck:
      tcb.mustAck = true;
      break;
    case TIMER.keepAlive:
      keepAlive(now, tcb);
      break;
    case TIMER.user:
      endConnection(tcb, 'user-timeout', tcb.softError ? 'unreachable' : 'timed-out');
      break;
    case TIMER.finWait2:
      endConnection(tcb, 'user-timeout', 'closed');
      break;
  }
  tcb.context.wantOutput(tcb);
  return true;
}

/** RFC 6298 (5.4) to (5.7), RFC 5681 §3.1. */
function retransmit(now: Millis, tcb: Tcb): void {
  tcb.timeouts += 1;
  tcb.timeoutsInRow += 1;
  tcb.isTiming = false; // Karn
  if (tcb.state === 'SYN-SENT' || tcb.state === 'SYN-RECEIVED') {
    tcb.roundTrip.backOff();
    tcb.mustSyn = true;
    return;
  }
  if (tcb.flight === 0) return;
  if (tcb.sndWnd === 0 && tcb.sndUna !== tcb.finSequence) {
    // The peer shut its window over what is in flight: ask, and take nothing for lost.
    persist(now, tcb);
    return;
  }
  escapeBlackHole(now, tcb);
  tcb.congestion?.onTimeout(pipeOf(tcb), tcb.mss, tcb.timeoutsInRow === 1);
  tcb.roundTrip.backOff();
  tcb.lossState = 'loss';
  tcb.recoverPoint = tcb.sndNxt;
  tcb.lostEdge = tcb.sndNxt;
  tcb.resent?.clear();
  // RFC 2018 §8: the peer may have thrown away what it once held. Where the head was said to be there, or a second timeout shows that
  // nothing helps, the scoreboard is not believed.
  if (tcb.timeoutsInRow > 1) tcb.sacked?.clear();
  tcb.duplicateAcks = 0;
  tcb.mustResend = true;
}

/**
 * RFC 2923 §2.1, RFC 1191: full segments vanish and nobody says why. Smaller ones may pass. A size that has passed before is suspected late: then loss is
 * the likelier reason.
 */
function escapeBlackHole(now: Millis, tcb: Tcb): void {
  const patience = tcb.provenText >= Math.min(tcb.textMax, tcb.flight) ? BLACK_HOLE_TIMEOUTS_PROVEN : BLACK_HOLE_TIMEOUTS;
  if (tcb.timeoutsInRow < patience || tcb.mss <= MSS_DEFAULT) return;
  tcb.blackHoleAt = now;
  settleMss(tcb, tcb.context.suspectPath(now, tcb.remoteAddress, tcb.mss + 40));
  tcb.context.count('tcp-black-hole');
}

/** RFC 9293 §3.8.6.1: ask; and §3.8.6.2.1 (4): what is held back by silly-window avoidance goes now. */
function persist(now: Millis, tcb: Tcb): void {
  const usable = tcb.sndWnd - tcb.flight;
  if (usable > 0 && tcb.flight === 0) {
    tcb.mustPush = true;
    return;
  }
  if (tcb.sendRing.length === 0 && seqDiff(tcb.sndNxt, tcb.sndUna) === 0) return;
  tcb.mustProbe = true;
  if (persistMs(tcb) < tcb.options.rtoMaxMs) tcb.persistBackoff += 1;
  tcb.timers.arm(tcb.flight > 0 ? TIMER.retransmit : TIMER.persist, now + persistMs(tcb));
  tcb.context.timersChanged(tcb);
}

/** RFC 9293 §3.8.4. Octets in flight ask by themselves. */
function keepAlive(now: Millis, tcb: Tcb): void {
  const { keepAliveMs } = tcb;
  if (keepAliveMs === undefined) return;
  const dueAt = tcb.lastHeardAt + keepAliveMs;
  if (tcb.keepAliveSent === 0 && (dueAt > now || tcb.flight > 0)) {
    armKeepAlive(tcb.flight > 0 ? now : tcb.lastHeardAt, tcb);
    return;
  }
  if (tcb.keepAliveSent >= tcb.options.keepAliveCountMax) {
    endConnection(tcb, 'user-timeout', 'timed-out');
    return;
  }
  tcb.keepAliveSent += 1;
  tcb.mustKeepAlive = true;
  tcb.timers.arm(TIMER.keepAlive, now + tcb.options.keepAliveIntervalMs);
  tcb.context.timersChanged(tcb);
}

/** Timeouts in a row that make full segments suspect. */
const BLACK_HOLE_TIMEOUTS = 3;
const BLACK_HOLE_TIMEOUTS_PROVEN = 6;
