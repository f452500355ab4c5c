import type { Datagram, Endpoint, Ipv4Address, Machine, Millis } from '@nexus-net/sansio';

/**
 * The outer shape of a whole node, whatever dialect it speaks: UDP datagrams, TCP byte streams and time in; the same out. Who drives
 * it owns the sockets. TCP is reliable and in order, so a stream has no sequence numbers here, and any split of its octets means
 * the same.
 */
export interface NodeMachine<Event> extends Machine<NodeTransmit, Event> {
  /** What the driver binds, joins and listens on before the first call. It does not change. */
  readonly bindings: NodeBindings;
  /** `payload` is borrowed for the call. */
  handleDatagram(now: Millis, datagram: Datagram): void;
  /** A connection stands: one that the node dialled, or one that came in at a listening endpoint. */
  handleStreamOpened(now: Millis, opened: StreamOpened): void;
  /** Octets of the peer, in order. `bytes` are borrowed for the call. Of an unknown stream they are ignored and counted. */
  handleStreamBytes(now: Millis, stream: StreamId, bytes: Uint8Array): void;
  /** The peer will send no more (FIN). The node may go on sending. */
  handleStreamEnd(now: Millis, stream: StreamId): void;
  /** The connection is gone, or never came: nothing more arrives of it and nothing more is sent. */
  handleStreamClosed(now: Millis, stream: StreamId, cause: StreamCloseCause): void;
  /** The driver can't pass on more for now. It still takes what it has polled; the node keeps back the rest. */
  handleStreamBlocked(now: Millis, stream: StreamId): void;
  /** There is room again. */
  handleStreamWritable(now: Millis, stream: StreamId): void;
}

/**
 * The name of a connection between a node and its driver. The node numbers what it dials with even numbers, the driver what it
 * accepts with odd ones, so that neither waits for the other's choice. No number is used twice.
 */
export type StreamId = number;

export function isDialledStream(stream: StreamId): boolean {
  return stream % 2 === 0;
}

/** What a node wants done, in this order. */
export type NodeTransmit =
  | ({ readonly type: 'datagram' } & Datagram)
  /** Connect from `source` (its port 0: any) to `destination`; answered with opened or closed. `stream` is even. */
  | { readonly type: 'stream-open'; readonly stream: StreamId; readonly source: Endpoint; readonly destination: Endpoint }
  | { readonly type: 'stream-bytes'; readonly stream: StreamId; readonly bytes: Uint8Array }
  /** FIN, behind everything that was sent. */
  | { readonly type: 'stream-end'; readonly stream: StreamId }
  /** RST: drop the connection and what was not sent yet. No call for this stream follows; a late one is ignored. */
  | { readonly type: 'stream-reset'; readonly stream: StreamId };

export interface StreamOpened {
  readonly stream: StreamId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/**
 * Why a connection is no more: both sides had ended it, the peer reset it, nobody listens there, no answer came, or the network
 * says that there is no way.
 */
export type StreamCloseCause = 'ended' | 'reset' | 'refused' | 'timeout' | 'unreachable';

export interface NodeBindings {
  /** UDP sockets. */
  readonly datagrams: readonly Endpoint[];
  /** Multicast groups to join, at the interface of the node's address. */
  readonly groups: readonly Ipv4Address[];
  /** TCP endpoints to listen on. */
  readonly streams: readonly Endpoint[];
}
