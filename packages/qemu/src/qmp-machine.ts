import { Counters, type Millis, NEVER, Queue, requireArgument, type StreamMachine, UsageError } from '@nexus-net/sansio';
import { LineBuffer } from './line-buffer.js';

export interface QmpMachineOptions {
  /** Longest line from QEMU in octets; a longer one ends the session. Default 1 MiB (its whole schema is about 200 KiB). */
  readonly lineBytesMax?: number;
  /** Commands without an answer at most; further ones are refused. Default 64. */
  readonly pendingCountMax?: number;
  /** Events waiting for `pollEvent` at most; further QEMU events are dropped and counted, answers never. Default 1024. */
  readonly eventCountMax?: number;
}

export interface QmpVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  /** The distribution's words, as `Debian 1:7.2+dfsg-7`. May be empty. */
  readonly package: string;
}

/** Why a session ended. */
export type QmpEnd = 'closed' | 'truncated' | 'line-over-limit' | 'negotiation-failed';

export type QmpMachineEvent =
  /** Capabilities are negotiated; commands held back until now are on their way. */
  | { readonly type: 'ready'; readonly version: QmpVersion; readonly capabilities: readonly string[] }
  | { readonly type: 'returned'; readonly id: number; readonly value: unknown }
  /** QEMU refused the command. */
  | { readonly type: 'refused'; readonly id: number; readonly class: string; readonly description: string }
  /** No answer before the deadline, or none to come because the session ended. A late answer is counted as `unknown-id`. */
  | { readonly type: 'unanswered'; readonly id: number; readonly reason: 'timeout' | 'ended' }
  /** Something happened in QEMU, such as SHUTDOWN. `at` is QEMU's wall clock in milliseconds since 1970. */
  | { readonly type: 'event'; readonly name: string; readonly data: Readonly<Record<string, unknown>>; readonly at: number }
  | { readonly type: 'ended'; readonly reason: QmpEnd };

export type QmpReject =
  | 'bad-json'
  /** JSON, but not a message of the protocol, or not one that belongs here. */
  | 'unknown-message'
  | 'unknown-id'
  | 'event-limit'
  | 'bytes-after-end'
  | Exclude<QmpEnd, 'closed'>;

export interface QmpCommand {
  readonly command: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** How long to wait for the answer. */
  readonly timeoutMs: Millis;
}

type State =
  | { readonly type: 'greeting' }
  | { readonly type: 'negotiating'; readonly version: QmpVersion; readonly capabilities: readonly string[] }
  | { readonly type: 'ready' }
  | { readonly type: 'ended'; readonly reason: QmpEnd };

/**
 * The client's side of the QEMU Machine Protocol: lines of JSON. Waits for the greeting, negotiates no optional
 * capabilities, then matches answers to commands by id.
 */
export class QmpMachine implements StreamMachine<QmpMachineEvent> {
  readonly #pendingCountMax: number;
  readonly #eventCountMax: number;
  readonly #lines: LineBuffer;
  readonly #pending = new Map<number, Millis>();
  readonly #held: Uint8Array[] = []; // commands given before the session is ready; pendingCountMax bounds it
  readonly #transmits: Queue<Uint8Array>;
  readonly #events: Queue<QmpMachineEvent> = new Queue(Number.MAX_SAFE_INTEGER); // bounded by eventCountMax and pendingCountMax
  readonly #counters = new Counters<QmpReject>();
  #state: State = { type: 'greeting' };
  #now: Millis = 0;
  #lastId = NEGOTIATION_ID;

  constructor(options: QmpMachineOptions = {}) {
    const { lineBytesMax = 2 ** 20, pendingCountMax = 64, eventCountMax = 1024 } = options;
    for (const [name, value] of Object.entries({ lineBytesMax, pendingCountMax, eventCountMax }))
      requireArgument(Number.isInteger(value) && value >= 1, `${name} is an integer of at least 1`);
    this.#pendingCountMax = pendingCountMax;
    this.#eventCountMax = eventCountMax;
    this.#lines = new LineBuffer(lineBytesMax);
    this.#transmits = new Queue(pendingCountMax + 1);
  }

