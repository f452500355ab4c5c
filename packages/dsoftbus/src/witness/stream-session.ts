import { RECORD_OCTETS_MIN } from '../bus/wire.js';
import type { FollowedSession } from './followed-session.js';
import { DIALECT_OCTETS, dialectOf, FRAMINGS, type Place } from './framing.js';
import { plaintextIn } from './plaintext.js';
import type { Dialect, SessionTeller, Side } from './session-teller.js';
import { StreamBuffer } from './stream-buffer.js';

type StreamDialect = Exclude<Dialect, 'qd'>;

export interface StreamSessionConfig {
  readonly teller: SessionTeller;
  /** Called once, when the dialect is known; `undefined` where there are no keys. */
  readonly follow: (dialect: StreamDialect) => FollowedSession | undefined;
}

/**
 * One session in a byte stream as it looks from outside, and from inside where it can be followed. What no end would take is told once,
 * and then the stream is not read any more: from there on nothing in it has a meaning.
 */
export class StreamSession {
  readonly #config: StreamSessionConfig;
  readonly #buffers: Record<Side, StreamBuffer> = { client: new StreamBuffer(), server: new StreamBuffer() };
  readonly #records: Record<Side, number> = { client: 0, server: 0 };
  readonly #ended: Record<Side, boolean> = { client: false, server: false };
  readonly #handshake: number[] = [];
  #dialect: StreamDialect | undefined;
  #followed: FollowedSession | undefined;
  #octets = 0;
  #isOpen = false;
  #isBroken = false;
  #isOver = false;

  constructor(config: StreamSessionConfig) {
    this.#config = config;
  }

  get dialect(): Dialect {
    return this.#dialect ?? 'os';
  }

  handleBytes(side: Side, bytes: Uint8Array): void {
    if (this.#isBroken || this.#isOver || bytes.length === 0) return;
    this.#buffers[side].push(bytes);
    if (this.#dialect === undefined) {
      const first = this.#buffers.client.peek(DIALECT_OCTETS);
      if (first !== undefined) {
        this.#dialect = dialectOf(first);
        this.#followed = this.#config.follow(this.#dialect);
      } else if (side === 'server') {
        this.#outOfTurn(side);
        return;
      }
    }
    while (this.#take(side)) {}
  }

  /** One side, or without one both, will send no more. A session that has not opened by then has failed, as far as can be seen. */
  handleEnd(side?: Side): void {
    if (this.#isOver) return;
    if (side === undefined || side === 'client') this.#ended.client = true;
    if (side === undefined || side === 'server') this.#ended.server = true;
    if (!this.#ended.client || !this.#ended.server) return;
    this.#isOver = true;
    const { client, server } = this.#records;
    const { teller } = this.#config;
    if (this.#isOpen) teller.fact('dsoftbus.session-ended', { records: client + server, octets: this.#octets }, 'whole');
    else {
      const detail = { messages: this.#handshake.length, handshake: this.#handshake.join(' ') };
      teller.fact('dsoftbus.handshake-failed', detail, 'whole');
    }
    this.#buffers.client.clear();
    this.#buffers.server.clear();
  }

  /** Takes one message of a side off its buffer; false where there is none yet. */
  #take(side: Side): boolean {
    const buffer = this.#buffers[side];
    if (this.#dialect === undefined || this.#isBroken || buffer.length === 0) return false;
    const count = this.#handshake.length;
    const place: Place =
      count < 3 ? { type: 'handshake', index: count as 0 | 1 | 2 } : { type: 'record', side, index: this.#records[side] };
    if (place.type === 'handshake' && side !== (place.index === 1 ? 'server' : 'client')) {
      this.#outOfTurn(side);
      return false;
    }
    // The server goes on only where the third message satisfied it: what follows from it is the first sign of success.
    if (place.type === 'record' && side === 'server' && this.#dialect !== 'bus') this.#opened();
    const framing = FRAMINGS[this.#dialect];
    const headerOctets = framing.headerOctets(place);
    const header = buffer.peek(headerOctets);
    if (header === undefined) return false;
    const length = framing.lengthOf(header, place);
    if (typeof length !== 'number') {
      this.#break();
      this.#config.teller.violation(length.rule, length.message);
      return false;
    }
    const whole = buffer.take(headerOctets + length);
    if (whole === undefined) return false;
    const body = whole.subarray(headerOctets);
    const plaintext = plaintextIn(body);
    if (plaintext !== undefined)
      this.#config.teller.violation('dsoftbus.plaintext', `the ${side} sends ${plaintext} where there has to be ciphertext`);
    if (place.type === 'handshake') {
      this.#handshake.push(whole.length);
      this.#followed?.handshake(place.index, body);
    } else this.#record(side, body, whole.length);
    return true;
  }

  #record(side: Side, body: Uint8Array, octets: number): void {
    this.#octets += octets;
    const number = ++this.#records[side];
    // In dialect bus the server may also speak to refuse: its first record then has another size than an ACCEPT.
    if (side === 'server' && number === 1 && body.length === RECORD_OCTETS_MIN) this.#opened();
    this.#followed?.record(side, body, number);
  }

  #opened(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#config.teller.fact('dsoftbus.session-opened', { handshake: this.#handshake.join(' ') }, 'whole');
  }

  #outOfTurn(side: Side): void {
    this.#break();
    this.#config.teller.violation('dsoftbus.out-of-turn', `the ${side} speaks before the handshake is over`);
  }

  #break(): void {
    this.#isBroken = true;
    this.#buffers.client.clear();
    this.#buffers.server.clear();
  }
}
