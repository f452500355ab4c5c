import {
  type Datagram,
  DeadlineHeap,
  formatIpv4,
  type Ipv4Address,
  isHostAddress,
  type Millis,
  NEVER,
  requireArgument,
} from '@nexus-net/sansio';
import { FakeHost, type FakeHostConfig } from './fake-host.js';

export interface FakeNetConfig {
  /** The first instant. Default 0. */
  readonly startAt?: Millis;
  /** How long everything takes from one host to another. Default 0: there at the next `poll`. */
  readonly latencyMs?: Millis;
  /** Asked about each datagram to each host: `true` loses it. Default: none is lost. */
  readonly loses?: (datagram: Datagram) => boolean;
  /** Things on their way at most; one more is lost and counted. Default 65 536. */
  readonly inFlightCountMax?: number;
}

/**
 * Hosts with sockets and nothing below them: no frames, no ARP, no segments. Same contract as hosts on a wire, for tests of
 * what stands above. What happens follows from the calls alone.
 */
export class FakeNet {
  readonly latencyMs: Millis;
  readonly #hosts = new Map<Ipv4Address, FakeHost>();
  readonly #inFlight: DeadlineHeap<() => void>;
  readonly #loses: (datagram: Datagram) => boolean;
  #now: Millis;
  #lost = 0;

  constructor({ startAt = 0, latencyMs = 0, loses = () => false, inFlightCountMax = 65_536 }: FakeNetConfig = {}) {
    requireArgument(latencyMs >= 0 && latencyMs < NEVER, 'latencyMs is a time');
    this.latencyMs = latencyMs;
    this.#loses = loses;
    this.#inFlight = new DeadlineHeap(inFlightCountMax);
    this.#now = startAt;
  }

  get now(): Millis {
    return this.#now;
  }

  /** Things that never arrived: datagrams by `loses`, anything by `inFlightCountMax`. */
  get lost(): number {
    return this.#lost;
  }

  /** Adds a host. Throws `UsageError` where the address is no host's, or taken. */
  addHost(config: FakeHostConfig): FakeHost {
    const { address } = config;
    requireArgument(!this.#hosts.has(address), `${formatIpv4(address)} is taken`);
    const host = new FakeHost(this, config);
    requireArgument(isHostAddress(host.network, address), `${formatIpv4(address)} is the address of a host`);
    this.#hosts.set(address, host);
    return host;
  }

  host(address: Ipv4Address): FakeHost | undefined {
    return this.#hosts.get(address);
  }

  get hosts(): Iterable<FakeHost> {
    return this.#hosts.values();
  }

  /** All that is due by `now` happens, in order. Every host's own `poll` is this one. */
  poll(now: Millis): void {
    while (this.#inFlight.nextAt <= now) {
      this.#now = Math.max(this.#now, this.#inFlight.nextAt);
      this.#inFlight.popDue(this.#now)?.();
    }
    this.#now = Math.max(this.#now, now);
  }

  nextWake(): Millis {
    return this.#inFlight.nextAt;
  }

  /** Lets something happen after a time. */
  after(delayMs: Millis, happen: () => void): void {
    if (!this.#inFlight.push(this.#now + delayMs, happen)) this.#lost += 1;
  }

  /** Is this datagram lost on its way? */
  loses(datagram: Datagram): boolean {
    const lost = this.#loses(datagram);
    if (lost) this.#lost += 1;
    return lost;
  }
}
