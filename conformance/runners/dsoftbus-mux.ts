import {
  decodeMuxBatch,
  decodeMuxEvents,
  encodeMuxBatch,
  encodeMuxEvents,
  isMuxV2Priority,
  isMuxV2StreamId,
  isMuxV2StreamName,
  MUX_V2,
  MUX_V2_TRANSITIONS,
  MuxV2Endpoint,
  type MuxV2Event,
  type MuxV2Frame,
  MuxV2Scheduler,
  MuxV2Session,
  type MuxV2StreamState,
  type MuxV2Transition,
  muxV2CreditAfter,
} from '@nexus-net/dsoftbus';
import { fromHex, type Result, toHex } from '@nexus-net/sansio';
import { type CaseReport, reportOf } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';

/** `mux-v2-state.json`: states, credit, names, scripts over sessions, schedulers and endpoints. */
export function checkMuxV2(file: VectorFile): CaseReport {
  return reportOf(jsonOf<{ readonly vectors: readonly MuxV2Vector[] }>(file).vectors.map((one) => [one.name, muxV2Problem(one)]));
}

/** `mux-wire-batch.json`. */
export function checkMuxBatch(file: VectorFile): CaseReport {
  return reportOf(
    jsonOf<{ readonly vectors: readonly CodecVector[] }>(file).vectors.map((one) => [
      one.name,
      codecProblem(one, decodeMuxBatch, encodeMuxBatch),
    ]),
  );
}

/** `mux-quic-smoke-codec.json`. */
export function checkMuxEvents(file: VectorFile): CaseReport {
  return reportOf(
    jsonOf<{ readonly vectors: readonly CodecVector[] }>(file).vectors.map((one) => [
      one.name,
      codecProblem(one, decodeMuxEvents, (events) => ({ ok: true, value: encodeMuxEvents(events) })),
    ]),
  );
}

export interface MuxV2Vector {
  readonly name: string;
  readonly op?: string;
  readonly [field: string]: unknown;
}

export interface CodecVector {
  readonly name: string;
  readonly op: string;
  readonly input?: string;
  readonly events?: readonly VectorEvent[];
  readonly expect?: string | readonly VectorEvent[];
  readonly expect_error?: string;
}

interface VectorEvent {
  readonly type: string;
  readonly stream_id: number;
  readonly priority: number;
  readonly name?: string;
  readonly payload_len?: number;
  readonly delta?: string;
}

export function codecProblem(
  { op, input = '', events = [], expect, expect_error: refused }: CodecVector,
  decode: (bytes: Uint8Array) => Result<readonly MuxV2Event[], string>,
  encode: (events: readonly MuxV2Event[]) => Result<Uint8Array, string>,
): string | undefined {
  if (op === 'encode') {
    const encoded = encode(events.map(eventOf));
    return differs(encoded.ok ? toHex(encoded.value) : 'refused', refused === undefined ? expect : 'refused');
  }
  const decoded = decode(fromHex(input));
  return differs(decoded.ok ? decoded.value.map(vectorEventOf) : 'refused', refused === undefined ? expect : 'refused');
}

