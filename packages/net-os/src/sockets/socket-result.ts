import type { Millis } from '@nexus-net/sansio';

/** Errors that are a label and nothing more. */
export type PlainSocketError =
  /** The backend has no such operation. */
  | 'unsupported'
  /** The deadline lies before `now`. One that equals `now` is in time. */
  | 'timed-out'
  | 'address-in-use'
  /** The stream was closed on this side, or this half of it. */
  | 'not-connected'
  /** The peer reset the connection, or it was given up. What was not read is gone. */
  | 'disconnected'
  /** A table, queue or the caller's own buffer is too small. Nothing was taken or lost. */
  | 'no-buffers'
  /** Nobody listens there. */
  | 'refused'
  /** No route, no neighbour, or a router says so. */
  | 'unreachable';

/** Why a call of the sockets did nothing. The first nine are those of every backend; `refused` and `unreachable` say more. */
export type SocketError = PlainSocketError | 'would-block' | 'invalid-input' | 'internal';

export type SocketFailure =
  | { readonly ok: false; readonly error: PlainSocketError }
  /** Ask again after `poll`, no later than past `until`: the deadline that was given, `NEVER` where there was none. */
  | { readonly ok: false; readonly error: 'would-block'; readonly until: Millis }
  /** `message`: what is wrong, in words. */
  | { readonly ok: false; readonly error: 'invalid-input' | 'internal'; readonly message: string };

/** What every call of the sockets returns. None of them throws, none of them waits. */
export type SocketResult<T> = { readonly ok: true; readonly value: T } | SocketFailure;

export function failed(error: PlainSocketError): SocketFailure {
  return { ok: false, error };
}

export function wouldBlock(until: Millis): SocketFailure {
  return { ok: false, error: 'would-block', until };
}

export function invalidInput(message: string): SocketFailure {
  return { ok: false, error: 'invalid-input', message };
}

/** The text of a failure: `would block`, `invalid input: udp payload too large`. Stable: programs print it. */
export function describeSocketFailure(failure: SocketFailure): string {
  const text = TEXT[failure.error];
  return 'message' in failure ? `${text}: ${failure.message}` : text;
}

const TEXT: Readonly<Record<SocketError, string>> = {
  unsupported: 'unsupported',
  'would-block': 'would block',
  'timed-out': 'timed out',
  'invalid-input': 'invalid input',
  'address-in-use': 'address in use',
  'not-connected': 'not connected',
  disconnected: 'disconnected',
  'no-buffers': 'no buffers',
  internal: 'internal error',
  refused: 'refused',
  unreachable: 'unreachable',
};
