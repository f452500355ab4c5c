import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { isMuxV2Priority, isMuxV2StreamId, MUX_V2, type MuxV2Frame, type MuxV2Reject } from './event.js';
import { MuxV2Scheduler } from './scheduler.js';
import { MUX_V2_TRANSITIONS, type MuxV2StreamState, type MuxV2Transition } from './stream-state.js';

/** What an inbound frame did. */
export type MuxV2Outcome =
  | { readonly type: 'stream-opened' | 'open-acked' | 'transitioned'; readonly state: MuxV2StreamState }
  | { readonly type: 'data-accepted'; readonly buffered: number; readonly credit: number }
  | { readonly type: 'window-updated'; readonly credit: number }
  | { readonly type: 'ping-response-required' }
  | { readonly type: 'keepalive-observed' };

/** `credit` is what is left of it. */
export interface MuxV2Sent {
  readonly type: 'sent' | 'would-block';
  readonly credit: number;
}

export type MuxV2Keepalive = 'healthy' | 'send-ping' | 'timed-out';

interface Stream {
  readonly priority: number;
  state: MuxV2StreamState;
  credit: number;
  /** Octets of both directions; upstream never lowers it. */
  buffered: number;
  acknowledged: boolean;
}

/**
 * The OS's mux v2 (RFC-0060) as its code is, faults included: lengths without octets, no parity of ids, streams that are never removed,
 * credit that the receiver doesn't check. Dialect `os` needs it; `bus` has a mux of its own.
 */
export class MuxV2Session {
  readonly #streams = new Map<number, Stream>();
  readonly #scheduler = new MuxV2Scheduler();
  readonly #authenticated: boolean;
  #tick: number;
  #lastActivity: number;
  #lastPing: number;

  constructor({ authenticated, startTick = 0 }: { readonly authenticated: boolean; readonly startTick?: number }) {
    this.#authenticated = authenticated;
    this.#tick = startTick;
    this.#lastActivity = startTick;
    this.#lastPing = startTick;
  }

  /** Streams ever opened: nothing is ever removed. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** What is known of a stream; `undefined` where it was never opened. */
  streamOf(
    streamId: number,
  ): { readonly state: MuxV2StreamState; readonly credit: number; readonly buffered: number } | undefined {
    const stream = this.#streams.get(streamId);
    return stream === undefined ? undefined : { state: stream.state, credit: stream.credit, buffered: stream.buffered };
  }

