import { err, ok, type Result } from '@nexus-net/sansio';
import {
  decodeMuxBatch,
  encodeMuxBatch,
  MUX_V2,
  type MuxBatchReject,
  MuxV2Endpoint,
  type MuxV2Event,
  type MuxV2Reject,
  MuxV2Scheduler,
  MuxV2Session,
} from '../../mux/index.js';
import type { OsRecord } from '../records.js';

/** Kinds of the six records, in order. */
export const OS_LADDER_KIND = { open: 0x31, openAck: 0x32, data: 0x33, dataEcho: 0x34, finalSync: 0x35, finalAck: 0x36 } as const;

export type OsLadderReject =
  | MuxBatchReject
  | MuxV2Reject
  /** Another kind than the next step has. */
  | 'unexpected-kind'
  /** The two streams are not there, or not with the ids and names that they must have. */
  | 'streams-missing'
  /** Less data was told than the step wants. */
  | 'data-missing';

/** How far it is. */
export type OsLadderMilestone = 'session-up' | 'data-ok' | 'done';

export interface OsLadderStep {
  /** What to send, if anything. */
  readonly reply: OsRecord | undefined;
  readonly milestone: OsLadderMilestone | undefined;
}

/**
 * The mux ladder: six records in lock step, directly after the handshake. Only lengths cross the session, no octets of any stream.
 * The initiator sends the steps 1, 3 and 5, the responder answers with 2, 4 and 6.
 */
export class OsMuxLadder {
  readonly #role: 'initiator' | 'responder';
  readonly #endpoint = new MuxV2Endpoint({ authenticated: true });
  /** The kind that has to come next; `undefined` when all came. */
  #expected: number | undefined;

  constructor(role: 'initiator' | 'responder') {
    this.#role = role;
    this.#expected = role === 'initiator' ? OS_LADDER_KIND.openAck : OS_LADDER_KIND.open;
  }

  /** Step 1, of the initiator. */
  start(): OsRecord {
    for (const stream of STREAMS) this.#endpoint.open({ ...stream, credit: MUX_V2.initialCredit });
    return this.#batch(OS_LADDER_KIND.open);
  }

  /** Octets counted for a stream, in both directions together. */
  buffered(streamId: number): number {
    return this.#endpoint.session.streamOf(streamId)?.buffered ?? 0;
  }

  handle({ head, payload }: OsRecord): Result<OsLadderStep, OsLadderReject> {
    if (head !== this.#expected) return err('unexpected-kind');
    if (head === OS_LADDER_KIND.finalSync || head === OS_LADDER_KIND.finalAck) {
      this.#expected = undefined;
      return ok({ reply: head === OS_LADDER_KIND.finalSync ? FINAL_ACK : undefined, milestone: 'done' });
    }
    const batch = decodeMuxBatch(payload);
    if (!batch.ok) return batch;
    for (const event of batch.value) {
      const outcome = this.#endpoint.handleEvent(event);
      if (!outcome.ok) return outcome;
    }
    return this.#role === 'responder' ? this.#answer(head) : this.#goOn(head, batch.value);
  }

  #answer(head: number): Result<OsLadderStep, OsLadderReject> {
    if (head === OS_LADDER_KIND.open) {
      const accepted = new Map<number, string>();
      for (let one = this.#endpoint.pollAccepted(); one !== undefined; one = this.#endpoint.pollAccepted())
        accepted.set(one.streamId, one.name);
      if (!STREAMS.every(({ streamId, name }) => accepted.get(streamId) === name)) return err('streams-missing');
      this.#expected = OS_LADDER_KIND.data;
      return ok({ reply: this.#batch(OS_LADDER_KIND.openAck), milestone: 'session-up' });
    }
    if (!STREAMS.every(({ streamId, ping }) => this.buffered(streamId) >= ping)) return err('data-missing');
    for (const { streamId, priority, pong } of STREAMS) this.#endpoint.send(streamId, priority, pong);
    this.#expected = OS_LADDER_KIND.finalSync;
    return ok({ reply: this.#batch(OS_LADDER_KIND.dataEcho), milestone: 'data-ok' });
  }

  #goOn(head: number, events: readonly MuxV2Event[]): Result<OsLadderStep, OsLadderReject> {
    if (head === OS_LADDER_KIND.openAck) {
      // The OS looks at the state of the streams, which is open from the start: an ack that is missing goes unnoticed there.
      const acked = new Set(events.filter(({ type }) => type === 'open-ack').map(({ streamId }) => streamId));
      if (!STREAMS.every(({ streamId }) => acked.has(streamId))) return err('streams-missing');
      for (const { streamId, priority, ping } of STREAMS) this.#endpoint.send(streamId, priority, ping);
      this.#expected = OS_LADDER_KIND.dataEcho;
      return ok({ reply: this.#batch(OS_LADDER_KIND.data), milestone: 'session-up' });
    }
    // As well: its counters hold what it sent itself, so that its check can't fail. Ours counts what came.
    if (!STREAMS.every(({ streamId, ping, pong }) => this.buffered(streamId) - ping >= pong)) return err('data-missing');
    this.#expected = OS_LADDER_KIND.finalAck;
    return ok({ reply: FINAL_SYNC, milestone: 'data-ok' });
  }

  /** What the endpoint wants to tell, as one record. */
  #batch(kind: number): OsRecord {
    const events: MuxV2Event[] = [];
    for (let event = this.#endpoint.pollOutbound(); event !== undefined; event = this.#endpoint.pollOutbound())
      events.push(event);
    const batch = encodeMuxBatch(events);
    // Eight short events at most: at most as many as a batch that was read.
    return { head: kind, payload: batch.ok ? batch.value : NOTHING };
  }
}

/** What is checked without any peer: classes take their turns, and credit runs out. */
export interface OsMuxCheck {
  readonly priority: boolean;
  readonly bulk: boolean;
  readonly backpressure: boolean;
}

/**
 * The local check behind three lines of the OS (`mux crossvm pri control ok` and the two after it): control goes first, bulk gets its
 * turn after a burst, and a sender without credit has to wait.
 */
export function checkMuxLocally(): OsMuxCheck {
  const scheduler = new MuxV2Scheduler();
  scheduler.enqueue(4, 2);
  for (let i = 0; i <= MUX_V2.highPriorityBurst; i++) scheduler.enqueue(0, 1);
  const order = Array.from({ length: MUX_V2.highPriorityBurst + 1 }, () => scheduler.dequeue());
  const session = new MuxV2Session({ authenticated: true });
  session.open({ streamId: 2, priority: 4, credit: MUX_V2.initialCredit });
  const sends = Array.from({ length: 3 }, () => session.send(2, MUX_V2.payloadOctetsMax));
  const [first, second, third] = sends.map((sent) => (sent.ok ? sent.value.type : sent.error));
  return {
    priority: order.slice(0, -1).every((streamId) => streamId === 1),
    bulk: order.at(-1) === 2,
    backpressure: first === 'sent' && second === 'sent' && third === 'would-block',
  };
}

/** The two streams, and the octets that each side tells for them. */
const STREAMS = [
  { streamId: 1, priority: 0, name: 'crossvm/control', ping: 32, pong: 24 },
  { streamId: 2, priority: 4, name: 'crossvm/bulk', ping: 96, pong: 64 },
] as const;
const NOTHING = new Uint8Array(0);
const FINAL_SYNC: OsRecord = { head: OS_LADDER_KIND.finalSync, payload: NOTHING };
const FINAL_ACK: OsRecord = { head: OS_LADDER_KIND.finalAck, payload: NOTHING };
