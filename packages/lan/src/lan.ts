import { type Entropy, type Machine, type Millis, NEVER, Queue, requireArgument, SeededEntropy } from '@nexus-net/sansio';
import { type Dissection, dissect, type Fact, type ObservedFrame, type Violation, type Witness } from '@nexus-net/wire';
import type { ChannelLoss } from './channel.js';
import { Gateway, type GatewayConfig, type GatewayEvent, type GatewayView } from './gateway.js';
import { GATEWAY_PORT } from './gateway-port.js';
import type { LinkImpairment } from './impairment.js';
import { Link, type LinkEnd, type LinkView } from './link.js';
import { Switch, type SwitchConfig, type SwitchEvent, type SwitchTransmit, type SwitchView } from './switch.js';
import { Tap, type TapView } from './tap.js';
import { segmentWitnesses } from './witnesses.js';

export interface LanConfig {
  /** Feeds the gateway, and once a seed for all links: in production the system's, in simulations seeded. */
  readonly entropy: Entropy;
  /** Names of the ports for stations. More come with `addPort`. Default none. */
  readonly ports?: readonly string[];
  /** The gateway host on a port of its own, called `gateway`; `off` for a segment without one. Default on. */
  readonly gateway?: Omit<GatewayConfig, 'entropy'> | 'off';
  /** Who watches the segment. Default: a witness for each protocol. `[]` saves the dissection of every frame. */
  readonly witnesses?: readonly Witness[];
  /** Report each frame as an event. Default true. */
  readonly frames?: boolean;
  /** What the fate of frames on bad links is drawn from. Default: drawn from `entropy`. */
  readonly linkSeed?: string;
  /** Draws the number of each frame, where the capture holds those of others too. Default: from 1. */
  readonly nextNumber?: () => number;
  /** Report each frame that a link loses. Default false. */
  readonly lossEvents?: boolean;
  readonly switch?: Omit<SwitchConfig, 'transmitCountMax'>;
  /** Frames waiting for `pollTransmit`; further ones are dropped and counted. Default 4 096. */
  readonly transmitCountMax?: number;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 65 536. */
  readonly eventCountMax?: number;
  /** Deadlines run in one call at most; what is left stays due. Default 10 000. */
  readonly stepCountMax?: number;
}

export type LanEvent =
  /** A frame entered the switch: the capture of the segment. */
  | { readonly type: 'frame'; readonly observed: ObservedFrame }
  | { readonly type: 'fact'; readonly fact: Fact }
  | { readonly type: 'violation'; readonly violation: Violation }
  | { readonly type: 'gateway'; readonly event: GatewayEvent }
  | { readonly type: 'switch'; readonly event: SwitchEvent }
  /** With `lossEvents`: the link of `port` lost a frame on its way to that end. */
  | {
      readonly type: 'lost';
      readonly at: Millis;
      readonly port: string;
      readonly to: LinkEnd;
      readonly reason: ChannelLoss;
      readonly layers: Dissection;
    };

/** A frame for the station at `port`. The caller owns `frame`. */
export type LanTransmit = SwitchTransmit;

export interface LanView {
  readonly switch: SwitchView;
  readonly links: Readonly<Record<string, LinkView>>;
  readonly tap: TapView;
  readonly gateway?: GatewayView;
  readonly transmitsDropped: number;
  readonly eventsDropped: number;
}

/** What `setLink` does to a cable: pull it, plug it in, or replace what it does to frames. */
export type LinkChange = 'up' | 'down' | LinkImpairment;

/**
 * One Ethernet segment: a switch, a cable to each station, a gateway host, and those who watch. Stations are whatever the
 * caller connects to the ports: a guest in QEMU, a machine in the same process, a TAP device.
 */
