import { type Entropy, type Machine, type Millis, SeededEntropy } from '@nexus-net/sansio';
import { Channel, type ChannelEvent, type ChannelView } from './channel.js';
import type { LinkImpairment } from './impairment.js';

export interface LinkConfig {
  /** Seeded. Each direction draws from a stream of its own, so traffic one way changes nothing the other way. */
  readonly entropy: Entropy;
  /** Default: a perfect wire. */
  readonly impairment?: LinkImpairment;
  /** Report each lost frame as an event. Default false. */
  readonly lossEvents?: boolean;
  /** Frames under way in each direction at most. Default 4 096. */
  readonly inFlightCountMax?: number;
}

/** An end of the cable. */
export type LinkEnd = 'station' | 'switch';

export interface LinkTransmit {
  /** The end where the frame comes out. */
  readonly to: LinkEnd;
  readonly frame: Uint8Array;
}

export type LinkEvent = ChannelEvent & { readonly to: LinkEnd };

export interface LinkView {
  readonly state: 'up' | 'down';
  readonly toSwitch: ChannelView;
  readonly toStation: ChannelView;
}

/** A cable between a station and a switch: two channels with impairments of their own. */
export class Link implements Machine<LinkTransmit, LinkEvent> {
  readonly toSwitch: Channel;
  readonly toStation: Channel;
  #impairment: LinkImpairment;
  #state: 'up' | 'down' = 'up';

  constructor(config: LinkConfig) {
    const { entropy, impairment = {}, ...limits } = config;
    const seed = entropy.u32();
    this.#impairment = impairment;
    this.toSwitch = new Channel({
      ...limits,
      entropy: new SeededEntropy(`${seed}/switch`),
      impairment: impairment.toSwitch ?? {},
    });
    this.toStation = new Channel({
      ...limits,
      entropy: new SeededEntropy(`${seed}/station`),
      impairment: impairment.toStation ?? {},
    });
  }

  get state(): 'up' | 'down' {
    return this.#state;
  }

  /** Both channels would pass a frame at once and unchanged. */
  get transparent(): boolean {
    return this.toSwitch.transparent && this.toStation.transparent;
  }

  /** Replaces the impairments of both directions. A link that is down stays down and comes up with these. */
  impair(now: Millis, impairment: LinkImpairment): void {
    this.#impairment = impairment;
    this.#apply(now);
  }

  /** Pulls the cable or plugs it in again. What is under way when it is pulled is lost. */
  setState(now: Millis, state: 'up' | 'down'): void {
    this.#state = state;
    this.#apply(now);
  }

  /** Takes a frame in at an end. Borrows `frame`. */
  handleFrame(now: Millis, from: LinkEnd, frame: Uint8Array): void {
    (from === 'station' ? this.toSwitch : this.toStation).handleFrame(now, frame);
  }

  handleTimeout(now: Millis): void {
    this.toSwitch.handleTimeout(now);
    this.toStation.handleTimeout(now);
  }

  pollTransmit(): LinkTransmit | undefined {
    const inward = this.toSwitch.pollTransmit();
    if (inward !== undefined) return { to: 'switch', frame: inward };
    const outward = this.toStation.pollTransmit();
    return outward === undefined ? undefined : { to: 'station', frame: outward };
  }

  pollEvent(): LinkEvent | undefined {
    const inward = this.toSwitch.pollEvent();
    if (inward !== undefined) return { ...inward, to: 'switch' };
    const outward = this.toStation.pollEvent();
    return outward === undefined ? undefined : { ...outward, to: 'station' };
  }

  nextTimeout(): Millis {
    return Math.min(this.toSwitch.nextTimeout(), this.toStation.nextTimeout());
  }

  inspect(): LinkView {
    return { state: this.#state, toSwitch: this.toSwitch.inspect(), toStation: this.toStation.inspect() };
  }

  #apply(now: Millis): void {
    const { toSwitch = {}, toStation = {} } = this.#impairment;
    const down = this.#state === 'down';
    this.toSwitch.impair(now, down ? { ...toSwitch, cut: true } : toSwitch);
    this.toStation.impair(now, down ? { ...toStation, cut: true } : toStation);
  }
}
