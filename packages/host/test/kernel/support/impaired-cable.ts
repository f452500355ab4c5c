import { Link, type LinkImpairment } from '@nexus-net/lan';
import type { Entropy, FrameMachine, Millis } from '@nexus-net/sansio';

/**
 * A machine at the end of a cable with impairments. The station is the machine, the other end is whoever drives this: frames that
 * come in here go through the cable to the machine, and what the machine sends comes out after it went through the cable.
 */
export class ImpairedCable<M extends FrameMachine<Event>, Event> implements FrameMachine<Event> {
  readonly machine: M;
  readonly link: Link;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(machine: M, { entropy, impairment }: { readonly entropy: Entropy; readonly impairment: LinkImpairment }) {
    this.machine = machine;
    this.link = new Link({ entropy, impairment });
  }

  /** A command of the application; then whatever waits for its deadline up to `now`. */
  at(now: Millis): M {
    this.#now = Math.max(this.#now, now);
    return this.machine;
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.at(now);
    if (this.link.toStation.transparent) this.machine.handleFrame(now, frame);
    else this.link.toStation.handleOwnedFrame(now, frame);
    this.#deliver();
  }

  handleTimeout(now: Millis): void {
    this.at(now);
    this.link.handleTimeout(now);
    this.#deliver();
    if (this.machine.nextTimeout() <= now) this.machine.handleTimeout(now);
  }

  pollTransmit(): Uint8Array | undefined {
    const { toSwitch } = this.link;
    for (;;) {
      const arrived = toSwitch.pollTransmit();
      if (arrived !== undefined) return arrived;
      const frame = this.machine.pollTransmit();
      if (frame === undefined) return undefined;
      if (toSwitch.transparent) return frame;
      toSwitch.handleOwnedFrame(this.#now, frame);
    }
  }

  pollEvent(): Event | undefined {
    return this.machine.pollEvent();
  }

  nextTimeout(): Millis {
    return Math.min(this.link.nextTimeout(), this.machine.nextTimeout());
  }

  #deliver(): void {
    const { toStation } = this.link;
    for (let frame = toStation.pollTransmit(); frame !== undefined; frame = toStation.pollTransmit())
      this.machine.handleFrame(this.#now, frame);
  }
}
