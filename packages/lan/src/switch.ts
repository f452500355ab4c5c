import {
  Counters,
  isMacGroup,
  type MacAddress,
  type Machine,
  type Millis,
  NEVER,
  Queue,
  readMac,
  requireArgument,
} from '@nexus-net/sansio';
import { copyBytes } from './copy-bytes.js';

export interface SwitchConfig {
  /** Addresses learned at most; with a full table further ones are flooded, not learned. Default 1 024. */
  readonly macCountMax?: number;
  /** An address unheard for this long is forgotten (IEEE 802.1D table 7-5). Default 300 000 ms. */
  readonly ageMs?: Millis;
  /** Longest frame in octets, without FCS. Default 1 518: 1 500 of payload, header, one VLAN tag. */
  readonly frameOctetsMax?: number;
  /** Ports at most. Default 64. */
  readonly portCountMax?: number;
  /** Frames waiting for `pollTransmit` at most; further ones are dropped and counted. Default 4 096. */
  readonly transmitCountMax?: number;
  /** Events waiting for `pollEvent` at most; further ones are dropped and counted. Default 256. */
  readonly eventCountMax?: number;
}

/** Why a frame went no further than the port where it came in. */
export type SwitchReject =
  /** Shorter than an Ethernet header, 14 octets. */
  | 'truncated'
  /** Longer than `frameOctetsMax`. */
  | 'oversize'
  /** Its source is a group address or zero: no station sends such a frame (IEEE 802 §8.2). */
  | 'bad-source'
  /** To 01-80-c2-00-00-00..0f, which a bridge never forwards (IEEE 802.1D §7.12.6). */
  | 'reserved-group'
  /** Its destination lives on the port where it came from. */
  | 'filtered'
  /** It came in at a port that is down. */
  | 'port-down'
  /** `transmitCountMax` reached; counted for each copy. */
  | 'transmit-full';

export type SwitchEvent =
  | { readonly type: 'learned'; readonly at: Millis; readonly mac: MacAddress; readonly port: string }
  /** A station changed its port, or two stations use one address. */
  | { readonly type: 'moved'; readonly at: Millis; readonly mac: MacAddress; readonly from: string; readonly to: string }
  | {
      readonly type: 'forgotten';
      readonly at: Millis;
      readonly mac: MacAddress;
      readonly port: string;
      readonly reason: 'aged' | 'port-down';
    };

/** One frame on its way out of one port. The caller owns `frame`. */
export interface SwitchTransmit {
  readonly port: string;
  readonly frame: Uint8Array;
}

/** What `inspect()` says of one port. Counts are of frames. */
export interface SwitchPortView {
  readonly name: string;
  readonly up: boolean;
  readonly received: number;
  readonly sent: number;
}

export interface SwitchView {
  readonly ports: readonly SwitchPortView[];
  readonly table: readonly { readonly mac: MacAddress; readonly port: string; readonly seenAt: Millis }[];
  readonly forwarded: number;
  readonly flooded: number;
  /** Addresses that were not learned because the table was full. */
  readonly notLearned: number;
  readonly rejects: Partial<Record<SwitchReject, number>>;
  readonly eventsDropped: number;
}