const OPS: Readonly<Record<string, (vector: MuxV2Vector) => string | undefined>> = {
  transition: ({ state, transition, expect, expect_error: refused }) => {
    const next = MUX_V2_TRANSITIONS[kebab(state) as MuxV2StreamState][kebab(transition) as MuxV2Transition];
    return differs(next ?? 'mux.reject.invalid_stream_state_transition', expect === undefined ? refused : kebab(expect));
  },
  window_delta: ({ credit, delta, expect, expect_error: refused }) => {
    const after = muxV2CreditAfter(credit as number, BigInt(delta as string));
    return differs(after.ok ? after.value : after.error, expect ?? refused);
  },
  payload_len: ({ len, expect_error: refused }) => {
    const session = new MuxV2Session({ authenticated: true });
    session.open({ streamId: 1, priority: 0, credit: 65_536 });
    const sent = session.send(1, len as number);
    return differs(sent.ok ? undefined : sent.error, refused);
  },
  stream_name: ({ input, expect_error: refused }) =>
    differs(isMuxV2StreamName(input as string) ? undefined : 'mux.reject.invalid_stream_name', refused),
  stream_id: ({ input, expect }) => differs(isMuxV2StreamId(input as number), expect),
  priority: ({ input, expect }) => differs(isMuxV2Priority(input as number), expect),
  session: sessionProblem,
  scheduler: ({ enqueue, dequeue_order: order, requeue_priority_0_after_dequeue: again }) => {
    const scheduler = new MuxV2Scheduler();
    const classes = new Map<number, number>();
    for (const [priority, id] of enqueue as readonly (readonly [number, number])[]) {
      scheduler.enqueue(priority, id);
      classes.set(id, priority);
    }
    const seen = (order as readonly (number | null)[]).map(() => {
      const id = scheduler.dequeue();
      if (again === true && id !== undefined && classes.get(id) === 0) scheduler.enqueue(0, id);
      return id ?? null;
    });
    return differs(seen, order);
  },
  endpoint: ({ steps, outbound, accepted }) => {
    const endpoint = new MuxV2Endpoint({ authenticated: true });
    for (const { ingest, result } of steps as readonly { readonly ingest: VectorEvent; readonly result: unknown }[]) {
      const problem = differs(outcomeOf(endpoint.handleEvent(eventOf(ingest))), result);
      if (problem !== undefined) return problem;
    }
    return (
      differs(drain(() => endpoint.pollOutbound()).map(vectorEventOf), outbound) ??
      differs(
        drain(() => endpoint.pollAccepted()).map(({ streamId, ...rest }) => ({ id: streamId, ...rest })),
        accepted,
      )
    );
  },
};

export function muxV2Problem(vector: MuxV2Vector): string | undefined {
  if (vector.name === 'constants') return constantsProblem(vector);
  const check = OPS[vector.op ?? ''];
  return check === undefined ? `no such operation: ${vector.op}` : check(vector);
}

function constantsProblem(vector: MuxV2Vector): string | undefined {
  const { name: _, ...expected } = vector;
  return differs(
    {
      DEFAULT_INITIAL_STREAM_CREDIT: MUX_V2.initialCredit,
      HIGH_PRIORITY_BURST_LIMIT: MUX_V2.highPriorityBurst,
      KEEPALIVE_INTERVAL_TICKS: MUX_V2.keepaliveIntervalTicks,
      KEEPALIVE_TIMEOUT_TICKS: MUX_V2.keepaliveTimeoutTicks,
      MAX_BUFFERED_BYTES_PER_STREAM: MUX_V2.bufferedOctetsMax,
      MAX_FRAME_PAYLOAD_BYTES: MUX_V2.payloadOctetsMax,
      MAX_STREAM_COUNT: MUX_V2.streamCountMax,
      StreamName_MAX_LEN: MUX_V2.nameOctetsMax,
    },
    expected,
  );
}

interface Step {
  readonly do: unknown;
  readonly result: unknown;
}

function sessionProblem({ authenticated, start_tick: startTick, steps }: MuxV2Vector): string | undefined {
  const session = new MuxV2Session({ authenticated: authenticated as boolean, startTick: startTick as number });
  for (const [i, { do: action, result }] of (steps as readonly Step[]).entries()) {
    const problem = differs(act(session, action), result);
    if (problem !== undefined) return `step ${i}: ${problem}`;
  }
  return undefined;
}

