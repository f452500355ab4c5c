import { type Sockets, TCP_WRITE_OCTETS_MAX, type TcpStream, type TcpStreamListener } from '@nexus-net/net-os';
import {
  Counters,
  type Endpoint,
  IPV4_ANY,
  type Ipv4Address,
  type Millis,
  NEVER,
  Queue,
  requireArgument,
} from '@nexus-net/sansio';
import type { SocketService } from './service.js';

/** What one connection of a service says: octets in, octets out, no sockets. */
export interface StreamHandler {
  /** Octets of the client, borrowed for the call. Not called while {@link isBusy}. */
  handleBytes(now: Millis, bytes: Uint8Array): void;
  /** The client will send no more. */
  handleEnd(now: Millis): void;
  /** The next octets for the client, or `undefined`. */
  pollTransmit(): Uint8Array | undefined;
  /** Nothing is to be read before what is there has been sent. */
  readonly isBusy: boolean;
  /** The last word is said: when it is sent the connection is closed. */
  readonly isFinished: boolean;
}

export interface StreamServerLimits {
  /** Connections that wait to be accepted. Default 16. */
  readonly backlog: number;
  /** Connections served at a time; further ones wait in the backlog. Default 64. */
  readonly connectionCountMax: number;
  /** A connection on which nothing moved for this long is reset. Default 30 000 ms. */
  readonly idleMs: Millis;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 256. */
  readonly eventCountMax: number;
}

export interface StreamServerConfig extends Partial<StreamServerLimits> {
  readonly sockets: Sockets;
  /** Default: all addresses. */
  readonly address?: Ipv4Address;
  readonly port: number;
  /** What answers a new connection. */
  readonly open: (client: Endpoint, now: Millis) => StreamHandler;
}

/** How a connection ended: by both sides, by the client's reset, or by our patience. */
export type StreamEnd = 'closed' | 'disconnected' | 'idle' | 'stopped';

export type StreamServerEvent =
  | { readonly type: 'opened'; readonly at: Millis; readonly client: Endpoint }
  | {
      readonly type: 'closed';
      readonly at: Millis;
      readonly client: Endpoint;
      readonly end: StreamEnd;
      readonly received: number;
      readonly sent: number;
    };

export interface StreamServerView {
  readonly listening: boolean;
  readonly connections: number;
  readonly ends: Partial<Record<StreamEnd, number>>;
  readonly eventsDropped: number;
}

interface Connection {
  readonly stream: TcpStream;
  readonly handler: StreamHandler;
  /** What the handler said and the stream has not taken. */
  pending: Uint8Array | undefined;
  movedAt: Millis;
  received: number;
  sent: number;
  /** The client has said its last word. */
  ended: boolean;
  /** We have. */
  isClosing: boolean;
}

