import {
  Counters,
  type Datagram,
  type DatagramMachine,
  type Endpoint,
  type Entropy,
  type Millis,
  NEVER,
  Queue,
  requireArgument,
} from '@nexus-net/sansio';
import type { CryptoProvider } from '../../crypto/index.js';
import type { OsKeys } from '../keys.js';
import { OsHandshake, type OsHandshakeReject } from '../session/handshake.js';
import { decodeQd, encodeQd, QD_OPCODE, type QdReject } from './datagram.js';

export interface QdSessionOptions {
  readonly role: 'client' | 'server';
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly keys: OsKeys;
  readonly own: Endpoint;
  /** The server, for a client. A server takes the address of the first valid first message. */
  readonly peer?: Endpoint;
  /** For a client; the OS has 0x51554943. 32 bits. */
  readonly sessionNonce?: number;
  /** Each answer may take so long; nothing is sent twice. Default 2 000 ms. */
  readonly stepMs?: number;
}

export type QdEnd = OsHandshakeReject | 'msg1-timeout' | 'msg2-timeout' | 'msg3-timeout' | 'ping-timeout' | 'pong-timeout';

export type QdIgnored = QdReject | 'wrong-port' | 'wrong-source' | 'wrong-nonce' | 'wrong-opcode' | 'wrong-payload' | 'over';

export type QdEvent =
  /** The peer proved its key: the server by the third message. (The client never learns whether that was taken.) */
  | { readonly type: 'authenticated'; readonly at: Millis }
  /** PING was answered with PONG. Both travel in clear and prove nothing (flaw F7). */
  | { readonly type: 'answered'; readonly at: Millis }
  | { readonly type: 'failed'; readonly at: Millis; readonly cause: QdEnd };

type Step = 'idle' | 'msg1' | 'msg2' | 'msg3' | 'ping' | 'pong' | 'done' | 'failed';

/**
 * The datagram session that the OS calls "QUIC v2": its handshake in three datagrams, then PING and PONG in clear, and the keys thrown
 * away. One session, no retransmission. A datagram that doesn't belong is counted and changes nothing.
 */
