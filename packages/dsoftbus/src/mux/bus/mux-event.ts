/** A stream of a mux, named by its id. */
export type MuxStreamId = number;

/** Why a session can't go on: the peer broke a rule, or is gone. One label for each, one counter. */
export type MuxFailure =
  | 'bad-frame'
  | 'unknown-kind'
  | 'bad-priority'
  | 'bad-stream-id'
  | 'bad-name'
  | 'unknown-stream'
  | 'bad-state'
  | 'credit-exceeded'
  | 'bad-credit'
  | 'credit-overflow'
  | 'late-flood'
  | 'reset-flood'
  | 'ping-flood'
  | 'credit-flood'
  | 'control-overflow'
  | 'extension-flood'
  | 'bad-goaway'
  | 'events-not-drained'
  | 'keepalive-timeout';

/** What is ignored, and counted. */
export type MuxIgnored = 'late-frame' | 'extension-frame' | 'unsolicited-pong' | 'stream-refused';

export type MuxEvent =
  /** The peer opened a stream. It is taken; `reset` refuses it. */
  | { readonly type: 'opened'; readonly stream: MuxStreamId; readonly name: string; readonly priority: number }
  /** The peer has taken our stream. */
  | { readonly type: 'accepted'; readonly stream: MuxStreamId }
  /** There is something to read where there was nothing. */
  | { readonly type: 'readable'; readonly stream: MuxStreamId }
  /** A `write` took less than all before; now there is room. */
  | { readonly type: 'writable'; readonly stream: MuxStreamId }
  /** The peer sends no more; what came before can still be read. */
  | { readonly type: 'ended'; readonly stream: MuxStreamId }
  /** Both directions are over and everything is read: the stream is gone, its name free. */
  | { readonly type: 'finished'; readonly stream: MuxStreamId }
  /** The stream is gone, with everything in it: reset by the peer, refused by it, or stalled. */
  | { readonly type: 'reset'; readonly stream: MuxStreamId; readonly code: number; readonly by: 'peer' | 'stall' }
  /** The peer takes no new streams; those that run go on. */
  | { readonly type: 'going-away'; readonly code: number }
  /** Last of all. */
  | { readonly type: 'failed'; readonly label: MuxFailure };

export type MuxOpenError = 'failed' | 'going-away' | 'too-many-streams' | 'ids-exhausted' | 'duplicate-name';
