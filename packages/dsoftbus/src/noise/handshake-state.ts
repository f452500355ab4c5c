import { concatBytes, type Entropy, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import {
  AEAD_TAG_LENGTH,
  type CryptoProvider,
  equalInConstantTime,
  X25519_LENGTH,
  type X25519KeyPair,
  type X25519PublicKey,
} from '../crypto/index.js';
import type { CipherState } from './cipher-state.js';
import { NOISE_MESSAGE_LENGTH_MAX, type NoiseError } from './noise-error.js';
import type { HandshakePattern, MessagePattern, Role, Token } from './patterns.js';
import { noiseProtocol } from './protocol-name.js';
import { SymmetricState } from './symmetric-state.js';

export interface HandshakeConfig {
  /** The full name: `Noise_XK_25519_ChaChaPoly_BLAKE2s`. */
  readonly protocol: string;
  readonly role: Role;
  /** Where the ephemeral key comes from: the system's in production, never the same twice. */
  readonly entropy: Entropy;
  /** What both sides must agree on beforehand, and don't send. Default empty. */
  readonly prologue?: Uint8Array;
  /** Our static key pair; needed where the pattern sends it or knows it. */
  readonly localStatic?: X25519KeyPair;
  /** The peer's static public key; needed where the pattern knows it beforehand, and refused where it doesn't. */
  readonly remoteStatic?: X25519PublicKey;
  /** Pre-shared keys of 32 octets, in the order of the pattern's `psk` modifiers. */
  readonly psks?: readonly Uint8Array[];
}

/** The ciphers of what comes after a handshake, each for one direction. In one-way patterns only the initiator may send. */
export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** `h` at the end: names this session and no other; for channel binding (Noise §11.2). */
  readonly handshakeHash: Uint8Array;
}

/** What the handshake waits for. */
export type HandshakeStep = 'write' | 'read' | 'split' | 'done' | 'dead';

/**
 * HandshakeState of Noise §5.3 for any pattern of the table: messages out by `writeMessage`, in by `readMessage`, in
 * turns, then `split`. The first message that is refused ends it for good, and no answer is made: a handshake gives a
 * forger one try.
 *
 * Until the last message was read, nothing that the peer sent is to be acted upon.
 */
export class HandshakeState {
  readonly #provider: CryptoProvider;
  readonly #role: Role;
  readonly #entropy: Entropy;
  readonly #pattern: HandshakePattern;
  readonly #symmetric: SymmetricState;
  readonly #psks: readonly Uint8Array[];
  readonly #s: X25519KeyPair | undefined;
  #e: X25519KeyPair | undefined;
  #rs: X25519PublicKey | undefined;
  #re: X25519PublicKey | undefined;
  #messageIndex = 0;
  #pskIndex = 0;
  #failure: NoiseError | undefined;
  #isSplit = false;

