import { type BusFailure, BusSession, type BusSessionEvent, type BusSessionOptions } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { SeededEntropy } from '@nexus-net/sansio';
import { keyOf } from './bus-world.js';

export function sessionOf(name: string, options: Partial<BusSessionOptions> = {}): BusSession {
  return new BusSession({
    crypto: nodeCrypto,
    entropy: new SeededEntropy(name),
    deviceId: name,
    localStatic: keyOf(name),
    judge: () => 'trusted',
    ...options,
  });
}

/** Two sessions with a perfect transport between them. */
export class Pair {
  readonly a: BusSession;
  readonly b: BusSession;
  now = 0;
  readonly seen: Record<'a' | 'b', BusSessionEvent[]> = { a: [], b: [] };
  readonly sent: Record<'a' | 'b', Uint8Array[]> = { a: [], b: [] };
  /** `a` gets what `b` sent changed by this. */
  tamper: (from: 'a' | 'b', bytes: Uint8Array, index: number) => Uint8Array | undefined = (_from, bytes) => bytes;

  constructor(a: Partial<BusSessionOptions> = {}, b: Partial<BusSessionOptions> = {}) {
    this.a = sessionOf('a', { remote: { deviceId: 'b', key: keyOf('b').publicKey }, ...a });
    this.b = sessionOf('b', b);
  }

  start(): this {
    this.b.start(this.now);
    this.a.start(this.now);
    return this.settle();
  }

  settle(pieceOctets: number = Number.POSITIVE_INFINITY): this {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [name, from, to] of [
        ['a', this.a, this.b],
        ['b', this.b, this.a],
      ] as const)
        for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
          moved = true;
          if (out.type === 'end') to.handleEnd(this.now);
          else if (out.type === 'reset') to.handleClosed(this.now);
          else {
            const bytes = this.tamper(name, out.bytes, this.sent[name].push(out.bytes) - 1);
            for (let at = 0; bytes !== undefined && at < bytes.length; at += pieceOctets)
              to.handleBytes(this.now, bytes.subarray(at, at + pieceOctets));
          }
        }
    }
    for (let event = this.a.pollEvent(); event !== undefined; event = this.a.pollEvent()) this.seen.a.push(event);
    for (let event = this.b.pollEvent(); event !== undefined; event = this.b.pollEvent()) this.seen.b.push(event);
    return this;
  }

  get ends(): readonly (BusFailure | string | undefined)[] {
    return [this.a, this.b].map(({ end }) => (end?.type === 'failed' ? end.label : end && `goodbye ${end.code} by ${end.by}`));
  }
}
