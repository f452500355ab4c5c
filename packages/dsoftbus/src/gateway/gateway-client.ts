import { DeadlineHeap, type Machine, type Millis, Queue, readU16, readU32, requireArgument } from '@nexus-net/sansio';
import { decodeUtf8 } from '../utf8.js';
import { encodeRequest, MessageReader } from './messages.js';
import { codesOf, encodeRequestBody, GATEWAY_STATUS, type GatewayRequest, type GatewayStatus } from './operations.js';

/** What came of a request: exactly one for each. */
export interface GatewayReply {
  readonly type: 'reply';
  readonly correlation: number;
  readonly request: GatewayRequest;
  readonly result: GatewayAnswer;
}

export type GatewayAnswer =
  | { readonly status: 'ok'; readonly value: GatewayAnswerValue }
  | { readonly status: Exclude<GatewayStatus, 'ok'> }
  /** The session or the stream went away, no answer came in time, or one that is none. */
  | { readonly status: 'lost' | 'no-answer' | 'bad-reply' };

export type GatewayAnswerValue =
  | { readonly type: 'none' }
  | { readonly type: 'count'; readonly count: number }
  | { readonly type: 'entry'; readonly kind: 'file' | 'directory'; readonly size: number }
  | { readonly type: 'handle'; readonly handle: number }
  | { readonly type: 'octets'; readonly bytes: Uint8Array }
  | { readonly type: 'keys'; readonly keys: readonly string[] };

export interface GatewayClientOptions {
  /** Requests without an answer. Default 32. */
  readonly runningCountMax?: number;
  /** Default 5 s. */
  readonly answerTimeoutMs?: Millis;
}

/** Asks over one gateway stream and brings each answer to its question, whatever the order. */
export class GatewayClient implements Machine<Uint8Array, GatewayReply> {
  readonly #runningCountMax: number;
  readonly #answerTimeoutMs: Millis;
  readonly #reader = new MessageReader('reply');
  readonly #running = new Map<number, GatewayRequest>();
  readonly #deadlines: DeadlineHeap<number>;
  readonly #transmits: Queue<Uint8Array>;
  readonly #replies: Queue<GatewayReply>;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #correlation = 0;
  #isLost = false;
  #unexpected = 0;

  constructor({ runningCountMax = 32, answerTimeoutMs = 5_000 }: GatewayClientOptions = {}) {
    requireArgument(Number.isInteger(runningCountMax) && runningCountMax >= 1, 'runningCountMax is a whole number from 1');
    requireArgument(answerTimeoutMs > 0, 'answerTimeoutMs is above 0');
    this.#runningCountMax = runningCountMax;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#deadlines = new DeadlineHeap(1_024);
    this.#transmits = new Queue(1_024);
    this.#replies = new Queue(1_024);
  }

  /** Replies to nothing that was asked, or that came too late. */
  get unexpected(): number {
    return this.#unexpected;
  }

  /** Asks; the number of the question, or `undefined` where too many run or the stream is gone. */
  request(now: Millis, request: GatewayRequest): number | undefined {
    const body = encodeRequestBody(request);
    this.handleTimeout(now);
    if (this.#isLost || this.#running.size >= this.#runningCountMax) return undefined;
    do this.#correlation = (this.#correlation + 1) >>> 0;
    while (this.#running.has(this.#correlation));
    const correlation = this.#correlation;
    this.#running.set(correlation, request);
    this.#deadlines.push(this.#now + this.#answerTimeoutMs, correlation);
    this.#transmits.push(encodeRequest({ correlation, ...codesOf(request), body }));
    return correlation;
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    this.handleTimeout(now);
    for (const message of this.#reader.read(bytes)) {
      if (message.type !== 'reply') {
        this.handleLost(now);
        return;
      }
      const request = this.#running.get(message.correlation);
      if (request === undefined) this.#unexpected++;
      else this.#tell(message.correlation, request, answerOf(request, message.status, message.body));
    }
  }

  /** The stream or its session is gone: what was asked gets no answer any more, and is told so. */
  handleLost(now: Millis): void {
    this.handleTimeout(now);
    this.#isLost = true;
    for (const [correlation, request] of [...this.#running]) this.#tell(correlation, request, { status: 'lost' });
  }

  handleTimeout(now: Millis): void {
    if (now > this.#now) this.#now = now;
    for (let due = this.#deadlines.popDue(this.#now); due !== undefined; due = this.#deadlines.popDue(this.#now)) {
      const request = this.#running.get(due);
      if (request !== undefined) this.#tell(due, request, { status: 'no-answer' });
    }
  }

  /** Octets for the stream. */
  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): GatewayReply | undefined {
    return this.#replies.shift();
  }

  nextTimeout(): Millis {
    return this.#deadlines.nextAt;
  }

  #tell(correlation: number, request: GatewayRequest, result: GatewayAnswer): void {
    this.#running.delete(correlation);
    this.#replies.push({ type: 'reply', correlation, request, result });
  }
}

function answerOf(request: GatewayRequest, code: number, body: Uint8Array): GatewayAnswer {
  const status = (Object.keys(GATEWAY_STATUS) as GatewayStatus[]).find((name) => GATEWAY_STATUS[name] === code);
  if (status === undefined) return { status: 'bad-reply' };
  if (status !== 'ok') return { status };
  const value = answerValueOf(request, body);
  return value === undefined ? { status: 'bad-reply' } : { status, value };
}

function answerValueOf(request: GatewayRequest, body: Uint8Array): GatewayAnswerValue | undefined {
  switch (request.operation) {
    case 'query':
      return body.length === 2 ? { type: 'count', count: readU16(body, 0) } : undefined;
    case 'stat':
      return body.length === 5 && (body[4] as number) <= 1
        ? { type: 'entry', size: readU32(body, 0), kind: body[4] === 0 ? 'file' : 'directory' }
        : undefined;
    case 'open':
      return body.length === 4 ? { type: 'handle', handle: readU32(body, 0) } : undefined;
    case 'read':
      return body.length <= request.length ? { type: 'octets', bytes: body } : undefined;
    case 'get':
      return { type: 'octets', bytes: body };
    case 'list':
      return keysOf(body);
    default:
      return body.length === 0 ? { type: 'none' } : undefined;
  }
}

function keysOf(body: Uint8Array): GatewayAnswerValue | undefined {
  if (body.length < 2) return undefined;
  const keys: string[] = [];
  let at = 2;
  for (let i = readU16(body, 0); i > 0; i--) {
    const end = at + 2 + readU16(body, at);
    const key = end <= body.length && at + 2 <= body.length ? decodeUtf8(body.subarray(at + 2, end)) : undefined;
    if (key === undefined) return undefined;
    keys.push(key);
    at = end;
  }
  return at === body.length ? { type: 'keys', keys } : undefined;
}
