import {
  bytesEqual,
  Counters,
  type Datagram,
  type DatagramMachine,
  IPV4_ANY,
  type Ipv4Address,
  isIpv4Loopback,
  isIpv4Unicast,
  type Millis,
  NEVER,
  prefixContains,
  Queue,
} from '@nexus-net/sansio';
import { type Announce, type AnnounceReject, decodeAnnounce } from './announce.js';
import { AnnounceClock } from './announce-schedule.js';
import { type DiscoveryOptions, type ResolvedDiscovery, resolveDiscovery } from './discovery-options.js';
import { type Peer, type PeerBinding, type PeerEvent, type PeerReject, PeerTable } from './peer-table.js';
import { SourceRates } from './source-rates.js';

/** Why a datagram changed nothing. */
export type DiscoveryReject =
  | AnnounceReject
  | PeerReject
  /** Not to the port of announces. */
  | 'wrong-port'
  /** The source is no address that a node can have: multicast, broadcast, loopback, 0.0.0.0, or its port is 0. */
  | 'bad-source'
  /** The source is not of `network`. */
  | 'foreign-source'
  /** Our own announce, come back. */
  | 'own-echo'
  /** Somebody else uses our device id, or our address for another id. */
  | 'impersonation'
  /** One source sent more than its rate. */
  | 'source-rate'
  /** All that aren't bound peers sent more than their rate. */
  | 'stranger-rate'
  /** With `deviceIds: 'key-hash'`: the id is not 64 hexadecimal digits. */
  | 'not-a-key-hash'
  /** Session port 0: nothing can be dialled. */
  | 'port-zero';

export type DiscoveryEvent =
  | PeerEvent
  /** Announces went out: to how many addresses of which kinds (1 group, 2 and broadcast, 3 and unicast). */
  | { readonly type: 'announced'; readonly at: Millis; readonly destinations: readonly Ipv4Address[] }
  /** Something was refused: once a second for each label, with how often since the last time. The counters have them all. */
  | {
      readonly type: 'rejected';
      readonly at: Millis;
      readonly source: Ipv4Address;
      readonly label: DiscoveryReject;
      readonly count: number;
    };

export interface DiscoveryInspection {
  readonly running: boolean;
  readonly peers: readonly Peer[];
  readonly announced: number;
  readonly rejects: Readonly<Partial<Record<DiscoveryReject, number>>>;
  readonly transmitsDropped: number;
  readonly eventsDropped: number;
}

/**
 * Who is there: sends announces, and keeps a bounded table of those that came. Nothing that it is told is believed: an announce is
 * a hint where to dial, and no datagram is ever answered.
 */
export class Discovery implements DatagramMachine<Datagram, DiscoveryEvent> {
  readonly #config: ResolvedDiscovery;
  readonly #clock: AnnounceClock;
  readonly #table: PeerTable;
  readonly #rates: SourceRates;
  readonly #transmits: Queue<Datagram>;
  readonly #events: Queue<DiscoveryEvent>;
  readonly #rejects = new Counters<DiscoveryReject>();
  readonly #told = new Map<DiscoveryReject, { at: Millis; count: number }>();
  #now: Millis = Number.NEGATIVE_INFINITY;
  #nextAnnounceAt: Millis = NEVER;
  #running = false;
  #announced = 0;
  /** How many kinds of targets are in use. */
  #kinds = 1;
  /** Since when no peer is known. */
  #lonelySince: Millis = NEVER;

  /** Throws `UsageError` for options that contradict each other. */
  constructor(options: DiscoveryOptions) {
    this.#config = resolveDiscovery(options);
    this.#clock = new AnnounceClock(options.schedule ?? { type: 'steady' }, options.entropy);
    this.#transmits = new Queue(this.#config.transmitCountMax);
    this.#events = new Queue(this.#config.eventCountMax);
    this.#table = new PeerTable(this.#config.peers, (event) => this.#events.push(event));
    this.#rates = new SourceRates(this.#config);
  }