function act(session: MuxV2Session, action: unknown): unknown {
  if (action === 'dequeue_next_stream') return session.dequeueNextStream() ?? null;
  const [name, argument] = Object.entries(action as Record<string, unknown>)[0] as [string, unknown];
  const fields = argument as Record<string, number>;
  const id = fields['id'] ?? 0;
  switch (name) {
    case 'keepalive_tick':
      return pascal(session.keepaliveTick(argument as number));
    case 'open': {
      const opened = session.open({ streamId: id, priority: fields['priority'] ?? 0, credit: fields['credit'] ?? 0 });
      return opened.ok ? { ok: null } : { reject: opened.error };
    }
    case 'send': {
      const sent = session.send(id, fields['len'] ?? 0);
      return sent.ok ? { ok: { [snake(sent.value.type)]: sent.value.credit } } : { reject: sent.error };
    }
    case 'transition': {
      const next = session.transition(id, kebab(fields['t']) as MuxV2Transition);
      return next.ok ? { ok: pascal(next.value) } : { reject: next.error };
    }
    case 'window_update': {
      const credit = session.windowUpdate(id, BigInt(fields['delta'] ?? 0));
      return credit.ok ? { ok: credit.value } : { reject: credit.error };
    }
    case 'inbound':
      return outcomeOf(session.handleFrame(id, fields['priority'] ?? 0, frameOf(String(fields['frame']))));
    default:
      return `no such step: ${name}`;
  }
}

/** The outcome of an inbound frame in the words of the vectors. */
function outcomeOf(result: ReturnType<MuxV2Session['handleFrame']>): unknown {
  if (!result.ok) return { reject: result.error };
  const { value } = result;
  switch (value.type) {
    case 'stream-opened':
    case 'open-acked':
    case 'transitioned':
      return { ok: { [snake(value.type)]: pascal(value.state) } };
    case 'data-accepted':
      return { ok: { data_accepted: { buffered: value.buffered, credit: value.credit } } };
    case 'window-updated':
      return { ok: { window_updated: value.credit } };
    default:
      return { ok: snake(value.type) };
  }
}

/** A frame as upstream's debug output prints it. */
function frameOf(text: string): MuxV2Frame {
  const [, name = '', value = '0'] = /^(\w+)(?: \{ \w+: (-?\d+) \})?$/.exec(text) ?? [];
  return eventOf({ type: name, stream_id: 1, priority: 0, name: '', payload_len: Number(value), delta: value });
}

function eventOf({
  type,
  stream_id: streamId,
  priority,
  name = '',
  payload_len: length = 0,
  delta = '0',
}: VectorEvent): MuxV2Event {
  const base = { streamId, priority };
  switch (kebab(type)) {
    case 'open':
      return { ...base, type: 'open', name };
    case 'data':
      return { ...base, type: 'data', length };
    case 'window-update':
      return { ...base, type: 'window-update', delta: BigInt(delta) };
    default:
      return { ...base, type: kebab(type) as 'open-ack' | 'rst' | 'ping' | 'pong' | 'close' };
  }
}

function vectorEventOf(event: MuxV2Event): VectorEvent {
  const base = { type: pascal(event.type), stream_id: event.streamId, priority: event.priority };
  if (event.type === 'open') return { ...base, name: event.name };
  if (event.type === 'data') return { ...base, payload_len: event.length };
  return event.type === 'window-update' ? { ...base, delta: String(event.delta) } : base;
}

function drain<T>(poll: () => T | undefined): T[] {
  const all: T[] = [];
  for (let one = poll(); one !== undefined; one = poll()) all.push(one);
  return all;
}

/** `undefined` where both are the same in JSON, whatever the order of their fields. */
function differs(actual: unknown, expected: unknown): string | undefined {
  const [a, b] = [canonical(actual), canonical(expected)];
  return a === b ? undefined : `${a} instead of ${b}`;
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'undefined'
  );
}

function kebab(text: unknown): string {
  return String(text)
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`)
    .toLowerCase();
}

function pascal(text: string): string {
  return text.replace(/(?:^|-)[a-z]/g, (part) => part.slice(-1).toUpperCase());
}

function snake(text: string): string {
  return text.replaceAll('-', '_');
}
