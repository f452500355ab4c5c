import { type Entropy, type Millis, requireArgument } from '@nexus-net/sansio';
import type { CryptoProvider, X25519KeyPair } from '../crypto/index.js';
import { areMuxLimits, DEFAULT_MUX_LIMITS, type MuxLimits, type MuxOptions } from '../mux/bus/mux-options.js';
import type { TrustVerdict } from '../trust/index.js';
import type { BusPeer } from './session-event.js';

/**
 * What a node thinks of a peer whose key is proven: go on, let the users compare six digits, or refuse. There is no default: without a
 * mapping from device id to key the answer is `unknown-device`.
 */
export type BusJudgement = 'trusted' | 'pairing' | Exclude<TrustVerdict, 'trusted'>;

export interface BusSessionOptions {
  readonly crypto: CryptoProvider;
  readonly entropy: Entropy;
  /** The side that dialled is the initiator; it says whom. */
  readonly remote?: { readonly deviceId: string; readonly key: Uint8Array };
  readonly localStatic: X25519KeyPair;
  readonly deviceId: string;
  /** Of `localStatic`. Default 0. */
  readonly keyId?: number;
  readonly judge: (now: Millis, peer: BusPeer) => BusJudgement;
  /** What the peer may do. Default 128 streams and windows of 65536 octets. */
  readonly limits?: MuxLimits;
  readonly mux?: Omit<MuxOptions, 'role' | 'entropy' | 'peer' | 'own' | 'headroomOctets'>;
  /** From the connection to the peer's ACCEPT or PAIRING, absolute. Default 5 s. */
  readonly handshakeTimeoutMs?: Millis;
  /** For the users. Default 60 s. */
  readonly pairingTimeoutMs?: Millis;
  /** For running streams after `close`. Default 5 s. */
  readonly drainTimeoutMs?: Millis;
  /** A direction's key is changed after so many records … Default 2^20. */
  readonly rekeyRecords?: number;
  /** … or so many octets of plaintext … Default 2^30. */
  readonly rekeyOctets?: number;
  /** … or so long. Default an hour. */
  readonly rekeyMs?: Millis;
  /** Records sent at most, then a GOODBYE `exhausted`. Default 2^48. */
  readonly recordCountMax?: number;
}

export type ResolvedBusSession = Required<Omit<BusSessionOptions, 'remote'>> & Pick<BusSessionOptions, 'remote'>;

/** Every option with its default. Throws `UsageError` for one out of its range. */
export function busSessionOptions(options: BusSessionOptions): ResolvedBusSession {
  const all: ResolvedBusSession = {
    keyId: 0,
    limits: DEFAULT_MUX_LIMITS,
    mux: {},
    handshakeTimeoutMs: 5_000,
    pairingTimeoutMs: 60_000,
    drainTimeoutMs: 5_000,
    rekeyRecords: 2 ** 20,
    rekeyOctets: 2 ** 30,
    rekeyMs: 3_600_000,
    recordCountMax: 2 ** 48,
    ...options,
  };
  requireArgument(areMuxLimits(all.limits), 'limits are 1..=65535 streams and windows of 1024..=16777216 octets');
  requireArgument(
    Number.isInteger(all.keyId) && all.keyId >= 0 && all.keyId <= 0xffff_ffff,
    'keyId is an unsigned 32-bit number',
  );
  for (const name of ['handshakeTimeoutMs', 'pairingTimeoutMs', 'drainTimeoutMs', 'rekeyMs'] as const)
    requireArgument(all[name] > 0, `${name} is above 0`);
  for (const name of ['rekeyRecords', 'rekeyOctets', 'recordCountMax'] as const)
    requireArgument(Number.isSafeInteger(all[name]) && all[name] >= 2, `${name} is a whole number from 2`);
  requireArgument(all.recordCountMax <= 2 ** 48, 'recordCountMax is at most 2^48');
  return all;
}
