import { ok, type Result } from '@nexus-net/sansio';
import { AEAD_KEY_LENGTH, type CipherName, type CryptoProvider, type HashFunction, type HashName } from '../crypto/index.js';
import { CipherState } from './cipher-state.js';

export interface SymmetricSuite {
  readonly cipher: CipherName;
  readonly hash: HashName;
}

/**
 * SymmetricState of Noise §5.2: the transcript hash `h`, the chaining key `ck`, and a cipher once a shared secret was mixed
 * in. Until then what is "encrypted" travels in clear, as the pattern of the handshake says.
 */
export class SymmetricState {
  readonly #provider: CryptoProvider;
  readonly #suite: SymmetricSuite;
  readonly #hash: HashFunction;
  #h: Uint8Array;
  #ck: Uint8Array;
  #cipher: CipherState | undefined;

  /** InitializeSymmetric(): a name that is longer than a digest is hashed, a shorter one padded with zeros. */
  constructor(provider: CryptoProvider, suite: SymmetricSuite, protocolName: string) {
    this.#provider = provider;
    this.#suite = suite;
    this.#hash = provider.hash(suite.hash);
    const name = new TextEncoder().encode(protocolName);
    if (name.length <= this.#hash.length) {
      this.#h = new Uint8Array(this.#hash.length);
      this.#h.set(name);
    } else this.#h = this.#hash.digest(name);
    this.#ck = this.#h;
  }

  /** GetHandshakeHash(): a copy of `h`. Equal on both sides only if both saw the same transcript. */
  get handshakeHash(): Uint8Array {
    return this.#h.slice();
  }

  /** Whether a key is there, so that what comes next is encrypted. */
  get hasKey(): boolean {
    return this.#cipher !== undefined;
  }

  mixHash(data: Uint8Array): void {
    this.#h = this.#hash.digest(this.#h, data);
  }

  mixKey(inputKeyMaterial: Uint8Array): void {
    const [ck, key] = this.#hash.hkdf(this.#ck, inputKeyMaterial, 2) as [Uint8Array, Uint8Array];
    this.#ck = ck;
    this.#setKey(key);
  }

  /** MixKeyAndHash(), for pre-shared keys (Noise §9). */
  mixKeyAndHash(inputKeyMaterial: Uint8Array): void {
    const [ck, hash, key] = this.#hash.hkdf(this.#ck, inputKeyMaterial, 3) as [Uint8Array, Uint8Array, Uint8Array];
    this.#ck = ck;
    this.mixHash(hash);
    this.#setKey(key);
  }

  encryptAndHash(plaintext: Uint8Array): Result<Uint8Array, 'nonce-exhausted'> {
    const sealed = this.#cipher === undefined ? ok(plaintext) : this.#cipher.encryptWithAd(this.#h, plaintext);
    if (sealed.ok) this.mixHash(sealed.value);
    return sealed;
  }

  /** The plaintext as an array of its own. The transcript moves only where the tag is right. */
  decryptAndHash(message: Uint8Array): Result<Uint8Array, 'nonce-exhausted' | 'bad-tag' | 'short-message' | 'oversize-message'> {
    const opened = this.#cipher === undefined ? ok(message.slice()) : this.#cipher.decryptWithAd(this.#h, message);
    if (opened.ok) this.mixHash(message);
    return opened;
  }

  /** Split(): the ciphers of the messages to come, the initiator's first. */
  split(): readonly [initiatorToResponder: CipherState, responderToInitiator: CipherState] {
    const [first, second] = this.#hash.hkdf(this.#ck, new Uint8Array(0), 2) as [Uint8Array, Uint8Array];
    return [this.#cipherOf(first), this.#cipherOf(second)];
  }

  #setKey(output: Uint8Array): void {
    this.#cipher = this.#cipherOf(output);
  }

  /** A key is the first 32 octets of an output: with hashes of 64 octets the rest is dropped (Noise §5.2). */
  #cipherOf(output: Uint8Array): CipherState {
    return new CipherState(this.#provider, this.#suite.cipher, output.subarray(0, AEAD_KEY_LENGTH));
  }
}
