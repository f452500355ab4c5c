import {
  type Machine,
  type Millis,
  NEVER,
  Queue,
  type Result,
  readU16,
  readU32,
  requireArgument,
  UsageError,
  unreachable,
  writeU32,
} from '@nexus-net/sansio';
import { TokenBucket } from '../discovery/token-bucket.js';
import { Mux, type MuxSnapshot } from '../mux/bus/mux.js';
import type { MuxOpenError, MuxStreamId } from '../mux/bus/mux-event.js';
import { type CipherState, HandshakeState } from '../noise/index.js';
import { decodeUtf8, encodeUtf8 } from '../utf8.js';
import { type BusIdentity, decodeBusIdentity, encodeBusIdentity } from './identity.js';
import { Inbox } from './inbox.js';
import { pairingPin } from './pin.js';
import type { BusEnd, BusFailure, BusPeer, BusSessionEvent, BusTransmit } from './session-event.js';
import { type BusSessionOptions, busSessionOptions, type ResolvedBusSession } from './session-options.js';
import {
  BUS_NOISE_PROTOCOL,
  BUS_PROLOGUE,
  GOODBYE,
  GOODBYE_DETAIL_OCTETS_MAX,
  HANDSHAKE_HEADER_OCTETS,
  handshakeFrame,
  handshakeLength,
  RECORD,
  RECORD_HEADER_OCTETS,
  RECORD_OCTETS_MIN,
} from './wire.js';

type State =
  | { readonly type: 'idle' }
  /** `due` is the number of the peer's next message. */
  | { readonly type: 'handshake'; readonly due: 1 | 2 | 3; readonly deadline: Millis }
  /** The keys are there, the identities are not bound on both sides yet. */
  | { readonly type: 'accepting'; readonly peer: BusPeer; readonly deadline: Millis; readonly isPairing: boolean }
  | { readonly type: 'open'; readonly peer: BusPeer }
  | {
      readonly type: 'draining';
      readonly peer: BusPeer;
      readonly deadline: Millis;
      readonly code: number;
      readonly detail: string;
    }
  | { readonly type: 'ended'; readonly end: BusEnd };

/** One direction of the records. */
interface Direction {
  readonly cipher: CipherState;
  records: number;
  /** Since the key is in use. */
  keyRecords: number;
  keyOctets: number;
  keySince: Millis;
}

/**
 * One session of dialect `bus` over one TCP connection (docs/dsoftbus-bus-v1.md): Noise XK, identities bound before any octet of the
 * application, records with rekey, a mux, a goodbye. A `StreamMachine` in all but name: it also says when the transport is to end.
 *
 * Streams are opened, written and read here: the mux inside is nobody else's.
 */
export class BusSession implements Machine<BusTransmit, BusSessionEvent> {
  readonly role: 'initiator' | 'responder';
  readonly #options: ResolvedBusSession;
  readonly #inbox = new Inbox();
  readonly #out = new Queue<BusTransmit>(OUT_COUNT_MAX);
  readonly #events = new Queue<BusSessionEvent>(EVENT_COUNT_MAX);
  readonly #rekeyBudget = new TokenBucket({ burst: 16, perSecond: 16 / 60 }, 0);
  #now: Millis = Number.NEGATIVE_INFINITY;
  #state: State = { type: 'idle' };
  #handshake: HandshakeState | undefined;
  /** Length of the piece that is due; `undefined` while its header is. */
  #length: number | undefined;
  #send: Direction | undefined;
  #receive: Direction | undefined;
  #peerIdentity: BusIdentity | undefined;
  #handshakeHash: Uint8Array = EMPTY;
  #mux: Mux | undefined;
  #acceptSent = false;
  #acceptReceived = false;
  #pairingSent = false;
  #pairingReceived = false;
  #correlation = 0;
  /** The number of our REKEY that was not answered yet. */
  #rekeyAsked: number | undefined;

  constructor(options: BusSessionOptions) {
    this.#options = busSessionOptions(options);
    this.role = options.remote === undefined ? 'responder' : 'initiator';
  }

