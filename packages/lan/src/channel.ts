import {
  Counters,
  chance,
  DeadlineHeap,
  type Entropy,
  type FrameMachine,
  type Millis,
  Queue,
  readU16,
  requireArgument,
  uniform,
  writeU16,
} from '@nexus-net/sansio';
import { copyBytes } from './copy-bytes.js';
import { exponential } from './exponential.js';
import { type Impairment, isPerfect, requireImpairment } from './impairment.js';

export interface ChannelConfig {
  /** Seeded: the channel's whole behaviour follows from it and from what it is given. */
  readonly entropy: Entropy;
  /** Default: a perfect wire. */
  readonly impairment?: Impairment;
  /** Report each lost frame as an event. Default false: losses are counted only. */
  readonly lossEvents?: boolean;
  /** Frames under way at most; further ones are lost and counted. Default 4 096. */
  readonly inFlightCountMax?: number;
  /** Arrived frames that wait for `pollTransmit` at most. Default 4 096. */
  readonly transmitCountMax?: number;
  /** Events that wait for `pollEvent` at most. Default 1 024. */
  readonly eventCountMax?: number;
}

/** Why a frame did not arrive. */
export type ChannelLoss =
  /** The direction was cut, or an outage met the frame on its way. */
  | 'outage'
  /** Its number is on the list of scripted drops. */
  | 'scripted'
  | 'burst'
  | 'loss'
  /** Longer than the wire's `frameOctetsMax`. */
  | 'oversize'
  /** `queueCountMax` frames were waiting for the limited rate. */
  | 'rate-queue-full'
  /** `inFlightCountMax` reached. */
  | 'in-flight-full'
  /** `transmitCountMax` reached. */
  | 'transmit-full';

/** With `lossEvents` on. `frame` is a copy. */
export type ChannelEvent = {
  readonly type: 'lost';
  readonly at: Millis;
  readonly reason: ChannelLoss;
  readonly frame: Uint8Array;
};

export interface ChannelView {
  readonly received: number;
  readonly delivered: number;
  readonly inFlight: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly corrupted: number;
  readonly losses: Partial<Record<ChannelLoss, number>>;
  readonly eventsDropped: number;
}

