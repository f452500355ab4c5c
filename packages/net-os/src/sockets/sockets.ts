import type { Endpoint, Ipv4Address, Millis } from '@nexus-net/sansio';
import type { SocketResult } from './socket-result.js';

/** Octets of a UDP payload at most: `udp payload too large` above it. All of them really pass. */
export const UDP_PAYLOAD_OCTETS_MAX = 1_500;
/** Octets of one write to a stream at most: `tcp write too large` above it. */
export const TCP_WRITE_OCTETS_MAX = 16_384;

export interface CallOptions {
  /**
   * Absolute, on the axis of `poll`. It has passed when `now > deadline`: equal is in time. Looked at before anything else,
   * so a call that is late has done nothing. Default `NEVER`.
   */
  readonly deadline?: Millis;
}

/**
 * UDP, TCP and ping for a program: calls that return at once. What can not be done yet is `would-block`; things move on in
 * {@link Sockets.poll} only. Loop: `poll(now)`, calls, then sleep until `nextWake()` or until there is input.
 *
 * Two backends keep this contract, under one suite of tests: a host on a wire (`HostSockets`), and `FakeNet` in memory.
 */
export interface Sockets {
  /** The latest instant that `poll` was told. Deadlines are compared with it. */
  readonly now: Millis;
  /** Moves time and everything that was due by then. Time never goes backwards: an earlier `now` counts as the last one. */
  poll(now: Millis): void;
  /** When `poll` wants to be called again; `NEVER` where only input can bring news. */
  nextWake(): Millis;
  /** The first address of this side with its network, `undefined` before one is configured. */
  localAddress(): LocalAddress | undefined;
  /**
   * `local.address` 0.0.0.0: all addresses of this side, and broadcasts. Port 0: a free one. A port has one owner for each
   * address (`address-in-use`).
   */
  udpBind(local: Endpoint): SocketResult<UdpSocket>;
  /** `backlog`: connections that are established and wait for `accept`, at least 1; one more is not established before there is room. */
  tcpListen(local: Endpoint, backlog: number): SocketResult<TcpStreamListener>;
  /** Begins to connect. `deadline` is that of the whole attempt: past it the stream is `timed-out` for good. */
  tcpConnect(remote: Endpoint, options?: CallOptions): SocketResult<TcpStream>;
  /** Sends an ICMP echo request. Without a deadline it is given up by the backend's own time. */
  ping(destination: Ipv4Address, options?: CallOptions): SocketResult<PendingPing>;
}

export interface LocalAddress {
  readonly address: Ipv4Address;
  /** Bits of the network, 0..32. */
  readonly prefixLength: number;
}

export interface ReceivedDatagram {
  readonly from: Endpoint;
  /** Where it was sent to: one of our addresses, or a broadcast. */
  readonly to: Endpoint;
  /** The caller's own. */
  readonly payload: Uint8Array;
}

/** What an ICMP error said about a datagram of this socket. Advice, not proof: anyone can send one. */
export interface DatagramError {
  readonly destination: Endpoint;
  readonly error: 'refused' | 'unreachable';
}

export interface UdpSocket {
  /** With the port that was chosen. */
  readonly local: Endpoint;
  /**
   * Sends one datagram, at most {@link UDP_PAYLOAD_OCTETS_MAX} octets, and returns their number. `payload` is borrowed. `from`: the address to
   * send from, of those that the socket is bound to; default the one that fits.
   */
  sendTo(to: Endpoint, payload: Uint8Array, options?: { readonly from?: Ipv4Address }): SocketResult<number>;
  /** The oldest datagram. One longer than `octetsMax` stays where it is, and the call is `no-buffers`: nothing is cut or lost. */
  receiveFrom(octetsMax?: number): SocketResult<ReceivedDatagram>;
  /** The oldest error that came back about a datagram of this socket. */
  takeError(): DatagramError | undefined;
  /** Gives the port back; what was not received is gone. A further call is harmless. */
  close(): void;
}

export interface TcpStreamListener {
  readonly local: Endpoint;
  /** The next established connection. The listener stays one. */
  accept(options?: CallOptions): SocketResult<TcpStream>;
  /** Gives the port back. Connections that nobody accepted are reset; accepted ones live on. */
  close(): void;
}

export interface TcpStream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Is the connection there? `refused`, `unreachable`, `timed-out` or `disconnected` are final. */
  established(options?: CallOptions): SocketResult<void>;
  /**
   * Up to `octetsMax` octets, at least one. No octets at all: the peer has sent its last one and all were read.
   * A reset takes with it what was not read (RFC 9293 §3.10.7.4).
   */
  read(octetsMax: number, options?: CallOptions): SocketResult<Uint8Array>;
  /** Takes as many octets as there is room for and returns their number; `would-block` where there is none. `bytes` is borrowed. */
  write(bytes: Uint8Array, options?: CallOptions): SocketResult<number>;
  /** Octets that a write would take now, at least one. */
  writable(options?: CallOptions): SocketResult<number>;
  /** No more writes: the peer reads what is left and then the end. Reading goes on. */
  shutdown(): SocketResult<void>;
  /** Neither read nor write from here on. What was written still arrives. A further call is harmless. */
  close(): void;
  /** Ends the connection at once with a reset: what was written may be lost. */
  abort(): void;
}

export interface PendingPing {
  readonly destination: Ipv4Address;
  /** The round trip in milliseconds of the clock that `poll` is told; `timed-out` and `unreachable` are final. */
  roundTrip(): SocketResult<Millis>;
}
