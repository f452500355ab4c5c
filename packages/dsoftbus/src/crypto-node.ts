import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { concatBytes, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { base64UrlOfKey, keyOfBase64Url } from './crypto/base64url.js';
import { blake2s, blake2sHmac, blake2sHmacKey, blake2sHmacOnce } from './crypto/blake2s.js';
import { openShort, sealShort } from './crypto/chacha20-poly1305.js';
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

/**
 * The same with ChaCha20-Poly1305 of short messages computed in TypeScript: a handshake then makes no cipher objects, and records of
 * up to {@link SHORT_AEAD_OCTETS} octets cost a fraction. To be chosen knowingly: no branch and no index in it depends on a secret, but
 * whether an engine keeps it that way was reviewed by nobody. OpenSSL is the one to trust where others share the processor.
 */
export const nodeCryptoShortAead: CryptoProvider = {
  ...nodeCrypto,
  aead(cipher, key) {
    requireArgument(key.length === AEAD_KEY_LENGTH, 'an AEAD key has 32 octets');
    return cipher === 'ChaChaPoly' ? new ShortAeadKey(key.slice()) : new NodeAeadKey(cipher, key.slice());
  },
};

/** Octets of plaintext and associated data up to which it is computed in TypeScript. */
export const SHORT_AEAD_OCTETS = 96;

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

  sealToParts(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array): readonly [ciphertext: Uint8Array, tag: Uint8Array] {
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    const cipher = createCipheriv(this.#algorithm, this.#key, nonce, TAG_OPTIONS);
    if (ad.length > 0) cipher.setAAD(ad);
    const ciphertext = plaintext.length === 0 ? EMPTY : octets(cipher.update(plaintext));
    cipher.final();
    return [ciphertext, octets(cipher.getAuthTag())];
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

class ShortAeadKey extends NodeAeadKey {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    super('ChaChaPoly', key);
    this.#key = key;
  }

  override seal(nonce: Uint8Array, ad: Uint8Array, plaintext: Uint8Array, headroom = 0): Uint8Array {
    if (ad.length + plaintext.length > SHORT_AEAD_OCTETS) return super.seal(nonce, ad, plaintext, headroom);
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    return sealShort(this.#key, nonce, ad, plaintext, headroom);
  }

  override open(nonce: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Result<Uint8Array, 'bad-tag'> {
    const length = sealed.length - AEAD_TAG_LENGTH;
    if (length < 0 || ad.length + length > SHORT_AEAD_OCTETS) return super.open(nonce, ad, sealed);
    requireArgument(nonce.length === AEAD_NONCE_LENGTH, 'a nonce has 12 octets');
    const plaintext = openShort(this.#key, nonce, ad, sealed);
    return plaintext === undefined ? err('bad-tag') : ok(plaintext);
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

  /** One call of `hash` costs a third of a `Hash` object. */
  digest(...parts: readonly Uint8Array[]): Uint8Array {
    const [first] = parts;
    return this.#hash(parts.length === 1 && first !== undefined ? first : concatBytes(parts));
  }

  hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
    return this.#hmac(this.#padsOf(key), [data]);
  }

  hkdf(chainingKey: Uint8Array, ikm: Uint8Array, outputs: 2 | 3): readonly Uint8Array[] {
    const pads = this.#padsOf(this.hmac(chainingKey, ikm)); // of the temporary key, which all outputs share
    const first = this.#hmac(pads, [Uint8Array.of(1)]);
    const second = this.#hmac(pads, [first, Uint8Array.of(2)]);
    return outputs === 2 ? [first, second] : [first, second, this.#hmac(pads, [second, Uint8Array.of(3)])];
  }

  /** The key, filled up to a block, as both passes of HMAC begin with it (RFC 2104 §2). */
  #padsOf(key: Uint8Array): Pads {
    const { blockLength } = this;
    const short = key.length > blockLength ? this.#hash(key) : key;
    const inner = new Uint8Array(blockLength).fill(0x36);
    const outer = new Uint8Array(blockLength).fill(0x5c);
    for (let i = 0; i < short.length; i++) {
      inner[i] = (short[i] as number) ^ 0x36;
      outer[i] = (short[i] as number) ^ 0x5c;
    }
    return { inner, outer };
  }

  #hmac({ inner, outer }: Pads, data: readonly Uint8Array[]): Uint8Array {
    return this.#hash(concatBytes([outer, this.#hash(concatBytes([inner, ...data]))]));
  }

  #hash(data: Uint8Array): Uint8Array {
    return octets(hash(this.#algorithm, data, 'buffer'));
  }
}

/** Octets up to which BLAKE2s is faster here than a call of OpenSSL. */
const SHORT = 256;

/** BLAKE2s, the hash of every dialect: short inputs without leaving JavaScript. */
class NodeBlake2s extends NodeHash {
  override digest(...parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    return length <= SHORT ? blake2s(parts) : super.digest(...parts);
  }

  override hkdf(chainingKey: Uint8Array, ikm: Uint8Array, outputs: 2 | 3): readonly Uint8Array[] {
    if (chainingKey.length > this.blockLength || ikm.length > SHORT) return super.hkdf(chainingKey, ikm, outputs);
    const temporary = blake2sHmacKey(blake2sHmacOnce(chainingKey, ikm));
    const first = blake2sHmac(temporary, [Uint8Array.of(1)]);
    const second = blake2sHmac(temporary, [first, Uint8Array.of(2)]);
    return outputs === 2 ? [first, second] : [first, second, blake2sHmac(temporary, [second, Uint8Array.of(3)])];
  }
}

interface Pads {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

const HASHES: Readonly<Record<HashName, HashFunction>> = {
  BLAKE2s: new NodeBlake2s('BLAKE2s', { algorithm: 'blake2s256', length: 32, blockLength: 64 }),
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
