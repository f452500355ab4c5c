import { type Endpoint, type Entropy, formatIpv4, IPV4_ANY, type Ipv4Address, requireArgument, uniform } from '@nexus-net/sansio';
import type { UdpSocketId } from '../host-event.js';

export interface UdpBind {
  /** 1..65535, or 0 for a free one of 49152..65535 drawn at random (RFC 6056 §3.3.1). */
  readonly port: number;
  /** Receive only what is sent to this address of ours. Default 0.0.0.0: all of them, and broadcasts. */
  readonly address?: Ipv4Address;
  /**
   * Also receive what comes in a frame to our own MAC for an IP address that is not ours. A DHCP client needs it: a
   * server may send to the address it is about to lease (RFC 2131 §4.1). Default true for port 68, false for others.
   */
  readonly anyDestination?: boolean;
}

export interface UdpEndpoint {
  readonly id: UdpSocketId;
  readonly port: number;
  readonly address: Ipv4Address;
  readonly anyDestination: boolean;
  /** Where its last datagrams went: what an ICMP error may be about. */
  readonly recent: RecentDestinations;
}

/** The last places that an endpoint has sent to, the most recent 32. */
export class RecentDestinations {
  readonly #keys: number[] = [];
  #next = 0;

  note({ address, port }: Endpoint): void {
    const key = address * 65_536 + port;
    if (this.#keys.includes(key)) return;
    this.#keys[this.#next] = key;
    this.#next = (this.#next + 1) % RECENT_COUNT_MAX;
  }

  has({ address, port }: Endpoint): boolean {
    return this.#keys.includes(address * 65_536 + port);
  }
}

/** The bound UDP endpoints of a host. One owner for each pair of address and port; a datagram goes to one endpoint. */
export class UdpTable {
  readonly #countMax: number;
  readonly #entropy: Entropy;
  readonly #byId = new Map<UdpSocketId, UdpEndpoint>();
  #nextId = 1;

  constructor(countMax: number, entropy: Entropy) {
    this.#countMax = countMax;
    this.#entropy = entropy;
  }

  /** Throws `UsageError` where the port is taken, out of range, or the table full. */
  bind({ port, address = IPV4_ANY, anyDestination = port === DHCP_CLIENT_PORT }: UdpBind): UdpSocketId {
    requireArgument(Number.isInteger(port) && port >= 0 && port <= 65_535, 'a UDP port is 0..65535');
    requireArgument(this.#byId.size < this.#countMax, 'udpSocketCountMax is reached');
    const chosen = port === 0 ? this.#ephemeral(address) : port;
    requireArgument(!this.#taken(chosen, address), `UDP port ${chosen} is taken`);
    const id = this.#nextId++ as UdpSocketId;
    this.#byId.set(id, { id, port: chosen, address, anyDestination, recent: new RecentDestinations() });
    return id;
  }

  /** Why `bind` would refuse a port in range; `undefined` where it would not. */
  refusal({ port, address = IPV4_ANY }: UdpBind): 'address-in-use' | 'no-buffers' | undefined {
    if (this.#byId.size >= this.#countMax) return 'no-buffers';
    return port !== 0 && this.#taken(port, address) ? 'address-in-use' : undefined;
  }

  /** Throws `UsageError` for an endpoint that isn't bound. */
  close(id: UdpSocketId): void {
    requireArgument(this.#byId.delete(id), `UDP endpoint ${id} is not bound`);
  }

  get(id: UdpSocketId): UdpEndpoint | undefined {
    return this.#byId.get(id);
  }

  /** Who receives on `port` at `address`: the endpoint of exactly that address before the one of all. */
  find(port: number, address: Ipv4Address): UdpEndpoint | undefined {
    let general: UdpEndpoint | undefined;
    for (const endpoint of this.#byId.values()) {
      if (endpoint.port !== port) continue;
      if (endpoint.address === address) return endpoint;
      if (endpoint.address === IPV4_ANY) general = endpoint;
    }
    return general;
  }

  endpoints(): Iterable<UdpEndpoint> {
    return this.#byId.values();
  }

  inspect(): readonly { readonly id: number; readonly local: string }[] {
    return [...this.#byId.values()].map(({ id, address, port }) => ({ id, local: `${formatIpv4(address)}:${port}` }));
  }

  #taken(port: number, address: Ipv4Address): boolean {
    for (const endpoint of this.#byId.values()) if (endpoint.port === port && endpoint.address === address) return true;
    return false;
  }

  #ephemeral(address: Ipv4Address): number {
    const count = EPHEMERAL_LAST - EPHEMERAL_FIRST + 1;
    const start = uniform(this.#entropy, { low: 0, high: count - 1 });
    for (let i = 0; i < count; i++) {
      const port = EPHEMERAL_FIRST + ((start + i) % count);
      if (!this.#taken(port, address)) return port;
    }
    requireArgument(false, 'no UDP port is free');
    return 0;
  }
}

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;
const RECENT_COUNT_MAX = 32;
const EPHEMERAL_FIRST = 49_152;
const EPHEMERAL_LAST = 65_535;
