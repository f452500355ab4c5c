import { concatBytes, DeadlineHeap, type Machine, type Millis, Queue, requireArgument } from '@nexus-net/sansio';
import { encodeUtf8 } from '../utf8.js';
import { encodeReply, type Message, MessageReader, type RequestMessage } from './messages.js';
import {
  GATEWAY_LIMITS,
  GATEWAY_STATUS,
  type GatewayOperation,
  type GatewayRequest,
  type GatewayService,
  type GatewayStatus,
  operationOf,
  parseRequest,
  u16,
  u32,
} from './operations.js';
import { type GatewayRule, mayAsk, mayDo, resourceOf } from './rules.js';
import type { GatewayResult, GatewayServices, GatewayValue, ServiceRequest } from './services.js';

/** One for each decision. No payload is in it. */
export interface GatewayAudit {
  readonly type: 'audit';
  readonly at: Millis;
  readonly deviceId: string;
  readonly correlation: number;
  /** `undefined` where there is no such service or operation. */
  readonly service: GatewayService | undefined;
  readonly operation: GatewayOperation | undefined;
  /** Name, path or key, where the request got as far as that. */
  readonly resource: string | undefined;
  readonly outcome: GatewayStatus;
}

export type GatewayTransmit =
  | { readonly type: 'bytes'; readonly stream: number; readonly bytes: Uint8Array }
  /** The stream is out of step, or one too many. */
  | { readonly type: 'reset'; readonly stream: number; readonly reason: 'refused' | 'broken' }
  /** Everything asked was answered, and the asker has closed. */
  | { readonly type: 'finish'; readonly stream: number };

export interface GatewayServerOptions {
  /** The device that the handshake proved. Nothing in a request changes it. */
  readonly deviceId: string;
  /** Asked anew for each decision, so that a change counts from the next one on. */
  readonly rules: () => readonly GatewayRule[];
  readonly services: GatewayServices;
  /** Streams of the session that may ask. Default 4. */
  readonly streamCountMax?: number;
  /** Requests that wait for a service. Default 32. */
  readonly runningCountMax?: number;
  /** Open files. Default 8. */
  readonly handleCountMax?: number;
  /** Octets of an open file. Default 1 MiB. */
  readonly fileOctetsMax?: number;
  /** A service that has not answered for so long is answered for: `timeout`. Default 2 s. */
  readonly serviceTimeoutMs?: Millis;
}

interface Asker {
  readonly reader: MessageReader;
  readonly running: Set<number>;
  isEnded: boolean;
}

interface Running {
  readonly token: number;
  readonly stream: number;
  readonly message: RequestMessage;
  readonly request: ServiceRequest;
}

/**
 * Answers the requests of one session: deny by default, bounds before allocation, one reply and one audit event for every request.
 * The order of a decision is that of docs/dsoftbus-bus-v1.md section 7.
 */
export class GatewayServer implements Machine<GatewayTransmit, GatewayAudit> {
  readonly #options: Required<GatewayServerOptions>;
  readonly #askers = new Map<number, Asker>();
  readonly #running = new Map<number, Running>();
  readonly #deadlines: DeadlineHeap<number>;
  readonly #handles = new Map<number, { readonly path: string; readonly bytes: Uint8Array }>();
  readonly #transmits = new Queue<GatewayTransmit>(QUEUE_COUNT_MAX);
  readonly #audits = new Queue<GatewayAudit>(QUEUE_COUNT_MAX);
  #now: Millis = Number.NEGATIVE_INFINITY;
  #lastHandle = 0;
  #lastToken = 0;

