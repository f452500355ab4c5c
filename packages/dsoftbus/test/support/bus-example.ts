import { BusSession, type X25519KeyPair } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import type { Entropy } from '@nexus-net/sansio';

/** Two sessions of dialect `bus`, back to back: what `text` is when it has passed a stream. */
export function overTheBus(text: string, entropy: Entropy): string {
  const now = 0;
  const keyOf = (): X25519KeyPair => {
    const secret = new Uint8Array(32);
    entropy.fill(secret);
    return nodeCrypto.x25519KeyPair(secret);
  };
  const [key, otherKey] = [keyOf(), keyOf()];
  const common = { crypto: nodeCrypto, entropy };
  // Each knows the other's key; in a node the trust store judges.
  const a = new BusSession({
    ...common,
    deviceId: 'a',
    localStatic: key,
    remote: { deviceId: 'b', key: otherKey.publicKey },
    judge: () => 'trusted',
  });
  const b = new BusSession({
    ...common,
    deviceId: 'b',
    localStatic: otherKey,
    judge: (_now, peer) =>
      peer.deviceId === 'a' && peer.key.every((octet, i) => octet === key.publicKey[i]) ? 'trusted' : 'key-changed',
  });
  b.start(now);
  a.start(now);
  let heard = '';
  const drive = (from: BusSession, to: BusSession): boolean => {
    let moved = false;
    for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
      moved = true;
      if (out.type === 'bytes') to.handleBytes(now, out.bytes);
      else to.handleEnd(now);
    }
    for (let event = from.pollEvent(); event !== undefined; event = from.pollEvent()) {
      if (event.type === 'open' && from === a) {
        const stream = a.openStream(now, { name: 'greeting', priority: 3 });
        if (stream.ok) a.write(now, stream.value, new TextEncoder().encode(text));
        moved = true;
      }
      if (event.type === 'stream' && event.event.type === 'readable')
        heard += new TextDecoder().decode(from.read(now, event.event.stream));
    }
    return moved;
  };
  for (let moved = true; moved; ) {
    const there = drive(a, b);
    moved = drive(b, a) || there;
  }
  return `${b.peer?.deviceId} says ${heard}`;
}
