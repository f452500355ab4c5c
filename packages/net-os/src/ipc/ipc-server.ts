import { Counters, type Endpoint, type Millis, Queue } from '@nexus-net/sansio';
import type { SocketFailure, SocketResult } from '../sockets/socket-result.js';
import type { PendingPing, Sockets, TcpStream, TcpStreamListener, UdpSocket } from '../sockets/sockets.js';
import {
  hasIpcMagic,
  IPC_HEADER_OCTETS,
  IPC_NONCE_OCTETS,
  IPC_OPERATION,
  IPC_READ_OCTETS_MAX,
  IPC_RECEIVE_OCTETS_MAX,
  IPC_REPLY_FLAG,
  type IpcOperation,
  type IpcStatus,
} from './ipc-format.js';
import { encodeIpcReply, type IpcOutcome, type IpcReply } from './ipc-reply.js';
import { decodeIpcRequest, type IpcBind, type IpcDecodeError, type IpcRequest } from './ipc-request.js';

export interface IpcServerOptions {
  readonly sockets: Sockets;
  /** Listeners, streams and UDP sockets that programs hold, each kind; for one more the answer is IO. Default 256. */
  readonly handleCountMax?: number;
  /** Pings and dials under way; for one more the answer is WOULD_BLOCK. Default 64. */
  readonly pendingCountMax?: number;
  /** Backlog of each listener. Default 16. */
  readonly backlog?: number;
  /** How long a dial goes on, asked for again or not. Default 30 000 ms. */
  readonly dialMs?: Millis;
  /** Replies waiting for `pollTransmit`; further ones are lost and counted. Default 256. */
  readonly transmitCountMax?: number;
}

/** A reply for the program that asked. */
export interface IpcTransmit {
  readonly client: number;
  readonly bytes: Uint8Array;
}

/** Why a request was malformed, and what the server lost: `datagram-oversize` could not fit any reply. */
export type IpcLabel = IpcDecodeError | 'transmit-full' | 'datagram-oversize';

export interface IpcServerView {
  readonly listeners: number;
  readonly streams: number;
  readonly udp: number;
  readonly pending: number;
  readonly labels: Partial<Record<IpcLabel, number>>;
}

/**
 * Serves the sockets to programs that speak the message protocol. One message, one reply; that of a ping comes when it is
 * settled. What a program opened is its own: to others its ids do not exist.
 */
export class IpcServer {
  readonly #sockets: Sockets;
  readonly #backlog: number;
  readonly #dialMs: Millis;
  readonly #pendingCountMax: number;
  readonly #listeners: Handles<TcpStreamListener>;
  readonly #streams: Handles<TcpStream>;
  readonly #udp: Handles<UdpSocket>;
  readonly #pings = new Set<WaitingPing>();
  readonly #dials = new Map<string, Dial>();
  readonly #transmits: Queue<IpcTransmit>;
  readonly #labels = new Counters<IpcLabel>();

  constructor(options: IpcServerOptions) {
    const {
      sockets,
      handleCountMax = 256,
      pendingCountMax = 64,
      backlog = 16,
      dialMs = 30_000,
      transmitCountMax = 256,
    } = options;
    this.#sockets = sockets;
    this.#backlog = backlog;
    this.#dialMs = dialMs;
    this.#pendingCountMax = pendingCountMax;
    this.#listeners = new Handles(handleCountMax);
    this.#streams = new Handles(handleCountMax);
    this.#udp = new Handles(handleCountMax);
    this.#transmits = new Queue(transmitCountMax);
  }

  /** One message of a program. `client` tells programs apart. */
  handleMessage(now: Millis, client: number, bytes: Uint8Array): void {
    this.handleTimeout(now);
    const decoded = decodeIpcRequest(bytes);
    if (!decoded.ok) {
      this.#labels.increment(decoded.error);
      this.#reply(client, malformed(bytes));
      return;
    }
    const { request, nonce } = decoded.value;
    const answer = this.#serve(client, request, nonce?.slice());
    if (answer !== undefined) this.#answer(client, request.type, answer, nonce);
  }

