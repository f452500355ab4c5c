import type { Endpoint, Millis } from '@nexus-net/sansio';
import type { DiscoveryEvent } from '../../discovery/discovery.js';
import type { StreamId } from '../../node/node-io.js';
import type { OsMuxCheck } from '../session/mux-ladder.js';
import type { OsSessionEvent } from '../session/session-event.js';
import type { OsNodeState } from './fsm.js';

export type OsNodeEvent =
  /** Of discovery; `rejected` with `key-mismatch` is what the OS calls an identity mismatch. */
  | DiscoveryEvent
  /** Of a session, with its connection. */
  | (OsSessionEvent & { readonly stream: StreamId })
  | {
      readonly type: 'state';
      readonly at: Millis;
      readonly from: OsNodeState;
      readonly to: OsNodeState;
      /** Grows by one with each reconnect. */
      readonly epoch: number;
    }
  /** node-a dials. `by`: what told the address. */
  | {
      readonly type: 'dial';
      readonly at: Millis;
      readonly stream: StreamId;
      readonly target: Endpoint;
      readonly by: 'discovery' | 'fallback';
      /** From 1, since the last session. */
      readonly attempt: number;
    }
  /** A connection of node-a did not come about. */
  | { readonly type: 'dial-failed'; readonly at: Millis; readonly stream: StreamId; readonly cause: string }
  /** What the scheduler and the credits of the mux did without any peer, once after each ladder. */
  | { readonly type: 'mux-check'; readonly at: Millis; readonly check: OsMuxCheck }
  /** The answer to a local request (DS). */
  | { readonly type: 'local-answer'; readonly at: Millis; readonly request: number; readonly frame: Uint8Array };

/** Why something that came in was ignored or refused. */
export type OsNodeReject =
  /** Of a connection that isn't ours, or is no more. */
  | 'unknown-stream'
  /** node-b: too many connections whose peer has not proved itself. */
  | 'too-many-pending'
  /** And too many of them from one address. */
  | 'too-many-from-source'
  /** node-a accepts none. */
  | 'not-accepting';
