import { type Endpoint, type Entropy, type Millis, requireArgument } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { BusSessionOptions } from '../bus/index.js';
import type { CryptoProvider, X25519KeyPair } from '../crypto/index.js';
import type { DiscoveryOptions } from '../discovery/index.js';
import type { Rate } from '../discovery/token-bucket.js';
import type { GatewayClientOptions, GatewayRule, GatewayServerOptions, GatewayServices } from '../gateway/index.js';
import { TrustStore } from '../trust/index.js';
import type { Backoff } from './dial-plan.js';

export interface BusNodeOptions {
  readonly crypto: CryptoProvider;
  /** Keys, nonces and jitter come from here: the system's in production. */
  readonly entropy: Entropy;
  /** Where we are: the address of our datagrams, and where sessions come in. Port default 34567. */
  readonly address: Endpoint['address'];
  readonly port?: number;
  /** 1..=64 octets of UTF-8. */
  readonly deviceId: string;
  readonly localStatic: X25519KeyPair;
  readonly keyId?: number;
  /** Names of services that are announced. Default none. */
  readonly services?: readonly string[];
  /** Keys that are trusted. Default an empty store. */
  readonly trust?: TrustStore;
  /**
   * A key that was announced for a device, from the address at hand or another, is enough. Anybody on the segment can announce: without
   * trust of another kind this keeps out nobody who was there first. Default false.
   */
  readonly trustAnnounced?: boolean;
  /** Unknown devices may pair, with six digits that two users compare. Default false. */
  readonly pairing?: boolean;
  /** Whom we dial: every device that could be trusted, none, or those. Default `all`. */
  readonly dial?: 'all' | 'none' | readonly string[];
  /** What peers may ask. Default nothing. */
  readonly rules?: readonly GatewayRule[];
  readonly gatewayServices?: GatewayServices;
  readonly gateway?: Omit<GatewayServerOptions, 'deviceId' | 'rules' | 'services'>;
  readonly client?: GatewayClientOptions;
  readonly session?: Omit<BusSessionOptions, 'crypto' | 'entropy' | 'remote' | 'localStatic' | 'deviceId' | 'keyId' | 'judge'>;
  readonly discovery?: Omit<DiscoveryOptions, 'self' | 'address' | 'entropy'>;
  /** Sessions at most. Default 8. */
  readonly sessionCountMax?: number;
  /** Connections that came in and have no session yet. Default 16, 4 of one address. */
  readonly handshakeCountMax?: number;
  readonly handshakesPerAddressMax?: number;
  /** Connections that come in from one address: default 1 a second, 8 at once. */
  readonly acceptRate?: Rate;
  /** Default 1 s, doubling to 60 s. */
  readonly backoff?: Backoff;
  /** Dials of all devices. Default 4 a second, 4 at once. */
  readonly dialRate?: Rate;
  /** A connection that does not come about. Default 10 s. */
  readonly dialTimeoutMs?: Millis;
  /** A session that stood for so long was a success: waits begin anew after it. Default 10 s. */
  readonly settledMs?: Millis;
}

export type ResolvedBusNode = Required<BusNodeOptions>;

/** Every option with its default. Throws `UsageError` for one out of its range. */
export function busNodeOptions(options: BusNodeOptions): ResolvedBusNode {
  const all: ResolvedBusNode = {
    port: ADDRESS_PLAN.ports.dsoftbusSessionA,
    keyId: 0,
    services: [],
    trust: new TrustStore(),
    trustAnnounced: false,
    pairing: false,
    dial: 'all',
    rules: [],
    gatewayServices: { perform: () => ({ status: 'unavailable' }) },
    gateway: {},
    client: {},
    session: {},
    discovery: {},
    sessionCountMax: 8,
    handshakeCountMax: 16,
    handshakesPerAddressMax: 4,
    acceptRate: { perSecond: 1, burst: 8 },
    backoff: { firstMs: 1_000, maxMs: 60_000 },
    dialRate: { perSecond: 4, burst: 4 },
    dialTimeoutMs: 10_000,
    settledMs: 10_000,
    ...options,
  };
  for (const name of ['sessionCountMax', 'handshakeCountMax', 'handshakesPerAddressMax'] as const)
    requireArgument(Number.isInteger(all[name]) && all[name] >= 1, `${name} is a whole number from 1`);
  const { firstMs, maxMs } = all.backoff;
  requireArgument(Number.isInteger(firstMs) && firstMs >= 1 && Number.isInteger(maxMs) && maxMs >= firstMs, 'backoff rises');
  requireArgument(all.dialTimeoutMs > 0 && all.settledMs >= 0, 'dialTimeoutMs is above 0');
  requireArgument(Number.isInteger(all.port) && all.port >= 1 && all.port <= 0xffff, 'port is 1..65535');
  return all;
}