export class QdSession implements DatagramMachine<Datagram, QdEvent> {
  readonly #options: QdSessionOptions;
  readonly #handshake: OsHandshake;
  readonly #stepMs: Millis;
  readonly #transmits = new Queue<Datagram>(8);
  readonly #events = new Queue<QdEvent>(8);
  readonly #ignored = new Counters<QdIgnored>();
  #peer: Endpoint | undefined;
  #nonce: number;
  /** What comes next. */
  #step: Step = 'idle';
  #deadline: Millis = NEVER;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: QdSessionOptions) {
    const { role, provider, entropy, keys, peer, sessionNonce = OS_NONCE, stepMs = 2_000 } = options;
    requireArgument((role === 'client') === (peer !== undefined), 'a client knows its peer, a server does not');
    requireArgument(stepMs > 0, 'stepMs is more than 0');
    const secret = keys.fixedEphemeral?.slice() ?? new Uint8Array(32);
    if (keys.fixedEphemeral === undefined) entropy.fill(secret);
    const { staticKey, peerStatic } = keys;
    const ephemeral = provider.x25519KeyPair(secret);
    this.#options = options;
    this.#handshake = new OsHandshake({
      role: role === 'client' ? 'initiator' : 'responder',
      provider,
      staticKey,
      ephemeral,
      peerStatic,
    });
    this.#peer = peer;
    this.#nonce = sessionNonce >>> 0;
    this.#stepMs = stepMs;
  }

  /** Ends or not: `done`, `failed`, or what comes next. */
  get step(): Step {
    return this.#step;
  }

  start(now: Millis): void {
    this.#advance(now);
    if (this.#step !== 'idle') return;
    if (this.#options.role === 'client') this.#send(QD_OPCODE.msg1, this.#handshake.write());
    this.#await(this.#options.role === 'client' ? 'msg2' : 'msg1');
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.#advance(now);
    const ignored = this.#receive(datagram);
    if (ignored !== undefined) this.#ignored.increment(ignored);
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    if (this.#now >= this.#deadline) this.#fail(`${this.#step}-timeout` as QdEnd);
  }

  pollTransmit(): Datagram | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): QdEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return this.#deadline;
  }

  inspect(): { readonly step: Step; readonly ignored: Readonly<Partial<Record<QdIgnored, number>>> } {
    return { step: this.#step, ignored: this.#ignored.snapshot() };
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  #receive({ source, destination, payload: bytes }: Datagram): QdIgnored | undefined {
    const wanted = EXPECTED[this.#step];
    if (wanted === undefined) return 'over';
    if (destination.port !== this.#options.own.port) return 'wrong-port';
    if (this.#peer !== undefined && (source.address !== this.#peer.address || source.port !== this.#peer.port))
      return 'wrong-source';
    const decoded = decodeQd(bytes);
    if (!decoded.ok) return decoded.error;
    const { opcode, sessionNonce, payload } = decoded.value;
    if (this.#peer !== undefined && sessionNonce !== this.#nonce) return 'wrong-nonce';
    if (opcode !== wanted.opcode) return 'wrong-opcode';
    if (payload.length !== wanted.length) return 'wrong-payload';
    if (wanted.text !== undefined && !wanted.text.every((octet, i) => payload[i] === octet)) return 'wrong-payload';
    this.#peer ??= source;
    this.#nonce = sessionNonce;
    this.#go(payload);
    return undefined;
  }

  #go(payload: Uint8Array): void {
    if (this.#step === 'ping') {
      this.#send(QD_OPCODE.pong, PONG);
      this.#done();
      return;
    }
    if (this.#step === 'pong') {
      this.#done();
      return;
    }
    const read = this.#handshake.read(payload);
    if (!read.ok) {
      this.#fail(read.error);
      return;
    }
    if (this.#step === 'msg1') {
      this.#send(QD_OPCODE.msg2, this.#handshake.write());
      this.#await('msg3');
    } else if (this.#step === 'msg2') {
      this.#send(QD_OPCODE.msg3, this.#handshake.write());
      this.#send(QD_OPCODE.ping, PING); // without waiting
      this.#await('pong');
    } else {
      this.#events.push({ type: 'authenticated', at: this.#now });
      this.#await('ping');
    }
  }

  #send(opcode: number, payload: Uint8Array): void {
    const destination = this.#peer as Endpoint;
    this.#transmits.push({
      source: this.#options.own,
      destination,
      payload: encodeQd({ opcode, sessionNonce: this.#nonce, payload }),
    });
  }

  #await(step: Step): void {
    this.#step = step;
    this.#deadline = this.#now + this.#stepMs;
  }

  #done(): void {
    this.#step = 'done';
    this.#deadline = NEVER;
    this.#events.push({ type: 'answered', at: this.#now });
  }

  #fail(cause: QdEnd): void {
    this.#step = 'failed';
    this.#deadline = NEVER;
    this.#events.push({ type: 'failed', at: this.#now, cause });
  }
}

/** The nonce of selftest-client. */
const OS_NONCE = 0x51554943;
const PING = Uint8Array.of(0x50, 0x49, 0x4e, 0x47);
const PONG = Uint8Array.of(0x50, 0x4f, 0x4e, 0x47);

/** What may come in each step. */
const EXPECTED: Readonly<
  Partial<Record<Step, { readonly opcode: number; readonly length: number; readonly text?: Uint8Array }>>
> = {
  msg1: { opcode: QD_OPCODE.msg1, length: 32 },
  msg2: { opcode: QD_OPCODE.msg2, length: 96 },
  msg3: { opcode: QD_OPCODE.msg3, length: 64 },
  ping: { opcode: QD_OPCODE.ping, length: 4, text: PING },
  pong: { opcode: QD_OPCODE.pong, length: 4, text: PONG },
};
