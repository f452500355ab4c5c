import { bytesEqual, concatBytes, SeededEntropy } from '@nexus-net/sansio';
import { demand, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { HandshakeState, type Transport } from '../../src/noise/index.js';
import { NULL_TAG, nullCrypto } from '../support/null-crypto.js';

export const limits: FuzzLimits = {
  octetsMax: 1_200,
  costBase: 200_000,
  costPerOctet: 4_000,
  allocatedBase: 60_000,
  allocatedPerOctet: 400,
};

/** What the fuzzer meets: known and unknown keys, one to three messages, with pre-shared keys and without. */
const PATTERNS = ['XK', 'XX', 'IK', 'KK', 'NK', 'NN', 'XKpsk3', 'N', 'X', 'IX', 'NNpsk0', 'XK1'] as const;

/**
 * The octets choose a pattern, a side and what the peer says, with cryptography that lets anybody through. Whatever comes: each message
 * has a payload or one reason; the first that is refused is the last that is read; a payload is made of the message; after the end
 * both directions carry what is sealed, in order, and a message that is refused moves no nonce.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const choice = script.u8();
  const handshake = handshakeOf(PATTERNS[choice % PATTERNS.length] as string, (choice & 0x80) === 0 ? 'responder' : 'initiator');
  while (handshake.step === 'write' || handshake.step === 'read') {
    if (handshake.step === 'write') {
      const payload = script.take(script.u8() % 32);
      const { overhead } = handshake;
      const written = handshake.writeMessage(payload);
      if (written.ok)
        demand(written.value.length === overhead + payload.length, 'a message is its payload and what was announced');
      continue;
    }
    const message = script.take(script.u8());
    const { overhead } = handshake;
    const read = handshake.readMessage(message);
    if (read.ok) demand(read.value.length === message.length - overhead, 'a payload is made of its message');
    else demand(handshake.failure === read.error, 'the first refusal is the end');
    if (script.isAtEnd && !read.ok) break;
  }
  if (handshake.step === 'dead') {
    const { failure } = handshake;
    const again = handshake.readMessage(script.take(100));
    demand(!again.ok && again.error === failure, 'a dead handshake gives its reason and nothing else');
    return;
  }
  transportLaws(handshake.split(), script);
  demand(handshake.step === 'done', 'a handshake is split once');
}

function transportLaws({ send, receive }: Transport, script: FuzzScript): void {
  for (let sent = 0n, received = 0n; !script.isAtEnd; ) {
    const way = script.u8();
    const piece = script.take(1 + (way >> 2));
    if ((way & 3) === 0) {
      const sealed = send.encryptWithAd(NOTHING, piece);
      demand(sealed.ok && sealed.value.length === piece.length + 16, 'sealing adds a tag');
      demand(send.nonce === ++sent, 'a number is used once');
      continue;
    }
    const message = (way & 3) === 1 ? concatBytes([piece, NULL_TAG]) : piece;
    const opened = receive.decryptWithAd(NOTHING, message);
    if (opened.ok) {
      demand(bytesEqual(opened.value, message.subarray(0, message.length - 16)), 'what is opened is what was sealed');
      received++;
    }
    demand(receive.nonce === received, 'only a good message has a number');
  }
}

function handshakeOf(pattern: string, role: 'initiator' | 'responder'): HandshakeState {
  const protocol = `Noise_${pattern}_25519_ChaChaPoly_BLAKE2s`;
  const [own, peer] = [
    nullCrypto.x25519KeyPair(new Uint8Array(32).fill(role === 'initiator' ? 2 : 4)),
    new Uint8Array(32).fill(9),
  ];
  const remoteStatic = nullCrypto.x25519PublicKey(peer);
  const psks = pattern.includes('psk') ? [new Uint8Array(32).fill(7)] : [];
  const base = { protocol, role, entropy: new SeededEntropy(role), localStatic: own, psks };
  const isKnown = role === 'initiator' ? KNOWS_RESPONDER.test(pattern) : KNOWS_INITIATOR.test(pattern);
  return new HandshakeState(nullCrypto, isKnown ? { ...base, remoteStatic } : base);
}

const KNOWS_RESPONDER = /^(.K|N$|X$)/;
const KNOWS_INITIATOR = /^K/;
const NOTHING = new Uint8Array(0);

/** Honest messages of both sides of each pattern, then records both ways. */
export function seeds(): Uint8Array[] {
  return PATTERNS.flatMap((_, index) =>
    [index, index + 12 * 11].map((choice) => {
      const messages = Array.from({ length: 3 }, () => {
        const message = concatBytes([new Uint8Array(32).fill(0x21), new Uint8Array(32).fill(0x33), NULL_TAG, NULL_TAG]);
        return concatBytes([Uint8Array.of(message.length), message]);
      });
      return concatBytes([Uint8Array.of(choice), ...messages, Uint8Array.of(16, 1, 2, 3, 4, 5, 17, 1, 2, 3, 4, 5)]);
    }),
  );
}
