import { type Millis, NEVER, Queue, requireArgument, type StreamMachine, unreachable } from '@nexus-net/sansio';
import { OS_REQUEST_LENGTH_MAX, OsGateway } from '../gateway/gateway.js';
import {
  decodeOsRequest,
  decodeOsResponse,
  encodeOsRequest,
  encodeOsResponse,
  OS_REQUEST_CIPHERTEXT_LENGTH,
  OS_RESPONSE_CIPHERTEXT_LENGTH,
  type OsRecord,
} from '../records.js';
import { type OsCiphers, OsHandshake } from './handshake.js';
import { type OsLadderReject, OsMuxLadder } from './mux-ladder.js';
import type { OsSessionEnd, OsSessionEvent } from './session-event.js';
import { type OsSessionOptions, type ResolvedOsSession, resolveOsSession } from './session-options.js';

interface Request {
  readonly id: number;
  readonly plaintext: Uint8Array;
}

type State =
  | { readonly type: 'handshake'; readonly handshake: OsHandshake; readonly deadline: Millis }
  | {
      readonly type: 'ladder';
      readonly ciphers: OsCiphers;
      readonly ladder: OsMuxLadder;
      readonly deadline: Millis;
      proven: boolean;
    }
  /** The initiator asks, one request at a time: order is the only correlation that there is. */
  | { readonly type: 'asking'; readonly ciphers: OsCiphers; current: Request | undefined; deadline: Millis }
  /** The responder answers. */
  | { readonly type: 'serving'; readonly ciphers: OsCiphers; readonly gateway: OsGateway }
  | { readonly type: 'closed'; readonly cause: OsSessionEnd };

export interface OsSessionInspection {
  readonly state: State['type'];
  readonly cause: OsSessionEnd | undefined;
  /** Octets of a message or record that isn't whole yet. */
  readonly buffered: number;
  readonly requestsWaiting: number;
  readonly served: number;
  readonly eventsDropped: number;
}

/**
 * One session of the OS's dialect on a byte stream: handshake, mux ladder, then requests from the initiator to the responder's gateway.
 * Any split of the stream gives the same events. Whatever goes wrong ends the session, once, with one reason: there is nothing in the
 * records by which the two sides could find each other again.
 */
export class OsSession implements StreamMachine<OsSessionEvent> {
  readonly #config: ResolvedOsSession;
  readonly #transmits: Queue<Uint8Array>;
  readonly #events: Queue<OsSessionEvent>;
  readonly #waiting: Queue<Request>;
  /** The message or record that is being collected: the largest is a response. */
  readonly #buffer = new Uint8Array(OS_RESPONSE_CIPHERTEXT_LENGTH);
  #buffered = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #nextRequest = 1;
  #served = 0;
  #state: State;

  /** Begins at `now`: the initiator has its first message to send. */
  constructor(options: OsSessionOptions, now: Millis) {
    const config = resolveOsSession(options);
    this.#config = config;
    this.#transmits = new Queue(config.transmitCountMax);
    this.#events = new Queue(config.eventCountMax);
    this.#waiting = new Queue(config.requestCountMax);
    this.#now = now;
    this.#state = { type: 'handshake', handshake: new OsHandshake(handshakeConfig(config)), deadline: now + config.handshakeMs };
    if (config.role === 'initiator') this.#transmits.push(this.#state.handshake.write());
  }

  get isReady(): boolean {
    return this.#state.type === 'asking' || this.#state.type === 'serving';
  }

  /** Why it is over, or `undefined` while it isn't. */
  get end(): OsSessionEnd | undefined {
    return this.#state.type === 'closed' ? this.#state.cause : undefined;
  }

