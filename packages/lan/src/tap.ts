import { type Machine, type Millis, NEVER, Queue, requireArgument } from '@nexus-net/sansio';
import { FrameDissector, type ObservedFrame, type Witness, type WitnessEvent } from '@nexus-net/wire';
import { copyBytes } from './copy-bytes.js';

export interface TapConfig {
  /** Those who watch. Each gets every frame, in this order. Default none. */
  readonly witnesses?: readonly Witness[];
  /** Report each frame as an event. Default true. */
  readonly frames?: boolean;
  /** Draws the number of each frame, where several taps fill one capture. Default: from 1. */
  readonly nextNumber?: () => number;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 65 536. */
  readonly eventCountMax?: number;
}

export type TapEvent = { readonly type: 'frame'; readonly observed: ObservedFrame } | WitnessEvent;

export interface TapView {
  /** Frames seen, reported or not. */
  readonly seen: number;
  readonly eventsDropped: number;
}

/**
 * Sees each frame once, where it enters the switch: after the impairments of its own cable, before anything is copied or
 * forwarded. Numbers the frames from 1, dissects each once (fragments are
 * joined, the last one shows the whole), and lets the witnesses say what happened. With no witness and no
 * frame events it counts and does nothing else.
 */
export class Tap implements Machine<never, TapEvent> {
  readonly #witnesses: readonly Witness[];
  readonly #frames: boolean;
  readonly #nextNumber: () => number;
  readonly #events: Queue<TapEvent>;
  readonly #dissector = new FrameDissector();
  #seen = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: TapConfig = {}) {
    const { witnesses = [], frames = true, eventCountMax = 65_536 } = config;
    requireArgument(eventCountMax >= 1, 'eventCountMax is at least 1');
    this.#witnesses = witnesses;
    this.#frames = frames;
    this.#nextNumber = config.nextNumber ?? (() => this.#seen);
    this.#events = new Queue(eventCountMax);
  }

  /** Takes note of a frame. Borrows `frame`. */
  handleFrame(now: Millis, port: string, frame: Uint8Array): void {
    if (now > this.#now) this.#now = now;
    this.#seen++;
    if (!this.#frames && this.#witnesses.length === 0) return;
    const bytes = copyBytes(frame);
    const observed: ObservedFrame = {
      number: this.#nextNumber(),
      at: this.#now,
      port,
      bytes,
      layers: this.#dissector.dissect(this.#now, bytes),
    };
    if (this.#frames) this.#events.push({ type: 'frame', observed });
    for (const witness of this.#witnesses) {
      witness.handleFrame(this.#now, observed);
      this.#drain(witness);
    }
  }

  handleTimeout(now: Millis): void {
    if (now > this.#now) this.#now = now;
    for (const witness of this.#witnesses) {
      witness.handleTimeout(this.#now);
      this.#drain(witness);
    }
  }

  /** Nothing is ever sent. */
  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): TapEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    let next = NEVER;
    for (const witness of this.#witnesses) next = Math.min(next, witness.nextTimeout());
    return next;
  }

  inspect(): TapView {
    return { seen: this.#seen, eventsDropped: this.#events.dropped };
  }

  #drain(witness: Witness): void {
    for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) this.#events.push(event);
  }
}
