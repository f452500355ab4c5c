import { type Machine, type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import { type Clock, monotonicClock } from './clock.js';
import { systemTimers, TIMER_DELAY_MS_MAX, type Timers } from './timers.js';

/** What a machine of type `M` puts on the wire. */
export type TransmitOf<M extends Machine<unknown, unknown>> = Exclude<ReturnType<M['pollTransmit']>, undefined>;
/** What a machine of type `M` tells the application. */
export type EventOf<M extends Machine<unknown, unknown>> = Exclude<ReturnType<M['pollEvent']>, undefined>;

export interface DriverOptions<M extends Machine<unknown, unknown>> {
  /** Takes each thing for the wire, oldest first. It owns what it gets. */
  readonly transmit: (output: TransmitOf<M>) => void;
  /** Takes each event, oldest first. It may call {@link Driver.drive} again. Default: events are read and dropped. */
  readonly event?: (event: EventOf<M>) => void;
  /**
   * Asked before each `pollTransmit`: while it says false, output stays in the machine, whose own limits then apply. Call
   * {@link Driver.wake} when there is room again. Default: always true.
   */
  readonly writable?: () => boolean;
  /** Default {@link monotonicClock}. */
  readonly clock?: Clock;
  /** Default {@link systemTimers}. */
  readonly timers?: Timers;
}

/** Starts a machine on the real clock: drains what it already has to say and arms its timer. */
export function runMachine<M extends Machine<unknown, unknown>>(machine: M, options: DriverOptions<M>): Driver<M> {
  const driver = new Driver(machine, options);
  driver.wake();
  return driver;
}

/**
 * Runs one machine on the real clock. Every input goes through {@link drive}: mutate once, drain `pollTransmit`, drain
 * `pollEvent`, arm the timer for `nextTimeout()`.
 */
export class Driver<M extends Machine<unknown, unknown>> {
  readonly #machine: M;
  readonly #transmit: (output: TransmitOf<M>) => void;
  readonly #event: (event: EventOf<M>) => void;
  readonly #writable: () => boolean;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #armedFor: Millis = NEVER;
  #disarm: (() => void) | undefined;
  #draining = false;
  #closed = false;

  constructor(machine: M, options: DriverOptions<M>) {
    const { transmit, event = ignore, writable = always, clock = monotonicClock, timers = systemTimers } = options;
    this.#machine = machine;
    this.#transmit = transmit;
    this.#event = event;
    this.#writable = writable;
    this.#clock = clock;
    this.#timers = timers;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Changes the machine once and carries out what follows from it. Called from inside a callback of this driver, it only
   * changes the machine: the loop that made the callback goes on with the rest. Throws `UsageError` after {@link close}.
   */
  drive<R>(mutate: (machine: M, now: Millis) => R): R {
    requireArgument(!this.#closed, 'the driver is open');
    const result = mutate(this.#machine, this.#clock.now());
    if (!this.#draining) this.#drain();
    return result;
  }

  /** Drains without an input: after {@link DriverOptions.writable} has become true again. Nothing after {@link close}. */
  wake(): void {
    if (!this.#closed && !this.#draining) this.#drain();
  }

  /** Disarms the timer and stops draining. The machine is left as it is. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#rearm(NEVER);
  }

  #drain(): void {
    this.#draining = true;
    try {
      for (;;) {
        while (!this.#closed && this.#writable()) {
          const output = this.#machine.pollTransmit();
          if (output === undefined) break;
          this.#transmit(output as TransmitOf<M>);
        }
        const event = this.#closed ? undefined : this.#machine.pollEvent();
        if (event === undefined) break;
        this.#event(event as EventOf<M>); // may have changed the machine, so output is drained again before the next event
      }
    } finally {
      // Also when a callback threw: the machine's timer must not die of somebody else's defect.
      this.#draining = false;
      this.#rearm(this.#closed ? NEVER : this.#machine.nextTimeout());
    }
  }

  #rearm(next: Millis): void {
    if (next === this.#armedFor) return;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = next;
    if (next === NEVER) return;
    // Rounded up: a timer that fires early costs a call for nothing. A deadline beyond the clamp is armed again on the way.
    const delayMs = Math.min(Math.max(Math.ceil(next - this.#clock.now()), 0), TIMER_DELAY_MS_MAX);
    this.#disarm = this.#timers.after(delayMs, () => {
      this.#armedFor = NEVER;
      this.#disarm = undefined;
      this.drive((machine, now) => machine.handleTimeout(now));
    });
  }
}

function ignore(): void {}

function always(): boolean {
  return true;
}
