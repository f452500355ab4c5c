import type { Result } from '@nexus-net/sansio';

/** Hash functions by their Noise names. BLAKE2s is the one that the dialects of DSoftBus use. */
export type HashName = 'BLAKE2s' | 'BLAKE2b' | 'SHA256' | 'SHA512';

/** Ciphers by their Noise names. ChaChaPoly is the one that the dialects of DSoftBus use. */
export type CipherName = 'ChaChaPoly' | 'AESGCM';

/** Octets of a secret, of a public key and of a shared secret of X25519. */
export const X25519_LENGTH = 32;
/** Octets of an AEAD key. */
export const AEAD_KEY_LENGTH = 32;
/** Octets of an AEAD nonce. */
export const AEAD_NONCE_LENGTH = 12;
/** Octets that sealing adds. */
export const AEAD_TAG_LENGTH = 16;
/** Octets of a seed and of a public key of Ed25519. */
export const ED25519_KEY_LENGTH = 32;
/** Octets of a signature of Ed25519. */
export const ED25519_SIGNATURE_LENGTH = 64;

/**
 * The cryptography that a session needs, and nothing more: raw octets in and out, no randomness, no state beyond a key.
 * What depends on a peer's octets comes back as a value; a wrong length from the local caller throws `UsageError`.
 *
 * Keys are objects, because importing one costs as much as a third of using it: import once, keep the object. No secret
 * is readable from such an object, printed or serialised.
 */
export interface CryptoProvider {
  /** A key pair from a secret of 32 octets, clamped on use (RFC 7748 §5). */
  x25519KeyPair(secret: Uint8Array): X25519KeyPair;
  /** A public key of 32 octets as a peer sent it. Nothing is checked here: a point of low order is refused by `agree`. */
  x25519PublicKey(bytes: Uint8Array): X25519PublicKey;
  /** An AEAD key of 32 octets. */
  aead(cipher: CipherName, key: Uint8Array): AeadKey;
  hash(name: HashName): HashFunction;
  /** A signing key from a seed of 32 octets (RFC 8032 §5.1.5). */
  ed25519KeyPair(seed: Uint8Array): Ed25519KeyPair;
  /** Whether the signature is right. False for keys that are no point, and for any wrong length. */
  ed25519Verify(signed: Ed25519Signed): boolean;
}

export interface X25519KeyPair {
  /** 32 octets. Not to be written to. */
  readonly publicKey: Uint8Array;
  /**
   * The shared secret, 32 octets. An all-zero one is refused (RFC 7748 §6.1, Noise §12.1): it means that the peer's point
   * has low order and the "secret" is known to everybody.
   */
  agree(peer: X25519PublicKey): Result<Uint8Array, 'low-order-point'>;
}

export interface X25519PublicKey {
  /** 32 octets, a copy of what was imported. Not to be written to. */
  readonly bytes: Uint8Array;
}

/** One key of an AEAD with a nonce of 96 bits and a tag of 128 (RFC 8439 §2.8; NIST SP 800-38D). */
export interface AeadKey {
  /**
   * Ciphertext, then tag. The result begins with `headroom` octets of zero, for a caller that puts a header in front
   * without copying again.
   */
  seal(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array, headroom?: number): Uint8Array;
  /** The same in two arrays, for long messages on a byte stream: putting them together costs a third of sealing 16 KiB. */
  sealToParts(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): readonly [ciphertext: Uint8Array, tag: Uint8Array];
  /** The plaintext; `bad-tag` also for what is shorter than a tag. Nothing of the plaintext is seen where the tag is wrong. */
  open(nonce: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'bad-tag'>;
}

export interface HashFunction {
  readonly name: HashName;
  /** HASHLEN: octets of a digest. */
  readonly length: number;
  /** BLOCKLEN: octets of a block, for HMAC. */
  readonly blockLength: number;
  /** The digest of the parts one after the other. */
  digest(...parts: readonly Uint8Array[]): Uint8Array;
  /** HMAC (RFC 2104). */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HKDF as Noise §4.3 defines it: two or three outputs of HASHLEN octets. */
  hkdf(chainingKey: Uint8Array, ikm: Uint8Array, outputs: 2 | 3): readonly Uint8Array[];
}

export interface Ed25519KeyPair {
  /** 32 octets. Not to be written to. */
  readonly publicKey: Uint8Array;
  /** 64 octets. */
  sign(message: Uint8Array): Uint8Array;
}

export interface Ed25519Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}
