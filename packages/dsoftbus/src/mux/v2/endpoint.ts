import { err, ok, Queue, type Result } from '@nexus-net/sansio';
import { isMuxV2StreamName, type MuxV2Event, type MuxV2Reject } from './event.js';
import { type MuxV2Outcome, type MuxV2Sent, MuxV2Session } from './session.js';

export interface MuxV2Accepted {
  readonly streamId: number;
  readonly priority: number;
  readonly name: string;
}

/** A mux v2 session with names: what to answer, and which streams the peer opened. A name is never released (upstream's rule). */
export class MuxV2Endpoint {
  readonly session: MuxV2Session;
  readonly #names = new Set<string>();
  readonly #outbound = new Queue<MuxV2Event>(QUEUE_COUNT_MAX);
  readonly #accepted = new Queue<MuxV2Accepted>(QUEUE_COUNT_MAX);

  constructor(options: { readonly authenticated: boolean; readonly startTick?: number }) {
    this.session = new MuxV2Session(options);
  }

  /** Opens a stream of our own and queues its OPEN. */
  open(stream: {
    readonly streamId: number;
    readonly priority: number;
    readonly name: string;
    readonly credit: number;
  }): Result<void, MuxV2Reject> {
    const { streamId, priority, name } = stream;
    if (!isMuxV2StreamName(name)) return err('mux.reject.invalid_stream_name');
    if (this.#names.has(name)) return err('mux.reject.duplicate_stream_name');
    const opened = this.session.open(stream);
    if (!opened.ok) return opened;
    this.#names.add(name);
    this.#outbound.push({ type: 'open', streamId, priority, name });
    return opened;
  }

  /** Sends a length and queues its DATA where it was taken. */
  send(streamId: number, priority: number, length: number): Result<MuxV2Sent, MuxV2Reject> {
    const sent = this.session.send(streamId, length);
    if (sent.ok && sent.value.type === 'sent') this.#outbound.push({ type: 'data', streamId, priority, length });
    return sent;
  }

  handleEvent(event: MuxV2Event): Result<MuxV2Outcome, MuxV2Reject> {
    const { streamId, priority } = event;
    if (event.type === 'open' && this.#names.has(event.name)) return err('mux.reject.duplicate_stream_name');
    const outcome = this.session.handleFrame(streamId, priority, event);
    if (!outcome.ok) return outcome;
    if (event.type === 'open') {
      this.#names.add(event.name);
      this.#outbound.push({ type: 'open-ack', streamId, priority });
      this.#accepted.push({ streamId, priority, name: event.name });
    } else if (event.type === 'ping') this.#outbound.push({ type: 'pong', streamId, priority });
    return ok(outcome.value);
  }

  /** The next event for the peer. */
  pollOutbound(): MuxV2Event | undefined {
    return this.#outbound.shift();
  }

  /** The next stream that the peer opened. */
  pollAccepted(): MuxV2Accepted | undefined {
    return this.#accepted.shift();
  }
}

/** Upstream has no bound: answers to 128 streams, and PONGs. */
const QUEUE_COUNT_MAX = 1_024;
