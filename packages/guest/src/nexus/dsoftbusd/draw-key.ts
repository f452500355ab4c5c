import type { CryptoProvider, X25519KeyPair } from '@nexus-net/dsoftbus';
import type { Entropy } from '@nexus-net/sansio';

/** A key pair that nobody had before. */
export function drawKey(crypto: CryptoProvider, entropy: Entropy): X25519KeyPair {
  return crypto.x25519KeyPair(drawSecret(entropy));
}

/** 32 octets. */
export function drawSecret(entropy: Entropy): Uint8Array {
  const secret = new Uint8Array(32);
  entropy.fill(secret);
  return secret;
}
