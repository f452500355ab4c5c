import type { ReceivedDatagram, Sockets, UdpSocket } from '@nexus-net/net-os';
import { Counters, type Endpoint, IPV4_ANY, IPV4_BROADCAST, type Millis, NEVER, Queue, requireArgument } from '@nexus-net/sansio';
import { cleanPath, type FileSource } from '../files.js';
import type { SocketService } from '../service.js';
import { agreeOnTerms, numberOf, type TftpTermLimits } from './tftp-options.js';
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpDecodeError, type TftpPacket } from './tftp-packet.js';
import { ReceiveTransfer, SendTransfer, type TftpEnd, type Transfer } from './tftp-transfer.js';

export interface TftpServiceConfig extends Partial<TftpTermLimits> {
  readonly sockets: Sockets;
  readonly files: FileSource;
  /** Default 69. */
  readonly port?: number;
  /** Take files as well, where `files` can write: new ones only. Default false. */
  readonly writable?: boolean;
  /** Octets of a file that is taken. Default 16 777 216. */
  readonly writeOctetsMax?: number;
  /** Transfers at a time; a request for one more has no answer, so the client asks again. Default 16. */
  readonly transferCountMax?: number;
  /** Sent again this often before a transfer is given up. Default 5. */
  readonly retryCountMax?: number;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 256. */
  readonly eventCountMax?: number;
}

/**
 * Why a packet led to nothing, or to an error. `broadcast`: a request to everybody (RFC 1123 §4.2.3.5). `busy`: `transferCountMax`.
 * `repeated`: a request whose transfer is under way. `stranger`: not from the other side of the transfer, which is told so.
 */
export type TftpLabel =
  | TftpDecodeError
  | 'no-request'
  | 'broadcast'
  | 'busy'
  | 'repeated'
  | 'bad-mode'
  | 'not-found'
  | 'access'
  | 'exists'
  | 'too-large'
  | 'stranger'
  | 'not-sent';

export type TftpEvent =
  | {
      readonly type: 'started';
      readonly at: Millis;
      readonly client: Endpoint;
      readonly operation: 'read' | 'write';
      readonly path: string;
      readonly blockOctets: number;
      readonly windowBlocks: number;
    }
  | {
      readonly type: 'ended';
      readonly at: Millis;
      readonly client: Endpoint;
      readonly operation: 'read' | 'write';
      readonly path: string;
      readonly end: TftpEnd;
      /** Of the file, where it is whole. */
      readonly octets: number;
    }
  | { readonly type: 'rejected'; readonly at: Millis; readonly client: Endpoint; readonly label: TftpLabel };

export interface TftpView {
  readonly transfers: number;
  readonly ends: Partial<Record<TftpEnd, number>>;
  readonly labels: Partial<Record<TftpLabel, number>>;
  readonly eventsDropped: number;
}

interface Running {
  readonly transfer: Transfer;
  readonly socket: UdpSocket;
  readonly client: Endpoint;
  readonly operation: 'read' | 'write';
  readonly path: string;
  octets: number;
}

