import { type Millis, NEVER } from '@nexus-net/sansio';
import type { TftpTerms } from './tftp-options.js';
import { TFTP_ERROR, type TftpPacket } from './tftp-packet.js';

/** How a transfer ended. `peer-error`: the other side sent an error. `timed-out`: it stopped answering. `failed`: we sent one. */
export type TftpEnd = 'done' | 'peer-error' | 'timed-out' | 'failed';

export interface TransferConfig {
  readonly terms: TftpTerms;
  /** Sent again this often before the transfer is given up. */
  readonly retryCountMax: number;
  readonly send: (packet: TftpPacket) => void;
}

/** One side of a transfer. */
export interface Transfer {
  handlePacket(now: Millis, packet: TftpPacket): void;
  handleTimeout(now: Millis): void;
  readonly nextAt: Millis;
  readonly end: TftpEnd | undefined;
}

/** Sends a file: blocks in windows (RFC 7440), a window of one being RFC 1350. */
export class SendTransfer implements Transfer {
  readonly #config: TransferConfig;
  readonly #bytes: Uint8Array;
  readonly #blockCount: number;
  /** Block that the other side has up to, counted without going round; -1 while it has not taken the options. */
  #acked: number;
  /** The last block that was sent. */
  #sent: number;
  /** A window is sent again at once for one repeated acknowledgment, not for each: two sides would double it for ever. */
  #repeated = false;
  #retries = 0;
  #end: TftpEnd | undefined;
  #nextAt: Millis;

  /** `options`: what is acknowledged before the first block; `undefined` where nothing was asked for. */
  constructor(
    config: TransferConfig,
    start: { readonly now: Millis; readonly bytes: Uint8Array; readonly options: ReadonlyMap<string, string> | undefined },
  ) {
    this.#config = config;
    this.#bytes = start.bytes;
    // A file that fills its last block has an empty one behind it.
    this.#blockCount = Math.floor(start.bytes.length / config.terms.blockOctets) + 1;
    this.#options = start.options;
    this.#acked = start.options === undefined ? 0 : -1;
    this.#sent = this.#acked;
    this.#nextAt = start.now + config.terms.timeoutMs;
    this.#sendWindow();
  }

  readonly #options: ReadonlyMap<string, string> | undefined;

  get nextAt(): Millis {
    return this.#end === undefined ? this.#nextAt : NEVER;
  }

  get end(): TftpEnd | undefined {
    return this.#end;
  }

