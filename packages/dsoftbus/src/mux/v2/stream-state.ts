/** States of a stream in upstream's mux v2. */
export type MuxV2StreamState = 'open' | 'half-closed-local' | 'half-closed-remote' | 'closed' | 'reset';
export type MuxV2Transition = 'send-close' | 'receive-close' | 'reset';

/** Every cell of state × transition; `undefined` is a reject. */
export const MUX_V2_TRANSITIONS: Readonly<
  Record<MuxV2StreamState, Readonly<Record<MuxV2Transition, MuxV2StreamState | undefined>>>
> = {
  open: { 'send-close': 'half-closed-local', 'receive-close': 'half-closed-remote', reset: 'reset' },
  'half-closed-local': { 'send-close': undefined, 'receive-close': 'closed', reset: 'reset' },
  'half-closed-remote': { 'send-close': 'closed', 'receive-close': undefined, reset: 'reset' },
  closed: { 'send-close': undefined, 'receive-close': undefined, reset: undefined },
  reset: { 'send-close': undefined, 'receive-close': undefined, reset: 'reset' },
};
