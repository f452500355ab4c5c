import type { Millis } from '@nexus-net/sansio';
import type { OsAudit } from '../gateway/gateway.js';
import type { OsHandshakeReject } from './handshake.js';
import type { OsLadderReject } from './mux-ladder.js';

/** Why a session is over. The dialect has no goodbye: an end between two records may be a cut as well. */
export type OsSessionEnd =
  | OsHandshakeReject
  /** The handshake, or the ladder, took too long. */
  | 'handshake-timeout'
  | 'ladder-timeout'
  /** A step of the ladder was refused; `detail` says why. */
  | 'ladder-refused'
  /** A record is changed, replayed or out of order. */
  | 'record-bad-tag'
  /** 2^64 - 1 records were made with one key. */
  | 'nonce-exhausted'
  /** The response says more octets than it carries. */
  | 'response-oversized'
  /** No response came in time. The next one could be of this request, so that nothing more can be asked (flaw F3). */
  | 'response-timeout'
  /** Octets came where none were asked for. */
  | 'unsolicited'
  /** The peer asks and doesn't take the answers. */
  | 'overflow'
  /** The peer ended in the middle of a message or record, or before the ladder was through. */
  | 'truncated'
  /** The peer ended between two records. */
  | 'ended'
  /** The connection is gone. */
  | 'connection-lost'
  /** All that was to be done is done. */
  | 'finished'
  /** We closed it. */
  | 'closed';

export type OsRequestFailure = OsSessionEnd;

export type OsSessionEvent =
  /**
   * All three messages are through. The initiator can't know yet whether the responder took the third: `proven` says so, and
   * `session-up` follows when it is.
   */
  | { readonly type: 'handshake-done'; readonly at: Millis; readonly proven: boolean }
  /** The peer has proved its key: the responder knows by the third message, the initiator by the first record. */
  | { readonly type: 'session-up'; readonly at: Millis; readonly peerId: string }
  /** Both streams of the mux are open: the initiator has the acks, the responder has sent them. */
  | { readonly type: 'mux-up'; readonly at: Millis }
  /** Lengths of data went both ways: the initiator has the echo, the responder has sent it. */
  | { readonly type: 'mux-data'; readonly at: Millis }
  /** The ladder is through: requests may be made. */
  | { readonly type: 'ready'; readonly at: Millis }
  /** A request of the peer was answered: one for each of them. */
  | { readonly type: 'served'; readonly at: Millis; readonly audit: OsAudit }
  /** A request of ours has its response. */
  | {
      readonly type: 'response';
      readonly at: Millis;
      readonly request: number;
      readonly status: number;
      readonly payload: Uint8Array;
    }
  /** A request of ours gets none. */
  | { readonly type: 'request-failed'; readonly at: Millis; readonly request: number; readonly cause: OsRequestFailure }
  | {
      readonly type: 'closed';
      readonly at: Millis;
      readonly cause: OsSessionEnd;
      readonly detail?: OsLadderReject;
      /** What it was doing. */
      readonly phase: 'handshake' | 'ladder' | 'ready';
    };
