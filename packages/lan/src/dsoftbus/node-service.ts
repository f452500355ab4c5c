import type { NodeMachine, NodeTransmit, StreamCloseCause, StreamId } from '@nexus-net/dsoftbus';
import {
  type SocketError,
  type Sockets,
  TCP_WRITE_OCTETS_MAX,
  type TcpStream,
  type TcpStreamListener,
  type UdpSocket,
} from '@nexus-net/net-os';
import {
  Counters,
  type Endpoint,
  IPV4_ANY,
  type Ipv4Address,
  isIpv4Multicast,
  type Millis,
  NEVER,
  requireArgument,
} from '@nexus-net/sansio';
import type { SocketService } from '../services/service.js';

export interface NodeServiceLimits {
  /** Connections that wait to be accepted, for each listening endpoint. Default 16. */
  readonly backlog: number;
  /** Connections at a time, dialled ones included; what comes in beyond that waits in the backlog. Default 64. */
  readonly connectionCountMax: number;
}

export interface NodeServiceConfig<Event> extends Partial<NodeServiceLimits> {
  readonly node: NodeMachine<Event>;
  readonly sockets: Sockets;
  /** Joins a multicast group: `Sockets` have no such call, hosts do. Called once for each group of the node, at the first `run`. */
  readonly joinGroup: (now: Millis, group: Ipv4Address) => void;
}

/** What the driver of a node could not do for it. */
export type NodeServiceLoss =
  /** A datagram was not sent: no way there, no room, or no socket yet. */
  | 'datagram-not-sent'
  /** A datagram for another address than the one that the node is bound to. */
  | 'datagram-not-ours'
  /** A connection that the node wanted did not begin. */
  | 'dial-failed';

export interface NodeServiceView {
  /** Every endpoint of the node is bound. */
  readonly isBound: boolean;
  readonly connections: number;
  /** Connections that take no more for now. */
  readonly blocked: number;
  /** Octets that were polled and no stream has taken. */
  readonly pendingOctets: number;
  readonly losses: Partial<Record<NodeServiceLoss, number>>;
}

interface Connection {
  readonly id: StreamId;
  readonly stream: TcpStream;
  isOpen: boolean;
  /** What the node sent and the stream has not taken. */
  readonly pending: Uint8Array[];
  isBlocked: boolean;
  /** The node has said its last word: FIN behind what is pending. */
  isEnding: boolean;
  isShutdown: boolean;
  isPeerEnded: boolean;
}

interface BoundDatagrams {
  readonly local: Endpoint;
  socket: UdpSocket | undefined;
}

interface BoundStreams {
  readonly local: Endpoint;
  listener: TcpStreamListener | undefined;
}

/**
 * A DSoftBus node, of any dialect, on sockets: binds, joins and listens as the node asks, and carries datagrams and octets both ways.
 * What a stream does not take at once is kept, and the node is told that it is blocked: at most what was polled until then waits here.
 * Addresses may come later than the node: what could not be bound is tried again in the next `run`.
 */