  /** Begins to announce, at once. Listening needs no start. */
  start(now: Millis): void {
    this.#advance(now);
    if (this.#running) return;
    this.#running = true;
    this.#lonelySince = this.#table.size === 0 ? this.#now : NEVER;
    if (this.#config.announce !== undefined) this.#nextAnnounceAt = this.#now;
    this.#run();
  }

  /** Announces no more. Peers stay, and go by their time. */
  stop(now: Millis): void {
    this.#advance(now);
    this.#running = false;
    this.#nextAnnounceAt = NEVER;
  }

  /** A handshake proved who is at `endpoint`. `false`: all places of the table are bound. */
  bind(now: Millis, binding: PeerBinding): boolean {
    this.#advance(now);
    const bound = this.#table.bind(this.#now, binding);
    this.#watchLoneliness();
    return bound;
  }

  /** The session with it is over. */
  unbind(now: Millis, deviceId: string): void {
    this.#advance(now);
    this.#table.unbind(this.#now, deviceId);
  }

  /** Takes a device out of the table. */
  forget(now: Millis, deviceId: string): boolean {
    this.#advance(now);
    const known = this.#table.forget(this.#now, deviceId);
    this.#watchLoneliness();
    return known;
  }

  peer(deviceId: string): Peer | undefined {
    return this.#table.peek(deviceId);
  }

  /** All devices, the one heard last first. */
  peers(): readonly Peer[] {
    return this.#table.list();
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.#advance(now);
    const label = this.#receive(datagram);
    if (label === undefined) this.#watchLoneliness();
    else this.#reject(datagram.source.address, label);
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#run();
  }

  pollTransmit(): Datagram | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): DiscoveryEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(this.#nextAnnounceAt, this.#table.nextTimeout);
  }

  inspect(): DiscoveryInspection {
    return {
      running: this.#running,
      peers: this.#table.list(),
      announced: this.#announced,
      rejects: this.#rejects.snapshot(),
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: this.#events.dropped,
    };
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  #run(): void {
    this.#table.handleTimeout(this.#now);
    this.#watchLoneliness();
    if (this.#now >= this.#nextAnnounceAt) this.#announce();
  }

  #announce(): void {
    const { announce, targets, fallbackAfterMs, address, port } = this.#config;
    if (announce === undefined) return;
    const lonelyMs = this.#lonelySince === NEVER ? -1 : this.#now - this.#lonelySince;
    while (this.#kinds < targets.length && lonelyMs >= this.#kinds * fallbackAfterMs) this.#kinds++;
    const destinations = targets.slice(0, fallbackAfterMs === 0 ? targets.length : this.#kinds).flat();
    for (const destination of destinations)
      this.#transmits.push({ source: { address, port }, destination: { address: destination, port }, payload: announce.slice() });
    this.#announced++;
    this.#nextAnnounceAt = this.#clock.sentAt(this.#now);
    this.#events.push({ type: 'announced', at: this.#now, destinations });
  }

  #watchLoneliness(): void {
    if (this.#table.size > 0) this.#lonelySince = NEVER;
    else if (this.#running && this.#lonelySince === NEVER) this.#lonelySince = this.#now;
  }

  /** The label of the first check that fails: cheap ones first, and the datagram is read only where its source may still send. */
  #receive({ source, destination, payload }: Datagram): DiscoveryReject | undefined {
    const { port, network, loopback, receiveLengthMax, deviceIds } = this.#config;
    if (destination.port !== port) return 'wrong-port';
    if (!this.#mayBeSource(source.address) || source.port === 0) return 'bad-source';
    if (network !== undefined && !prefixContains(network, source.address)) return 'foreign-source';
    const limited = this.#rates.take(this.#now, source.address, this.#table.isBoundAddress(source.address));
    if (limited !== undefined) return limited;
    const decoded = decodeAnnounce(payload.subarray(0, receiveLengthMax));
    if (!decoded.ok) return decoded.error;
    const announce = decoded.value;
    if (deviceIds === 'key-hash' && !/^[0-9a-f]{64}$/i.test(announce.deviceId)) return 'not-a-key-hash';
    if (!loopback) {
      const own = this.#ownAnnounce(source.address, announce);
      if (own !== undefined) return own;
    }
    if (announce.port === 0) return 'port-zero';
    return this.#table.heard(this.#now, source.address, announce);
  }

  #mayBeSource(address: Ipv4Address): boolean {
    return address !== IPV4_ANY && (isIpv4Unicast(address) || (this.#config.loopback && isIpv4Loopback(address)));
  }

  #ownAnnounce(source: Ipv4Address, { deviceId, noiseStatic }: Announce): 'own-echo' | 'impersonation' | undefined {
    const { self, address } = this.#config;
    const isOurKey = self !== undefined && bytesEqual(self.noiseStatic, noiseStatic);
    if (deviceId === self?.deviceId) return isOurKey ? 'own-echo' : 'impersonation';
    return source === address || isOurKey ? 'impersonation' : undefined;
  }

  #reject(source: Ipv4Address, label: DiscoveryReject): void {
    this.#rejects.increment(label);
    const told = this.#told.get(label) ?? { at: Number.NEGATIVE_INFINITY, count: 0 };
    told.count++;
    this.#told.set(label, told);
    if (this.#now - told.at < REJECT_EVENT_MS) return;
    this.#events.push({ type: 'rejected', at: this.#now, source, label, count: told.count });
    told.at = this.#now;
    told.count = 0;
  }
}

/** One event a label in this time: a flood fills counters, not a log. */
const REJECT_EVENT_MS = 1_000;
