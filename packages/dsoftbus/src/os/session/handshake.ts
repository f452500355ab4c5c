import { concatBytes, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { type CryptoProvider, equalInConstantTime, type X25519KeyPair, type X25519PublicKey } from '../../crypto/index.js';
import { type CipherState, SymmetricState } from '../../noise/index.js';

/**
 * What the OS's handshake is. Its crate says "XK", and it is not: the layout of the messages is that of XX, with the responder's static
 * key mixed in beforehand; the first message has no `es`, there is no prologue, and what isn't encrypted is not hashed. A conforming
 * Noise library can't speak it, so that it has a name of its own here.
 */
export const OS_HANDSHAKE_NAME = 'NexusOS_XX+rs_25519_ChaChaPoly_BLAKE2s';

/** The text that the OS hashes at the start: the name of the protocol that it takes itself for. */
export const OS_HANDSHAKE_LABEL = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';

/** Octets of the three messages. */
export const OS_MESSAGE_LENGTHS: readonly [number, number, number] = [32, 96, 64];

/** Why a handshake ended. */
export type OsHandshakeReject =
  /** A message has another length than its place in the order wants. */
  | 'bad-length'
  /** Changed, or made for other keys. */
  | 'bad-tag'
  /** The peer proved a static key that is not the expected one. */
  | 'static-key-mismatch'
  /** The peer's ephemeral gives a shared secret of zeros. */
  | 'low-order-point'
  /** The peer's ephemeral is our own: our message came back. */
  | 'reflected-key';

/** The ciphers of what follows. */
export interface OsCiphers {
  readonly send: CipherState;
  readonly receive: CipherState;
}

export interface OsHandshakeConfig {
  readonly role: 'initiator' | 'responder';
  readonly provider: CryptoProvider;
  readonly staticKey: X25519KeyPair;
  /** Used once, whatever comes of it. */
  readonly ephemeral: X25519KeyPair;
  /** The one static key that the peer may have, 32 octets. */
  readonly peerStatic: Uint8Array;
}

type Step = 'write-1' | 'read-1' | 'write-2' | 'read-2' | 'write-3' | 'read-3' | 'done' | 'failed';

/**
 * One side of the OS's handshake: three messages, in turns. `read` takes exactly the next one; the first that is refused ends it, and no
 * answer is made. The initiator is done when it has written the third, and knows nothing yet of whether that was accepted.
 *
 *     1  ->  e_i
 *     2  <-  e_r, ee, s_r, es, {}
 *     3  ->  s_i, se, {}
 */
export class OsHandshake {
  readonly #config: OsHandshakeConfig;
  readonly #symmetric: SymmetricState;
  readonly #peerStatic: X25519PublicKey;
  /** The shared secret that our next message mixes in: computed when its ingredients came, so that a bad one is refused then. */
  #nextSecret: Uint8Array | undefined;
  #step: Step;

  constructor(config: OsHandshakeConfig) {
    requireArgument(config.peerStatic.length === 32, 'peerStatic is 32 octets');
    const { role, provider, staticKey } = config;
    this.#config = config;
    this.#symmetric = new SymmetricState(provider, { cipher: 'ChaChaPoly', hash: 'BLAKE2s' }, OS_HANDSHAKE_LABEL);
    this.#peerStatic = provider.x25519PublicKey(config.peerStatic);
    this.#step = role === 'initiator' ? 'write-1' : 'read-1';
    // No mixHash of a prologue comes before, not even of an empty one.
    this.#symmetric.mixHash(role === 'initiator' ? config.peerStatic : staticKey.publicKey);
  }

  get isDone(): boolean {
    return this.#step === 'done';
  }

  /** Octets of the message that is read next; 0 where none is. */
  get readLength(): number {
    const place = READS.get(this.#step);
    return place === undefined ? 0 : (OS_MESSAGE_LENGTHS[place] as number);
  }

  /** Is it our turn to send? */
  get mustWrite(): boolean {
    return this.#step.startsWith('write');
  }

  /** The next message to send, where {@link mustWrite} says so. */
  write(): Uint8Array {
    const { ephemeral, staticKey } = this.#config;
    switch (this.#step) {
      case 'write-1':
        this.#symmetric.mixHash(ephemeral.publicKey);
        this.#step = 'read-2';
        return ephemeral.publicKey.slice();
      case 'write-2': {
        this.#step = 'read-3';
        const sealedStatic = this.#seal(staticKey.publicKey);
        this.#symmetric.mixKey(this.#nextSecret as Uint8Array);
        return concatBytes([ephemeral.publicKey, sealedStatic, this.#seal(NOTHING)]);
      }
      case 'write-3': {
        this.#step = 'done';
        const sealedStatic = this.#seal(staticKey.publicKey);
        this.#symmetric.mixKey(this.#nextSecret as Uint8Array);
        return concatBytes([sealedStatic, this.#seal(NOTHING)]);
      }
      default:
        requireArgument(false, `nothing is to be sent in step ${this.#step}`);
    }
  }

  /** Takes a message of the peer. An error is the end. */
  read(message: Uint8Array): Result<void, OsHandshakeReject> {
    const step = this.#step;
    this.#step = 'failed';
    const place = READS.get(step);
    if (place === undefined || message.length !== OS_MESSAGE_LENGTHS[place]) return err('bad-length');
    const problem = place === 0 ? this.#readFirst(message) : place === 1 ? this.#readSecond(message) : this.#readThird(message);
    if (problem !== undefined) return err(problem);
    this.#step = place === 0 ? 'write-2' : place === 1 ? 'write-3' : 'done';
    return ok(undefined);
  }

  /** The ciphers, once it is done. */
  split(): OsCiphers {
    requireArgument(this.#step === 'done', 'a handshake is split when it is done');
    const [first, second] = this.#symmetric.split();
    return this.#config.role === 'initiator' ? { send: first, receive: second } : { send: second, receive: first };
  }

  /** msg1: e_i. Any point that is not of low order is taken: nothing authenticates it. */
  #readFirst(message: Uint8Array): OsHandshakeReject | undefined {
    const { ephemeral, staticKey } = this.#config;
    const theirs = this.#importEphemeral(message);
    if (typeof theirs === 'string') return theirs;
    this.#symmetric.mixHash(message);
    const ee = ephemeral.agree(theirs);
    const es = staticKey.agree(theirs);
    if (!ee.ok || !es.ok) return 'low-order-point';
    this.#symmetric.mixHash(ephemeral.publicKey);
    this.#symmetric.mixKey(ee.value);
    this.#nextSecret = es.value;
    return undefined;
  }

  /** msg2: e_r, ee, s_r, es, {}. */
  #readSecond(message: Uint8Array): OsHandshakeReject | undefined {
    const { ephemeral, staticKey, peerStatic } = this.#config;
    const theirs = this.#importEphemeral(message.subarray(0, 32));
    if (typeof theirs === 'string') return theirs;
    this.#symmetric.mixHash(message.subarray(0, 32));
    const ee = ephemeral.agree(theirs);
    const es = ephemeral.agree(this.#peerStatic);
    const se = staticKey.agree(theirs);
    if (!ee.ok || !es.ok || !se.ok) return 'low-order-point';
    this.#symmetric.mixKey(ee.value);
    const sent = this.#symmetric.decryptAndHash(message.subarray(32, 80));
    if (!sent.ok) return 'bad-tag';
    if (!equalInConstantTime(sent.value, peerStatic)) return 'static-key-mismatch';
    this.#symmetric.mixKey(es.value);
    if (!this.#symmetric.decryptAndHash(message.subarray(80)).ok) return 'bad-tag';
    this.#nextSecret = se.value;
    return undefined;
  }

  /** msg3: s_i, se, {}. The static key is compared before anything is computed with it. */
  #readThird(message: Uint8Array): OsHandshakeReject | undefined {
    const { ephemeral, peerStatic } = this.#config;
    const sent = this.#symmetric.decryptAndHash(message.subarray(0, 48));
    if (!sent.ok) return 'bad-tag';
    if (!equalInConstantTime(sent.value, peerStatic)) return 'static-key-mismatch';
    const se = ephemeral.agree(this.#peerStatic);
    if (!se.ok) return 'low-order-point';
    this.#symmetric.mixKey(se.value);
    return this.#symmetric.decryptAndHash(message.subarray(48)).ok ? undefined : 'bad-tag';
  }

  #importEphemeral(octets: Uint8Array): X25519PublicKey | 'reflected-key' {
    if (equalInConstantTime(octets, this.#config.ephemeral.publicKey)) return 'reflected-key';
    return this.#config.provider.x25519PublicKey(octets);
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#symmetric.encryptAndHash(plaintext);
    requireArgument(sealed.ok, 'a key of a handshake seals two messages');
    return sealed.value;
  }
}

const READS: ReadonlyMap<Step, 0 | 1 | 2> = new Map([
  ['read-1', 0],
  ['read-2', 1],
  ['read-3', 2],
]);
const NOTHING = new Uint8Array(0);