  /**
   * Sends a command, or holds it until the session is ready. Returns its id: exactly one `returned`, `refused` or
   * `unanswered` with that id follows. Throws `UsageError` where too many are pending or the session has ended.
   */
  execute(now: Millis, { command, arguments: args, timeoutMs }: QmpCommand): number {
    this.#advance(now);
    requireArgument(this.#state.type !== 'ended', 'the QMP session has ended');
    requireArgument(this.#pending.size < this.#pendingCountMax, `at most ${this.#pendingCountMax} commands are pending`);
    requireArgument(timeoutMs > 0, 'timeoutMs is above 0');
    const id = this.#lastId + 1;
    const line = encodeLine(args === undefined ? { execute: command, id } : { execute: command, arguments: args, id });
    this.#lastId = id;
    this.#pending.set(id, this.#now + timeoutMs);
    if (this.#state.type === 'ready') this.#transmits.push(line);
    else this.#held.push(line);
    return id;
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    this.#advance(now);
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#state.type === 'ended') {
        this.#counters.increment('bytes-after-end');
        return;
      }
      const taken = this.#lines.take(rest);
      if (taken === 'over-limit') {
        this.#end('line-over-limit');
        return;
      }
      if (taken.line !== undefined) this.#handleLine(taken.line);
      rest = taken.rest;
    }
  }

  handleEnd(now: Millis): void {
    this.#advance(now);
    if (this.#state.type !== 'ended') this.#end(this.#lines.isEmpty ? 'closed' : 'truncated');
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    for (const [id, deadline] of [...this.#pending].sort((a, b) => a[1] - b[1])) {
      if (deadline > this.#now) break;
      this.#pending.delete(id);
      this.#events.push({ type: 'unanswered', id, reason: 'timeout' });
    }
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): QmpMachineEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    let next = NEVER;
    for (const deadline of this.#pending.values()) next = Math.min(next, deadline);
    return next;
  }

  inspect(): {
    readonly state: State['type'];
    readonly pendingCount: number;
    readonly rejects: Partial<Record<QmpReject, number>>;
  } {
    return { state: this.#state.type, pendingCount: this.#pending.size, rejects: this.#counters.snapshot() };
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  #handleLine(line: Uint8Array): void {
    let message: unknown;
    try {
      message = JSON.parse(DECODER.decode(line));
    } catch {
      this.#counters.increment('bad-json');
      return;
    }
    if (!isRecord(message) || !this.#handleMessage(message)) this.#counters.increment('unknown-message');
  }

  /** Returns false where the message makes no sense here. */
  #handleMessage(message: Record<string, unknown>): boolean {
    const { QMP: greeting, event } = message;
    if (isRecord(greeting)) return this.#handleGreeting(greeting);
    if (typeof event === 'string') return this.#handleEvent(event, message);
    if ('return' in message || isRecord(message['error'])) return this.#handleAnswer(message);
    return false;
  }

  #handleGreeting({ version, capabilities }: Record<string, unknown>): boolean {
    if (this.#state.type !== 'greeting') return false;
    const { qemu, package: packaged } = isRecord(version) ? version : {};
    const { major, minor, micro } = isRecord(qemu) ? qemu : {};
    this.#enter({
      type: 'negotiating',
      version: { major: toCount(major), minor: toCount(minor), micro: toCount(micro), package: toText(packaged) },
      capabilities: Array.isArray(capabilities) ? capabilities.filter((name) => typeof name === 'string') : [],
    });
    this.#transmits.push(encodeLine({ execute: 'qmp_capabilities', id: NEGOTIATION_ID }));
    return true;
  }

  #handleEvent(name: string, { data, timestamp }: Record<string, unknown>): boolean {
    const { seconds, microseconds } = isRecord(timestamp) ? timestamp : {};
    if (this.#events.length >= this.#eventCountMax) this.#counters.increment('event-limit');
    else {
      const at = toCount(seconds) * 1_000 + toCount(microseconds) / 1_000;
      this.#events.push({ type: 'event', name, data: isRecord(data) ? data : {}, at });
    }
    return true;
  }

  #handleAnswer(message: Record<string, unknown>): boolean {
    const { id, error } = message;
    if (id === NEGOTIATION_ID && this.#state.type === 'negotiating') {
      const { version, capabilities } = this.#state;
      if (isRecord(error)) this.#end('negotiation-failed');
      else {
        this.#enter({ type: 'ready' });
        for (const line of this.#held.splice(0)) this.#transmits.push(line);
        this.#events.push({ type: 'ready', version, capabilities });
      }
      return true;
    }
    if (typeof id !== 'number' || !this.#pending.delete(id)) this.#counters.increment('unknown-id');
    else if (isRecord(error))
      this.#events.push({ type: 'refused', id, class: toText(error['class']), description: toText(error['desc']) });
    else this.#events.push({ type: 'returned', id, value: message['return'] });
    return true;
  }

  #end(reason: QmpEnd): void {
    if (reason !== 'closed') this.#counters.increment(reason);
    for (const id of this.#pending.keys()) this.#events.push({ type: 'unanswered', id, reason: 'ended' });
    this.#pending.clear();
    this.#held.length = 0;
    this.#events.push({ type: 'ended', reason });
    this.#enter({ type: 'ended', reason });
  }

  #enter(next: State): void {
    this.#state = next;
  }
}

function encodeLine(message: Record<string, unknown>): Uint8Array {
  try {
    return ENCODER.encode(`${JSON.stringify(message)}\n`); // JSON escapes line ends, so a command is always one line
  } catch (cause) {
    throw new UsageError('the arguments of a QMP command are JSON', { cause });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toCount(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const NEGOTIATION_ID = 0;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
