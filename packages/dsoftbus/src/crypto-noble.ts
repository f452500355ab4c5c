import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { blake2b, blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import {
  AEAD_KEY_LENGTH,
  AEAD_NONCE_LENGTH,
  AEAD_TAG_LENGTH,
  type AeadKey,
  type CipherName,
  type CryptoProvider,
  ED25519_KEY_LENGTH,
  ED25519_SIGNATURE_LENGTH,
  type Ed25519KeyPair,
  type Ed25519Signed,
  type HashFunction,
  type HashName,
  X25519_LENGTH,
  type X25519KeyPair,
  type X25519PublicKey,
} from './crypto/provider.js';

/** The same cryptography in TypeScript alone (`@noble/*`): for wherever there is no `node:crypto`. Twenty times slower. */
export const nobleCrypto: CryptoProvider = {
  x25519KeyPair(secret) {
    requireArgument(secret.length === X25519_LENGTH, 'an X25519 secret has 32 octets');
    return new NobleX25519KeyPair(secret.slice());
  },
  x25519PublicKey(bytes) {
    requireArgument(bytes.length === X25519_LENGTH, 'an X25519 public key has 32 octets');
    return { bytes: bytes.slice() };
  },
  aead(cipher, key) {
    requireArgument(key.length === AEAD_KEY_LENGTH, 'an AEAD key has 32 octets');
    return new NobleAeadKey(cipher, key.slice());
  },
  hash: (name) => HASHES[name],
  ed25519KeyPair(seed) {
    requireArgument(seed.length === ED25519_KEY_LENGTH, 'an Ed25519 seed has 32 octets');
    return new NobleEd25519KeyPair(seed.slice());
  },
  ed25519Verify({ publicKey, message, signature }: Ed25519Signed) {
    if (publicKey.length !== ED25519_KEY_LENGTH || signature.length !== ED25519_SIGNATURE_LENGTH) return false;
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: false }); // RFC 8032, as OpenSSL does it
    } catch {
      return false; // octets that are no point
    }
  },
};

class NobleX25519KeyPair implements X25519KeyPair {
  readonly publicKey: Uint8Array;
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
    this.publicKey = x25519.getPublicKey(secret);
  }

  agree(peer: X25519PublicKey): Result<Uint8Array, 'low-order-point'> {
    try {
      return ok(x25519.getSharedSecret(this.#secret, peer.bytes));
    } catch {
      return err('low-order-point');
    }
  }
}

class NobleAeadKey implements AeadKey {
  readonly #cipher: typeof chacha20poly1305 | typeof gcm;
  readonly #key: Uint8Array;

  constructor(cipher: CipherName, key: Uint8Array) {
    this.#cipher = cipher === 'AESGCM' ? gcm : chacha20poly1305;
    this.#key = key;
  }

  seal(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array, headroom = 0): Uint8Array {
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    const sealed = this.#cipher(this.#key, nonce, ad).encrypt(plaintext);
    if (headroom === 0) return sealed;
    const whole = new Uint8Array(headroom + sealed.length);
    whole.set(sealed, headroom);
    return whole;
  }

  sealToParts(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): readonly [ciphertext: Uint8Array, tag: Uint8Array] {
    const sealed = this.seal(nonce, ad, plaintext);
    return [sealed.subarray(0, plaintext.length), sealed.subarray(plaintext.length)];
  }

  open(nonce: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'bad-tag'> {
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    if (sealed.length < AEAD_TAG_LENGTH) return err('bad-tag');
    try {
      return ok(this.#cipher(this.#key, nonce, ad).decrypt(sealed));
    } catch {
      return err('bad-tag');
    }
  }
}

type NobleHashFunction = typeof blake2s | typeof blake2b | typeof sha256 | typeof sha512;

class NobleHash implements HashFunction {
  readonly name: HashName;
  readonly length: number;
  readonly blockLength: number;
  readonly #hash: NobleHashFunction;

  constructor(name: HashName, hash: NobleHashFunction) {
    this.name = name;
    this.#hash = hash;
    this.length = hash.outputLen;
    this.blockLength = hash.blockLen;
  }

  digest(...parts: readonly Uint8Array[]): Uint8Array {
    const hash = this.#hash.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  }

  hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
    return hmac(this.#hash as typeof sha256, key, data);
  }

  hkdf(chainingKey: Uint8Array, ikm: Uint8Array, outputs: 2 | 3): readonly Uint8Array[] {
    const temporary = this.hmac(chainingKey, ikm);
    const all: Uint8Array[] = [];
    for (let i = 1; i <= outputs; i++) {
      const mac = hmac.create(this.#hash as typeof sha256, temporary);
      const before = all.at(-1);
      if (before !== undefined) mac.update(before);
      all.push(mac.update(Uint8Array.of(i)).digest());
    }
    return all;
  }
}

const HASHES: Readonly<Record<HashName, HashFunction>> = {
  BLAKE2s: new NobleHash('BLAKE2s', blake2s),
  BLAKE2b: new NobleHash('BLAKE2b', blake2b),
  SHA256: new NobleHash('SHA256', sha256),
  SHA512: new NobleHash('SHA512', sha512),
};

class NobleEd25519KeyPair implements Ed25519KeyPair {
  readonly publicKey: Uint8Array;
  readonly #seed: Uint8Array;

  constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.publicKey = ed25519.getPublicKey(seed);
  }

  sign(message: Uint8Array): Uint8Array {
    return ed25519.sign(message, this.#seed);
  }
}
