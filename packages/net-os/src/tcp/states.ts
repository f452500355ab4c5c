import type { TcpStateName } from './tcp-api.js';

/** What can move a connection from one state to another (RFC 9293 §3.3.2, figure 5, and §3.10). */
export type TcpTransitionEvent =
  | 'passive-open'
  | 'active-open'
  | 'syn'
  | 'syn-ack'
  | 'ack-of-syn'
  | 'close'
  | 'fin'
  | 'ack-of-fin'
  | 'reset'
  | 'abort'
  | 'user-timeout'
  | 'time-wait-over';

/**
 * A cell of the table: the next state, or `-`: the event changes no state there (it is ignored, answered with an error to the user, or kept
 * for later as §3.10 says).
 */
export type TcpCell = TcpStateName | '-';

export type TcpRow = Readonly<Record<TcpTransitionEvent, TcpCell>>;

const NOTHING: TcpRow = {
  'passive-open': '-',
  'active-open': '-',
  syn: '-',
  'syn-ack': '-',
  'ack-of-syn': '-',
  close: '-',
  fin: '-',
  'ack-of-fin': '-',
  reset: 'CLOSED',
  abort: 'CLOSED',
  'user-timeout': 'CLOSED',
  'time-wait-over': '-',
};

/**
 * The state machine of a connection as data: every change of state goes through this table. `docs/tcp-states.md` is drawn from it.
 * `close` stands for CLOSE and SHUTDOWN of the user: the moment at which our FIN is queued.
 */
export const TCP_STATES: Readonly<Record<TcpStateName, TcpRow>> = {
  CLOSED: { ...NOTHING, 'passive-open': 'LISTEN', 'active-open': 'SYN-SENT', reset: '-', abort: '-', 'user-timeout': '-' },
  // A SYN makes a connection of its own; the listener stays a listener. The table tells the way of that connection.
  LISTEN: { ...NOTHING, syn: 'SYN-RECEIVED', close: 'CLOSED', reset: '-', 'user-timeout': '-' },
  'SYN-SENT': { ...NOTHING, syn: 'SYN-RECEIVED', 'syn-ack': 'ESTABLISHED', close: 'CLOSED' },
  // §3.10.4 lets CLOSE wait for ESTABLISHED here; a FIN comes with the acknowledgment that leads there first.
  'SYN-RECEIVED': { ...NOTHING, 'ack-of-syn': 'ESTABLISHED' },
  ESTABLISHED: { ...NOTHING, close: 'FIN-WAIT-1', fin: 'CLOSE-WAIT' },
  'FIN-WAIT-1': { ...NOTHING, fin: 'CLOSING', 'ack-of-fin': 'FIN-WAIT-2' },
  'FIN-WAIT-2': { ...NOTHING, fin: 'TIME-WAIT' },
  'CLOSE-WAIT': { ...NOTHING, close: 'LAST-ACK' },
  CLOSING: { ...NOTHING, 'ack-of-fin': 'TIME-WAIT' },
  'LAST-ACK': { ...NOTHING, 'ack-of-fin': 'CLOSED' },
  // RFC 1337: a reset does not end TIME-WAIT. `abort` is the user's, who may forget it at once.
  'TIME-WAIT': { ...NOTHING, reset: '-', 'user-timeout': '-', 'time-wait-over': 'CLOSED' },
};

/** In the order of a connection's life. */
export const TCP_STATE_NAMES: readonly TcpStateName[] = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
];

/** Have both sides agreed on their sequence numbers (RFC 9293 §3.3.2)? */
export function isSynchronized(state: TcpStateName): boolean {
  return state !== 'CLOSED' && state !== 'LISTEN' && state !== 'SYN-SENT' && state !== 'SYN-RECEIVED';
}

/** May the peer still send text here (RFC 9293 §3.10.7.4, seventh)? */
export function mayReceive(state: TcpStateName): boolean {
  return state === 'ESTABLISHED' || state === 'FIN-WAIT-1' || state === 'FIN-WAIT-2';
}