  /** Moves the sockets and answers pings that are settled. Also to be called when the sockets were moved by frames. */
  handleTimeout(now: Millis): void {
    this.#sockets.poll(now);
    for (const ping of [...this.#pings]) {
      const settled = ping.pending.roundTrip();
      if (!settled.ok && settled.error === 'would-block') continue;
      this.#pings.delete(ping);
      this.#answer(ping.client, 'ping', pingAnswer(settled), ping.nonce);
    }
  }

  pollTransmit(): IpcTransmit | undefined {
    return this.#transmits.shift();
  }

  nextTimeout(): Millis {
    return this.#sockets.nextWake();
  }

  /** A program is gone: everything that it had is closed. */
  dropClient(client: number): void {
    for (const handles of [this.#listeners, this.#streams, this.#udp]) for (const own of handles.takeAll(client)) own.close();
    for (const ping of [...this.#pings]) if (ping.client === client) this.#pings.delete(ping);
    for (const [key, dial] of [...this.#dials]) {
      if (dial.client !== client) continue;
      this.#dials.delete(key);
      dial.stream.abort();
    }
  }

  inspect(): IpcServerView {
    return {
      listeners: this.#listeners.size,
      streams: this.#streams.size,
      udp: this.#udp.size,
      pending: this.#pings.size + this.#dials.size,
      labels: this.#labels.snapshot(),
    };
  }

  /** `undefined`: the answer comes later. */
  #serve(client: number, request: IpcRequest, nonce: Uint8Array | undefined): Answer | undefined {
    switch (request.type) {
      case 'listen': {
        const local = this.#localOf(request);
        if (local === undefined || this.#listeners.isFull) return 'io';
        const made = this.#sockets.tcpListen(local, this.#backlog);
        return made.ok ? { type: 'listen', id: this.#listeners.add(client, made.value) } : statusOf(made);
      }
      case 'udp-bind': {
        const local = this.#localOf(request);
        if (local === undefined || this.#udp.isFull) return 'io';
        const made = this.#sockets.udpBind(local);
        return made.ok ? { type: 'udp-bind', id: this.#udp.add(client, made.value) } : statusOf(made);
      }
      case 'accept':
        return this.#listeners.use(client, request.id, (listener) => {
          if (this.#streams.isFull) return 'io';
          const made = listener.accept();
          return made.ok ? { type: 'accept', id: this.#streams.add(client, made.value) } : statusOf(made);
        });
      case 'connect':
        return this.#dial(client, request.remote);
      case 'read':
        return this.#streams.use(client, request.id, (stream) => {
          const read = stream.read(Math.min(request.octetsMax, IPC_READ_OCTETS_MAX));
          return read.ok ? { type: 'read', bytes: read.value } : statusOf(read);
        });
      case 'write':
        return this.#streams.use(client, request.id, (stream) => {
          const wrote = stream.write(request.bytes);
          return wrote.ok ? { type: 'write', count: wrote.value } : statusOf(wrote);
        });
      case 'udp-send-to':
        return this.#udp.use(client, request.id, (socket) => {
          const sent = socket.sendTo(request.to, request.payload);
          // A full queue is flow control here: the program tries again.
          if (!sent.ok) return sent.error === 'no-buffers' ? 'would-block' : statusOf(sent);
          return { type: 'udp-send-to', count: sent.value };
        });
      case 'udp-receive-from':
        return this.#udp.use(client, request.id, (socket) => this.#receive(socket, request.octetsMax));
      case 'ping':
        return this.#ping(client, request, nonce);
      case 'local-address': {
        const local = this.#sockets.localAddress();
        return local === undefined ? 'io' : { type: 'local-address', ...local };
      }
      case 'wait-writable':
        return this.#streams.use(client, request.id, (stream) => {
          const writable = stream.writable();
          return writable.ok ? { type: 'wait-writable' } : statusOf(writable);
        });
      case 'shutdown':
        return this.#streams.use(client, request.id, (stream) => {
          const shut = stream.shutdown();
          return shut.ok ? { type: 'shutdown' } : statusOf(shut);
        });
      case 'close':
        return closed('close', this.#streams.take(client, request.id));
      case 'close-listener':
        return closed('close-listener', this.#listeners.take(client, request.id));
      case 'udp-close':
        return closed('udp-close', this.#udp.take(client, request.id));
    }
  }

  /** A dial is asked for again and again until it is settled: the same place is the same dial. */
  #dial(client: number, remote: Endpoint): Answer {
    const key = `${client}/${remote.address}:${remote.port}`;
    let dial = this.#dials.get(key);
    if (dial === undefined) {
      this.#dropLostDials();
      if (this.#isBusy || this.#streams.isFull) return 'would-block';
      const made = this.#sockets.tcpConnect(remote, { deadline: this.#sockets.now + this.#dialMs });
      if (!made.ok) return statusOf(made);
      dial = { client, stream: made.value, startedAt: this.#sockets.now };
      this.#dials.set(key, dial);
    }
    const established = dial.stream.established();
    if (!established.ok && established.error === 'would-block') return 'would-block';
    this.#dials.delete(key);
    if (established.ok && !this.#streams.isFull) return { type: 'connect', id: this.#streams.add(client, dial.stream) };
    dial.stream.abort();
    return established.ok ? 'io' : statusOf(established);
  }

  /** A program that lost interest leaves its dials behind; what was reached long ago waits for nobody. */
  #dropLostDials(): void {
    for (const [key, { stream, startedAt }] of [...this.#dials]) {
      if (this.#sockets.now - startedAt <= 2 * this.#dialMs) continue;
      this.#dials.delete(key);
      stream.abort();
    }
  }

  #receive(socket: UdpSocket, octetsMax: number): Answer {
    const received = socket.receiveFrom(Math.min(octetsMax, IPC_RECEIVE_OCTETS_MAX));
    if (received.ok) return { type: 'udp-receive-from', from: received.value.from, payload: received.value.payload };
    if (received.error !== 'no-buffers') return statusOf(received);
    // Too long for this call, it stays. Too long for any reply, it would stay for ever and hide those behind it.
    if (octetsMax >= IPC_RECEIVE_OCTETS_MAX && socket.receiveFrom().ok) this.#labels.increment('datagram-oversize');
    return 'io';
  }

  #ping(client: number, request: Extract<IpcRequest, { type: 'ping' }>, nonce: Uint8Array | undefined): Answer | undefined {
    if (this.#isBusy) return 'would-block';
    const deadline = this.#sockets.now + request.timeoutMs;
    const started = this.#sockets.ping(request.destination, { deadline });
    if (!started.ok) return 'timed-out';
    const settled = started.value.roundTrip();
    if (settled.ok || settled.error !== 'would-block') return pingAnswer(settled);
    this.#pings.add({ client, pending: started.value, nonce });
    return undefined;
  }

  get #isBusy(): boolean {
    return this.#pings.size + this.#dials.size >= this.#pendingCountMax;
  }

  /** Without an address: the one that the stack has now. */
  #localOf({ address, port }: IpcBind): Endpoint | undefined {
    const own = address ?? this.#sockets.localAddress()?.address;
    return own === undefined ? undefined : { address: own, port };
  }

  #answer(client: number, operation: IpcOperation, answer: Answer, nonce: Uint8Array | undefined): void {
    const tail = nonce === undefined ? {} : { nonce };
    if (typeof answer === 'string') this.#reply(client, { ok: false, code: IPC_OPERATION[operation], status: answer, ...tail });
    else this.#reply(client, { ok: true, outcome: answer, ...tail });
  }

  #reply(client: number, reply: IpcReply): void {
    if (!this.#transmits.push({ client, bytes: encodeIpcReply(reply) })) this.#labels.increment('transmit-full');
  }
}

type Answer = IpcOutcome | Exclude<IpcStatus, 'ok'>;

interface WaitingPing {
  readonly client: number;
  readonly pending: PendingPing;
  readonly nonce: Uint8Array | undefined;
}

interface Dial {
  readonly client: number;
  readonly stream: TcpStream;
  readonly startedAt: Millis;
}

/** Things by id, each with its owner. An id is never given twice. */
class Handles<T extends { close(): void }> {
  readonly #countMax: number;
  readonly #byId = new Map<number, { readonly client: number; readonly handle: T }>();
  #nextId = 1;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get size(): number {
    return this.#byId.size;
  }