  get isOpen(): boolean {
    return this.#state.type === 'open';
  }

  get end(): BusEnd | undefined {
    return this.#state.type === 'ended' ? this.#state.end : undefined;
  }

  /** The authenticated peer, from the moment on at which both sides have accepted. */
  get peer(): BusPeer | undefined {
    return this.#state.type === 'open' || this.#state.type === 'draining' ? this.#state.peer : undefined;
  }

  /** The transport stands. */
  start(now: Millis): void {
    this.#advance(now);
    if (this.#state.type !== 'idle') throw new UsageError('the session was started already');
    const { entropy, localStatic, remote, handshakeTimeoutMs } = this.#options;
    const provider = this.#options.crypto;
    this.#handshake = new HandshakeState(provider, {
      protocol: BUS_NOISE_PROTOCOL,
      role: this.role,
      entropy,
      prologue: BUS_PROLOGUE,
      localStatic,
      ...(remote === undefined ? {} : { remoteStatic: provider.x25519PublicKey(remote.key) }),
    });
    const deadline = this.#now + handshakeTimeoutMs;
    this.#state = { type: 'handshake', due: this.role === 'initiator' ? 2 : 1, deadline };
    if (this.role === 'initiator') this.#writeHandshake(1, EMPTY);
  }

  /** Octets of the peer. Borrowed for the call; any split gives the same events. */
  handleBytes(now: Millis, bytes: Uint8Array): void {
    this.handleTimeout(now);
    if (this.#state.type === 'idle') throw new UsageError('the session was not started');
    this.#inbox.feed(bytes);
    while (this.#takePiece());
    this.#inbox.feed(EMPTY);
    this.#drainMux();
  }

  /** The peer's side of the transport is at its end. */
  handleEnd(now: Millis): void {
    this.handleTimeout(now);
    if (this.#state.type === 'ended') return;
    this.#fail('truncated');
  }

  /** The transport is gone: nothing can be sent any more. */
  handleClosed(now: Millis): void {
    this.handleEnd(now);
    this.#out.clear();
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    const state = this.#state;
    if (state.type === 'handshake' && state.deadline <= this.#now) this.#fail('handshake-timeout');
    else if (state.type === 'accepting' && state.deadline <= this.#now)
      this.#fail(state.isPairing ? 'pairing-timeout' : 'handshake-timeout');
    else if (state.type === 'draining' && (state.deadline <= this.#now || this.#mux?.isIdle === true))
      this.#sayGoodbye(state.code, state.detail);
    if (this.#mux !== undefined && (this.#state.type === 'open' || this.#state.type === 'draining')) {
      this.#mux.handleTimeout(this.#now);
      this.#drainMux();
      this.#rekeyIfDue();
    }
  }

  /** What the transport has to do. Not called while it is blocked: what waits then stays within the limits of the mux. */
  pollTransmit(): BusTransmit | undefined {
    const first = this.#out.shift();
    if (first !== undefined) return first;
    if (this.#state.type !== 'open' && this.#state.type !== 'draining') return undefined;
    const frames = this.#mux?.pollTransmit();
    this.#drainMux();
    if (frames !== undefined) {
      frames[0] = RECORD.mux;
      this.#writeRecord(frames);
      this.#rekeyIfDue();
    }
    if (this.#state.type === 'draining' && this.#mux?.isIdle === true) this.#sayGoodbye(this.#state.code, this.#state.detail);
    return this.#out.shift();
  }

  pollEvent(): BusSessionEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    const state = this.#state;
    switch (state.type) {
      case 'idle':
      case 'ended':
        return NEVER;
      case 'handshake':
      case 'accepting':
        return state.deadline;
      case 'open':
        return Math.min(this.#mux?.nextTimeout() ?? NEVER, (this.#send?.keySince ?? NEVER) + this.#options.rekeyMs);
      case 'draining':
        return Math.min(this.#mux?.nextTimeout() ?? NEVER, state.deadline);
      default:
        return unreachable(state);
    }
  }

  /** Our user has compared the six digits and they are the same. Whoever pairs writes the key down first. */
  confirmPairing(now: Millis): void {
    this.handleTimeout(now);
    if (this.#state.type !== 'accepting' || !this.#pairingSent || this.#acceptSent) return;
    this.#accept();
  }

  /** Our user has seen other digits, or doesn't want this. */
  refusePairing(now: Millis): void {
    this.handleTimeout(now);
    if (this.#state.type !== 'accepting') return;
    this.#sayGoodbye(GOODBYE.pairingRefused, 'pairing-refused', 'pairing-refused');
  }

  /** Takes no new streams, lets those that run come to their end, says goodbye. */
  close(now: Millis, code: number = GOODBYE.done, detail = ''): void {
    this.handleTimeout(now);
    const state = this.#state;
    if (state.type === 'open') {
      this.#mux?.goAway(this.#now, code);
      this.#state = { type: 'draining', peer: state.peer, deadline: this.#now + this.#options.drainTimeoutMs, code, detail };
    } else if (state.type !== 'ended' && state.type !== 'draining') this.abort(now, code, detail);
  }

  /** Says goodbye at once; running streams are lost. */
  abort(now: Millis, code: number = GOODBYE.done, detail = ''): void {
    this.#advance(now);
    if (this.#state.type !== 'ended') this.#sayGoodbye(code, detail);
  }

  /** Opens a stream; see `Mux.open`. */
  openStream(now: Millis, stream: { readonly name: string; readonly priority: number }): Result<MuxStreamId, MuxOpenError> {
    this.handleTimeout(now);
    if (this.#mux === undefined || this.#state.type === 'ended') return { ok: false, error: 'failed' };
    return this.#mux.open(this.#now, stream);
  }

  /** See `Mux.write`. */
  write(now: Millis, stream: MuxStreamId, bytes: Uint8Array): number {
    return this.#mux?.write(now, stream, bytes) ?? 0;
  }

  /** See `Mux.read`. */
  read(now: Millis, stream: MuxStreamId, octetsMax?: number): Uint8Array | undefined {
    const bytes = this.#mux?.read(now, stream, octetsMax);
    this.#drainMux();
    return bytes;
  }

  /** See `Mux.finish`. */
  finish(now: Millis, stream: MuxStreamId): void {
    this.#mux?.finish(now, stream);
  }

  /** See `Mux.reset`. */
  resetStream(now: Millis, stream: MuxStreamId, code?: number): void {
    this.#mux?.reset(now, stream, code);
  }

  inspect(): BusSessionSnapshot {
    return {
      role: this.role,
      state: this.#state.type,
      end: this.end,
      peer: this.peer?.deviceId,
      recordsSent: this.#send?.records ?? 0,
      recordsReceived: this.#receive?.records ?? 0,
      mux: this.#mux?.inspect(),
    };
  }

  #advance(now: Millis): void {
    if (now > this.#now) this.#now = now;
  }

  /** Takes a header or a body; `false` where more octets are needed or nothing more counts. */
  #takePiece(): boolean {
    const state = this.#state;
    if (state.type === 'ended') return false;
    const isHandshake = state.type === 'handshake';
    if (this.#length === undefined) {
      const header = this.#inbox.take(isHandshake ? HANDSHAKE_HEADER_OCTETS : RECORD_HEADER_OCTETS);
      if (header === undefined) return false;
      const length = isHandshake ? handshakeLength(header, state.due) : recordLength(header);
      if (typeof length === 'number') this.#length = length;
      else this.#fail(length);
      return true;
    }
    const body = this.#inbox.take(this.#length);
    if (body === undefined) return false;
    this.#length = undefined;
    if (isHandshake) this.#handleHandshake(state.due, body);
    else this.#handleRecord(body);
    return true;
  }

  #handleHandshake(number: 1 | 2 | 3, message: Uint8Array): void {
    const handshake = this.#handshake as HandshakeState;
    const payload = handshake.readMessage(message);
    if (!payload.ok) {
      this.#fail(number === 2 && payload.error === 'bad-tag' ? 'responder-identity' : payload.error);
      return;
    }
    const deadline = this.#state.type === 'handshake' ? this.#state.deadline : NEVER;
    if (number === 1) {
      // What message 1 carries could be replayed by anyone: it carries nothing.
      if (payload.value.length > 0) this.#fail('bad-identity');
      else {
        this.#state = { type: 'handshake', due: 3, deadline };
        this.#writeHandshake(2, this.#ownIdentity());
      }
      return;
    }
    const identity = decodeBusIdentity(payload.value);
    if (!identity.ok) {
      this.#fail(identity.error);
      return;
    }
    this.#peerIdentity = identity.value;
    if (number === 2) {
      if (identity.value.deviceId !== this.#options.remote?.deviceId) {
        this.#fail('responder-identity');
        return;
      }
      if (!this.#writeHandshake(3, this.#ownIdentity())) return;
    }
    const { send, receive, handshakeHash } = handshake.split();
    this.#handshakeHash = handshakeHash;
    this.#send = direction(send, this.#now);
    this.#receive = direction(receive, this.#now);
    this.#handshake = undefined;
    const peer: BusPeer = {
      deviceId: identity.value.deviceId,
      key: (handshake.remoteStatic as Uint8Array).slice(),
      keyId: identity.value.keyId,
    };
    this.#state = { type: 'accepting', peer, deadline, isPairing: false };
    this.#judge(peer);
  }

  /** Before any octet of the application: is this key the one of this device? */
  #judge(peer: BusPeer): void {
    const judgement = this.#options.judge(this.#now, peer);
    if (judgement === 'trusted') this.#accept();
    else if (judgement === 'pairing') {
      this.#pairingSent = true;
      this.#writeRecord(Uint8Array.of(RECORD.pairing));
      this.#beginPairing();
    } else this.#sayGoodbye(GOODBYE.identityRefused, 'identity-refused', judgement);
  }

  #beginPairing(): void {
    if (this.#state.type !== 'accepting') return;
    const { peer } = this.#state;
    this.#state = { type: 'accepting', peer, deadline: this.#now + this.#options.pairingTimeoutMs, isPairing: true };
    const pin = pairingPin(this.#options.crypto, this.#handshakeHash);
    this.#events.push({ type: 'pairing', pin, peer, needsConfirmation: this.#pairingSent && !this.#acceptSent });
  }

  #accept(): void {
    this.#acceptSent = true;
    this.#writeRecord(Uint8Array.of(RECORD.accept));
    this.#openIfAccepted();
  }

  #openIfAccepted(): void {
    if (this.#state.type !== 'accepting' || !this.#acceptSent || !this.#acceptReceived) return;
    const { peer } = this.#state;
    const { entropy, limits, mux } = this.#options;
    this.#mux = new Mux({
      ...mux,
      role: this.role,
      entropy,
      own: limits,
      peer: (this.#peerIdentity as BusIdentity).limits,
      headroomOctets: 1,
    });
    this.#mux.start(this.#now);
    this.#state = { type: 'open', peer };
    this.#events.push({ type: 'open', peer });
  }

  #ownIdentity(): Uint8Array {
    const { deviceId, keyId, limits, mux } = this.#options;
    const keepaliveMs = (mux.pingIntervalMs ?? 15_000) + (mux.pongTimeoutMs ?? 10_000);
    const keepaliveSeconds = Math.min(3_600, Math.max(1, Math.ceil(keepaliveMs / 1_000)));
    return encodeBusIdentity({ deviceId, keyId, limits, keepaliveSeconds });
  }

  #writeHandshake(number: 1 | 2 | 3, payload: Uint8Array): boolean {
    const message = (this.#handshake as HandshakeState).writeMessage(payload);
    if (message.ok) this.#out.push({ type: 'bytes', bytes: handshakeFrame(number, message.value) });
    else this.#fail(message.error);
    return message.ok;
  }

  #writeRecord(plaintext: Uint8Array): void {
    const send = this.#send as Direction;
    const sealed = send.cipher.encryptWithAd(EMPTY, plaintext, RECORD_HEADER_OCTETS);
    if (!sealed.ok) {
      this.#fail(sealed.error);
      return;
    }
    const length = sealed.value.length - RECORD_HEADER_OCTETS;
    sealed.value[0] = length >>> 8;
    sealed.value[1] = length;
    send.records++;
    send.keyRecords++;
    send.keyOctets += plaintext.length;
    this.#out.push({ type: 'bytes', bytes: sealed.value });
  }

  #handleRecord(message: Uint8Array): void {
    const receive = this.#receive as Direction;
    const plaintext = receive.cipher.decryptWithAd(EMPTY, message);
    if (!plaintext.ok) {
      this.#fail(plaintext.error === 'nonce-exhausted' ? plaintext.error : 'decrypt-failed');
      return;
    }
    receive.records++;
    const record = plaintext.value;
    const failure = this.#readRecord(record[0] as number, record.subarray(1));
    if (failure !== undefined) this.#fail(failure);
  }

  #readRecord(type: number, body: Uint8Array): BusFailure | undefined {
    const isOpen = this.#state.type === 'open' || this.#state.type === 'draining';
    switch (type) {
      case RECORD.mux:
        if (!isOpen) return 'unexpected-record';
        if (body.length === 0) return 'bad-record';
        this.#mux?.handleRecord(this.#now, body);
        this.#drainMux();
        return undefined;
      case RECORD.accept:
        if (body.length !== 0) return 'bad-record';
        if (this.#acceptReceived) return 'unexpected-record';
        this.#acceptReceived = true;
        this.#openIfAccepted();
        return undefined;
      case RECORD.pairing:
        if (body.length !== 0) return 'bad-record';
        if (this.#acceptReceived || this.#pairingReceived) return 'unexpected-record';
        this.#pairingReceived = true;
        if (!this.#pairingSent) this.#beginPairing();
        return undefined;
      case RECORD.rekey:
        return body.length === 4 ? this.#handleRekey(readU32(body, 0)) : 'bad-record';
      case RECORD.rekeyed: {
        if (body.length !== 4) return 'bad-record';
        if (readU32(body, 0) !== this.#rekeyAsked) return 'bad-correlation';
        this.#rekeyAsked = undefined;
        return undefined;
      }
      case RECORD.goodbye:
        return this.#handleGoodbye(body);
      default:
        return 'unknown-record';
    }
  }

  /** The peer's next record is under its next key. */
  #handleRekey(correlation: number): BusFailure | undefined {
    if (!this.#rekeyBudget.take(this.#now)) return 'rekey-flood';
    (this.#receive as Direction).cipher.rekey();
    this.#events.push({ type: 'rekeyed', direction: 'receive' });
    this.#writeRecord(numbered(RECORD.rekeyed, correlation));
    return undefined;
  }

  #rekeyIfDue(): void {
    const send = this.#send;
    if (send === undefined || this.#state.type !== 'open') return;
    const { rekeyRecords, rekeyOctets, rekeyMs, recordCountMax } = this.#options;
    if (send.records >= recordCountMax) {
      this.#sayGoodbye(GOODBYE.exhausted, 'exhausted');
      return;
    }
    const isDue = send.keyRecords >= rekeyRecords || send.keyOctets >= rekeyOctets || this.#now - send.keySince >= rekeyMs;
    if (!isDue) return;
    // Whether the last one is answered or not, its time begins anew: an answer that never comes is the keepalive's business.
    send.keySince = this.#now;
    if (this.#rekeyAsked !== undefined) return;
    this.#rekeyAsked = ++this.#correlation;
    this.#writeRecord(numbered(RECORD.rekey, this.#rekeyAsked));
    send.cipher.rekey();
    send.keyRecords = 0;
    send.keyOctets = 0;
    this.#events.push({ type: 'rekeyed', direction: 'send' });
  }

  #handleGoodbye(body: Uint8Array): BusFailure | undefined {
    if (body.length < 5 || body.length > 5 + GOODBYE_DETAIL_OCTETS_MAX) return 'bad-record';
    const detail = decodeUtf8(body.subarray(5));
    if (detail === undefined) return 'bad-record';
    const code = body[4] as number;
    // Ours carries the number of theirs: an answer, not a question.
    this.#writeRecord(goodbye(readU32(body, 0), GOODBYE.done, ''));
    this.#out.push({ type: 'end' });
    this.#ended({ type: 'goodbye', by: 'peer', code, detail });
    return undefined;
  }

  /** Tells the peer, where there are keys to do so, and ends our side. With a label it was a failure. */
  #sayGoodbye(code: number, detail: string, label?: BusFailure): void {
    if (this.#send !== undefined) {
      this.#writeRecord(goodbye(++this.#correlation, code, detail));
      this.#out.push({ type: 'end' });
    } else {
      this.#out.clear();
      this.#out.push({ type: 'reset' });
    }
    this.#ended(label === undefined ? { type: 'goodbye', by: 'us', code, detail } : { type: 'failed', label });
  }

  #fail(label: BusFailure): void {
    if (this.#state.type === 'ended') return;
    // Who can't read what we say, or says what nobody said, gets no answer.
    const isSilent = this.#send === undefined || SILENT.has(label);
    if (isSilent) {
      this.#out.clear();
      this.#out.push({ type: 'reset' });
      this.#ended({ type: 'failed', label });
    } else this.#sayGoodbye(label === 'keepalive-timeout' ? GOODBYE.keepalive : GOODBYE.protocolError, label, label);
  }

  #ended(end: BusEnd): void {
    if (this.#state.type === 'ended') return;
    this.#state = { type: 'ended', end };
    this.#handshake = undefined;
    this.#inbox.clear();
    this.#events.push({ type: 'closed', end });
  }

  #drainMux(): void {
    const mux = this.#mux;
    if (mux === undefined) return;
    for (let event = mux.pollEvent(); event !== undefined; event = mux.pollEvent()) {
      if (event.type === 'failed') this.#fail(event.label);
      else if (!this.#events.push({ type: 'stream', event })) this.#fail('events-not-drained');
    }
  }
}

export interface BusSessionSnapshot {
  readonly role: 'initiator' | 'responder';
  readonly state: State['type'];
  readonly end: BusEnd | undefined;
  readonly peer: string | undefined;
  readonly recordsSent: number;
  readonly recordsReceived: number;
  readonly mux: MuxSnapshot | undefined;
}

function recordLength(header: Uint8Array): number | 'bad-record-length' {
  const length = readU16(header, 0);
  return length < RECORD_OCTETS_MIN ? 'bad-record-length' : length;
}

function direction(cipher: CipherState, now: Millis): Direction {
  return { cipher, records: 0, keyRecords: 0, keyOctets: 0, keySince: now };
}

function numbered(type: number, correlation: number): Uint8Array {
  const record = new Uint8Array(5);
  record[0] = type;
  writeU32(record, 1, correlation);
  return record;
}

function goodbye(correlation: number, code: number, detail: string): Uint8Array {
  requireArgument(Number.isInteger(code) && code >= 0 && code <= 255, 'code is 0..=255');
  const text = encodeUtf8(detail);
  requireArgument(text.length <= GOODBYE_DETAIL_OCTETS_MAX, 'detail has at most 64 octets');
  const record = new Uint8Array(6 + text.length);
  record[0] = RECORD.goodbye;
  writeU32(record, 1, correlation);
  record[5] = code;
  record.set(text, 6);
  return record;
}

/** After these nobody is there who could read a GOODBYE, or nobody who should get an answer. */
const SILENT: ReadonlySet<BusFailure> = new Set<BusFailure>([
  'decrypt-failed',
  'truncated',
  'nonce-exhausted',
  'bad-record-length',
]);
const EMPTY = new Uint8Array(0);
const OUT_COUNT_MAX = 4_096;
const EVENT_COUNT_MAX = 262_144;