  constructor(provider: CryptoProvider, config: HandshakeConfig) {
    const { role, entropy, prologue = EMPTY, localStatic, remoteStatic, psks = [] } = config;
    const protocol = noiseProtocol(config.protocol);
    const { pattern } = protocol;
    this.#provider = provider;
    this.#role = role;
    this.#entropy = entropy;
    this.#pattern = pattern;
    this.#s = localStatic;
    this.#rs = remoteStatic;
    this.#psks = psks;
    const peer: Role = role === 'initiator' ? 'responder' : 'initiator';
    const sends = pattern.messages.some(({ sender, tokens }) => sender === role && tokens.includes('s'));
    requireArgument(
      localStatic !== undefined || !(sends || pattern.preMessages.includes(role)),
      `${pattern.name} needs a static key of the ${role}`,
    );
    requireArgument(
      (remoteStatic !== undefined) === pattern.preMessages.includes(peer),
      `${pattern.name} ${remoteStatic === undefined ? 'needs' : "doesn't know"} the static key of the ${peer} beforehand`,
    );
    requireArgument(psks.length === pattern.pskCount, `${pattern.name} takes ${pattern.pskCount} pre-shared keys`);
    requireArgument(
      psks.every((psk) => psk.length === 32),
      'a pre-shared key has 32 octets',
    );

    this.#symmetric = new SymmetricState(provider, protocol, protocol.name);
    this.#symmetric.mixHash(prologue);
    for (const owner of pattern.preMessages) {
      const known = owner === role ? localStatic?.publicKey : remoteStatic?.bytes;
      this.#symmetric.mixHash(known as Uint8Array);
    }
    // An announcement may have told us our own key as the peer's: no mistake of the caller, and no peer to talk to.
    if (remoteStatic !== undefined && this.#isOurs(remoteStatic.bytes)) this.#failure = 'reflected-key';
  }

  get role(): Role {
    return this.#role;
  }

  get step(): HandshakeStep {
    if (this.#failure !== undefined) return 'dead';
    const message = this.#pattern.messages[this.#messageIndex];
    if (message === undefined) return this.#isSplit ? 'done' : 'split';
    return message.sender === this.#role ? 'write' : 'read';
  }

  /** Why the handshake is dead. */
  get failure(): NoiseError | undefined {
    return this.#failure;
  }

  /** The peer's static key, once it is known. Proven to be the peer's only when the handshake is over. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs?.bytes;
  }

  /** `h` as it is now, for tests and traces. After the last message: the handshake hash. */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash;
  }

  /** Octets of the next message beyond its payload. */
  get overhead(): number {
    const message = this.#pattern.messages[this.#messageIndex];
    return message === undefined ? 0 : this.#overheadOf(message);
  }

  /** The next message, with a payload. Throws `UsageError` out of turn, and for a payload that is too long. */
  writeMessage(payload: Uint8Array = EMPTY): Result<Uint8Array, NoiseError> {
    if (this.#failure !== undefined) return err(this.#failure);
    const message = this.#turn('write');
    requireArgument(
      payload.length + this.#overheadOf(message) <= NOISE_MESSAGE_LENGTH_MAX,
      'a Noise message has at most 65535 octets',
    );
    const parts: Uint8Array[] = [];
    for (const token of message.tokens) {
      const written = this.#write(token, parts);
      if (!written.ok) return this.#fail(written.error);
    }
    const sealed = this.#symmetric.encryptAndHash(payload);
    if (!sealed.ok) return this.#fail(sealed.error);
    parts.push(sealed.value);
    this.#messageIndex++;
    return ok(concatBytes(parts));
  }

  /** The payload of the peer's next message. Throws `UsageError` out of turn. */
  readMessage(bytes: Uint8Array): Result<Uint8Array, NoiseError> {
    if (this.#failure !== undefined) return err(this.#failure);
    const message = this.#turn('read');
    if (bytes.length > NOISE_MESSAGE_LENGTH_MAX) return this.#fail('oversize-message');
    if (bytes.length < this.#overheadOf(message)) return this.#fail('short-message');
    let offset = 0;
    for (const token of message.tokens) {
      const read = this.#read(token, bytes, offset);
      if (!read.ok) return this.#fail(this.#named(read.error));
      offset += read.value;
    }
    const payload = this.#symmetric.decryptAndHash(bytes.subarray(offset));
    if (!payload.ok) return this.#fail(this.#named(payload.error));
    this.#messageIndex++;
    return payload;
  }

  /** The ciphers of the session, once. Throws `UsageError` before the last message. */
  split(): Transport {
    requireArgument(this.step === 'split', `a handshake in step "${this.step}" can't be split`);
    this.#isSplit = true;
    const [first, second] = this.#symmetric.split();
    const { handshakeHash } = this.#symmetric;
    this.#e = undefined; // nothing of the ephemeral key outlives the handshake
    return this.#role === 'initiator'
      ? { send: first, receive: second, handshakeHash }
      : { send: second, receive: first, handshakeHash };
  }

  #turn(step: 'write' | 'read'): MessagePattern {
    requireArgument(this.step === step, `a handshake in step "${this.step}" can't ${step} a message`);
    return this.#pattern.messages[this.#messageIndex] as MessagePattern;
  }

  #fail<E extends NoiseError>(error: E): { readonly ok: false; readonly error: E } {
    this.#failure = error;
    this.#e = undefined;
    return err(error);
  }

  /** The first tag of a handshake to a known responder tells whether both sides mean the same responder. */
  #named(error: NoiseError): NoiseError {
    const isFirst = this.#messageIndex === 0 && this.#pattern.preMessages.includes('responder');
    return isFirst && error === 'bad-tag' ? 'wrong-identity-or-prologue' : error;
  }

  #write(token: Token, parts: Uint8Array[]): Result<undefined, NoiseError> {
    switch (token) {
      case 'e': {
        const secret = new Uint8Array(X25519_LENGTH);
        this.#entropy.fill(secret);
        this.#e = this.#provider.x25519KeyPair(secret);
        secret.fill(0);
        parts.push(this.#e.publicKey);
        this.#mixEphemeral(this.#e.publicKey);
        return DONE;
      }
      case 's': {
        const sealed = this.#symmetric.encryptAndHash((this.#s as X25519KeyPair).publicKey);
        if (!sealed.ok) return sealed;
        parts.push(sealed.value);
        return DONE;
      }
      default:
        return this.#mix(token);
    }
  }

  /** Octets that the token took from the message. */
  #read(token: Token, bytes: Uint8Array, offset: number): Result<number, NoiseError> {
    switch (token) {
      case 'e': {
        const key = bytes.subarray(offset, offset + X25519_LENGTH);
        this.#re = this.#provider.x25519PublicKey(key);
        if (this.#isOurs(key)) return err('reflected-key');
        this.#mixEphemeral(key);
        return ok(X25519_LENGTH);
      }
      case 's': {
        const length = X25519_LENGTH + (this.#symmetric.hasKey ? AEAD_TAG_LENGTH : 0);
        const opened = this.#symmetric.decryptAndHash(bytes.subarray(offset, offset + length));
        if (!opened.ok) return opened;
        if (this.#isOurs(opened.value)) return err('reflected-key');
        this.#rs = this.#provider.x25519PublicKey(opened.value);
        return ok(length);
      }
      default: {
        const mixed = this.#mix(token);
        return mixed.ok ? ok(0) : mixed;
      }
    }
  }

  #mix(token: Exclude<Token, 'e' | 's'>): Result<undefined, NoiseError> {
    if (token === 'psk') {
      this.#symmetric.mixKeyAndHash(this.#psks[this.#pskIndex++] as Uint8Array);
      return DONE;
    }
    // The first letter names the initiator's key, the second the responder's.
    const [ours, theirs] = this.#role === 'initiator' ? token : [token[1], token[0]];
    const pair = (ours === 'e' ? this.#e : this.#s) as X25519KeyPair;
    const secret = pair.agree((theirs === 'e' ? this.#re : this.#rs) as X25519PublicKey);
    if (!secret.ok) return secret;
    this.#symmetric.mixKey(secret.value);
    return DONE;
  }

  /** In a handshake with pre-shared keys an ephemeral key is mixed in as a key, too (Noise §9.2). */
  #mixEphemeral(key: Uint8Array): void {
    this.#symmetric.mixHash(key);
    if (this.#pattern.pskCount > 0) this.#symmetric.mixKey(key);
  }

  #isOurs(key: Uint8Array): boolean {
    return [this.#e, this.#s].some((pair) => pair !== undefined && equalInConstantTime(pair.publicKey, withoutUnusedBit(key)));
  }

  /** Keys and tags of a message: a tag for each part that comes after the first shared secret. */
  #overheadOf({ tokens }: MessagePattern): number {
    let { hasKey } = this.#symmetric;
    let length = 0;
    for (const token of tokens) {
      if (token === 'e') {
        length += X25519_LENGTH;
        hasKey ||= this.#pattern.pskCount > 0;
      } else if (token === 's') length += X25519_LENGTH + (hasKey ? AEAD_TAG_LENGTH : 0);
      else hasKey = true;
    }
    return length + (hasKey ? AEAD_TAG_LENGTH : 0);
  }
}

/** X25519 ignores the highest bit of a public key (RFC 7748 §5): with it set, a key is the same key in disguise. */
function withoutUnusedBit(key: Uint8Array): Uint8Array {
  const canonical = key.slice();
  canonical[31] = (canonical[31] as number) & 0x7f;
  return canonical;
}

const EMPTY = new Uint8Array(0);
const DONE: { readonly ok: true; readonly value: undefined } = { ok: true, value: undefined };