/** A learning Ethernet switch (IEEE 802.1D §7, without spanning tree): a frame in at one port, copies out of others. */
export class Switch implements Machine<SwitchTransmit, SwitchEvent> {
  readonly #macCountMax: number;
  readonly #ageMs: Millis;
  readonly #frameOctetsMax: number;
  readonly #portCountMax: number;
  readonly #ports = new Map<string, Port>();
  readonly #table = new Map<MacAddress, Learned>();
  readonly #transmits: Queue<SwitchTransmit>;
  readonly #events: Queue<SwitchEvent>;
  readonly #rejects = new Counters<SwitchReject>();
  #forwarded = 0;
  #flooded = 0;
  #notLearned = 0;
  #sweepAt: Millis = NEVER;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: SwitchConfig = {}) {
    const { macCountMax = 1_024, ageMs = 300_000, frameOctetsMax = 1_518, portCountMax = 64 } = config;
    requireArgument(Number.isInteger(macCountMax) && macCountMax >= 1, 'macCountMax is a positive integer');
    requireArgument(ageMs > 0, 'ageMs is positive');
    requireArgument(Number.isInteger(frameOctetsMax) && frameOctetsMax >= HEADER_OCTETS, 'frameOctetsMax is at least 14');
    requireArgument(Number.isInteger(portCountMax) && portCountMax >= 1, 'portCountMax is a positive integer');
    this.#macCountMax = macCountMax;
    this.#ageMs = ageMs;
    this.#frameOctetsMax = frameOctetsMax;
    this.#portCountMax = portCountMax;
    this.#transmits = new Queue(config.transmitCountMax ?? 4_096);
    this.#events = new Queue(config.eventCountMax ?? 256);
  }

  /** Adds a port, up. Throws `UsageError` where the name is taken or `portCountMax` is reached. */
  addPort(name: string): void {
    requireArgument(!this.#ports.has(name), `port ${JSON.stringify(name)} exists`);
    requireArgument(this.#ports.size < this.#portCountMax, 'portCountMax is reached');
    this.#ports.set(name, { name, up: true, received: 0, sent: 0, source: undefined, destination: undefined });
  }

  /** Takes a port up or down. Down: nothing in, nothing out, and its addresses are forgotten at once. */
  setPort(now: Millis, { name, up }: { readonly name: string; readonly up: boolean }): void {
    this.#now = Math.max(this.#now, now);
    const port = this.#port(name);
    port.up = up;
    if (up) return;
    for (const learned of this.#table.values()) {
      if (learned.port !== port) continue;
      this.#forget(learned);
      this.#events.push({ type: 'forgotten', at: this.#now, mac: learned.mac, port: port.name, reason: 'port-down' });
    }
  }

  /** Takes a frame in at `portName`. Borrows `frame`: each copy that leaves is an array of its own. */
  handleFrame(now: Millis, portName: string, frame: Uint8Array): void {
    this.#handle(now, portName, frame, true);
  }

  /** Like {@link handleFrame}, but the caller gives `frame` away, and the first copy that leaves is `frame` itself. */
  handleOwnedFrame(now: Millis, portName: string, frame: Uint8Array): void {
    this.#handle(now, portName, frame, false);
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    if (this.#sweepAt <= this.#now) this.#sweep();
  }

  pollTransmit(): SwitchTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): SwitchEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return this.#sweepAt;
  }

  inspect(): SwitchView {
    return {
      ports: [...this.#ports.values()].map(({ name, up, received, sent }) => ({ name, up, received, sent })),
      table: [...this.#table].map(([mac, { port, seenAt }]) => ({ mac, port: port.name, seenAt })),
      forwarded: this.#forwarded,
      flooded: this.#flooded,
      notLearned: this.#notLearned,
      rejects: this.#rejects.snapshot(),
      eventsDropped: this.#events.dropped,
    };
  }

  #port(name: string): Port {
    const port = this.#ports.get(name);
    requireArgument(port !== undefined, `no port ${JSON.stringify(name)}`);
    return port;
  }

  #handle(now: Millis, portName: string, frame: Uint8Array, borrowed: boolean): void {
    if (now > this.#now) this.#now = now;
    const port = this.#port(portName);
    port.received++;
    const reject = this.#forward(port, frame, borrowed);
    if (reject !== undefined) this.#rejects.increment(reject);
  }

  #forward(port: Port, frame: Uint8Array, borrowed: boolean): SwitchReject | undefined {
    if (!port.up) return 'port-down';
    if (frame.length < HEADER_OCTETS) return 'truncated';
    if (frame.length > this.#frameOctetsMax) return 'oversize';
    const source = readMac(frame, SOURCE_OFFSET);
    if (source === 0 || isMacGroup(source)) return 'bad-source';
    this.#learn(source, port);

    const destination = readMac(frame, 0);
    if (isReservedGroup(destination)) return 'reserved-group';
    const learned = this.#find(port, destination);
    if (learned === undefined || learned.seenAt + this.#ageMs <= this.#now) {
      this.#flood(port, frame, borrowed);
      return undefined;
    }
    if (learned.port === port) return 'filtered';
    this.#forwarded++;
    this.#send(learned.port, borrowed ? copyBytes(frame) : frame);
    return undefined;
  }

  /** Who has `destination`. A port mostly sends to the one it sent to before: that costs no look-up. */
  #find(port: Port, destination: MacAddress): Learned | undefined {
    const last = port.destination;
    if (last !== undefined && last.mac === destination && !last.forgotten) return last;
    const learned = isMacGroup(destination) ? undefined : this.#table.get(destination);
    if (learned !== undefined) port.destination = learned;
    return learned;
  }

  #learn(mac: MacAddress, port: Port): void {
    const last = port.source;
    if (last !== undefined && last.mac === mac && last.port === port && !last.forgotten) {
      last.seenAt = this.#now;
      return;
    }
    const known = this.#table.get(mac);
    if (known !== undefined) {
      if (known.port !== port) {
        this.#events.push({ type: 'moved', at: this.#now, mac, from: known.port.name, to: port.name });
        known.port = port;
      }
      known.seenAt = this.#now;
      port.source = known;
      return;
    }
    if (this.#table.size >= this.#macCountMax) {
      // Evicting a live entry would let one station with many addresses turn the switch into a hub for the others.
      if (this.#sweepAt <= this.#now) this.#sweep();
      if (this.#table.size >= this.#macCountMax) {
        this.#notLearned++;
        return;
      }
    }
    const learned: Learned = { mac, port, seenAt: this.#now, forgotten: false };
    this.#table.set(mac, learned);
    port.source = learned;
    this.#sweepAt = Math.min(this.#sweepAt, this.#now + this.#ageMs);
    this.#events.push({ type: 'learned', at: this.#now, mac, port: port.name });
  }

  #flood(from: Port, frame: Uint8Array, borrowed: boolean): void {
    this.#flooded++;
    let copy = borrowed;
    for (const port of this.#ports.values()) {
      if (port === from || !port.up) continue;
      this.#send(port, copy ? copyBytes(frame) : frame);
      copy = true;
    }
  }

  #send(port: Port, frame: Uint8Array): void {
    if (this.#transmits.push({ port: port.name, frame })) port.sent++;
    else this.#rejects.increment('transmit-full');
  }

  #forget(learned: Learned): void {
    learned.forgotten = true;
    this.#table.delete(learned.mac);
  }

  /** Forgets what is too old. At most every eighth of `ageMs`, so that the work for each frame stays bounded. */
  #sweep(): void {
    let next = NEVER;
    for (const learned of this.#table.values()) {
      const expiresAt = learned.seenAt + this.#ageMs;
      if (expiresAt <= this.#now) {
        this.#forget(learned);
        this.#events.push({ type: 'forgotten', at: this.#now, mac: learned.mac, port: learned.port.name, reason: 'aged' });
      } else if (expiresAt < next) {
        next = expiresAt;
      }
    }
    this.#sweepAt = next === NEVER ? NEVER : Math.max(next, this.#now + this.#ageMs / 8);
  }
}

interface Port {
  readonly name: string;
  up: boolean;
  received: number;
  sent: number;
  /** The entries of the last frame that came in here. Not to be believed once forgotten. */
  source: Learned | undefined;
  destination: Learned | undefined;
}

interface Learned {
  readonly mac: MacAddress;
  port: Port;
  seenAt: Millis;
  forgotten: boolean;
}

function isReservedGroup(mac: MacAddress): boolean {
  return Math.floor(mac / 16) === RESERVED_GROUP_BLOCK;
}

const HEADER_OCTETS = 14;
const SOURCE_OFFSET = 6;
/** 01-80-c2-00-00-00 without its last four bits. */
const RESERVED_GROUP_BLOCK = 0x0180c200000;
