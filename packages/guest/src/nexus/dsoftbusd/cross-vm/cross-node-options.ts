import type { CryptoProvider, OsServices, X25519KeyPair } from '@nexus-net/dsoftbus';
import type { Entropy, Ipv4Address } from '@nexus-net/sansio';
import type { CrossVmNodeName } from '../../nexus-config.js';

export interface CrossNodeOptions {
  readonly self: CrossVmNodeName;
  readonly address: Ipv4Address;
  readonly identity: X25519KeyPair;
  /** The secret of `identity`. */
  readonly secret: Uint8Array;
  /** What we believe the peer's public key to be. */
  readonly peerKey: Uint8Array;
  readonly peerAddress: Ipv4Address;
  /** What node-b serves. */
  readonly services: OsServices;
  readonly crypto: CryptoProvider;
  readonly entropy: Entropy;
}

export function peerOf(self: CrossVmNodeName): CrossVmNodeName {
  return self === 'node-a' ? 'node-b' : 'node-a';
}
