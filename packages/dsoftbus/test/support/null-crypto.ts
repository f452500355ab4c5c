import { bytesEqual, err, ok } from '@nexus-net/sansio';
import type { AeadKey, CryptoProvider, HashFunction, HashName, X25519KeyPair } from '../../src/index.js';

/**
 * Cryptography without any security: what is sealed is the plaintext with 16 octets of 0xee behind it, a shared secret is the
 * same for everybody, a digest is short work, and any signature that begins with the key is right. It lets a fuzzer write its way through a
 * handshake. It lives among the tests, so that nothing else can import it.
 */
export const nullCrypto: CryptoProvider = {
  x25519KeyPair: (secret): X25519KeyPair => {
    const publicKey = secret.slice();
    publicKey[31] = (publicKey[31] as number) | 1; // never all zero
    return {
      publicKey,
      agree: ({ bytes }) => (bytes.every((octet) => octet === 0) ? err('low-order-point') : ok(new Uint8Array(32).fill(1))),
    };
  },
  x25519PublicKey: (bytes) => ({ bytes: bytes.slice() }),
  aead: () => NULL_AEAD,
  hash: (name) => HASHES[name],
  ed25519KeyPair: (seed) => ({ publicKey: seed.slice(), sign: () => signatureOf(seed) }),
  ed25519Verify: ({ publicKey, signature }) => bytesEqual(signature, signatureOf(publicKey)),
};

/** What the null provider takes for a tag. */
export const NULL_TAG: Uint8Array = new Uint8Array(16).fill(0xee);

const NULL_AEAD: AeadKey = {
  seal(_nonce, _ad, plaintext, headroom = 0) {
    const sealed = new Uint8Array(headroom + plaintext.length + 16);
    sealed.set(plaintext, headroom);
    sealed.set(NULL_TAG, headroom + plaintext.length);
    return sealed;
  },
  sealToParts: (_nonce, _ad, plaintext) => [plaintext.slice(), NULL_TAG.slice()],
  open(_nonce, _ad, sealed) {
    const length = sealed.length - 16;
    return length >= 0 && bytesEqual(sealed.subarray(length), NULL_TAG) ? ok(sealed.slice(0, length)) : err('bad-tag');
  },
};

function signatureOf(publicKey: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64);
  signature.set(publicKey);
  return signature;
}

class NullHash implements HashFunction {
  readonly name: HashName;
  readonly length: number;
  readonly blockLength: number;

  constructor(name: HashName, length: number) {
    this.name = name;
    this.length = length;
    this.blockLength = 2 * length;
  }

  digest(...parts: readonly Uint8Array[]): Uint8Array {
    const digest = new Uint8Array(this.length);
    let i = 0;
    for (const part of parts)
      for (const octet of part) digest[i % this.length] = (digest[i++ % this.length] as number) * 3 + octet;
    return digest;
  }

  hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
    return this.digest(key, data);
  }

  hkdf(chainingKey: Uint8Array, ikm: Uint8Array, outputs: 2 | 3): readonly Uint8Array[] {
    return Array.from({ length: outputs }, (_, i) => this.digest(chainingKey, ikm, Uint8Array.of(i)));
  }
}

const HASHES: Readonly<Record<HashName, HashFunction>> = {
  BLAKE2s: new NullHash('BLAKE2s', 32),
  BLAKE2b: new NullHash('BLAKE2b', 64),
  SHA256: new NullHash('SHA256', 32),
  SHA512: new NullHash('SHA512', 64),
};
