import {
  Counters,
  type Datagram,
  type DatagramMachine,
  type Endpoint,
  type Entropy,
  type Ipv4Address,
  type Millis,
  NEVER,
  Queue,
  requireArgument,
  uniform,
} from '@nexus-net/sansio';

export type BeaconEvent = { readonly type: 'peer-seen' | 'peer-lost'; readonly peer: Ipv4Address; readonly at: Millis };
export type BeaconReject = 'bad-hello' | 'too-many-peers';

export interface BeaconOptions {
  readonly local: Endpoint;
  readonly group: Endpoint;
  /** Spreads the hellos of nodes that start at once. */
  readonly entropy: Entropy;
  /** Time between two hellos. Default 5 000 ms; each is up to a tenth early. */
  readonly intervalMs?: number;
  /** Peers remembered at most; further ones are counted as `too-many-peers`. Default 256. */
  readonly peerCountMax?: number;
}

type State = { readonly type: 'stopped' } | { readonly type: 'running'; readonly helloAt: Millis };

/** Says hello to a group, and tells who else does. A peer that is silent for three intervals is lost. */
export class Beacon implements DatagramMachine<Datagram, BeaconEvent> {
  readonly #options: Required<BeaconOptions>;
  readonly #transmits = new Queue<Datagram>(16);
  readonly #events = new Queue<BeaconEvent>(1_024);
  readonly #rejects = new Counters<BeaconReject>();
  readonly #lostAt = new Map<Ipv4Address, Millis>();
  #state: State = { type: 'stopped' };
  #now: Millis = 0;

  constructor({ intervalMs = 5_000, peerCountMax = 256, ...rest }: BeaconOptions) {
    requireArgument(Number.isSafeInteger(intervalMs) && intervalMs >= 10, 'intervalMs is an integer from 10');
    requireArgument(Number.isSafeInteger(peerCountMax) && peerCountMax >= 1, 'peerCountMax is a positive integer');
    this.#options = { ...rest, intervalMs, peerCountMax };
  }

  /** A command of the application. */
  start(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    if (this.#state.type === 'stopped') this.#hello();
  }

  handleDatagram(now: Millis, { source, payload }: Datagram): void {
    this.handleTimeout(now); // what was due before this datagram happens before it
    const problem = this.#problemOf(source.address, payload);
    if (problem !== undefined) this.#rejects.increment(problem);
    else this.#heard(source.address);
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    for (const [peer, lostAt] of this.#lostAt) {
      if (lostAt > this.#now) continue;
      this.#lostAt.delete(peer);
      this.#events.push({ type: 'peer-lost', peer, at: this.#now });
    }
    // However late the call is, one hello is enough: nobody wants those that were missed.
    if (this.#state.type === 'running' && this.#state.helloAt <= this.#now) this.#hello();
  }

  pollTransmit(): Datagram | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): BeaconEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(this.#state.type === 'running' ? this.#state.helloAt : NEVER, ...this.#lostAt.values());
  }

  inspect(): { readonly state: State; readonly peers: number; readonly rejects: Partial<Record<BeaconReject, number>> } {
    return { state: this.#state, peers: this.#lostAt.size, rejects: this.#rejects.snapshot() };
  }

  #problemOf(peer: Ipv4Address, payload: Uint8Array): BeaconReject | undefined {
    if (payload.length !== 1 || payload[0] !== HELLO) return 'bad-hello';
    return this.#lostAt.has(peer) || this.#lostAt.size < this.#options.peerCountMax ? undefined : 'too-many-peers';
  }

  #heard(peer: Ipv4Address): void {
    if (!this.#lostAt.has(peer)) this.#events.push({ type: 'peer-seen', peer, at: this.#now });
    this.#lostAt.set(peer, this.#now + 3 * this.#options.intervalMs);
  }

  #hello(): void {
    const { local, group, entropy, intervalMs } = this.#options;
    this.#transmits.push({ source: local, destination: group, payload: Uint8Array.of(HELLO) });
    const early = uniform(entropy, { low: 0, high: Math.floor(intervalMs / 10) });
    this.#enter({ type: 'running', helloAt: this.#now + intervalMs - early });
  }

  #enter(next: State): void {
    this.#state = next;
  }
}

const HELLO = 0x48;