  handlePacket(now: Millis, packet: TftpPacket): void {
    if (this.#end !== undefined) return;
    if (packet.type === 'error') this.#end = 'peer-error';
    if (packet.type !== 'ack') return;
    const block = this.#blockOf(packet.block);
    if (block === undefined) return;
    if (block === this.#acked) {
      // With one block a window, a repeated acknowledgment is answered by time alone (RFC 1123 §4.2.3.1).
      if (this.#config.terms.windowBlocks === 1 || this.#acked < 1 || this.#repeated) return;
      this.#repeated = true;
    } else {
      this.#acked = block;
      this.#repeated = false;
      this.#retries = 0;
    }
    if (this.#acked >= this.#blockCount) {
      this.#end = 'done';
      return;
    }
    this.#sent = this.#acked;
    this.#nextAt = now + this.#config.terms.timeoutMs;
    this.#sendWindow();
  }

  handleTimeout(now: Millis): void {
    if (this.#end !== undefined || now < this.#nextAt) return;
    if (this.#retries >= this.#config.retryCountMax) {
      this.#end = 'timed-out';
      return;
    }
    this.#retries += 1;
    this.#repeated = false;
    this.#sent = this.#acked;
    this.#nextAt = now + this.#config.terms.timeoutMs;
    this.#sendWindow();
  }

  #sendWindow(): void {
    const { terms, send } = this.#config;
    if (this.#acked < 0) {
      send({ type: 'option-ack', options: this.#options ?? new Map() });
      return;
    }
    const last = Math.min(this.#acked + terms.windowBlocks, this.#blockCount);
    while (this.#sent < last) {
      const from = this.#sent * terms.blockOctets;
      this.#sent += 1;
      send({ type: 'data', block: this.#sent & 0xffff, bytes: this.#bytes.subarray(from, from + terms.blockOctets) });
    }
  }

  /** The block that an acknowledgment means, between the last one and what was sent; `undefined` for an old or a future one. */
  #blockOf(block: number): number | undefined {
    if (this.#acked < 0) return block === 0 ? 0 : undefined;
    const ahead = (block - this.#acked) & 0xffff;
    return ahead <= this.#sent - this.#acked ? this.#acked + ahead : undefined;
  }
}

export interface ReceiveStart {
  readonly now: Millis;
  /** Octets at most; more ends it with `disk-full`. */
  readonly octetsMax: number;
  /** What was received, when it is whole: `false` where it can not be kept. */
  readonly keep: (bytes: Uint8Array) => boolean;
}

/** Receives a file. */
export class ReceiveTransfer implements Transfer {
  readonly #config: TransferConfig;
  readonly #start: ReceiveStart;
  /** What says that the next block is welcome: an acknowledgment of options, or of a block. */
  #last: TftpPacket;
  #pieces: Uint8Array[] = [];
  #octets = 0;
  /** The last block that was taken, counted without going round. */
  #block = 0;
  /** Blocks since the last acknowledgment. */
  #unacked = 0;
  #retries = 0;
  #end: TftpEnd | undefined;
  #nextAt: Millis;
  /** The last acknowledgment may be lost: the transfer stays to repeat it. */
  #isDallying = false;
  #gapTold = false;

  constructor(config: TransferConfig, { hello, ...start }: ReceiveStart & { readonly hello: TftpPacket }) {
    this.#config = config;
    this.#start = start;
    this.#last = hello;
    this.#nextAt = start.now + config.terms.timeoutMs;
    config.send(hello);
  }

  get nextAt(): Millis {
    return this.#end === undefined ? this.#nextAt : NEVER;
  }

  get end(): TftpEnd | undefined {
    return this.#end;
  }

  /** The file is whole, though its last acknowledgment may yet have to be repeated. */
  get isWhole(): boolean {
    return this.#isDallying || this.#end === 'done';
  }

  handlePacket(now: Millis, packet: TftpPacket): void {
    if (this.#end !== undefined) return;
    if (packet.type === 'error') this.#end = this.#isDallying ? 'done' : 'peer-error';
    if (packet.type !== 'data') return;
    const expected = (this.#block + 1) & 0xffff;
    if (this.#isDallying || packet.block !== expected) {
      const isOld = ((expected - packet.block) & 0xffff) <= 0x7fff;
      // RFC 7440 §4: a gap is told at once, once; what came before is told again, so that a lost acknowledgment does no harm.
      if (isOld || !this.#gapTold) this.#config.send(this.#isDallying || this.#block > 0 ? this.#ack() : this.#last);
      this.#gapTold ||= !isOld;
      return;
    }
    this.#take(now, packet.bytes);
  }

  handleTimeout(now: Millis): void {
    if (this.#end !== undefined || now < this.#nextAt) return;
    if (this.#isDallying) {
      this.#end = 'done';
      return;
    }
    if (this.#retries >= this.#config.retryCountMax) {
      this.#end = 'timed-out';
      return;
    }
    this.#retries += 1;
    this.#gapTold = false;
    this.#unacked = 0;
    this.#nextAt = now + this.#config.terms.timeoutMs;
    this.#config.send(this.#block > 0 ? this.#ack() : this.#last);
  }

  #take(now: Millis, bytes: Uint8Array): void {
    const { terms, send } = this.#config;
    const isLast = bytes.length < terms.blockOctets;
    if (bytes.length > terms.blockOctets) this.#fail('illegal-operation', 'block too long');
    else if (this.#octets + bytes.length > this.#start.octetsMax) this.#fail('disk-full', 'file too large');
    else {
      this.#block += 1;
      this.#octets += bytes.length;
      if (bytes.length > 0) this.#pieces.push(bytes.slice());
      if (isLast && !this.#keep()) this.#fail('disk-full', 'can not be kept');
    }
    if (this.#end !== undefined) return;
    this.#retries = 0;
    this.#gapTold = false;
    this.#unacked += 1;
    this.#nextAt = now + (isLast ? 2 : 1) * terms.timeoutMs;
    if (!isLast && this.#unacked < terms.windowBlocks) return;
    this.#unacked = 0;
    send(this.#ack());
    this.#isDallying = isLast;
  }

  #keep(): boolean {
    const whole = new Uint8Array(this.#octets);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    return this.#start.keep(whole);
  }

  #ack(): TftpPacket {
    return { type: 'ack', block: this.#block & 0xffff };
  }

  #fail(code: keyof typeof TFTP_ERROR, message: string): void {
    this.#config.send({ type: 'error', code: TFTP_ERROR[code], message });
    this.#end = 'failed';
  }
}
