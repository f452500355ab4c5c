import type { Sockets, UdpSocket } from '@nexus-net/net-os';
import { type Endpoint, IPV4_ANY, type Millis, NEVER } from '@nexus-net/sansio';
import { numberOf, type TftpTerms } from './tftp-options.js';
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from './tftp-packet.js';
import { ReceiveTransfer, SendTransfer, type Transfer } from './tftp-transfer.js';

export interface TftpClientConfig {
  readonly sockets: Sockets;
  /** Its port is usually 69. */
  readonly server: Endpoint;
  readonly file: string;
  /** Send these octets; without them the file is fetched. */
  readonly upload?: Uint8Array;
  /** Ask for blocks of this size (RFC 2348). Default: 1 428, as iPXE and others do; `none`: no options at all. */
  readonly blockOctets?: number | 'none';
  /** Ask for windows of this size (RFC 7440). Default 1: not asked for. */
  readonly windowBlocks?: number;
  /** Before something is sent again. Default 1 000 ms. */
  readonly timeoutMs?: Millis;
  /** Default 5. */
  readonly retryCountMax?: number;
  /** Octets that are taken at most. Default 67 108 864. */
  readonly octetsMax?: number;
}

/** How it ended. `refused`: the server sent an error, `code` and `message` of it. */
export type TftpClientResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly error: 'refused'; readonly code: number; readonly message: string }
  | { readonly ok: false; readonly error: 'timed-out' | 'no-socket' | 'too-large' };

/** Fetches or sends one file. Loop: whenever the sockets have moved, or at `nextTimeout`, `run`; then look at `result`. */
export class TftpClient {
  readonly #config: TftpClientConfig;
  readonly #socket: UdpSocket | undefined;
  #peer: Endpoint | undefined;
  #transfer: Transfer | undefined;
  #result: TftpClientResult | undefined;
  #retries = 0;
  #requestAt: Millis;

  constructor(now: Millis, config: TftpClientConfig) {
    this.#config = config;
    const bound = config.sockets.udpBind({ address: IPV4_ANY, port: 0 });
    this.#socket = bound.ok ? bound.value : undefined;
    this.#requestAt = now;
    if (!bound.ok) this.#result = { ok: false, error: 'no-socket' };
    this.run(now);
  }

  get result(): TftpClientResult | undefined {
    return this.#result;
  }

  run(now: Millis): void {
    const socket = this.#socket;
    if (socket === undefined || this.#isOver) return;
    for (let i = 0; i < DATAGRAMS_MAX; i++) {
      const received = socket.receiveFrom();
      if (!received.ok) break;
      this.#handle(now, received.value);
    }
    if (this.#transfer === undefined) this.#ask(now);
    else {
      this.#transfer.handleTimeout(now);
      this.#settle(this.#transfer);
    }
    if (this.#isOver) socket.close();
  }

  nextTimeout(): Millis {
    if (this.#isOver) return NEVER;
    return this.#transfer?.nextAt ?? this.#requestAt;
  }

  /** The result is there, and nobody has to be told again. */
  get #isOver(): boolean {
    return (
      (this.#result !== undefined && this.#transfer?.end !== undefined) ||
      (this.#result !== undefined && this.#transfer === undefined)
    );
  }

  #ask(now: Millis): void {
    if (this.#result !== undefined || now < this.#requestAt) return;
    const { timeoutMs = 1_000, retryCountMax = 5, file, upload, blockOctets = 1_428, windowBlocks = 1, server } = this.#config;
    if (this.#retries > retryCountMax) {
      this.#result = { ok: false, error: 'timed-out' };
      return;
    }
    this.#retries += 1;
    this.#requestAt = now + timeoutMs;
    const options = new Map<string, string>();
    if (blockOctets !== 'none') {
      options.set('tsize', `${upload?.length ?? 0}`).set('blksize', `${blockOctets}`);
      if (windowBlocks > 1) options.set('windowsize', `${windowBlocks}`);
    }
    this.#send(server, { type: upload === undefined ? 'read' : 'write', file, mode: 'octet', options });
  }

  #handle(now: Millis, { from, payload }: { readonly from: Endpoint; readonly payload: Uint8Array }): void {
    const { server, sockets } = this.#config;
    const known = this.#peer;
    if (from.address !== server.address || (known !== undefined && from.port !== known.port)) {
      if (sockets.now === now)
        this.#send(from, { type: 'error', code: TFTP_ERROR['unknown-transfer'], message: 'unknown transfer' });
      return;
    }
    const packet = decodeTftp(payload);
    if (!packet.ok) return;
    if (packet.value.type === 'error') {
      const { code, message } = packet.value;
      this.#result ??= { ok: false, error: 'refused', code, message };
    }
    // The first answer, from whatever port, makes the transfer (RFC 1350 §4).
    if (this.#transfer === undefined) this.#begin(now, from, packet.value);
    else this.#transfer.handlePacket(now, packet.value);
  }

  #begin(now: Millis, peer: Endpoint, first: TftpPacket): void {
    const { upload, timeoutMs = 1_000, retryCountMax = 5, octetsMax = 67_108_864 } = this.#config;
    const options = first.type === 'option-ack' ? first.options : new Map<string, string>();
    const terms: TftpTerms = {
      blockOctets: numberOf(options.get('blksize')) ?? 512,
      windowBlocks: numberOf(options.get('windowsize')) ?? 1,
      timeoutMs,
    };
    const config = { terms, retryCountMax, send: (packet: TftpPacket) => this.#send(peer, packet) };
    if (upload !== undefined) {
      if (first.type !== 'option-ack' && !(first.type === 'ack' && first.block === 0)) return;
      this.#peer = peer;
      this.#transfer = new SendTransfer(config, { now, bytes: upload, options: undefined });
    } else if (first.type === 'option-ack' || (first.type === 'data' && first.block === 1)) {
      this.#peer = peer;
      const keep = (bytes: Uint8Array): boolean => {
        this.#result = { ok: true, bytes };
        return true;
      };
      const hello: TftpPacket = { type: 'ack', block: 0 };
      // Without options the first block is the answer, and there is nothing to acknowledge before it.
      const send = first.type === 'data' ? (packet: TftpPacket) => this.#sendUnlessHello(peer, packet) : config.send;
      this.#transfer = new ReceiveTransfer({ ...config, send }, { now, octetsMax, keep, hello });
      if (first.type === 'data') this.#transfer.handlePacket(now, first);
    }
  }

  #settle(transfer: Transfer): void {
    if (transfer.end === undefined || this.#result !== undefined) return;
    if (transfer.end === 'done') this.#result = { ok: true, bytes: this.#config.upload ?? new Uint8Array(0) };
    else this.#result = { ok: false, error: transfer.end === 'failed' ? 'too-large' : 'timed-out' };
  }

  #sendUnlessHello(peer: Endpoint, packet: TftpPacket): void {
    if (packet.type !== 'ack' || packet.block !== 0) this.#send(peer, packet);
  }

  #send(to: Endpoint, packet: TftpPacket): void {
    this.#socket?.sendTo(to, encodeTftp(packet));
  }
}

const DATAGRAMS_MAX = 256;
