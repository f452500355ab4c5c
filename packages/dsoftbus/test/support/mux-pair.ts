import { Mux, type MuxEvent, type MuxOptions } from '@nexus-net/dsoftbus';
import { SeededEntropy } from '@nexus-net/sansio';
import { framesOf, type RawFrame } from './mux-frames.js';

export const SMALL = { streamCountMax: 4, windowOctets: 1_024 } as const;

export function muxOf(role: MuxOptions['role'], options: Partial<MuxOptions> = {}): Mux {
  return new Mux({ role, entropy: new SeededEntropy(role), peer: SMALL, own: SMALL, ...options });
}

export function eventsOf(mux: Mux): MuxEvent[] {
  const events: MuxEvent[] = [];
  for (let event = mux.pollEvent(); event !== undefined; event = mux.pollEvent()) events.push(event);
  return events;
}

export function sentBy(mux: Mux): RawFrame[] {
  const frames: RawFrame[] = [];
  for (let record = mux.pollTransmit(); record !== undefined; record = mux.pollTransmit()) frames.push(...framesOf(record));
  return frames;
}

/** Two muxes over a perfect record channel; what they say is kept. */
export class MuxPair {
  readonly a: Mux;
  readonly b: Mux;
  now = 0;
  readonly seenByA: MuxEvent[] = [];
  readonly seenByB: MuxEvent[] = [];

  constructor(options: Partial<MuxOptions> = {}, optionsB: Partial<MuxOptions> = options) {
    this.a = muxOf('initiator', options);
    this.b = muxOf('responder', optionsB);
  }

  /** Delivers until nothing moves. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [this.a, this.b],
        [this.b, this.a],
      ] as const)
        for (let record = from.pollTransmit(); record !== undefined; record = from.pollTransmit()) {
          to.handleRecord(this.now, record);
          moved = true;
        }
    }
    this.seenByA.push(...eventsOf(this.a));
    this.seenByB.push(...eventsOf(this.b));
  }
}
