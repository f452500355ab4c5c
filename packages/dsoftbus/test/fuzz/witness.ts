import { concatBytes } from '@nexus-net/sansio';
import { describeFact } from '@nexus-net/wire';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { DsoftbusWitness, type WitnessKeys } from '../../src/witness/index.js';
import { keyOf } from '../support/noise-pair.js';
import { NULL_TAG, nullCrypto } from '../support/null-crypto.js';
import { busTalk, type Side, STREAM } from '../support/witnessed.js';

export const limits: FuzzLimits = {
  octetsMax: 1_600,
  costBase: 300_000,
  costPerOctet: 3_000,
  allocatedBase: 100_000,
  allocatedPerOctet: 400,
};

const serverStatic = nullCrypto.x25519PublicKey(keyOf('server', nullCrypto).publicKey);
const KEYS: readonly WitnessKeys[] = [
  { side: 'client', staticKey: keyOf('client', nullCrypto), ephemeral: keyOf('client', nullCrypto), serverStatic },
  { side: 'server', staticKey: keyOf('server', nullCrypto), ephemeral: keyOf('server', nullCrypto) },
];

type Piece = readonly [side: Side, bytes: Uint8Array];

/**
 * The octets are pieces of a stream of both sides, with cryptography that lets anybody through, so that the witness follows. Whatever comes:
 * the facts are the same however the pieces are cut; each names frames that were seen and has all its details; the tables keep to
 * their limits; and it takes no more steps than octets allow.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const size = 1 + script.u8();
  const pieces: Piece[] = [];
  while (!script.isAtEnd) {
    const head = script.u8();
    const piece = script.take(1 + (head >> 1));
    pieces.push([(head & 1) === 0 ? 'client' : 'server', piece]);
  }
  const whole = told(pieces, 1_000);
  demand(JSON.stringify(told(pieces, size)) === JSON.stringify(whole), 'the same however the stream is cut');
}

function told(pieces: readonly Piece[], size: number): unknown[] {
  const witness = new DsoftbusWitness({ follow: { provider: nullCrypto, keys: KEYS }, sessionCountMax: 4 });
  const all: unknown[] = [];
  for (const [i, [side, bytes]] of pieces.entries()) {
    for (let at = 0; at < bytes.length; at += size)
      witness.handleStreamBytes(i, STREAM, side, bytes.subarray(at, at + size), i + 1);
    for (const event of drain(() => witness.pollEvent(), 4_096)) {
      const { frames, at } = event.type === 'fact' ? event.fact : event.violation;
      demand(
        at === i && frames.every((frame, j) => frame <= i + 1 && frame > (frames[j - 1] ?? 0)),
        'frames that were seen, ascending',
      );
      if (event.type === 'fact')
        demand(!Object.values(describeFact(event.fact)).some((value) => Number.isNaN(value)), 'a fact has all of its details');
      all.push(event);
    }
    demand(witness.inspect().sessions <= 4, 'the table keeps to its limit');
  }
  return all;
}

/** An honest session of dialect bus with a stream, the same in one piece a side, and the first octets of the other dialects. */
export function seeds(): Uint8Array[] {
  const talk = busTalk({ provider: nullCrypto });
  talk.client.openStream(0, { name: 'gateway/1', priority: 1 });
  talk.settle();
  const scripted = (pieces: readonly Piece[]): Uint8Array =>
    concatBytes([
      Uint8Array.of(40),
      ...pieces.flatMap(([side, bytes]) => {
        const parts: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += 128) {
          const part = bytes.subarray(at, at + 128);
          parts.push(Uint8Array.of(((part.length - 1) << 1) | (side === 'client' ? 0 : 1)), part);
        }
        return parts;
      }),
    ]);
  const key = new Uint8Array(32).fill(5);
  const os: Piece[] = [
    ['client', keyOf('client', nullCrypto).publicKey],
    ['server', concatBytes([keyOf('server', nullCrypto).publicKey, serverStatic.bytes, NULL_TAG, NULL_TAG])],
    ['client', concatBytes([keyOf('client', nullCrypto).publicKey, NULL_TAG, NULL_TAG])],
    ['client', concatBytes([Uint8Array.of(0x31, 4, 0, 0x4d, 0x58, 1, 0), new Uint8Array(252), NULL_TAG])],
  ];
  const host: Piece[] = [['client', concatBytes([Uint8Array.of(0, 0, 0, 48), key, NULL_TAG])]];
  return [scripted(talk.spoken), scripted(os), scripted(host)];
}
