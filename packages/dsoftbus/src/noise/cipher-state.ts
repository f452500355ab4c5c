import { err, type Result, requireArgument } from '@nexus-net/sansio';
import {
  AEAD_KEY_LENGTH,
  AEAD_NONCE_LENGTH,
  AEAD_TAG_LENGTH,
  type AeadKey,
  type CipherName,
  type CryptoProvider,
} from '../crypto/index.js';
import { NOISE_MESSAGE_LENGTH_MAX } from './noise-error.js';

/** Octets of plaintext that one message carries at most. */
export const NOISE_PLAINTEXT_LENGTH_MAX: number = NOISE_MESSAGE_LENGTH_MAX - AEAD_TAG_LENGTH;

/** Reserved for rekeying; no message is ever made with it (Noise §5.1). */
export const NONCE_RESERVED: bigint = 2n ** 64n - 1n;

/**
 * CipherState of Noise §5.1: a key and the number of the next message. It always has a key: there is no state of this
 * class that hands out plaintext as if it were encrypted.
 *
 * The number is 64 bits wide and lives in the nonce's own octets, so there is nothing to round and nothing to wrap.
 */
export class CipherState {
  readonly #provider: CryptoProvider;
  readonly #cipher: CipherName;
  #key: AeadKey;
  /** 32 bits of zero, then n: little-endian for ChaChaPoly, big-endian for AESGCM (Noise §12.3, §12.4). */
  readonly #nonce = new Uint8Array(AEAD_NONCE_LENGTH);
  /** Where the lowest octet of n is, and the way to the next one. */
  readonly #lowest: number;
  readonly #step: 1 | -1;

  /** `key` has 32 octets. n starts at zero. */
  constructor(provider: CryptoProvider, cipher: CipherName, key: Uint8Array) {
    this.#provider = provider;
    this.#cipher = cipher;
    this.#key = provider.aead(cipher, key);
    this.#lowest = cipher === 'AESGCM' ? AEAD_NONCE_LENGTH - 1 : AEAD_NONCE_LENGTH - 8;
    this.#step = cipher === 'AESGCM' ? -1 : 1;
  }

  /** n: the number of the next message, 0..2^64-1. */
  get nonce(): bigint {
    let n = 0n;
    for (let i = 7; i >= 0; i--) n = (n << 8n) | BigInt(this.#nonce[this.#lowest + i * this.#step] as number);
    return n;
  }

  /** SetNonce(): for transports that carry n in the message. Going back with the key of a sender gives its messages away. */
  setNonce(nonce: bigint): void {
    requireArgument(nonce >= 0n && nonce <= NONCE_RESERVED, 'a nonce is a whole number below 2^64');
    for (let i = 0; i < 8; i++) this.#nonce[this.#lowest + i * this.#step] = Number((nonce >> BigInt(8 * i)) & 0xffn);
  }

  /**
   * EncryptWithAd(): ciphertext and tag, with `headroom` octets of zero in front of them. Plaintext above
   * {@link NOISE_PLAINTEXT_LENGTH_MAX} is the caller's error.
   */
  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array, headroom = 0): Result<Uint8Array, 'nonce-exhausted'> {
    requireArgument(plaintext.length <= NOISE_PLAINTEXT_LENGTH_MAX, 'a Noise message carries at most 65519 octets');
    if (this.#isExhausted()) return EXHAUSTED;
    const value = this.#key.seal(this.#nonce, ad, plaintext, headroom);
    this.#advance();
    return { ok: true, value };
  }

  /** EncryptWithAd() with ciphertext and tag apart: for long messages that go into a byte stream. */
  encryptToParts(
    ad: Uint8Array,
    plaintext: Uint8Array,
  ): Result<readonly [ciphertext: Uint8Array, tag: Uint8Array], 'nonce-exhausted'> {
    requireArgument(plaintext.length <= NOISE_PLAINTEXT_LENGTH_MAX, 'a Noise message carries at most 65519 octets');
    if (this.#isExhausted()) return EXHAUSTED;
    const value = this.#key.sealToParts(this.#nonce, ad, plaintext);
    this.#advance();
    return { ok: true, value };
  }

  /** DecryptWithAd(): n moves only where the tag is right. */
  decryptWithAd(
    ad: Uint8Array,
    message: Uint8Array,
  ): Result<Uint8Array, 'nonce-exhausted' | 'bad-tag' | 'short-message' | 'oversize-message'> {
    if (message.length < AEAD_TAG_LENGTH) return err('short-message');
    if (message.length > NOISE_MESSAGE_LENGTH_MAX) return err('oversize-message');
    if (this.#isExhausted()) return EXHAUSTED;
    const opened = this.#key.open(this.#nonce, ad, message);
    if (opened.ok) this.#advance();
    return opened;
  }

  /** Rekey() of Noise §4.2 and §11.3: another key made from this one; n goes on. */
  rekey(): void {
    const nonce = new Uint8Array(AEAD_NONCE_LENGTH).fill(0xff, AEAD_NONCE_LENGTH - 8);
    const sealed = this.#key.seal(nonce, EMPTY, new Uint8Array(AEAD_KEY_LENGTH));
    this.#key = this.#provider.aead(this.#cipher, sealed.subarray(0, AEAD_KEY_LENGTH));
  }

  #isExhausted(): boolean {
    for (let i = 0, at = this.#lowest; i < 8; i++, at += this.#step) if (this.#nonce[at] !== 0xff) return false;
    return true;
  }

  #advance(): void {
    const nonce = this.#nonce;
    for (let at = this.#lowest; ; at += this.#step) {
      const next = ((nonce[at] as number) + 1) & 0xff;
      nonce[at] = next;
      if (next !== 0) return; // never runs past the highest octet: the value of all ones was refused before
    }
  }
}

const EXHAUSTED: { readonly ok: false; readonly error: 'nonce-exhausted' } = err('nonce-exhausted');
const EMPTY = new Uint8Array(0);