/** Listens, accepts, and carries octets between streams and handlers, with bounds on all of it. */
export class StreamServer implements SocketService<StreamServerEvent> {
  readonly #config: StreamServerConfig;
  readonly #limits: StreamServerLimits;
  readonly #connections = new Set<Connection>();
  readonly #events: Queue<StreamServerEvent>;
  readonly #ends = new Counters<StreamEnd>();
  #listener: TcpStreamListener | undefined;
  #isStopped = false;
  /** More to do than one call does. */
  #hasMore = false;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: StreamServerConfig) {
    const { backlog = 16, connectionCountMax = 64, idleMs = 30_000, eventCountMax = 256 } = config;
    requireArgument(backlog >= 1 && connectionCountMax >= 1 && idleMs >= 1, 'limits of a stream server are at least 1');
    this.#config = config;
    this.#limits = { backlog, connectionCountMax, idleMs, eventCountMax };
    this.#events = new Queue(eventCountMax);
  }

  /** Listens as soon as the sockets let it: an address may come later than the service. */
  run(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    this.#hasMore = false;
    if (this.#isStopped) return;
    this.#accept();
    for (const connection of [...this.#connections]) this.#serve(connection);
    this.#accept(); // room that has just come free
  }

  pollEvent(): StreamServerEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    if (this.#hasMore) return this.#now;
    let next = NEVER;
    for (const { movedAt, isClosing } of this.#connections)
      next = Math.min(next, movedAt + (isClosing ? LINGER_MS : this.#limits.idleMs));
    return next;
  }

  stop(): void {
    this.#isStopped = true;
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of [...this.#connections]) this.#end(connection, 'stopped');
  }

  inspect(): StreamServerView {
    return {
      listening: this.#listener !== undefined,
      connections: this.#connections.size,
      ends: this.#ends.snapshot(),
      eventsDropped: this.#events.dropped,
    };
  }

  #accept(): void {
    const { sockets, address = IPV4_ANY, port, open } = this.#config;
    if (this.#listener === undefined) {
      const listening = sockets.tcpListen({ address, port }, this.#limits.backlog);
      if (!listening.ok) return;
      this.#listener = listening.value;
    }
    while (this.#connections.size < this.#limits.connectionCountMax) {
      const accepted = this.#listener.accept();
      if (!accepted.ok) return;
      const stream = accepted.value;
      const handler = open(stream.remote, this.#now);
      const connection = {
        stream,
        handler,
        pending: undefined,
        movedAt: this.#now,
        received: 0,
        sent: 0,
        ended: false,
        isClosing: false,
      };
      this.#connections.add(connection);
      this.#events.push({ type: 'opened', at: this.#now, client: stream.remote });
      this.#serve(connection);
    }
  }

  #serve(connection: Connection): void {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      const outcome = this.#turn(connection);
      if (outcome === 'moved') continue;
      if (outcome === 'waits') {
        if (this.#now - connection.movedAt >= this.#limits.idleMs) this.#end(connection, 'idle');
      } else this.#end(connection, outcome);
      return;
    }
    this.#hasMore = true;
  }

  /** One piece out, or else one piece in. */
  #turn(connection: Connection): 'moved' | 'waits' | 'closed' | 'disconnected' {
    const { stream, handler } = connection;
    connection.pending ??= handler.pollTransmit();
    if (connection.pending !== undefined) {
      const wrote = stream.write(connection.pending.subarray(0, TCP_WRITE_OCTETS_MAX));
      if (!wrote.ok) return wrote.error === 'would-block' ? 'waits' : 'disconnected';
      connection.sent += wrote.value;
      connection.pending = wrote.value < connection.pending.length ? connection.pending.subarray(wrote.value) : undefined;
      connection.movedAt = this.#now;
      return 'moved';
    }
    if (handler.isFinished && !connection.isClosing) {
      // Octets that nobody reads would reset the connection and take the last answer with them: they are read away.
      connection.isClosing = true;
      stream.shutdown();
    }
    if (connection.isClosing) {
      if (connection.ended || this.#now - connection.movedAt >= LINGER_MS) return 'closed';
    } else if (handler.isBusy || connection.ended) return 'waits';
    const read = stream.read(READ_OCTETS);
    if (!read.ok) return read.error === 'would-block' ? 'waits' : 'disconnected';
    if (read.value.length === 0) connection.ended = true;
    connection.received += read.value.length;
    if (connection.isClosing) return 'moved'; // and no longer a sign of life
    connection.movedAt = this.#now;
    if (connection.ended) handler.handleEnd(this.#now);
    else handler.handleBytes(this.#now, read.value);
    return 'moved';
  }

  #end(connection: Connection, end: StreamEnd): void {
    const { stream, received, sent } = connection;
    this.#connections.delete(connection);
    this.#ends.increment(end);
    this.#events.push({ type: 'closed', at: this.#now, client: stream.remote, end, received, sent });
    if (end === 'closed') stream.close();
    else stream.abort();
  }
}

const READ_OCTETS = 16_384;
const TURNS_MAX = 64;
/** How long the client may take to close its side after our last word. */
const LINGER_MS: Millis = 2_000;
