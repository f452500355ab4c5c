import { BusSession } from '@nexus-net/dsoftbus';
import { SeededEntropy } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { NULL_TAG, nullCrypto } from '../support/null-crypto.js';

export const limits: FuzzLimits = {
  octetsMax: 2_048,
  costBase: 400_000,
  costPerOctet: 4_000,
  allocatedBase: 400_000,
  allocatedPerOctet: 5_000,
};

/**
 * A peer that knows every key: the handshake is done by an honest initiator, then any octets follow as records, each sealed as the null
 * provider wants it. The first octet says how much of the honest peer's side goes through before.
 */
export function target(bytes: Uint8Array): void {
  const keys = (name: string): ReturnType<typeof nullCrypto.x25519KeyPair> => {
    const secret = new Uint8Array(32);
    new SeededEntropy(name).fill(secret);
    return nullCrypto.x25519KeyPair(secret);
  };
  const common = { crypto: nullCrypto, judge: () => 'trusted' as const };
  const b = new BusSession({ ...common, entropy: new SeededEntropy(1), deviceId: 'b', localStatic: keys('b') });
  const remote = { deviceId: 'b', key: keys('b').publicKey };
  const a = new BusSession({ ...common, entropy: new SeededEntropy(2), deviceId: 'a', localStatic: keys('a'), remote });
  b.start(0);
  a.start(0);
  for (let steps = (bytes[0] ?? 0) % 8; steps > 0; steps--) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const out = from.pollTransmit();
      if (out?.type === 'bytes') to.handleBytes(0, out.bytes);
    }
  }
  const isKeyed = b.inspect().state === 'open';
  for (let at = 1; at < bytes.length; ) {
    const length = 1 + (bytes[at] as number);
    const piece = bytes.subarray(at + 1, at + 1 + length);
    at += 1 + length;
    const record = new Uint8Array(2 + piece.length + NULL_TAG.length);
    record[0] = (piece.length + NULL_TAG.length) >>> 8;
    record[1] = piece.length + NULL_TAG.length;
    record.set(piece, 2);
    record.set(NULL_TAG, 2 + piece.length);
    b.handleBytes(at, isKeyed ? record : piece);
    drain(() => b.pollTransmit());
    const events = drain(() => b.pollEvent(), 100_000);
    demand(isKeyed || events.every(({ type }) => type !== 'stream'), 'no octet of the application before the handshake is over');
    demand(b.end === undefined || b.pollTransmit() === undefined, 'an end is the end');
  }
  b.handleEnd(1e6);
  demand(b.end !== undefined, 'the end of the transport ends the session');
}

export function seeds(): Uint8Array[] {
  return [Uint8Array.of(7, 9, 6, 1, 0, 0, 0, 0, 1, 0, 1, 0x78), Uint8Array.of(0, 5, 0x4e, 0x42, 1, 1, 0, 48)];
}