/** A TFTP server (RFC 1350, 2347, 2348, 2349, 7440). Each transfer has a port of its own. */
export class TftpService implements SocketService<TftpEvent> {
  readonly #config: TftpServiceConfig;
  readonly #limits: TftpTermLimits;
  readonly #transferCountMax: number;
  readonly #running = new Map<string, Running>();
  readonly #events: Queue<TftpEvent>;
  readonly #labels = new Counters<TftpLabel>();
  readonly #ends = new Counters<TftpEnd>();
  #socket: UdpSocket | undefined;
  #isStopped = false;
  #hasMore = false;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: TftpServiceConfig) {
    const {
      blockOctetsMax = 1_468,
      windowBlocksMax = 16,
      timeoutMs = 1_000,
      transferCountMax = 16,
      eventCountMax = 256,
    } = config;
    requireArgument(blockOctetsMax >= 8 && blockOctetsMax <= 65_464, 'blockOctetsMax is 8..65464');
    requireArgument(windowBlocksMax >= 1 && windowBlocksMax <= 65_535, 'windowBlocksMax is 1..65535');
    requireArgument(timeoutMs >= 1 && transferCountMax >= 1, 'timeoutMs and transferCountMax are at least 1');
    this.#config = config;
    this.#limits = { blockOctetsMax: Math.min(blockOctetsMax, BLOCK_OCTETS_SENT_MAX), windowBlocksMax, timeoutMs };
    this.#transferCountMax = transferCountMax;
    this.#events = new Queue(eventCountMax);
  }

  run(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    this.#hasMore = false;
    if (this.#isStopped) return;
    if (this.#socket === undefined) {
      const bound = this.#config.sockets.udpBind({ address: IPV4_ANY, port: this.#config.port ?? 69 });
      if (bound.ok) this.#socket = bound.value;
    }
    if (this.#socket !== undefined) this.#drain(this.#socket, (datagram) => this.#request(datagram));
    for (const [key, running] of [...this.#running]) this.#continue(key, running);
  }

  pollEvent(): TftpEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    if (this.#hasMore) return this.#now;
    let next = NEVER;
    for (const { transfer } of this.#running.values()) next = Math.min(next, transfer.nextAt);
    return next;
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
    this.#socket = undefined;
    for (const { socket } of this.#running.values()) socket.close();
    this.#running.clear();
  }

  inspect(): TftpView {
    return {
      transfers: this.#running.size,
      ends: this.#ends.snapshot(),
      labels: this.#labels.snapshot(),
      eventsDropped: this.#events.dropped,
    };
  }

  #continue(key: string, running: Running): void {
    const { transfer, socket, client } = running;
    this.#drain(socket, ({ from, payload }) => {
      if (from.address !== client.address || from.port !== client.port) {
        this.#reject(from, 'stranger');
        this.#send(socket, from, { type: 'error', code: TFTP_ERROR['unknown-transfer'], message: 'unknown transfer' });
        return;
      }
      const packet = decodeTftp(payload);
      if (packet.ok) transfer.handlePacket(this.#now, packet.value);
      else this.#reject(from, packet.error);
    });
    transfer.handleTimeout(this.#now);
    const { end } = transfer;
    if (end === undefined) return;
    this.#running.delete(key);
    socket.close();
    this.#ends.increment(end);
    const { operation, path, octets } = running;
    this.#events.push({ type: 'ended', at: this.#now, client, operation, path, end, octets });
  }

  #request(datagram: ReceivedDatagram): void {
    const label = this.#serve(datagram);
    if (label !== undefined) this.#reject(datagram.from, label);
  }

  #serve({ from, to, payload }: ReceivedDatagram): TftpLabel | undefined {
    const packet = decodeTftp(payload);
    if (!packet.ok) return packet.error;
    if (packet.value.type !== 'read' && packet.value.type !== 'write') return 'no-request';
    if (to.address === IPV4_BROADCAST) return 'broadcast';
    const key = `${from.address}:${from.port}`;
    // It is the same client asking again, and what it waits for is sent again by time.
    if (this.#running.has(key)) return 'repeated';
    if (this.#running.size >= this.#transferCountMax) return 'busy';
    const bound = this.#config.sockets.udpBind({ address: to.address, port: 0 });
    if (!bound.ok) return bound.error === 'invalid-input' ? 'broadcast' : 'busy';
    const socket = bound.value;
    const started = this.#start(socket, from, packet.value);
    if (typeof started === 'object') {
      this.#running.set(key, started);
      return undefined;
    }
    const [code, message] = ERRORS[started];
    this.#send(socket, from, { type: 'error', code: TFTP_ERROR[code], message });
    socket.close();
    return started;
  }

  #start(socket: UdpSocket, client: Endpoint, request: Extract<TftpPacket, { type: 'read' | 'write' }>): Running | RequestLabel {
    const { files, retryCountMax = 5, writable = false, writeOctetsMax = 16_777_216 } = this.#config;
    const { file, mode, options } = request;
    const path = cleanPath(file);
    if (mode !== 'octet' && mode !== 'netascii') return 'bad-mode';
    if (path === undefined) return 'access';
    const { terms, agreed } = agreeOnTerms(options, this.#limits);
    const config = { terms, retryCountMax, send: (packet: TftpPacket) => this.#send(socket, client, packet) };
    const tell = (operation: 'read' | 'write'): void => {
      const { blockOctets, windowBlocks } = terms;
      this.#events.push({ type: 'started', at: this.#now, client, operation, path, blockOctets, windowBlocks });
    };
    if (request.type === 'read') {
      const found = files.read(path);
      if (found === undefined) return 'not-found';
      const bytes = mode === 'netascii' ? toNetascii(found) : found;
      if (options.has('tsize')) agreed.set('tsize', `${bytes.length}`);
      tell('read');
      const start = { now: this.#now, bytes, options: agreed.size > 0 ? agreed : undefined };
      return { transfer: new SendTransfer(config, start), socket, client, operation: 'read', path, octets: bytes.length };
    }
    if (!writable || files.write === undefined) return 'access';
    if (files.read(path) !== undefined) return 'exists';
    const announced = numberOf(options.get('tsize'));
    if (announced !== undefined && announced > writeOctetsMax) return 'too-large';
    if (announced !== undefined) agreed.set('tsize', `${announced}`);
    tell('write');
    const keep = (bytes: Uint8Array): boolean => {
      const octets = mode === 'netascii' ? fromNetascii(bytes) : bytes;
      running.octets = octets.length;
      return files.write?.(path, octets) ?? false;
    };
    const hello: TftpPacket = agreed.size > 0 ? { type: 'option-ack', options: agreed } : { type: 'ack', block: 0 };
    const transfer = new ReceiveTransfer(config, { now: this.#now, octetsMax: writeOctetsMax, keep, hello });
    const running: Running = { transfer, socket, client, operation: 'write', path, octets: 0 };
    return running;
  }

  #drain(socket: UdpSocket, take: (datagram: ReceivedDatagram) => void): void {
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const received = socket.receiveFrom();
      if (!received.ok) return;
      take(received.value);
    }
    this.#hasMore = true;
  }

  #send(socket: UdpSocket, to: Endpoint, packet: TftpPacket): void {
    if (!socket.sendTo(to, encodeTftp(packet)).ok) this.#labels.increment('not-sent');
  }

  #reject(client: Endpoint, label: TftpLabel): void {
    this.#labels.increment(label);
    this.#events.push({ type: 'rejected', at: this.#now, client, label });
  }
}

/** RFC 764: a line feed is CR LF on the wire, and a carriage return CR NUL. */
export function toNetascii(bytes: Uint8Array): Uint8Array {
  let extra = 0;
  for (const octet of bytes) if (octet === LF || octet === CR) extra += 1;
  const wire = new Uint8Array(bytes.length + extra);
  let at = 0;
  for (const octet of bytes) {
    if (octet === LF) wire[at++] = CR;
    wire[at++] = octet;
    if (octet === CR) wire[at++] = 0;
  }
  return wire;
}

/** The other way: CR LF becomes LF, CR NUL becomes CR; any other octet stays what it is. */
export function fromNetascii(wire: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(wire.length);
  let at = 0;
  for (let i = 0; i < wire.length; i++) {
    const octet = wire[i] as number;
    const next = octet === CR ? wire[i + 1] : undefined;
    if (next === LF || next === 0) i += 1;
    bytes[at++] = next === LF ? LF : octet;
  }
  return bytes.subarray(0, at);
}

type RequestLabel = 'bad-mode' | 'access' | 'not-found' | 'exists' | 'too-large';

const ERRORS: Readonly<Record<RequestLabel, readonly [keyof typeof TFTP_ERROR, string]>> = {
  'bad-mode': ['illegal-operation', 'mode is octet or netascii'],
  access: ['access', 'access violation'],
  'not-found': ['not-found', 'file not found'],
  exists: ['exists', 'file exists'],
  'too-large': ['disk-full', 'file too large'],
};
const LF = 0x0a;
const CR = 0x0d;
const DATAGRAMS_MAX = 64;
/** The sockets take 1 500 octets of payload, four of which are the header of a block. */
const BLOCK_OCTETS_SENT_MAX = 1_496;
