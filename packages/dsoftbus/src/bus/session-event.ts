import type { MuxEvent, MuxFailure } from '../mux/bus/mux-event.js';
import type { NoiseError } from '../noise/index.js';
import type { TrustVerdict } from '../trust/index.js';
import type { HandshakeHeaderReject } from './wire.js';

/** Why a session failed. One label for each. */
export type BusFailure =
  | HandshakeHeaderReject
  | NoiseError
  | MuxFailure
  | Exclude<TrustVerdict, 'trusted'>
  /** The payload of message 2 or 3 is no identity, or message 1 has one. */
  | 'bad-identity'
  /** Message 2 was not made by the device that was dialled. */
  | 'responder-identity'
  | 'handshake-timeout'
  | 'pairing-timeout'
  | 'pairing-refused'
  | 'bad-record-length'
  | 'decrypt-failed'
  | 'unknown-record'
  | 'bad-record'
  | 'bad-correlation'
  | 'rekey-flood'
  /** Octets of the application before both sides have accepted, or anything behind a GOODBYE. */
  | 'unexpected-record'
  /** The transport is gone without a GOODBYE. */
  | 'truncated';

/** How a session ended. */
export type BusEnd =
  /** A GOODBYE was said, by the peer first or by us. */
  | { readonly type: 'goodbye'; readonly by: 'us' | 'peer'; readonly code: number; readonly detail: string }
  | { readonly type: 'failed'; readonly label: BusFailure };

export interface BusPeer {
  readonly deviceId: string;
  /** X25519, 32 octets, proven by the handshake. */
  readonly key: Uint8Array;
  readonly keyId: number;
}

export type BusSessionEvent =
  /** Both users compare the six digits; the one of a side with `needsConfirmation` says so by `confirmPairing`. */
  | { readonly type: 'pairing'; readonly pin: string; readonly peer: BusPeer; readonly needsConfirmation: boolean }
  /** Both identities are bound and both sides have accepted: streams can be opened. */
  | { readonly type: 'open'; readonly peer: BusPeer }
  | { readonly type: 'stream'; readonly event: Exclude<MuxEvent, { readonly type: 'failed' }> }
  | { readonly type: 'rekeyed'; readonly direction: 'send' | 'receive' }
  /** Last of all. */
  | { readonly type: 'closed'; readonly end: BusEnd };

/** What a session wants of its transport. */
export type BusTransmit =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  /** Nothing follows: end our side. */
  | { readonly type: 'end' }
  /** Throw the connection away. */
  | { readonly type: 'reset' };
