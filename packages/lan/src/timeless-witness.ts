import { type Millis, NEVER, Queue } from '@nexus-net/sansio';
import type { ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';

/** A witness that has no clock: it says at once what a frame shows, or never. */
export abstract class TimelessWitness implements Witness {
  readonly #events: Queue<WitnessEvent>;

  /** `eventCountMax`: events waiting for `pollEvent`; further ones are dropped and counted. */
  constructor(eventCountMax: number) {
    this.#events = new Queue(eventCountMax);
  }

  abstract handleFrame(now: Millis, frame: ObservedFrame): void;

  handleTimeout(_now: Millis): void {}

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  protected tell(event: WitnessEvent): void {
    this.#events.push(event);
  }

  protected get eventsDropped(): number {
    return this.#events.dropped;
  }
}
