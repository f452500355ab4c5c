import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { base64UrlOfKey, keyOfBase64Url } from './crypto/base64url.js';
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

/**
 * The cryptography of OpenSSL through `node:crypto`: what an application on Node wants.
 *
 * Keys come in as JWK: DER goes through OpenSSL's decoders and takes three to fourteen times as long. A generated
 * `KeyObject` is never exported: in Node 20 that waits for ever when the collector runs in between.
 */
export const nodeCrypto: CryptoProvider = {
  x25519KeyPair(secret) {
    requireArgument(secret.length === X25519_LENGTH, 'an X25519 secret has 32 octets');
    return new NodeX25519KeyPair(privateKey('X25519', secret));
  },
  x25519PublicKey(bytes) {
    requireArgument(bytes.length === X25519_LENGTH, 'an X25519 public key has 32 octets');
    return new NodeX25519PublicKey(bytes.slice());
  },
  aead(cipher, key) {
    requireArgument(key.length === AEAD_KEY_LENGTH, 'an AEAD key has 32 octets');
    return new NodeAeadKey(cipher, key.slice());
  },
  hash: (name) => HASHES[name],
  ed25519KeyPair(seed) {
    requireArgument(seed.length === ED25519_KEY_LENGTH, 'an Ed25519 seed has 32 octets');
    return new NodeEd25519KeyPair(privateKey('Ed25519', seed));
  },
  ed25519Verify({ publicKey: bytes, message, signature }: Ed25519Signed) {
    if (bytes.length !== ED25519_KEY_LENGTH || signature.length !== ED25519_SIGNATURE_LENGTH) return false;
    try {
      return verify(null, message, publicKey('Ed25519', bytes), signature);
    } catch {
      return false; // octets that are no point
    }
  },
};

class NodeX25519KeyPair implements X25519KeyPair {
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = publicOctets(key);
  }

  agree(peer: X25519PublicKey): Result<Uint8Array, 'low-order-point'> {
    requireArgument(peer instanceof NodeX25519PublicKey, 'the public key was made by the same provider');
    try {
      return ok(octets(diffieHellman({ privateKey: this.#key, publicKey: peer.key })));
    } catch {
      return err('low-order-point'); // ERR_OSSL_FAILED_DURING_DERIVATION: nothing else fails with keys of the right kind
    }
  }
}

class NodeX25519PublicKey implements X25519PublicKey {
  readonly bytes: Uint8Array;
  #key: KeyObject | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Imported when it is first used: a message may be refused before. */
  get key(): KeyObject {
    this.#key ??= publicKey('X25519', this.bytes);
    return this.#key;
  }
}

const AEADS: Readonly<Record<CipherName, 'chacha20-poly1305' | 'aes-256-gcm'>> = {
  ChaChaPoly: 'chacha20-poly1305',
  AESGCM: 'aes-256-gcm',
};
const TAG_OPTIONS = { authTagLength: AEAD_TAG_LENGTH };

class NodeAeadKey implements AeadKey {
  readonly #algorithm: CipherGCMTypes;
  readonly #key: Uint8Array;

  constructor(cipher: CipherName, key: Uint8Array) {
    this.#algorithm = AEADS[cipher] as CipherGCMTypes; // the types of Node name the two apart, and ask the same of both
    this.#key = key;
  }

  seal(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array, headroom = 0): Uint8Array {
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    const cipher = createCipheriv(this.#algorithm, this.#key, nonce, TAG_OPTIONS);
    if (ad.length > 0) cipher.setAAD(ad);
    const sealed = new Uint8Array(headroom + plaintext.length + AEAD_TAG_LENGTH);
    if (plaintext.length > 0) sealed.set(cipher.update(plaintext), headroom);
    cipher.final();
    sealed.set(cipher.getAuthTag(), headroom + plaintext.length);
    return sealed;
  }

  open(nonce: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'bad-tag'> {
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    const length = sealed.length - AEAD_TAG_LENGTH;
    if (length < 0) return err('bad-tag');
    const decipher = createDecipheriv(this.#algorithm, this.#key, nonce, TAG_OPTIONS);
    if (ad.length > 0) decipher.setAAD(ad);
    decipher.setAuthTag(sealed.subarray(length));
    const plaintext = length === 0 ? EMPTY : octets(decipher.update(sealed.subarray(0, length)));
    try {
      decipher.final();
    } catch {
      return err('bad-tag'); // the plaintext is dropped unseen
    }
    return ok(plaintext);
  }
}

class NodeHash implements HashFunction {
  readonly name: HashName;
  readonly length: number;
  readonly blockLength: number;
  readonly #algorithm: string;

  constructor(name: HashName, { algorithm, length, blockLength }: { algorithm: string; length: number; blockLength: number }) {
    this.name = name;
    this.#algorithm = algorithm;
    this.length = length;
    this.blockLength = blockLength;
  }

  digest(...parts: readonly Uint8Array[]): Uint8Array {
    const hash = createHash(this.#algorithm);
    for (const part of parts) hash.update(part);
    return octets(hash.digest());
  }

  hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
    return octets(createHmac(this.#algorithm, key).update(data).digest());
  }

  hkdf(chainingKey: Uint8Array, ikm: Uint8Array, outputs: 2 | 3): readonly Uint8Array[] {
    const temporary = createHmac(this.#algorithm, chainingKey).update(ikm).digest();
    const all: Uint8Array[] = [];
    for (let i = 1; i <= outputs; i++) {
      const hmac = createHmac(this.#algorithm, temporary);
      const before = all.at(-1);
      if (before !== undefined) hmac.update(before);
      all.push(octets(hmac.update(Uint8Array.of(i)).digest()));
    }
    return all;
  }
}

const HASHES: Readonly<Record<HashName, HashFunction>> = {
  BLAKE2s: new NodeHash('BLAKE2s', { algorithm: 'blake2s256', length: 32, blockLength: 64 }),
  BLAKE2b: new NodeHash('BLAKE2b', { algorithm: 'blake2b512', length: 64, blockLength: 128 }),
  SHA256: new NodeHash('SHA256', { algorithm: 'sha256', length: 32, blockLength: 64 }),
  SHA512: new NodeHash('SHA512', { algorithm: 'sha512', length: 64, blockLength: 128 }),
};

class NodeEd25519KeyPair implements Ed25519KeyPair {
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = publicOctets(key);
  }

  sign(message: Uint8Array): Uint8Array {
    return octets(sign(null, message, this.#key));
  }
}

/** Node reads `d` alone, and makes the public key from it; `x` has to be there, and may be anything. */
function privateKey(crv: 'X25519' | 'Ed25519', secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: { kty: 'OKP', crv, d: base64UrlOfKey(secret), x: ANY_PUBLIC }, format: 'jwk' });
}

function publicKey(crv: 'X25519' | 'Ed25519', bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x: base64UrlOfKey(bytes) }, format: 'jwk' });
}

function publicOctets(key: KeyObject): Uint8Array {
  return keyOfBase64Url(key.export({ format: 'jwk' }).x as string);
}

/** The octets of what Node returned, and no Buffer. */
function octets(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

const ANY_PUBLIC = 'A'.repeat(43);
const EMPTY = new Uint8Array(0);