  get isFull(): boolean {
    return this.#byId.size >= this.#countMax;
  }

  add(client: number, handle: T): number {
    const id = this.#nextId++;
    this.#byId.set(id, { client, handle });
    return id;
  }

  use(client: number, id: number, call: (handle: T) => Answer): Answer {
    const entry = this.#byId.get(id);
    return entry?.client === client ? call(entry.handle) : 'not-found';
  }

  take(client: number, id: number): T | undefined {
    const entry = this.#byId.get(id);
    if (entry?.client !== client) return undefined;
    this.#byId.delete(id);
    return entry.handle;
  }

  takeAll(client: number): T[] {
    const own = [...this.#byId].filter(([, entry]) => entry.client === client);
    for (const [id] of own) this.#byId.delete(id);
    return own.map(([, { handle }]) => handle);
  }
}

function closed(type: 'close' | 'close-listener' | 'udp-close', handle: { close(): void } | undefined): Answer {
  handle?.close();
  return handle === undefined ? 'not-found' : { type };
}

/** Every failure of a ping is TIMED_OUT on this wire. */
function pingAnswer(settled: SocketResult<Millis>): Answer {
  return settled.ok ? { type: 'ping', roundTripMs: Math.min(Math.round(settled.value), 0xffff) } : 'timed-out';
}

function statusOf(failure: SocketFailure): Exclude<IpcStatus, 'ok'> {
  switch (failure.error) {
    case 'would-block':
    case 'timed-out':
      return failure.error;
    case 'invalid-input':
      return 'malformed';
    default:
      return 'io';
  }
}

/**
 * The reply to what could not be read. A nonce is where a nonce would be: a program that goes by it learns that its request was bad,
 * and one that sends none does not look behind the status.
 */
function malformed(bytes: Uint8Array): IpcReply {
  const nonce =
    bytes.length >= IPC_HEADER_OCTETS + IPC_NONCE_OCTETS ? { nonce: bytes.slice(bytes.length - IPC_NONCE_OCTETS) } : {};
  const code = bytes.length >= IPC_HEADER_OCTETS && hasIpcMagic(bytes) ? (bytes[3] as number) & ~IPC_REPLY_FLAG : 0;
  return { ok: false, code, status: 'malformed', ...nonce };
}
