/** States of a node towards its one peer, named as in the OS. */
export type OsNodeState = 'idle' | 'listening' | 'dialing' | 'accepting' | 'connected' | 'handshaking' | 'ready' | 'reconnect';

export type OsNodeTrigger =
  /** The node begins: sockets are bound. */
  | 'start'
  /** node-a tries to connect. */
  | 'dial'
  /** node-b waits for a connection. */
  | 'accept'
  /** A connection stands. */
  | 'opened'
  /** The handshake begins. */
  | 'handshake'
  /** The peer has proved its key. */
  | 'session-up'
  /** No connection is left: it was refused, failed, or went away. */
  | 'lost'
  /** The local caller stops the node. */
  | 'stop';

/**
 * Which trigger leads where; what isn't here can't happen. The OS's setters check nothing and it stays in Ready for ever; here `lost`
 * leads back from everywhere, and each time the epoch grows by one.
 */
export const OS_NODE_TRANSITIONS: Readonly<Record<OsNodeState, Readonly<Partial<Record<OsNodeTrigger, OsNodeState>>>>> = {
  idle: { start: 'listening' },
  listening: { dial: 'dialing', accept: 'accepting', stop: 'idle' },
  dialing: { opened: 'connected', lost: 'reconnect', stop: 'idle' },
  accepting: { opened: 'connected', stop: 'idle' },
  connected: { handshake: 'handshaking', lost: 'reconnect', stop: 'idle' },
  handshaking: { 'session-up': 'ready', lost: 'reconnect', stop: 'idle' },
  ready: { lost: 'reconnect', stop: 'idle' },
  reconnect: { dial: 'dialing', accept: 'accepting', stop: 'idle' },
};

/** Epochs are unsigned 32-bit numbers and wrap, as in the OS. */
export function nextEpoch(epoch: number): number {
  return (epoch + 1) >>> 0;
}