  constructor(options: GatewayServerOptions) {
    this.#options = {
      streamCountMax: 4,
      runningCountMax: 32,
      handleCountMax: 8,
      fileOctetsMax: 1_048_576,
      serviceTimeoutMs: 2_000,
      ...options,
    };
    const { streamCountMax, runningCountMax, handleCountMax, fileOctetsMax, serviceTimeoutMs } = this.#options;
    for (const limit of [streamCountMax, runningCountMax, handleCountMax, fileOctetsMax])
      requireArgument(Number.isInteger(limit) && limit >= 1, 'limits are whole numbers from 1');
    requireArgument(serviceTimeoutMs > 0, 'serviceTimeoutMs is above 0');
    this.#deadlines = new DeadlineHeap(runningCountMax + 1);
  }

  /** The peer opened a gateway stream. */
  handleOpened(now: Millis, stream: number): void {
    this.handleTimeout(now);
    if (this.#askers.size >= this.#options.streamCountMax) this.#transmits.push({ type: 'reset', stream, reason: 'refused' });
    else this.#askers.set(stream, { reader: new MessageReader('request'), running: new Set(), isEnded: false });
  }

  handleBytes(now: Millis, stream: number, bytes: Uint8Array): void {
    this.handleTimeout(now);
    const asker = this.#askers.get(stream);
    if (asker === undefined) return;
    for (const message of asker.reader.read(bytes)) this.#handleMessage(stream, asker, message);
  }

  /** The peer asks no more on this stream; what it asked is answered. */
  handleStreamEnd(now: Millis, stream: number): void {
    this.handleTimeout(now);
    const asker = this.#askers.get(stream);
    if (asker === undefined) return;
    if (asker.reader.isPartial) this.#break(stream);
    else {
      asker.isEnded = true;
      this.#finishIfDone(stream, asker);
    }
  }

  /** The stream is gone: nobody waits for its answers any more. */
  handleStreamReset(now: Millis, stream: number): void {
    this.handleTimeout(now);
    this.#askers.delete(stream);
  }

  /** A service answers what was `pending`. Too late or twice changes nothing. */
  answer(now: Millis, token: number, result: GatewayResult): void {
    this.handleTimeout(now);
    this.#complete(token, result);
  }

  handleTimeout(now: Millis): void {
    if (now > this.#now) this.#now = now;
    for (let token = this.#deadlines.popDue(this.#now); token !== undefined; token = this.#deadlines.popDue(this.#now))
      this.#complete(token, { status: 'timeout' });
  }

  pollTransmit(): GatewayTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): GatewayAudit | undefined {
    return this.#audits.shift();
  }

  nextTimeout(): Millis {
    return this.#deadlines.nextAt;
  }

  inspect(): { readonly streams: number; readonly running: number; readonly handles: number } {
    return { streams: this.#askers.size, running: this.#running.size, handles: this.#handles.size };
  }

  #handleMessage(stream: number, asker: Asker, message: Message): void {
    if (message.type !== 'request') {
      this.#break(stream);
      return;
    }
    if (asker.running.has(message.correlation)) {
      // Two requests under one number could not be told apart: the second is refused, the first goes on.
      this.#reply(stream, message, { status: 'bad-request' }, undefined);
      return;
    }
    const decided = this.#decide(message);
    if ('status' in decided) {
      this.#reply(stream, message, decided, decided.request);
      return;
    }
    const { request } = decided;
    const token = ++this.#lastToken;
    asker.running.add(message.correlation);
    this.#running.set(token, { token, stream, message, request });
    this.#deadlines.push(this.#now + this.#options.serviceTimeoutMs, token);
    const result = this.#options.services.perform(request, { deviceId: this.#options.deviceId, token });
    if (result !== 'pending') this.#complete(token, result);
  }

  /** Refused, answered here, or to be performed. */
  #decide(
    message: RequestMessage,
  ): (GatewayResult & { readonly request: GatewayRequest | undefined }) | { readonly request: ServiceRequest } {
    const { deviceId, rules, runningCountMax, handleCountMax } = this.#options;
    const asked = operationOf(message.service, message.operation);
    const current = rules();
    if (asked === undefined || !mayAsk(current, deviceId, asked)) return { status: 'denied', request: undefined };
    const parsed = parseRequest(asked, message.body);
    if (!parsed.ok) return { status: parsed.error, request: undefined };
    const request = parsed.value;
    if (request.operation === 'read' || request.operation === 'close') return this.#onHandle(request, current);
    if (!mayDo(current, deviceId, { ...asked, resource: resourceOf(request) })) return { status: 'denied', request };
    if (this.#running.size >= runningCountMax) return { status: 'limit', request };
    if (request.operation === 'open' && this.#handles.size >= handleCountMax) return { status: 'limit', request };
    return { request };
  }

  /** An open file: the rule is asked again, with the path that was opened. */
  #onHandle(
    request: Extract<GatewayRequest, { readonly operation: 'read' | 'close' }>,
    rules: readonly GatewayRule[],
  ): GatewayResult & { readonly request: GatewayRequest } {
    const file = this.#handles.get(request.handle);
    if (file === undefined) return { status: 'bad-handle', request };
    if (request.operation === 'close') {
      this.#handles.delete(request.handle);
      return { status: 'ok', value: { type: 'none' }, request };
    }
    if (!mayDo(rules, this.#options.deviceId, { service: 'packagefs', operation: 'read', resource: file.path }))
      return { status: 'denied', request };
    const bytes = file.bytes.subarray(request.offset, Math.min(request.offset + request.length, file.bytes.length));
    return { status: 'ok', value: { type: 'octets', bytes }, request };
  }

  #complete(token: number, result: GatewayResult): void {
    const running = this.#running.get(token);
    if (running === undefined) return;
    this.#running.delete(token);
    this.#askers.get(running.stream)?.running.delete(running.message.correlation);
    this.#reply(running.stream, running.message, result, running.request);
  }

  #reply(stream: number, message: RequestMessage, result: GatewayResult, request: GatewayRequest | undefined): void {
    const { deviceId } = this.#options;
    const answered = this.#bodyOf(result, request);
    const asked = operationOf(message.service, message.operation);
    this.#audits.push({
      type: 'audit',
      at: this.#now,
      deviceId,
      correlation: message.correlation,
      service: asked?.service,
      operation: asked?.operation,
      resource: request === undefined ? undefined : resourceOf(request),
      outcome: answered.status,
    });
    const asker = this.#askers.get(stream);
    if (asker === undefined) return;
    const bytes = encodeReply({
      correlation: message.correlation,
      status: GATEWAY_STATUS[answered.status],
      body: answered.body,
    });
    this.#transmits.push({ type: 'bytes', stream, bytes });
    this.#finishIfDone(stream, asker);
  }

  #bodyOf(
    result: GatewayResult,
    request: GatewayRequest | undefined,
  ): { readonly status: GatewayStatus; readonly body: Uint8Array } {
    if (result.status !== 'ok') return { status: result.status, body: EMPTY };
    if (request?.operation === 'open') return this.#open(request.path, result.value);
    const body = valueBody(result.value);
    if (body === undefined) return { status: 'io', body: EMPTY };
    // Nothing is ever cut: what doesn't fit is said not to fit.
    return body.length > GATEWAY_LIMITS.bodyOctetsMax ? { status: 'reply-too-big', body: EMPTY } : { status: 'ok', body };
  }

  #open(path: string, value: GatewayValue): { readonly status: GatewayStatus; readonly body: Uint8Array } {
    if (value.type !== 'entry') return { status: 'io', body: EMPTY };
    if (value.kind !== 'file' || value.bytes === undefined) return { status: 'bad-request', body: EMPTY };
    if (value.bytes.length > this.#options.fileOctetsMax) return { status: 'oversized', body: EMPTY };
    if (this.#handles.size >= this.#options.handleCountMax) return { status: 'limit', body: EMPTY };
    this.#lastHandle++;
    this.#handles.set(this.#lastHandle, { path, bytes: value.bytes.slice() });
    return { status: 'ok', body: u32(this.#lastHandle) };
  }

  #finishIfDone(stream: number, asker: Asker): void {
    if (!asker.isEnded || asker.running.size > 0) return;
    this.#askers.delete(stream);
    this.#transmits.push({ type: 'finish', stream });
  }

  #break(stream: number): void {
    this.#askers.delete(stream);
    this.#transmits.push({ type: 'reset', stream, reason: 'broken' });
  }
}

function valueBody(value: GatewayValue): Uint8Array | undefined {
  switch (value.type) {
    case 'none':
      return EMPTY;
    case 'count':
      return value.count <= 0xffff ? u16(value.count) : undefined;
    case 'entry':
      return value.size <= 0xffff_ffff ? concatBytes([u32(value.size), Uint8Array.of(value.kind === 'file' ? 0 : 1)]) : undefined;
    case 'octets':
      return value.bytes;
    case 'keys': {
      if (value.keys.length > GATEWAY_LIMITS.listCountMax) return undefined;
      const keys = value.keys.map(encodeUtf8);
      return concatBytes([u16(keys.length), ...keys.flatMap((key) => [u16(key.length), key])]);
    }
  }
}

const EMPTY = new Uint8Array(0);
const QUEUE_COUNT_MAX = 65_536;
