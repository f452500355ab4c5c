import type { FrameMachine, Millis } from '@nexus-net/sansio';
import { Driver, type DriverOptions, type EventOf } from '../driver.js';
import { TapDevice, type TapDeviceOptions, type TapInspection } from './tap-device.js';

export interface TapDriverOptions<M extends FrameMachine<unknown>>
  extends Omit<TapDeviceOptions, 'frame'>,
    Omit<DriverOptions<M>, 'transmit' | 'writable'> {}

/** Runs a frame machine at the far end of a TAP device: the machine and this system are two stations on one cable. */
export class TapDriver<M extends FrameMachine<unknown>> {
  readonly #device: TapDevice;
  readonly #driver: Driver<M>;

  /** Opens the device and starts the machine. Throws `TapError`. */
  constructor(machine: M, options: TapDriverOptions<M>) {
    const { event, clock, timers } = options;
    this.#device = new TapDevice({
      ...options,
      frame: (frame) => this.#driver.drive((target, now) => target.handleFrame(now, frame)),
    });
    this.#driver = new Driver(machine, {
      transmit: (frame) => this.#device.send(frame as Uint8Array),
      ...(event === undefined ? {} : { event: event as (event: EventOf<M>) => void }),
      ...(clock === undefined ? {} : { clock }),
      ...(timers === undefined ? {} : { timers }),
    });
    this.#driver.wake();
  }

  /** Gives the machine a command of the application, then does what follows from it. */
  drive<R>(mutate: (machine: M, now: Millis) => R): R {
    return this.#driver.drive(mutate);
  }

  inspect(): TapInspection {
    return this.#device.inspect();
  }

  /** Stops the machine and gives the device back. Idempotent. */
  close(): Promise<void> {
    this.#driver.close();
    return this.#device.close();
  }
}