/** One direction of a wire: frames in at one end, some of them out at the other, some time later. */
export class Channel implements FrameMachine<ChannelEvent> {
  readonly #entropy: Entropy;
  readonly #lossEvents: boolean;
  readonly #inFlight: DeadlineHeap<Uint8Array>;
  readonly #arrived: Queue<Uint8Array>;
  readonly #events: Queue<ChannelEvent>;
  readonly #losses = new Counters<ChannelLoss>();
  #impairment: Impairment = {};
  #perfect = true;
  #burst: 'good' | 'bad' = 'good';
  /** Instants at which frames leave the rate limiter, those still ahead of `#now`. */
  #departures: Queue<Millis> = new Queue(1);
  #busyUntil: Millis = Number.NEGATIVE_INFINITY;
  #lastArrivalAt: Millis = Number.NEGATIVE_INFINITY;
  /** Of the last frame under the present impairment. */
  #ordinal = 0;
  #received = 0;
  #delivered = 0;
  #duplicated = 0;
  #reordered = 0;
  #corrupted = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: ChannelConfig) {
    this.#entropy = config.entropy;
    this.#lossEvents = config.lossEvents ?? false;
    this.#inFlight = new DeadlineHeap(config.inFlightCountMax ?? 4_096);
    this.#arrived = new Queue(config.transmitCountMax ?? 4_096);
    this.#events = new Queue(config.eventCountMax ?? 1_024);
    this.#use(config.impairment ?? {});
  }

  /** Replaces the impairment. Frames under way keep the fate that they have, except that `cut` loses them. */
  impair(now: Millis, impairment: Impairment): void {
    this.#advance(now);
    this.#use(impairment);
    if (impairment.cut !== true) return;
    for (let frame = this.#inFlight.popDue(Number.POSITIVE_INFINITY); frame !== undefined; ) {
      this.#lose('outage', frame);
      frame = this.#inFlight.popDue(Number.POSITIVE_INFINITY);
    }
  }

  get impairment(): Impairment {
    return this.#impairment;
  }

  /**
   * A frame given to the channel now would come out at once and unchanged, and nothing is before it: an owner may pass its
   * frames around the channel for as long as this holds.
   */
  get transparent(): boolean {
    return this.#perfect && this.#inFlight.length === 0 && this.#arrived.length === 0;
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.handleOwnedFrame(now, copyBytes(frame));
  }

  /** Like {@link handleFrame}, but the caller gives `frame` away: no copy is made. */
  handleOwnedFrame(now: Millis, frame: Uint8Array): void {
    this.#advance(now);
    this.#received++;
    if (this.#perfect && this.#inFlight.length === 0) {
      this.#arrive(frame);
      return;
    }
    const loss = this.#carry(frame);
    if (loss !== undefined) this.#lose(loss, frame);
    this.#advance(now); // what needs no time has arrived
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#arrived.shift();
  }

  pollEvent(): ChannelEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return this.#inFlight.nextAt;
  }

  inspect(): ChannelView {
    return {
      received: this.#received,
      delivered: this.#delivered,
      inFlight: this.#inFlight.length,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      corrupted: this.#corrupted,
      losses: this.#losses.snapshot(),
      eventsDropped: this.#events.dropped,
    };
  }

  #use(impairment: Impairment): void {
    requireImpairment(impairment);
    this.#impairment = impairment;
    this.#ordinal = 0;
    this.#perfect = isPerfect(impairment);
    const departures = new Queue<Millis>(impairment.queueCountMax ?? 64);
    for (let at = this.#departures.shift(); at !== undefined; at = this.#departures.shift()) departures.push(at);
    this.#departures = departures;
  }

  #advance(now: Millis): void {
    if (now > this.#now) this.#now = now;
    for (let frame = this.#inFlight.popDue(this.#now); frame !== undefined; frame = this.#inFlight.popDue(this.#now))
      this.#arrive(frame);
  }

  #arrive(frame: Uint8Array): void {
    if (this.#arrived.push(frame)) this.#delivered++;
    else this.#lose('transmit-full', frame);
  }

  /** Decides the whole fate of a frame at its entry. */
  #carry(frame: Uint8Array): ChannelLoss | undefined {
    const loss = this.#lossAtEntry(frame);
    if (loss !== undefined) return loss;
    const departsAt = this.#depart(frame);
    if (departsAt === undefined) return 'rate-queue-full';
    if (this.#happens(this.#impairment.corrupt)) this.#damage(frame);

    const { delayMs = 0, jitterMs = 0, reorderMeanMs = 50, duplicateLagMs = 0 } = this.#impairment;
    const inOrderAt = Math.max(this.#lastArrivalAt, departsAt + delayMs + this.#upTo(jitterMs));
    let arrivesAt = inOrderAt;
    if (this.#happens(this.#impairment.reorder)) {
      this.#reordered++;
      arrivesAt += exponential(this.#entropy, reorderMeanMs);
    } else {
      this.#lastArrivalAt = inOrderAt;
    }
    if (this.#happens(this.#impairment.duplicate)) {
      this.#duplicated++;
      const copy = copyBytes(frame);
      const lost = this.#launch(copy, arrivesAt + this.#upTo(duplicateLagMs));
      if (lost !== undefined) this.#lose(lost, copy);
    }
    return this.#launch(frame, arrivesAt);
  }

  #launch(frame: Uint8Array, at: Millis): ChannelLoss | undefined {
    // An outage that starts while the frame is under way takes it along: a cut cable loses what is in it.
    if (this.#impairment.outages?.some((outage) => outage.from <= at && this.#now < outage.until)) return 'outage';
    return this.#inFlight.push(at, frame) ? undefined : 'in-flight-full';
  }

  #lose(reason: ChannelLoss, frame: Uint8Array): void {
    this.#losses.increment(reason);
    if (this.#lossEvents) this.#events.push({ type: 'lost', at: this.#now, reason, frame });
  }

  #lossAtEntry(frame: Uint8Array): ChannelLoss | undefined {
    this.#ordinal++;
    const { cut = false, outages, drop, burst, loss, frameOctetsMax } = this.#impairment;
    if (cut || outages?.some(({ from, until }) => from <= this.#now && this.#now < until)) return 'outage';
    if (drop?.includes(this.#ordinal)) return 'scripted';
    if (burst !== undefined) {
      if (this.#burst === 'bad') this.#burst = chance(this.#entropy, burst.leave) ? 'good' : 'bad';
      else this.#burst = chance(this.#entropy, burst.enter) ? 'bad' : 'good';
      if (this.#happens(this.#burst === 'bad' ? (burst.lossBad ?? 1) : (burst.lossGood ?? 0))) return 'burst';
    }
    if (this.#happens(loss)) return 'loss';
    return frameOctetsMax !== undefined && frame.length > frameOctetsMax ? 'oversize' : undefined;
  }

  /** When the frame's last bit has left, or `undefined` where the queue for the rate is full. */
  #depart(frame: Uint8Array): Millis | undefined {
    const { rateBps } = this.#impairment;
    if (rateBps === undefined) return this.#now;
    for (let at = this.#departures.peek(); at !== undefined && at <= this.#now; at = this.#departures.peek())
      this.#departures.shift();
    const departsAt = Math.max(this.#now, this.#busyUntil) + (frame.length * 8 * 1_000) / rateBps;
    if (!this.#departures.push(departsAt)) return undefined;
    this.#busyUntil = departsAt;
    return departsAt;
  }

  #damage(frame: Uint8Array): void {
    const { corruptKind = 'bit', corruptFromOctet = 14 } = this.#impairment;
    if (frame.length <= corruptFromOctet) return;
    if (corruptKind === 'swap') {
      if (!swapWords(this.#entropy, frame, corruptFromOctet)) return;
    } else {
      const offset = uniform(this.#entropy, { low: corruptFromOctet, high: frame.length - 1 });
      const octet = frame[offset] as number;
      frame[offset] =
        corruptKind === 'bit'
          ? octet ^ (1 << uniform(this.#entropy, { low: 0, high: 7 }))
          : octet ^ uniform(this.#entropy, { low: 1, high: 255 });
    }
    this.#corrupted++;
  }

  #happens(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 && chance(this.#entropy, probability);
  }

  /** Uniform in 0..max in steps of a microsecond. */
  #upTo(max: Millis): Millis {
    if (max === 0) return 0;
    requireArgument(max <= UNIFORM_MS_MAX, 'a jitter is below 49 days');
    // Whole milliseconds where the limit is whole: a trace stays readable.
    if (Number.isInteger(max)) return uniform(this.#entropy, { low: 0, high: max });
    return (this.#entropy.u32() / 2 ** 32) * max;
  }
}

/** Exchanges two words that differ; says whether it found two. Bounded: a frame of equal words is left alone. */
function swapWords(entropy: Entropy, frame: Uint8Array, from: number): boolean {
  const words = Math.floor((frame.length - from) / 2);
  if (words < 2) return false;
  const first = from + 2 * uniform(entropy, { low: 0, high: words - 1 });
  const start = uniform(entropy, { low: 0, high: words - 1 });
  const a = readU16(frame, first);
  for (let i = 0; i < words; i++) {
    const second = from + 2 * ((start + i) % words);
    const b = readU16(frame, second);
    if (a === b) continue;
    writeU16(frame, first, b);
    writeU16(frame, second, a);
    return true;
  }
  return false;
}

const UNIFORM_MS_MAX = 2 ** 32 - 1;
