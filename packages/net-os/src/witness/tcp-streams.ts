import { type Ipv4Address, type Millis, requireArgument } from '@nexus-net/sansio';
import type { ObservedFrame, TcpSegment } from '@nexus-net/wire';

/** One TCP connection as an observer names it: who began it, and with whom. */
export interface ObservedConnection {
  readonly client: Ipv4Address;
  readonly clientPort: number;
  readonly server: Ipv4Address;
  readonly serverPort: number;
  /** Frame of the first SYN. */
  readonly opened: number;
}

/** What an observer reads from a connection, in the order of the stream. */
export type TcpStreamEvent =
  | { readonly type: 'opened'; readonly connection: ObservedConnection; readonly frame: number; readonly at: Millis }
  /** Octets of one direction, contiguous with those before. `frame`: the one that carried them. */
  | {
      readonly type: 'bytes';
      readonly connection: ObservedConnection;
      readonly from: 'client' | 'server';
      readonly bytes: Uint8Array;
      readonly frame: number;
      readonly at: Millis;
    }
  /** One direction ended in order: FIN, and every octet before it was read. */
  | {
      readonly type: 'end';
      readonly connection: ObservedConnection;
      readonly from: 'client' | 'server';
      readonly frame: number;
      readonly at: Millis;
    }
  /** The connection is over: reset, or octets were missed that the observer had no room to wait for. */
  | {
      readonly type: 'closed';
      readonly connection: ObservedConnection;
      readonly reason: 'reset' | 'gap' | 'forgotten';
      readonly frame: number;
      readonly at: Millis;
    };

export interface TcpStreamOptions {
  /** Connections followed at one time; the oldest makes room (`forgotten`). Default 256. */
  readonly connectionCountMax?: number;
  /** Octets of one direction that wait for octets before them; more, or more than 512 segments, end the connection (`gap`). Default 256 KiB. */
  readonly pendingOctetsMax?: number;
}

/**
 * Joins the segments of a segment's TCP connections into streams, as an observer can: from the SYN on, both directions, whatever
 * the order, the losses and the repetitions of what it sees. Bounded in connections and in octets that wait.
 */
export class TcpStreams {
  readonly #connectionCountMax: number;
  readonly #pendingOctetsMax: number;
  readonly #emit: (event: TcpStreamEvent) => void;
  /** In the order of their opening. */
  readonly #connections = new Map<string, Followed>();

  constructor(emit: (event: TcpStreamEvent) => void, options: TcpStreamOptions = {}) {
    const { connectionCountMax = 256, pendingOctetsMax = 256 * 1024 } = options;
    requireArgument(
      Number.isSafeInteger(connectionCountMax) && connectionCountMax >= 1,
      'connectionCountMax is a positive integer',
    );
    requireArgument(Number.isSafeInteger(pendingOctetsMax) && pendingOctetsMax >= 1, 'pendingOctetsMax is a positive integer');
    this.#connectionCountMax = connectionCountMax;
    this.#pendingOctetsMax = pendingOctetsMax;
    this.#emit = emit;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** A frame of the segment. Those without a good TCP segment say nothing. */
  handleFrame({ number, at, layers }: ObservedFrame): void {
    const { tcp, problem } = layers;
    const ipv4 = layers.reassembled ?? layers.ipv4;
    if (tcp === undefined || ipv4 === undefined || problem !== undefined) return;
    const { source, destination } = ipv4;
    const forward = keyOf(source, tcp.sourcePort, destination, tcp.destinationPort);
    const back = keyOf(destination, tcp.destinationPort, source, tcp.sourcePort);
    const seen: Seen = { segment: tcp, number, at };
    if (tcp.flags.syn && !tcp.flags.ack) {
      const connection = {
        client: source,
        clientPort: tcp.sourcePort,
        server: destination,
        serverPort: tcp.destinationPort,
        opened: number,
      };
      this.#open(forward, connection, seen);
      return;
    }
    const own = this.#connections.get(forward);
    const peer = this.#connections.get(back);
    if (own !== undefined) this.#segment(forward, own, 'client', seen);
    else if (peer !== undefined) this.#segment(back, peer, 'server', seen);
  }

  #open(key: string, connection: ObservedConnection, { segment, number, at }: Seen): void {
    const known = this.#connections.get(key);
    if (known?.client.start === next(segment.sequence, 1)) return; // the SYN was sent again
    if (known !== undefined) this.#close(key, known, 'forgotten', { segment, number, at });
    if (this.#connections.size >= this.#connectionCountMax) {
      for (const [oldest, followed] of this.#connections) {
        this.#close(oldest, followed, 'forgotten', { segment, number, at });
        break;
      }
    }
    const client = newDirection(next(segment.sequence, 1));
    this.#connections.set(key, { connection, client, server: undefined });
    this.#emit({ type: 'opened', connection, frame: number, at });
  }

