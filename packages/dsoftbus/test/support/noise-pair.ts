import { concatBytes, type Entropy, fromHex, SeededEntropy } from '@nexus-net/sansio';
import { nodeCrypto } from '../../src/crypto-node.js';
import { type CryptoProvider, HandshakeState, type Transport, type X25519KeyPair } from '../../src/index.js';

export const XK = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';

/** A static key that is always the same for one name. */
export function keyOf(name: string, provider: CryptoProvider = nodeCrypto): X25519KeyPair {
  return provider.x25519KeyPair(secretOf(name));
}

export function secretOf(name: string): Uint8Array {
  const secret = new Uint8Array(32);
  new SeededEntropy(name).fill(secret);
  return secret;
}

export interface PairOptions {
  readonly provider?: CryptoProvider;
  readonly seed?: number | string;
  readonly initiator?: X25519KeyPair;
  readonly responder?: X25519KeyPair;
  /** The responder's key as the initiator knows it. Default the true one. */
  readonly responderSeenAs?: Uint8Array;
  readonly prologues?: readonly [initiator: string, responder: string];
  readonly entropies?: readonly [initiator: Entropy, responder: Entropy];
}

export interface Pair {
  readonly initiator: HandshakeState;
  readonly responder: HandshakeState;
}

/** Two ends of one XK handshake. */
export function xkPair({
  provider = nodeCrypto,
  seed = 1,
  initiator = keyOf('initiator', provider),
  responder = keyOf('responder', provider),
  responderSeenAs = responder.publicKey,
  prologues = ['', ''],
  entropies = [new SeededEntropy(`${seed}/i`), new SeededEntropy(`${seed}/r`)],
}: PairOptions = {}): Pair {
  return {
    initiator: new HandshakeState(provider, {
      protocol: XK,
      role: 'initiator',
      entropy: entropies[0],
      prologue: fromHex(prologues[0]),
      localStatic: initiator,
      remoteStatic: provider.x25519PublicKey(responderSeenAs),
    }),
    responder: new HandshakeState(provider, {
      protocol: XK,
      role: 'responder',
      entropy: entropies[1],
      prologue: fromHex(prologues[1]),
      localStatic: responder,
    }),
  };
}

/** Feeds good messages until number `count` is due, and returns those that passed. */
export function advance({ initiator, responder }: Pair, count: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    const message = must(writer.writeMessage(payload));
    must(reader.readMessage(message));
    messages.push(message);
  }
  return messages;
}

/** The two ends of a session after a good handshake. */
export function xkTransports(options: PairOptions = {}): { readonly initiator: Transport; readonly responder: Transport } {
  const pair = xkPair(options);
  advance(pair, 3);
  return { initiator: pair.initiator.split(), responder: pair.responder.split() };
}

/** The receiver of handshake message `i`. */
export function receiverOf({ initiator, responder }: Pair, i: number): HandshakeState {
  return i % 2 === 0 ? responder : initiator;
}

export function must<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string }): T {
  if (!result.ok) throw new Error(`refused: ${result.error}`);
  return result.value;
}

export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
  return changed;
}

export function withTail(bytes: Uint8Array, ...tail: number[]): Uint8Array {
  return concatBytes([bytes, Uint8Array.from(tail)]);
}
