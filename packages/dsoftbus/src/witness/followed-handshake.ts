import { bytesEqual } from '@nexus-net/sansio';
import type { CryptoProvider, X25519KeyPair, X25519PublicKey } from '../crypto/index.js';
import { type CipherState, SymmetricState } from '../noise/index.js';
import { OS_HANDSHAKE_LABEL } from '../os/session/handshake.js';
import type { Dialect, Side } from './session-teller.js';

/**
 * The secrets of one side of one handshake, for tests that made them: with these a witness reads what only the two ends can read.
 * Either side will do.
 */
export type WitnessKeys =
  | { readonly side: 'server'; readonly staticKey: X25519KeyPair; readonly ephemeral: X25519KeyPair }
  | {
      readonly side: 'client';
      readonly staticKey: X25519KeyPair;
      readonly ephemeral: X25519KeyPair;
      /** The static key that the client expects. */
      readonly serverStatic: X25519PublicKey;
    };

/**
 * What a message was: made with these keys; of another session, for which these keys are not; or of this session and refused by
 * whoever gets it.
 */
export type FollowOutcome = 'followed' | 'other' | 'refused';

export interface FollowedCiphers {
  readonly client: CipherState;
  readonly server: CipherState;
}

/**
 * A handshake read by somebody who has the secrets of one side and sends nothing: each message is opened and its tags are checked, as
 * the ends do. XK for dialects `bus` and `host`; the OS's own order for `os` and `qd` (see `OS_HANDSHAKE_NAME`).
 */
export class FollowedHandshake {
  /** What the messages carried beside keys. */
  readonly payloads: Uint8Array[] = [];
  readonly #provider: CryptoProvider;
  readonly #keys: WitnessKeys;
  readonly #isOs: boolean;
  readonly #symmetric: SymmetricState;
  readonly #serverStatic: X25519PublicKey;
  #clientEphemeral: X25519PublicKey | undefined;
  #serverEphemeral: X25519PublicKey | undefined;
  #clientStatic: Uint8Array | undefined;

  constructor(
    provider: CryptoProvider,
    keys: WitnessKeys,
    { dialect, prologue }: { readonly dialect: Dialect; readonly prologue: Uint8Array },
  ) {
    this.#provider = provider;
    this.#keys = keys;
    this.#isOs = dialect === 'os' || dialect === 'qd';
    this.#symmetric = new SymmetricState(provider, { cipher: 'ChaChaPoly', hash: 'BLAKE2s' }, OS_HANDSHAKE_LABEL);
    this.#serverStatic = keys.side === 'client' ? keys.serverStatic : provider.x25519PublicKey(keys.staticKey.publicKey);
    if (!this.#isOs) this.#symmetric.mixHash(prologue); // the OS mixes none in, not even an empty one
    this.#symmetric.mixHash(this.#serverStatic.bytes);
  }

  /** The proven static key of a side, once the message with it was read. */
  staticOf(side: Side): Uint8Array | undefined {
    return side === 'client' ? this.#clientStatic : this.#serverStatic.bytes;
  }

  /** The message with this place, 0..=2; in their order. */
  read(place: 0 | 1 | 2, message: Uint8Array): FollowOutcome {
    if (place === 0) return this.#readFirst(message);
    return place === 1 ? this.#readSecond(message) : this.#readThird(message);
  }

  /** The ciphers of what each side sends; after the third message. */
  split(): FollowedCiphers {
    const [client, server] = this.#symmetric.split();
    return { client, server };
  }

  #readFirst(message: Uint8Array): FollowOutcome {
    const ephemeral = message.subarray(0, KEY);
    if (this.#keys.side === 'client' && !bytesEqual(ephemeral, this.#keys.ephemeral.publicKey)) return 'other';
    this.#clientEphemeral = this.#provider.x25519PublicKey(ephemeral);
    this.#symmetric.mixHash(ephemeral);
    if (this.#isOs) return 'followed';
    const isRead = this.#mix('es') && this.#open(message.subarray(KEY));
    // A first message that the server can't read may be meant for another one.
    return isRead ? 'followed' : this.#keys.side === 'client' ? 'refused' : 'other';
  }

  #readSecond(message: Uint8Array): FollowOutcome {
    const ephemeral = message.subarray(0, KEY);
    if (this.#keys.side === 'server' && !bytesEqual(ephemeral, this.#keys.ephemeral.publicKey)) return 'other';
    this.#serverEphemeral = this.#provider.x25519PublicKey(ephemeral);
    this.#symmetric.mixHash(ephemeral);
    if (!this.#mix('ee')) return 'refused';
    if (this.#isOs) {
      const sent = this.#symmetric.decryptAndHash(message.subarray(KEY, KEY + SEALED_KEY));
      if (!sent.ok || !bytesEqual(sent.value, this.#serverStatic.bytes) || !this.#mix('es')) return 'refused';
      return this.#open(message.subarray(KEY + SEALED_KEY)) ? 'followed' : 'refused';
    }
    return this.#open(message.subarray(KEY)) ? 'followed' : 'refused';
  }

  #readThird(message: Uint8Array): FollowOutcome {
    const sent = this.#symmetric.decryptAndHash(message.subarray(0, SEALED_KEY));
    if (!sent.ok) return 'refused';
    this.#clientStatic = sent.value;
    return this.#mix('se') && this.#open(message.subarray(SEALED_KEY)) ? 'followed' : 'refused';
  }

  #open(sealed: Uint8Array): boolean {
    const opened = this.#symmetric.decryptAndHash(sealed);
    if (opened.ok) this.payloads.push(opened.value);
    return opened.ok;
  }

  /** The first letter names the client's key, the second the server's. */
  #mix(token: 'es' | 'ee' | 'se'): boolean {
    const { side, ephemeral, staticKey } = this.#keys;
    const own = token[side === 'client' ? 0 : 1] === 'e' ? ephemeral : staticKey;
    const theirs = token[side === 'client' ? 1 : 0] as 'e' | 's';
    const peer = this.#publicOf(side === 'client' ? 'server' : 'client', theirs);
    const secret = own.agree(peer);
    if (secret.ok) this.#symmetric.mixKey(secret.value);
    return secret.ok;
  }

  #publicOf(side: Side, kind: 'e' | 's'): X25519PublicKey {
    if (side === 'server') return kind === 's' ? this.#serverStatic : (this.#serverEphemeral as X25519PublicKey);
    if (kind === 'e') return this.#clientEphemeral as X25519PublicKey;
    return this.#provider.x25519PublicKey(this.#clientStatic as Uint8Array);
  }
}

const KEY = 32;
const SEALED_KEY = 48;
