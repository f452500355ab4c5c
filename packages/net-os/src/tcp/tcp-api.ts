import type { Endpoint, Ipv4Address, Millis } from '@nexus-net/sansio';

declare const connectionBrand: unique symbol;
declare const listenerBrand: unique symbol;

/** Names one connection of one host. Never reused by that host. */
export type TcpConnectionId = number & { readonly [connectionBrand]: 'TcpConnectionId' };
/** Names one listener of one host. Never reused by that host. */
export type TcpListenerId = number & { readonly [listenerBrand]: 'TcpListenerId' };

/** The states of RFC 9293 §3.3.2. */
export type TcpStateName =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT';

/**
 * Why a connection ended. `closed`: both sides have said their last word and it was acknowledged. `refused`: the peer answered our
 * SYN with a reset. `reset`: a reset of an established connection. `timed-out`: no answer for the user timeout, or none to keepalives.
 * `unreachable`: no way there, or a hard ICMP error during the handshake. `aborted`: by the local user. `no-buffers`: the host
 * gave the connection up for want of memory.
 */
export type TcpEnd = 'closed' | 'refused' | 'reset' | 'timed-out' | 'unreachable' | 'aborted' | 'no-buffers';

/** What has happened to a connection or listener. Each is told once until the user has acted on it. */
export type TcpEvent =
  /** The handshake of an active open is complete. */
  | { readonly type: 'tcp-connected'; readonly connection: TcpConnection }
  /** A connection waits in the backlog: `accept` until it says `would-block`. */
  | { readonly type: 'tcp-acceptable'; readonly listener: TcpListener }
  /** Octets have arrived since a `receive` said `would-block`, or since the beginning. */
  | { readonly type: 'tcp-readable'; readonly connection: TcpConnection }
  /** A `send` accepted less than was given, and now there is room again. */
  | { readonly type: 'tcp-writable'; readonly connection: TcpConnection }
  /** The peer will send no more; what it sent before can still be read, then `receive` says `eof`. */
  | { readonly type: 'tcp-peer-closed'; readonly connection: TcpConnection }
  /** The peer has marked octets as urgent (RFC 9293 §3.8.5); they come in line. */
  | { readonly type: 'tcp-urgent'; readonly connection: TcpConnection }
  /** The connection is over. What was received before an orderly end can still be read. */
  | { readonly type: 'tcp-closed'; readonly connection: TcpConnection; readonly reason: TcpEnd };

export interface TcpConnection {
  readonly id: TcpConnectionId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly state: TcpStateName;
  /** Why it ended; `undefined` while it has not. */
  readonly end: TcpEnd | undefined;
  /** Octets that `receive` would return now. */
  readonly readableCount: number;
  /** Octets that `send` would accept now. */
  readonly writableCount: number;
  /** Octets accepted by `send` that the peer has not acknowledged. */
  readonly unacknowledgedCount: number;
  /** Octets still to be read up to the end of the peer's urgent data; 0 where there is none. */
  readonly urgentCount: number;

  /**
   * Takes octets into the send buffer, copied. The number taken, at least 1 where `bytes` is not empty; `would-block` where the buffer is
   * full (`tcp-writable` follows); `closed` after `shutdown` or `close`; the reason of the end where the connection is over. Octets sent
   * before the handshake is complete wait for it.
   */
  send(now: Millis, bytes: Uint8Array, options?: TcpSendOptions): number | 'would-block' | TcpEnd;
  /**
   * Takes up to `target.length` octets out of the receive buffer. The number taken, at least 1 where `target` is not empty;
   * `would-block` where there are none yet; `eof` after the last one; the reason where the connection broke.
   */
  receiveInto(now: Millis, target: Uint8Array): number | 'would-block' | 'eof' | TcpEnd;
  /** The same into an array of its own, of at most `countMax` octets (default: all there are). */
  receive(now: Millis, countMax?: number): Uint8Array | 'would-block' | 'eof' | TcpEnd;
  /** Sends FIN after what was accepted; receiving goes on (half close). */
  shutdown(now: Millis): void;
  /**
   * The user is done: FIN after what was accepted; octets not read, or arriving later, reset the connection (RFC 9293 §3.6.1, RFC 2525 §2.17).
   */
  close(now: Millis): void;
  /** Resets the connection and drops what was not sent. */
  abort(now: Millis): void;
  /** Changes what may change during the life of a connection. */
  configure(now: Millis, options: TcpTunable): void;
  inspect(): TcpConnectionSnapshot;
}

