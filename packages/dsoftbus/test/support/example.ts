import { HandshakeState } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import type { Entropy } from '@nexus-net/sansio';

/** One XK handshake and one message, both sides in one place. In production `entropy` is the system's. */
export function greet(entropy: Entropy, [clientSecret, serverSecret]: readonly [Uint8Array, Uint8Array]): string {
  const server = nodeCrypto.x25519KeyPair(serverSecret);
  const common = { protocol: 'Noise_XK_25519_ChaChaPoly_BLAKE2s', entropy, prologue: new TextEncoder().encode('demo 1') };
  const initiator = new HandshakeState(nodeCrypto, {
    ...common,
    role: 'initiator',
    localStatic: nodeCrypto.x25519KeyPair(clientSecret),
    remoteStatic: nodeCrypto.x25519PublicKey(server.publicKey), // known beforehand: pinned, or from an announce
  });
  const responder = new HandshakeState(nodeCrypto, { ...common, role: 'responder', localStatic: server });

  for (const [writer, reader] of [
    [initiator, responder],
    [responder, initiator],
    [initiator, responder],
  ] as const) {
    const message = writer.writeMessage();
    const read = message.ok ? reader.readMessage(message.value) : message;
    if (!read.ok) return `refused: ${read.error}`; // one label of NoiseError; the handshake is over
  }
  // responder.remoteStatic is proven now. Whose key that is, the application has to know.
  const sealed = initiator.split().send.encryptWithAd(new Uint8Array(0), new TextEncoder().encode('hello'));
  const opened = sealed.ok ? responder.split().receive.decryptWithAd(new Uint8Array(0), sealed.value) : sealed;
  return opened.ok ? new TextDecoder().decode(opened.value) : `refused: ${opened.error}`;
}
