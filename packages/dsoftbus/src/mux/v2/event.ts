import { utf8Length } from '../../utf8.js';

/** Every reject of the OS's mux, with its own label (RFC-0060 and dsoftbus-core). */
export type MuxV2Reject =
  | 'mux.reject.frame_oversize'
  | 'mux.reject.invalid_stream_state_transition'
  | 'mux.reject.window_credit_overflow_or_underflow'
  | 'mux.reject.unknown_stream_frame'
  | 'mux.reject.unauthenticated_session'
  | 'mux.reject.stream_limit_exceeded'
  | 'mux.reject.duplicate_stream_name'
  | 'mux.reject.invalid_stream_name';

/** What happens to a stream, as the OS's mux v2 counts it: DATA is a length without octets. */
export type MuxV2Event = MuxV2Frame & {
  /** 1..2^32-1. */
  readonly streamId: number;
  /** 0 (highest)..=7. */
  readonly priority: number;
};

export type MuxV2Frame =
  | { readonly type: 'open'; readonly name: string }
  | { readonly type: 'open-ack' }
  /** `length` in octets. */
  | { readonly type: 'data'; readonly length: number }
  /** Signed 64 bits. */
  | { readonly type: 'window-update'; readonly delta: bigint }
  | { readonly type: 'rst' }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | { readonly type: 'close' };

export function isMuxV2StreamId(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff;
}

export function isMuxV2Priority(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 7;
}

/** 1..=64 octets of UTF-8. */
export function isMuxV2StreamName(name: string): boolean {
  const length = utf8Length(name);
  return length >= 1 && length <= MUX_V2.nameOctetsMax;
}

/** The constants of upstream's mux v2. A tick is whatever the caller passes. */
export const MUX_V2 = {
  streamCountMax: 128,
  payloadOctetsMax: 32_768,
  bufferedOctetsMax: 262_144,
  initialCredit: 65_536,
  highPriorityBurst: 8,
  keepaliveIntervalTicks: 3,
  keepaliveTimeoutTicks: 9,
  nameOctetsMax: 64,
} as const;