  /** Opens a stream of our own with `credit` octets to send. */
  open(stream: { readonly streamId: number; readonly priority: number; readonly credit: number }): Result<void, MuxV2Reject> {
    const { streamId, priority, credit } = stream;
    requireArgument(isMuxV2StreamId(streamId) && isMuxV2Priority(priority), 'streamId is 1..2^32-1, priority 0..=7');
    requireArgument(Number.isInteger(credit) && credit >= 0 && credit <= U32_MAX, 'credit is an unsigned 32-bit number');
    if (!this.#authenticated) return err('mux.reject.unauthenticated_session');
    if (this.#streams.size >= MUX_V2.streamCountMax) return err('mux.reject.stream_limit_exceeded');
    if (this.#streams.has(streamId)) return err('mux.reject.invalid_stream_state_transition');
    this.#streams.set(streamId, { priority, state: 'open', credit, buffered: 0, acknowledged: false });
    this.#scheduler.enqueue(priority, streamId);
    return ok(undefined);
  }

  /** Sends `length` octets, of which only the number matters. */
  send(streamId: number, length: number): Result<MuxV2Sent, MuxV2Reject> {
    if (!this.#authenticated) return err('mux.reject.unauthenticated_session');
    if (length > MUX_V2.payloadOctetsMax) return err('mux.reject.frame_oversize');
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return err('mux.reject.unknown_stream_frame');
    if (stream.state !== 'open' && stream.state !== 'half-closed-remote')
      return err('mux.reject.invalid_stream_state_transition');
    if (length > stream.credit || stream.buffered + length > MUX_V2.bufferedOctetsMax)
      return ok({ type: 'would-block', credit: stream.credit });
    stream.credit -= length;
    stream.buffered += length;
    this.#scheduler.enqueue(stream.priority, streamId);
    return ok({ type: 'sent', credit: stream.credit });
  }

  transition(streamId: number, transition: MuxV2Transition): Result<MuxV2StreamState, MuxV2Reject> {
    if (!this.#authenticated) return err('mux.reject.unauthenticated_session');
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return err('mux.reject.unknown_stream_frame');
    const next = MUX_V2_TRANSITIONS[stream.state][transition];
    if (next === undefined) return err('mux.reject.invalid_stream_state_transition');
    stream.state = next;
    return ok(next);
  }

  /** The new credit. `delta` is signed 64 bits. */
  windowUpdate(streamId: number, delta: bigint): Result<number, MuxV2Reject> {
    if (!this.#authenticated) return err('mux.reject.unauthenticated_session');
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return err('mux.reject.unknown_stream_frame');
    const credit = muxV2CreditAfter(stream.credit, delta);
    if (credit.ok) stream.credit = credit.value;
    return credit;
  }

  /** A frame of the peer. */
  handleFrame(streamId: number, priority: number, frame: MuxV2Frame): Result<MuxV2Outcome, MuxV2Reject> {
    if (!this.#authenticated) return err('mux.reject.unauthenticated_session');
    switch (frame.type) {
      case 'open': {
        const opened = this.open({ streamId, priority, credit: MUX_V2.initialCredit });
        return opened.ok ? ok({ type: 'stream-opened', state: 'open' }) : opened;
      }
      case 'open-ack':
        return this.#acknowledge(streamId);
      case 'data':
        return this.#handleData(streamId, frame.length);
      case 'window-update': {
        const credit = this.windowUpdate(streamId, frame.delta);
        if (!credit.ok) return credit;
        this.#observe();
        return ok({ type: 'window-updated', credit: credit.value });
      }
      case 'rst':
        return this.#handleTransition(streamId, 'reset');
      case 'close':
        return this.#handleTransition(streamId, 'receive-close');
      case 'ping':
        this.#observe();
        return ok({ type: 'ping-response-required' });
      case 'pong':
        this.#observe();
        return ok({ type: 'keepalive-observed' });
    }
  }

  /** Tells the time in ticks; says what has to be done. A tick before the last one counts as no time passed. */
  keepaliveTick(tick: number): MuxV2Keepalive {
    this.#tick = tick;
    if (Math.max(0, tick - this.#lastActivity) >= MUX_V2.keepaliveTimeoutTicks) return 'timed-out';
    if (Math.max(0, tick - this.#lastPing) < MUX_V2.keepaliveIntervalTicks) return 'healthy';
    this.#lastPing = tick;
    return 'send-ping';
  }

  /** The stream whose turn it is. Each opening and each piece of data gives a stream one turn. */
  dequeueNextStream(): number | undefined {
    return this.#scheduler.dequeue();
  }

  #acknowledge(streamId: number): Result<MuxV2Outcome, MuxV2Reject> {
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.acknowledged || stream.state !== 'open')
      return err('mux.reject.invalid_stream_state_transition');
    stream.acknowledged = true;
    return ok({ type: 'open-acked', state: stream.state });
  }

  #handleData(streamId: number, length: number): Result<MuxV2Outcome, MuxV2Reject> {
    if (length > MUX_V2.payloadOctetsMax) return err('mux.reject.frame_oversize');
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return err('mux.reject.unknown_stream_frame');
    if (stream.state !== 'open' && stream.state !== 'half-closed-local') return err('mux.reject.invalid_stream_state_transition');
    if (stream.buffered + length > MUX_V2.bufferedOctetsMax) return err('mux.reject.window_credit_overflow_or_underflow');
    stream.buffered += length;
    this.#observe();
    return ok({ type: 'data-accepted', buffered: stream.buffered, credit: stream.credit });
  }

  #handleTransition(streamId: number, transition: MuxV2Transition): Result<MuxV2Outcome, MuxV2Reject> {
    const state = this.transition(streamId, transition);
    if (!state.ok) return state;
    this.#observe();
    return ok({ type: 'transitioned', state: state.value });
  }

  /** Upstream stamps activity with the last tick that it was told, not with the time of the frame. */
  #observe(): void {
    this.#lastActivity = this.#tick;
  }
}

/**
 * Credit after a signed 64-bit delta. Upstream casts the amount to 32 bits without a check, so 2^32 counts as 0; the vectors hold
 * that fast. (-2^63 panics there; here it is the 0 that the cast would give.)
 */
export function muxV2CreditAfter(credit: number, delta: bigint): Result<number, MuxV2Reject> {
  const amount = Number(BigInt.asUintN(32, delta < 0n ? -delta : delta));
  const after = delta < 0n ? credit - amount : credit + amount;
  return after < 0 || after > U32_MAX ? err('mux.reject.window_credit_overflow_or_underflow') : ok(after);
}

const U32_MAX = 0xffff_ffff;
