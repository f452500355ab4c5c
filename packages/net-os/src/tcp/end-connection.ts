import type { TcpTransitionEvent } from './states.js';
import type { Tcb } from './tcb.js';
import { NEWS } from './tcb.js';
import type { TcpEnd } from './tcp-api.js';

/** The connection is over: no timer, nothing to send. What was received before an orderly end can still be read. */
export function endConnection(tcb: Tcb, event: TcpTransitionEvent, end: TcpEnd): void {
  tcb.enter(event);
  finish(tcb, end);
  tcb.context.remove(tcb);
}

/** The user's part of an end. The state is the caller's business. */
export function finish(tcb: Tcb, end: TcpEnd): void {
  tcb.end = end;
  tcb.timers.disarmAll();
  tcb.sendRing.clear();
  tcb.holes = undefined;
  tcb.sacked = undefined;
  tcb.resent = undefined;
  if (end !== 'closed' || tcb.isReleased) tcb.receiveRing.clear();
  tcb.mustAck = false;
  tcb.mustProbe = false;
  tcb.mustKeepAlive = false;
  tcb.mustResend = false;
  tcb.mustSyn = false;
  tcb.context.tell(tcb, NEWS.closed);
}
