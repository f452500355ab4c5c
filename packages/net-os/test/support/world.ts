import { type FrameMachine, type Millis, NEVER } from '@nexus-net/sansio';

/** What happens to a frame: lost (`undefined`), or the delays after which copies of it arrive. */
export type Cable = (sent: {
  readonly at: Millis;
  readonly from: string;
  readonly frame: Uint8Array;
}) => readonly Millis[] | undefined;

interface InFlight {
  readonly at: Millis;
  readonly order: number;
  readonly to: string;
  readonly frame: Uint8Array;
}

/** A few machines on one broadcast cable, in virtual time. Every machine hears every other one. */
export class World<Name extends string = string> {
  now: Millis = 0;
  /** Every event, in order. */
  readonly events: { readonly at: Millis; readonly who: Name; readonly event: unknown }[] = [];
  /** Every frame that was sent, lost or not. */
  readonly frames: { readonly at: Millis; readonly from: Name; readonly frame: Uint8Array }[] = [];
  readonly #machines: ReadonlyMap<Name, FrameMachine<unknown>>;
  readonly #cable: Cable;
  readonly #inFlight: InFlight[] = [];
  #order = 0;

  constructor(machines: Readonly<Record<Name, FrameMachine<unknown>>>, cable: Cable = () => [1]) {
    this.#machines = new Map(Object.entries(machines) as [Name, FrameMachine<unknown>][]);
    this.#cable = cable;
  }

  /** Runs a command and carries what comes of it; then time goes on to `until` at most. */
  run(until: Millis, command?: (now: Millis) => void): void {
    command?.(this.now);
    this.#drain();
    for (let steps = 0; ; steps++) {
      if (steps > STEPS_MAX) throw new Error(`no rest by ${this.now} ms`);
      const next = this.#next();
      if (next > until) break;
      this.now = Math.max(this.now, next);
      this.#step();
    }
    this.now = Math.max(this.now, until);
  }

  #next(): Millis {
    let next = this.#inFlight[0]?.at ?? NEVER;
    for (const machine of this.#machines.values()) next = Math.min(next, machine.nextTimeout());
    return next;
  }

  #step(): void {
    const arrival = this.#inFlight[0];
    if (arrival !== undefined && arrival.at <= this.now) {
      this.#inFlight.shift();
      this.#machines.get(arrival.to as Name)?.handleFrame(this.now, arrival.frame);
    } else {
      for (const machine of this.#machines.values()) if (machine.nextTimeout() <= this.now) machine.handleTimeout(this.now);
    }
    this.#drain();
  }

  #drain(): void {
    for (const [who, machine] of this.#machines) {
      for (let frame = machine.pollTransmit(); frame !== undefined; frame = machine.pollTransmit()) this.#send(who, frame);
      for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent())
        this.events.push({ at: this.now, who, event });
    }
  }

  #send(from: Name, frame: Uint8Array): void {
    this.frames.push({ at: this.now, from, frame });
    for (const to of this.#machines.keys()) {
      if (to === from) continue;
      for (const delay of this.#cable({ at: this.now, from, frame }) ?? [])
        this.#inFlight.push({ at: this.now + delay, order: this.#order++, to, frame });
    }
    this.#inFlight.sort((a, b) => a.at - b.at || a.order - b.order);
  }
}

const STEPS_MAX = 100_000;