  /**
   * Asks the peer's gateway; the answer comes as `response` or `request-failed` with the number that is returned. Refused: the session is
   * not ready, the request doesn't fit into a record (nothing is cut), or too many wait.
   */
  request(now: Millis, kind: number, payload: Uint8Array): number | 'not-ready' | 'oversized' | 'would-block' {
    this.#advance(now);
    requireArgument(Number.isInteger(kind) && kind >= 0 && kind <= 0xff, 'kind is an octet');
    if (this.#state.type !== 'asking') return 'not-ready';
    if (payload.length > OS_REQUEST_LENGTH_MAX) return 'oversized';
    const request = { id: this.#nextRequest, plaintext: encodeOsRequest({ head: kind, payload }) };
    if (!this.#waiting.push(request)) return 'would-block';
    this.#nextRequest++;
    this.#ask();
    return request.id;
  }

  /** Ends the session from our side. What was to be sent is sent. */
  close(now: Millis): void {
    this.#advance(now);
    this.#end('closed');
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    this.#advance(now);
    let at = 0;
    while (at < bytes.length && this.#state.type !== 'closed') {
      const wanted = this.#wanted();
      if (wanted === 0) {
        this.#end('unsolicited');
        return;
      }
      const taken = Math.min(wanted - this.#buffered, bytes.length - at);
      this.#buffer.set(bytes.subarray(at, at + taken), this.#buffered);
      this.#buffered += taken;
      at += taken;
      if (this.#buffered < wanted) return;
      this.#buffered = 0;
      this.#take(this.#buffer.subarray(0, wanted));
    }
  }

  handleEnd(now: Millis): void {
    this.#advance(now);
    const between =
      this.#buffered === 0 &&
      (this.#state.type === 'serving' || (this.#state.type === 'asking' && this.#state.current === undefined));
    this.#end(between ? 'ended' : 'truncated');
  }

  /** The connection is gone without a word. */
  handleLost(now: Millis): void {
    this.#advance(now);
    this.#end('connection-lost');
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    if (this.#now < this.nextTimeout()) return;
    if (this.#state.type === 'handshake') this.#end('handshake-timeout');
    else if (this.#state.type === 'ladder') this.#end('ladder-timeout');
    else if (this.#state.type === 'asking') this.#end('response-timeout');
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): OsSessionEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    switch (this.#state.type) {
      case 'handshake':
      case 'ladder':
      case 'asking':
        return this.#state.deadline;
      case 'serving':
      case 'closed':
        return NEVER;
      default:
        return unreachable(this.#state);
    }
  }

  inspect(): OsSessionInspection {
    return {
      state: this.#state.type,
      cause: this.end,
      buffered: this.#buffered,
      requestsWaiting: this.#waiting.length,
      served: this.#served,
      eventsDropped: this.#events.dropped,
    };
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  /** Octets of what comes next; 0: nothing may come. */
  #wanted(): number {
    switch (this.#state.type) {
      case 'handshake':
        return this.#state.handshake.readLength;
      case 'ladder':
      case 'serving':
        return OS_REQUEST_CIPHERTEXT_LENGTH;
      case 'asking':
        return this.#state.current === undefined ? 0 : OS_RESPONSE_CIPHERTEXT_LENGTH;
      case 'closed':
        return 0;
      default:
        return unreachable(this.#state);
    }
  }

  #take(octets: Uint8Array): void {
    const state = this.#state;
    switch (state.type) {
      case 'handshake':
        this.#takeMessage(state.handshake, octets);
        return;
      case 'ladder':
      case 'asking':
      case 'serving': {
        const opened = state.ciphers.receive.decryptWithAd(NOTHING, octets);
        if (!opened.ok) {
          this.#end(opened.error === 'nonce-exhausted' ? 'nonce-exhausted' : 'record-bad-tag');
          return;
        }
        if (state.type === 'ladder') this.#takeStep(state, opened.value);
        else if (state.type === 'asking') this.#takeResponse(state, opened.value);
        else this.#takeRequest(state, opened.value);
        return;
      }
      default:
        return;
    }
  }

  #takeMessage(handshake: OsHandshake, message: Uint8Array): void {
    const read = handshake.read(message);
    if (!read.ok) {
      this.#end(read.error);
      return;
    }
    if (handshake.mustWrite) this.#transmits.push(handshake.write());
    if (!handshake.isDone) return;
    const { role, peerId, until, ladderMs } = this.#config;
    const proven = role === 'responder';
    this.#events.push({ type: 'handshake-done', at: this.#now, proven });
    if (proven) this.#events.push({ type: 'session-up', at: this.#now, peerId });
    const ladder = new OsMuxLadder(role);
    const ciphers = handshake.split();
    this.#state = { type: 'ladder', ciphers, ladder, deadline: this.#now + ladderMs, proven };
    if (until === 'handshake') {
      this.#end('finished');
      return;
    }
    if (role === 'initiator') this.#sendControl(ciphers, ladder.start());
  }

  #takeStep(state: Extract<State, { type: 'ladder' }>, plaintext: Uint8Array): void {
    const { role, peerId, services } = this.#config;
    if (!state.proven) {
      state.proven = true;
      this.#events.push({ type: 'session-up', at: this.#now, peerId });
    }
    const record = decodeOsRequest(plaintext);
    if (!record.ok) {
      this.#end('ladder-refused', 'unexpected-kind');
      return;
    }
    const step = state.ladder.handle(record.value);
    if (!step.ok) {
      this.#end('ladder-refused', step.error);
      return;
    }
    const { reply, milestone } = step.value;
    if (reply !== undefined) this.#sendControl(state.ciphers, reply);
    if (milestone === 'session-up') this.#events.push({ type: 'mux-up', at: this.#now });
    if (milestone === 'data-ok') this.#events.push({ type: 'mux-data', at: this.#now });
    if (milestone !== 'done') return;
    const { ciphers } = state;
    if (role === 'initiator') this.#state = { type: 'asking', ciphers, current: undefined, deadline: NEVER };
    else
      this.#state = {
        type: 'serving',
        ciphers,
        gateway: new OsGateway({ services, caller: { type: 'remote', deviceId: peerId } }),
      };
    this.#events.push({ type: 'ready', at: this.#now });
  }

  #takeRequest({ ciphers, gateway }: Extract<State, { type: 'serving' }>, plaintext: Uint8Array): void {
    const record = decodeOsRequest(plaintext);
    // The OS doesn't answer a record that says more than it carries, and its requester hangs (flaw F6).
    const answer = record.ok
      ? gateway.handle(record.value.head, record.value.payload)
      : gateway.deny(plaintext[0] ?? 0, 'oversized');
    this.#served++;
    this.#events.push({ type: 'served', at: this.#now, audit: answer.audit });
    this.#seal(ciphers, encodeOsResponse({ head: answer.status, payload: answer.payload }));
  }

  #takeResponse(state: Extract<State, { type: 'asking' }>, plaintext: Uint8Array): void {
    const { id } = state.current as Request;
    const record = decodeOsResponse(plaintext);
    if (!record.ok) {
      this.#end('response-oversized');
      return;
    }
    state.current = undefined;
    state.deadline = NEVER;
    const { head: status, payload } = record.value;
    this.#events.push({ type: 'response', at: this.#now, request: id, status, payload });
    this.#ask();
  }

  /** Sends the next request, where none is under way. */
  #ask(): void {
    const state = this.#state;
    if (state.type !== 'asking' || state.current !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    state.current = next;
    state.deadline = this.#now + this.#config.responseMs;
    this.#seal(state.ciphers, next.plaintext);
  }

  #sendControl(ciphers: OsCiphers, record: OsRecord): void {
    this.#seal(ciphers, encodeOsRequest(record));
  }

  #seal({ send }: OsCiphers, plaintext: Uint8Array): void {
    const sealed = send.encryptWithAd(NOTHING, plaintext);
    if (!sealed.ok) this.#end('nonce-exhausted');
    else if (!this.#transmits.push(sealed.value)) this.#end('overflow');
  }

  /** The one way into `closed`: every request that waits gets its failure, then the session its end. */
  #end(cause: OsSessionEnd, detail?: OsLadderReject): void {
    const state = this.#state;
    if (state.type === 'closed') return;
    this.#state = { type: 'closed', cause };
    this.#buffered = 0;
    this.#buffer.fill(0);
    const current = state.type === 'asking' ? state.current : undefined;
    for (let request = current ?? this.#waiting.shift(); request !== undefined; request = this.#waiting.shift())
      this.#events.push({ type: 'request-failed', at: this.#now, request: request.id, cause });
    const phase = state.type === 'asking' || state.type === 'serving' ? 'ready' : state.type;
    this.#events.push({ type: 'closed', at: this.#now, cause, phase, ...(detail === undefined ? {} : { detail }) });
  }
}

const NOTHING = new Uint8Array(0);

function handshakeConfig({ role, provider, entropy, keys }: ResolvedOsSession): ConstructorParameters<typeof OsHandshake>[0] {
  const secret = keys.fixedEphemeral?.slice() ?? new Uint8Array(32);
  if (keys.fixedEphemeral === undefined) entropy.fill(secret);
  const ephemeral = provider.x25519KeyPair(secret);
  secret.fill(0);
  return { role, provider, staticKey: keys.staticKey, ephemeral, peerStatic: keys.peerStatic };
}