export class Lan implements Machine<LanTransmit, LanEvent> {
  readonly #switch: Switch;
  readonly #ports = new Map<string, Port>();
  /** No link does anything to any frame: frames pass around them, and none of them has a deadline. */
  #clear = true;
  /** The gateway was called: it may have frames, events, and another deadline. */
  #gatewayTouched = false;
  #gatewayAt: Millis = NEVER;
  readonly #tap: Tap;
  readonly #gateway: Gateway | undefined;
  readonly #linkSeed: number | string;
  readonly #lossEvents: boolean;
  readonly #stepCountMax: number;
  readonly #transmits: Queue<LanTransmit>;
  readonly #events: Queue<LanEvent>;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: LanConfig) {
    const { entropy, ports = [], gateway = {}, witnesses = segmentWitnesses(), stepCountMax = 10_000 } = config;
    requireArgument(Number.isInteger(stepCountMax) && stepCountMax >= 1, 'stepCountMax is a positive integer');
    const drawn = entropy.u32(); // always: a seed given changes nothing else
    this.#linkSeed = config.linkSeed ?? drawn;
    this.#lossEvents = config.lossEvents ?? false;
    this.#stepCountMax = stepCountMax;
    this.#transmits = new Queue(config.transmitCountMax ?? 4_096);
    this.#events = new Queue(config.eventCountMax ?? 65_536);
    this.#switch = new Switch(config.switch);
    this.#tap = new Tap({
      witnesses,
      frames: config.frames ?? true,
      ...(config.nextNumber !== undefined && { nextNumber: config.nextNumber }),
    });
    if (gateway !== 'off') {
      this.#switch.addPort(GATEWAY_PORT);
      this.#gateway = new Gateway({ ...gateway, entropy });
    }
    for (const name of ports) this.addPort(name);
  }

  /** Adds a port with its cable. Throws `UsageError` where the name is taken. */
  addPort(name: string, impairment: LinkImpairment = {}): void {
    requireArgument(name !== GATEWAY_PORT, `${GATEWAY_PORT} is the gateway's own port`);
    this.#switch.addPort(name);
    // A stream for each link by name: a port more changes nothing on the others.
    const entropy = new SeededEntropy(`${this.#linkSeed}/${name}`);
    const link = new Link({ entropy, impairment, lossEvents: this.#lossEvents });
    this.#ports.set(name, { name, link });
    this.#clear &&= link.transparent;
  }

  get ports(): readonly string[] {
    return [...this.#ports.keys()];
  }

  /** The gateway host, for its own commands; `undefined` where it is off. Call them through {@link command}. */
  get gateway(): Gateway | undefined {
    return this.#gateway;
  }

  /** Runs a command of the gateway and carries what follows onto the segment. Throws `UsageError` without a gateway. */
  command<R>(now: Millis, run: (gateway: Gateway, now: Millis) => R): R {
    requireArgument(this.#gateway !== undefined, 'this LAN has no gateway');
    this.#advance(now);
    const result = run(this.#gateway, this.#now);
    this.#gatewayTouched = true;
    this.#pump();
    return result;
  }

  /** Pulls the cable of `port`, plugs it in again, or replaces its impairments. */
  setLink(now: Millis, port: string, change: LinkChange): void {
    this.#advance(now);
    const { link } = this.#port(port);
    if (change === 'up' || change === 'down') {
      link.setState(this.#now, change);
      this.#switch.setPort(this.#now, { name: port, up: change === 'up' });
    } else {
      link.impair(this.#now, change);
    }
    this.#clear = false; // until the links have been asked
    this.#pump();
  }

  /** A frame of the station at `port`. Borrows `frame`. */
  handleFrame(now: Millis, port: string, frame: Uint8Array): void {
    this.#advance(now);
    const { name, link } = this.#port(port);
    if (link.toSwitch.transparent) {
      this.#tap.handleFrame(this.#now, name, frame);
      this.#switch.handleFrame(this.#now, name, frame);
    } else {
      link.toSwitch.handleFrame(this.#now, frame);
    }
    this.#pump();
  }

  /** Like {@link handleFrame}, but the caller gives `frame` away: on a perfect wire it crosses without a copy. */
  handleOwnedFrame(now: Millis, port: string, frame: Uint8Array): void {
    this.#advance(now);
    const { name, link } = this.#port(port);
    if (link.toSwitch.transparent) this.#enter(name, frame);
    else link.toSwitch.handleOwnedFrame(this.#now, frame);
    this.#pump();
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#pump();
  }

  pollTransmit(): LanTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): LanEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    let next = Math.min(this.#switch.nextTimeout(), this.#tap.nextTimeout(), this.#gatewayAt);
    if (!this.#clear) for (const { link } of this.#ports.values()) next = Math.min(next, link.nextTimeout());
    return next;
  }

  inspect(): LanView {
    return {
      switch: this.#switch.inspect(),
      links: Object.fromEntries([...this.#ports.values()].map(({ name, link }) => [name, link.inspect()])),
      tap: this.#tap.inspect(),
      ...(this.#gateway === undefined ? {} : { gateway: this.#gateway.inspect() }),
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: this.#events.dropped,
    };
  }

  #port(name: string): Port {
    const port = this.#ports.get(name);
    requireArgument(port !== undefined, `no port ${JSON.stringify(name)}`);
    return port;
  }

  /**
   * Runs what is due up to `now`, each deadline at its own instant and in their order: a frame that should have crossed two
   * slow links during a long pause has crossed both.
   */
  #advance(now: Millis): void {
    if (this.#now === Number.NEGATIVE_INFINITY) this.#begin(now);
    for (let steps = 0; steps < this.#stepCountMax; steps++) {
      const at = this.nextTimeout();
      if (at > now) break;
      this.#now = Math.max(this.#now, at);
      if (!this.#clear) for (const { link } of this.#ports.values()) link.handleTimeout(this.#now);
      if (this.#switch.nextTimeout() <= this.#now) this.#switch.handleTimeout(this.#now);
      if (this.#tap.nextTimeout() <= this.#now) this.#tap.handleTimeout(this.#now);
      if (this.#gatewayAt <= this.#now) {
        this.#gateway?.handleTimeout(this.#now);
        this.#gatewayTouched = true;
      }
      this.#pump();
    }
    this.#now = Math.max(this.#now, now);
  }

  #begin(now: Millis): void {
    this.#now = now;
    this.#gateway?.start(now);
    this.#gatewayTouched = true;
    this.#pump();
  }

  /** Moves frames and events between the parts until nothing moves. */
  #pump(): void {
    do {
      if (this.#gatewayTouched) this.#drainGateway();
      if (!this.#clear) this.#drainLinks();
      for (let out = this.#switch.pollTransmit(); out !== undefined; out = this.#switch.pollTransmit()) this.#leave(out);
      for (let event = this.#tap.pollEvent(); event !== undefined; event = this.#tap.pollEvent()) this.#events.push(event);
      for (let event = this.#switch.pollEvent(); event !== undefined; event = this.#switch.pollEvent())
        this.#events.push({ type: 'switch', event });
    } while (this.#gatewayTouched);
    if (!this.#clear) this.#arrive();
  }

  #drainGateway(): void {
    this.#gatewayTouched = false;
    const gateway = this.#gateway;
    if (gateway === undefined) return;
    this.#gatewayAt = gateway.nextTimeout();
    for (let event = gateway.pollEvent(); event !== undefined; event = gateway.pollEvent())
      this.#events.push({ type: 'gateway', event });
    for (let frame = gateway.pollTransmit(); frame !== undefined; frame = gateway.pollTransmit())
      this.#enter(GATEWAY_PORT, frame);
  }

  /** Frames that have reached the switch through their links. */
  #drainLinks(): void {
    for (const { name, link } of this.#ports.values())
      for (let frame = link.toSwitch.pollTransmit(); frame !== undefined; frame = link.toSwitch.pollTransmit())
        this.#enter(name, frame);
  }

  #enter(port: string, frame: Uint8Array): void {
    this.#tap.handleFrame(this.#now, port, frame);
    this.#switch.handleOwnedFrame(this.#now, port, frame);
  }

  #leave(out: SwitchTransmit): void {
    if (out.port === GATEWAY_PORT) {
      this.#gateway?.handleFrame(this.#now, out.frame);
      this.#gatewayTouched = true;
      return;
    }
    if (this.#clear) {
      this.#transmits.push(out);
      return;
    }
    const { toStation } = this.#port(out.port).link;
    if (toStation.transparent) this.#transmits.push(out);
    else toStation.handleOwnedFrame(this.#now, out.frame);
  }

  /** Frames that have reached their stations through their links, and what the links lost. */
  #arrive(): void {
    let clear = true;
    for (const { name, link } of this.#ports.values()) {
      for (let frame = link.toStation.pollTransmit(); frame !== undefined; frame = link.toStation.pollTransmit())
        this.#transmits.push({ port: name, frame });
      for (let lost = link.pollEvent(); lost !== undefined; lost = link.pollEvent()) {
        const { at, to, reason, frame } = lost;
        this.#events.push({ type: 'lost', at, port: name, to, reason, layers: dissect(frame) });
      }
      clear &&= link.transparent;
    }
    this.#clear = clear;
  }
}

interface Port {
  readonly name: string;
  readonly link: Link;
}