  #segment(key: string, followed: Followed, from: 'client' | 'server', seen: Seen): void {
    const { segment, number, at } = seen;
    if (segment.flags.syn && from === 'server' && followed.server === undefined) {
      followed.server = newDirection(next(segment.sequence, 1));
      return;
    }
    const direction = followed[from];
    if (direction === undefined) {
      // A refusal: the reset of a port where nobody listens.
      if (segment.flags.rst) this.#close(key, followed, 'reset', seen);
      return;
    }
    if (segment.flags.rst) {
      // As the receiver judges it (RFC 5961 §3.2): the exact octet that it waits for.
      if (segment.sequence === direction.at) this.#close(key, followed, 'reset', seen);
      return;
    }
    if (segment.payload.length > 0 || segment.flags.fin) this.#keep(direction, segment, number);
    if (direction.pendingOctets > this.#pendingOctetsMax || direction.pending.length > PENDING_COUNT_MAX) {
      this.#close(key, followed, 'gap', seen);
      return;
    }
    for (let piece = take(direction); piece !== undefined; piece = take(direction)) {
      const { connection } = followed;
      if (piece.bytes.length > 0) this.#emit({ type: 'bytes', connection, from, bytes: piece.bytes, frame: piece.frame, at });
      if (piece.fin) this.#emit({ type: 'end', connection, from, frame: piece.frame, at });
    }
  }

  #keep(direction: Direction, segment: TcpSegment, frame: number): void {
    const offset = distance(segment.sequence, direction.at);
    const end = offset + segment.payload.length + (segment.flags.fin ? 1 : 0);
    if (direction.ended || end <= 0 || offset > WINDOW_MAX) return; // read before, or of another connection
    direction.pending.push({ sequence: segment.sequence, bytes: segment.payload.slice(), fin: segment.flags.fin, frame });
    direction.pendingOctets += segment.payload.length;
  }

  #close(key: string, { connection }: Followed, reason: 'reset' | 'gap' | 'forgotten', { number, at }: Seen): void {
    this.#connections.delete(key);
    this.#emit({ type: 'closed', connection, reason, frame: number, at });
  }
}

interface Seen {
  readonly segment: TcpSegment;
  readonly number: number;
  readonly at: Millis;
}

interface Followed {
  readonly connection: ObservedConnection;
  readonly client: Direction;
  /** Known from the SYN of the server on. */
  server: Direction | undefined;
}

interface Direction {
  /** Sequence number of the first octet. */
  readonly start: number;
  /** Sequence number of the octet that is read next. */
  at: number;
  ended: boolean;
  /** Segments that wait, in the order in which they came. */
  pending: Piece[];
  pendingOctets: number;
}

interface Piece {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly fin: boolean;
  readonly frame: number;
}

function newDirection(start: number): Direction {
  return { start, at: start, ended: false, pending: [], pendingOctets: 0 };
}

/** The next piece of the stream, where one of those that wait holds it. */
function take(direction: Direction): Piece | undefined {
  const index = direction.pending.findIndex(({ sequence, bytes, fin }) => {
    const offset = distance(sequence, direction.at);
    return offset <= 0 && offset + bytes.length + (fin ? 1 : 0) > 0;
  });
  const piece = direction.pending[index];
  if (piece === undefined) {
    direction.pending = direction.pending.filter(({ sequence, bytes }) => distance(sequence, direction.at) + bytes.length > 0);
    direction.pendingOctets = direction.pending.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return undefined;
  }
  direction.pending.splice(index, 1);
  direction.pendingOctets -= piece.bytes.length;
  const bytes = piece.bytes.subarray(-distance(piece.sequence, direction.at));
  direction.at = next(direction.at, bytes.length + (piece.fin ? 1 : 0));
  if (piece.fin) direction.ended = true;
  return { ...piece, bytes };
}

function keyOf(source: Ipv4Address, sourcePort: number, destination: Ipv4Address, destinationPort: number): string {
  return `${source}:${sourcePort}>${destination}:${destinationPort}`;
}

/** Sequence numbers count modulo 2^32 (RFC 9293 §3.4). */
function next(sequence: number, octets: number): number {
  return (sequence + octets) >>> 0;
}

/** How far `a` is behind `b`: negative where it is before. */
function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** Segments of one direction that wait; more end the connection (`gap`). */
const PENDING_COUNT_MAX = 512;
/** The largest window that a receiver can offer (RFC 7323 §2.3). */
const WINDOW_MAX = 2 ** 30;
