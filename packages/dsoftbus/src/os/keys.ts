import { requireArgument } from '@nexus-net/sansio';
import type { CryptoProvider, X25519KeyPair } from '../crypto/index.js';
import { type PubliclyKnownRole, publiclyKnownTestSecret } from './test-keys.js';

/** Whose keys a session uses. */
export type OsKeyOptions =
  | {
      readonly type: 'own';
      /** 32 octets. */
      readonly staticSecret: Uint8Array;
      /** The one public key that the peer may have, 32 octets. */
      readonly peerStatic: Uint8Array;
    }
  /** The keys that every OS node has, and every reader of its source: no secret is kept from anybody. To talk to the OS as it is today. */
  | {
      readonly type: 'publicly-known-test-keys';
      /**
       * `publicly-known`: even the ephemeral is a constant, as on the OS, so that each session has the same keys and the same octets.
       * For comparing octets. Default `random`.
       */
      readonly ephemeral?: 'random' | 'publicly-known';
    };

export interface OsKeys {
  readonly staticKey: X25519KeyPair;
  readonly peerStatic: Uint8Array;
  /** The secret of the ephemeral where it is a constant. */
  readonly fixedEphemeral: Uint8Array | undefined;
}

/** The keys of one end; `own` and `peer` say which of the publicly known ones it would have. */
export function resolveOsKeys(
  provider: CryptoProvider,
  options: OsKeyOptions,
  { own, peer }: { readonly own: PubliclyKnownRole; readonly peer: PubliclyKnownRole },
): OsKeys {
  if (options.type === 'own') {
    requireArgument(options.staticSecret.length === 32 && options.peerStatic.length === 32, 'keys are 32 octets');
    return {
      staticKey: provider.x25519KeyPair(options.staticSecret),
      peerStatic: Uint8Array.from(options.peerStatic),
      fixedEphemeral: undefined,
    };
  }
  return {
    staticKey: provider.x25519KeyPair(publiclyKnownTestSecret(own.staticKey)),
    peerStatic: Uint8Array.from(provider.x25519KeyPair(publiclyKnownTestSecret(peer.staticKey)).publicKey),
    fixedEphemeral: options.ephemeral === 'publicly-known' ? publiclyKnownTestSecret(own.ephemeral) : undefined,
  };
}