export interface TcpSendOptions {
  /** Marks the end of `bytes` as the end of urgent data (RFC 9293 §3.8.5, RFC 6093). Default false. */
  readonly urgent?: boolean;
}

/** Options that may change at any time. */
export interface TcpTunable {
  /** Send small segments at once (no Nagle, RFC 9293 §3.7.4). Default false. */
  readonly noDelay?: boolean;
  /** Idle time before the first keepalive; `undefined`: none (RFC 9293 MUST-25). At least 1 000 ms. Default none. */
  readonly keepAliveMs?: Millis | undefined;
  /** Time that sent octets may stay without acknowledgment before the connection ends as `timed-out`. Default 300 000 ms (RFC 9293 §3.9.1.1). */
  readonly userTimeoutMs?: Millis;
  /** How long the peer may keep its window shut; `NEVER`: for ever, while it answers probes (RFC 9293 MUST-37). Default `NEVER`. */
  readonly zeroWindowTimeoutMs?: Millis;
}

export interface TcpListener {
  readonly id: TcpListenerId;
  readonly local: Endpoint;
  /** Connections that wait for `accept`. */
  readonly pendingCount: number;
  /** The oldest connection of the backlog. The listener goes on listening. `closed` after `close`. */
  accept(now: Millis): TcpConnection | 'would-block' | 'closed';
  /** Stops listening; connections not yet accepted are reset. */
  close(now: Millis): void;
}

export interface TcpConnect {
  readonly remote: Endpoint;
  /** Default: the address that fits the route, and a free port (RFC 6056). Port 0 means a free one. */
  readonly local?: { readonly address?: Ipv4Address; readonly port?: number };
}

export interface TcpListen {
  /** Default: all addresses of the host. */
  readonly address?: Ipv4Address;
  /** 0: a free port. */
  readonly port: number;
  /** Connections that may wait for `accept`, those whose handshake is going on included. Default 16. */
  readonly backlog?: number;
}

/** Why `connect` or `listen` did nothing. */
export type TcpRefusal = 'no-address' | 'no-route' | 'no-ports' | 'address-in-use' | 'no-buffers';

/** What the user of a host calls. `Host.tcp` is one. */
export interface TcpUser<Options> {
  /** Begins an active open: `tcp-connected` or `tcp-closed` follows. */
  connect(now: Millis, connect: TcpConnect, options?: Options): TcpConnection | TcpRefusal;
  /** Begins a passive open. `address-in-use`: another listener has that port. */
  listen(now: Millis, listen: TcpListen, options?: Options): TcpListener | TcpRefusal;
}

/** What a connection knows of itself, as plain values. Sequence numbers are unsigned. */
export interface TcpConnectionSnapshot {
  readonly id: number;
  readonly local: string;
  readonly remote: string;
  readonly state: TcpStateName;
  readonly end?: TcpEnd;
  /** RFC 9293 §3.3.1. Windows in octets. */
  readonly send: {
    readonly una: number;
    readonly nxt: number;
    readonly wnd: number;
    readonly mss: number;
    readonly buffered: number;
  };
  readonly receive: { readonly nxt: number; readonly wnd: number; readonly buffered: number; readonly holes: number };
  readonly congestion: { readonly name: string; readonly window: number; readonly slowStartThreshold: number };
  readonly rttMs: { readonly smoothed: number; readonly variation: number; readonly timeout: number };
  readonly timers: Readonly<Record<string, Millis>>;
  readonly counts: TcpCounts;
}

/** Segments and octets of one connection since its beginning. */
export interface TcpCounts {
  readonly segmentsSent: number;
  readonly segmentsReceived: number;
  readonly octetsSent: number;
  readonly octetsReceived: number;
  readonly octetsRetransmitted: number;
  readonly timeouts: number;
  readonly fastRetransmits: number;
  readonly duplicateAcks: number;
}