export class NodeService<Event> implements SocketService<Event> {
  readonly node: NodeMachine<Event>;
  readonly #config: NodeServiceConfig<Event>;
  readonly #limits: NodeServiceLimits;
  readonly #datagrams: readonly BoundDatagrams[];
  readonly #listeners: readonly BoundStreams[];
  readonly #connections = new Map<StreamId, Connection>();
  readonly #losses = new Counters<NodeServiceLoss>();
  #hasJoined = false;
  #isStopped = false;
  /** The driver numbers what it accepts with odd numbers. */
  #nextAccepted: StreamId = 1;
  /** More to do than one call does. */
  #hasMore = false;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: NodeServiceConfig<Event>) {
    const { node, backlog = 16, connectionCountMax = 64 } = config;
    requireArgument(backlog >= 1 && connectionCountMax >= 1, 'limits of a node service are at least 1');
    this.node = node;
    this.#config = config;
    this.#limits = { backlog, connectionCountMax };
    this.#datagrams = node.bindings.datagrams.map((local) => ({ local, socket: undefined }));
    this.#listeners = node.bindings.streams.map((local) => ({ local, listener: undefined }));
  }

  run(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    this.#hasMore = false;
    if (this.#isStopped) return;
    this.#bind();
    if (this.node.nextTimeout() <= this.#now) this.node.handleTimeout(this.#now);
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const received = this.#receive();
      const accepted = this.#accept();
      let moved = received || accepted;
      for (const connection of [...this.#connections.values()]) if (this.#serve(connection)) moved = true;
      for (let sent = 0; sent < SENDS_MAX; sent++) {
        const out = this.node.pollTransmit();
        if (out === undefined) break;
        this.#send(out);
        moved = true;
      }
      if (!moved) return;
    }
    this.#hasMore = true;
  }

  pollEvent(): Event | undefined {
    return this.node.pollEvent();
  }

  nextTimeout(): Millis {
    if (this.#isStopped) return NEVER;
    return this.#hasMore ? this.#now : this.node.nextTimeout();
  }

  /** Resets every connection and gives the ports back. The node should have been stopped, and its last words sent, before. */
  stop(): void {
    this.#isStopped = true;
    for (const { socket } of this.#datagrams) socket?.close();
    for (const { listener } of this.#listeners) listener?.close();
    for (const { stream } of this.#connections.values()) stream.abort();
    this.#connections.clear();
  }

  inspect(): NodeServiceView {
    const connections = [...this.#connections.values()];
    return {
      isBound:
        this.#datagrams.every(({ socket }) => socket !== undefined) &&
        this.#listeners.every(({ listener }) => listener !== undefined),
      connections: connections.length,
      blocked: connections.filter(({ isBlocked }) => isBlocked).length,
      pendingOctets: connections.reduce((sum, { pending }) => sum + pending.reduce((octets, each) => octets + each.length, 0), 0),
      losses: this.#losses.snapshot(),
    };
  }

  #bind(): void {
    const { sockets, joinGroup } = this.#config;
    if (!this.#hasJoined) {
      this.#hasJoined = true;
      for (const group of this.node.bindings.groups) joinGroup(this.#now, group);
    }
    for (const each of this.#datagrams) {
      if (each.socket !== undefined) continue;
      // An endpoint of one address hears no group: one of all addresses does, and {@link #isOurs} keeps the others out.
      const address = this.node.bindings.groups.length > 0 ? IPV4_ANY : each.local.address;
      const bound = sockets.udpBind({ address, port: each.local.port });
      if (bound.ok) each.socket = bound.value;
    }
    for (const each of this.#listeners) {
      if (each.listener !== undefined) continue;
      const listening = sockets.tcpListen(each.local, this.#limits.backlog);
      if (listening.ok) each.listener = listening.value;
    }
  }

  #receive(): boolean {
    let moved = false;
    for (const { local, socket } of this.#datagrams) {
      for (let count = 0; socket !== undefined && count < DATAGRAMS_MAX; count++) {
        const received = socket.receiveFrom();
        if (!received.ok) break;
        moved = true;
        const { from, to, payload } = received.value;
        if (this.#isOurs(local, to)) this.node.handleDatagram(this.#now, { source: from, destination: to, payload });
        else this.#losses.increment('datagram-not-ours');
      }
      // What came back about datagrams changes nothing: announces are sent again anyway.
      while (socket?.takeError() !== undefined);
    }
    return moved;
  }

  #isOurs(local: Endpoint, to: Endpoint): boolean {
    if (local.address === IPV4_ANY || to.address === local.address) return true;
    return isIpv4Multicast(to.address) && this.node.bindings.groups.includes(to.address);
  }

  #accept(): boolean {
    let moved = false;
    for (const { listener } of this.#listeners) {
      while (listener !== undefined && this.#connections.size < this.#limits.connectionCountMax) {
        const accepted = listener.accept();
        if (!accepted.ok) break;
        moved = true;
        const connection = this.#add(this.#nextAccepted, accepted.value);
        this.#nextAccepted += 2;
        this.#opened(connection);
      }
    }
    return moved;
  }

  #add(id: StreamId, stream: TcpStream): Connection {
    const connection: Connection = {
      id,
      stream,
      isOpen: false,
      pending: [],
      isBlocked: false,
      isEnding: false,
      isShutdown: false,
      isPeerEnded: false,
    };
    this.#connections.set(id, connection);
    return connection;
  }

  #opened(connection: Connection): void {
    const { id, stream } = connection;
    connection.isOpen = true;
    this.node.handleStreamOpened(this.#now, { stream: id, local: stream.local, remote: stream.remote });
  }

  /** Moves what one connection can move; `true` where something did. */
  #serve(connection: Connection): boolean {
    const { stream } = connection;
    if (!connection.isOpen) {
      const established = stream.established();
      if (!established.ok) return established.error !== 'would-block' && this.#closed(connection, causeOf(established.error));
      this.#opened(connection);
      return true;
    }
    const wrote = this.#flush(connection);
    if (wrote === 'gone') return true;
    const read = this.#read(connection);
    if (read === 'gone') return true;
    if (connection.isShutdown && connection.isPeerEnded) return this.#closed(connection, 'ended');
    return wrote === 'moved' || read === 'moved';
  }

  #flush(connection: Connection): 'moved' | 'waits' | 'gone' {
    const { id, stream, pending } = connection;
    let moved = false;
    for (let bytes = pending[0]; bytes !== undefined; bytes = pending[0]) {
      const wrote = stream.write(bytes.subarray(0, TCP_WRITE_OCTETS_MAX));
      if (!wrote.ok) {
        if (wrote.error === 'would-block') return moved ? 'moved' : 'waits';
        this.#closed(connection, 'reset');
        return 'gone';
      }
      moved = true;
      if (wrote.value < bytes.length) pending[0] = bytes.subarray(wrote.value);
      else pending.shift();
    }
    if (connection.isBlocked) {
      connection.isBlocked = false;
      this.node.handleStreamWritable(this.#now, id);
      moved = true;
    }
    if (connection.isEnding && !connection.isShutdown) {
      connection.isShutdown = true;
      stream.shutdown();
      moved = true;
    }
    return moved ? 'moved' : 'waits';
  }

  #read(connection: Connection): 'moved' | 'waits' | 'gone' {
    if (connection.isPeerEnded) return 'waits';
    const read = connection.stream.read(READ_OCTETS);
    if (!read.ok) {
      if (read.error === 'would-block') return 'waits';
      this.#closed(connection, 'reset');
      return 'gone';
    }
    if (read.value.length > 0) this.node.handleStreamBytes(this.#now, connection.id, read.value);
    else {
      connection.isPeerEnded = true;
      this.node.handleStreamEnd(this.#now, connection.id);
    }
    return 'moved';
  }

  #closed(connection: Connection, cause: StreamCloseCause): true {
    this.#connections.delete(connection.id);
    if (cause === 'ended') connection.stream.close();
    else connection.stream.abort();
    this.node.handleStreamClosed(this.#now, connection.id, cause);
    return true;
  }

  #send(out: NodeTransmit): void {
    switch (out.type) {
      case 'datagram': {
        const bound = this.#datagrams.find(({ local }) => local.port === out.source.port);
        const { address } = out.source;
        const sent = bound?.socket?.sendTo(out.destination, out.payload, address === IPV4_ANY ? {} : { from: address });
        if (sent?.ok !== true) this.#losses.increment('datagram-not-sent');
        return;
      }
      case 'stream-open': {
        const dialled = this.#config.sockets.tcpConnect(out.destination);
        if (dialled.ok) {
          this.#add(out.stream, dialled.value);
          return;
        }
        this.#losses.increment('dial-failed');
        this.node.handleStreamClosed(this.#now, out.stream, causeOf(dialled.error));
        return;
      }
      case 'stream-bytes':
        this.#write(out.stream, out.bytes);
        return;
      case 'stream-end': {
        const connection = this.#connections.get(out.stream);
        if (connection === undefined) return;
        connection.isEnding = true;
        this.#flush(connection);
        return;
      }
      case 'stream-reset': {
        const connection = this.#connections.get(out.stream);
        this.#connections.delete(out.stream);
        connection?.stream.abort();
        return;
      }
    }
  }

  #write(id: StreamId, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.pending.push(bytes);
    this.#flush(connection);
    if (connection.pending.length === 0 || connection.isBlocked || !this.#connections.has(id)) return;
    connection.isBlocked = true;
    this.node.handleStreamBlocked(this.#now, id);
  }
}

function causeOf(error: SocketError): StreamCloseCause {
  switch (error) {
    case 'refused':
      return 'refused';
    case 'timed-out':
      return 'timeout';
    case 'disconnected':
      return 'reset';
    default:
      return 'unreachable';
  }
}

const READ_OCTETS = 16_384;
const DATAGRAMS_MAX = 64;
const SENDS_MAX = 256;
const TURNS_MAX = 64;
