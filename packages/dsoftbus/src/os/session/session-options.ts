import { type Entropy, requireArgument } from '@nexus-net/sansio';
import type { CryptoProvider } from '../../crypto/index.js';
import type { OsServices } from '../gateway/services.js';
import type { OsKeys } from '../keys.js';

export interface OsSessionOptions {
  readonly role: 'initiator' | 'responder';
  readonly provider: CryptoProvider;
  /** For the ephemeral key. */
  readonly entropy: Entropy;
  readonly keys: OsKeys;
  /** Device id that goes with the peer's key: what the services are told. */
  readonly peerId: string;
  /** What the peer may ask for. Only the responder has a gateway. */
  readonly services?: OsServices;
  /** `handshake`: the session is over when the handshake is, as in the dual-node step of the OS. Default `ladder`: the whole of it. */
  readonly until?: 'handshake' | 'ladder';
  /** The handshake may take so long, from the start of the session. Default 5 000 ms. */
  readonly handshakeMs?: number;
  /** And the mux ladder so long after it. Default 5 000 ms. */
  readonly ladderMs?: number;
  /** A response may take so long. Default 3 000 ms. */
  readonly responseMs?: number;
  /** Requests that wait for their turn. Default 32. */
  readonly requestCountMax?: number;
  /** Records that wait for `pollTransmit`: more, and the session ends. Default 64. */
  readonly transmitCountMax?: number;
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 1 024. */
  readonly eventCountMax?: number;
}

export type ResolvedOsSession = Required<OsSessionOptions>;

export function resolveOsSession(options: OsSessionOptions): ResolvedOsSession {
  const { handshakeMs = 5_000, ladderMs = 5_000, responseMs = 3_000 } = options;
  const { requestCountMax = 32, transmitCountMax = 64, eventCountMax = 1_024 } = options;
  for (const [name, ms] of Object.entries({ handshakeMs, ladderMs, responseMs }))
    requireArgument(ms > 0, `${name} is more than 0`);
  for (const [name, limit] of Object.entries({ requestCountMax, transmitCountMax, eventCountMax }))
    requireArgument(Number.isSafeInteger(limit) && limit >= 1, `${name} is a whole number of at least 1`);
  return {
    ...options,
    services: options.services ?? {},
    until: options.until ?? 'ladder',
    handshakeMs,
    ladderMs,
    responseMs,
    requestCountMax,
    transmitCountMax,
    eventCountMax,
  };
}
