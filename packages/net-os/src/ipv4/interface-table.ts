import {
  formatIpv4,
  IPV4_BROADCAST,
  type Ipv4Address,
  type Ipv4Prefix,
  isHostAddress,
  isIpv4Multicast,
  isIpv4Unicast,
  MAC_BROADCAST,
  type MacAddress,
  prefixBroadcast,
  prefixContains,
  prefixLength,
  prefixNetwork,
  prefixOf,
  requireArgument,
} from '@nexus-net/sansio';
import { ipv4MulticastMac } from '@nexus-net/wire';

export interface InterfaceAddress {
  readonly address: Ipv4Address;
  readonly prefix: Ipv4Prefix;
}

/** Where a packet goes next, and the address of ours that fits there. */
export type Route =
  | { readonly type: 'link'; readonly mac: MacAddress; readonly source: Ipv4Address }
  | { readonly type: 'neighbour'; readonly nextHop: Ipv4Address; readonly source: Ipv4Address };

/** The addresses of the interface with their connected routes, and the default gateway. */
export class InterfaceTable {
  readonly #countMax: number;
  #addresses: readonly InterfaceAddress[] = [];
  #gateway: Ipv4Address | undefined;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get addresses(): readonly InterfaceAddress[] {
    return this.#addresses;
  }

  get gateway(): Ipv4Address | undefined {
    return this.#gateway;
  }

  /** Adds one address, or changes the prefix of one that is there. Throws `UsageError` for what no host can own. */
  add({ address, prefixLength: length }: { readonly address: Ipv4Address; readonly prefixLength: number }): void {
    const prefix = prefixOf(address, length);
    requireArgument(
      length >= 1 && isIpv4Unicast(address) && isHostAddress(prefix, address),
      `${formatIpv4(address)}/${length} is not the address of a host`,
    );
    const known = this.owns(address);
    requireArgument(known || this.#addresses.length < this.#countMax, 'addressCountMax is reached');
    this.#addresses = known
      ? this.#addresses.map((entry) => (entry.address === address ? { address, prefix } : entry))
      : [...this.#addresses, { address, prefix }];
  }

  /** The default route. Throws `UsageError` where the gateway is not on a connected network or is ourselves. */
  setGateway(gateway: Ipv4Address | undefined): void {
    requireArgument(
      gateway === undefined || (this.onLink(gateway) && !this.owns(gateway)),
      'the gateway is another host on a connected network',
    );
    this.#gateway = gateway;
  }

  remove(address: Ipv4Address): void {
    this.#addresses = this.#addresses.filter((entry) => entry.address !== address);
    if (this.#gateway !== undefined && !this.onLink(this.#gateway)) this.#gateway = undefined;
  }

  clear(): void {
    this.#addresses = [];
    this.#gateway = undefined;
  }

  owns(address: Ipv4Address): boolean {
    for (const entry of this.#addresses) if (entry.address === address) return true;
    return false;
  }

  /** A host address of a connected network, ours included. */
  onLink(address: Ipv4Address): boolean {
    return this.#addresses.some((entry) => isHostAddress(entry.prefix, address));
  }

  /** The limited broadcast, or the directed broadcast of a connected network. */
  isBroadcast(address: Ipv4Address): boolean {
    if (address === IPV4_BROADCAST) return true;
    for (const { prefix } of this.#addresses) if (prefixLength(prefix) < 31 && prefixBroadcast(prefix) === address) return true;
    return false;
  }

  /** The number of a connected network itself: never a host. */
  isNetwork(address: Ipv4Address): boolean {
    return this.#addresses.some(({ prefix }) => prefixLength(prefix) < 31 && prefixNetwork(prefix) === address);
  }

  /**
   * The way to `destination`; `undefined` without one. `from`: the address of ours that the packet must carry.
   * Packets to ourselves have no route: there is no loopback interface yet.
   */
  route(destination: Ipv4Address, from?: Ipv4Address): Route | undefined {
    const primary = this.#addresses[0];
    if (primary === undefined) return undefined;
    const own = from === undefined ? primary : this.#addresses.find((entry) => entry.address === from);
    if (own === undefined || this.owns(destination)) return undefined;
    if (destination === IPV4_BROADCAST) return { type: 'link', mac: MAC_BROADCAST, source: own.address };
    if (isIpv4Multicast(destination)) return { type: 'link', mac: ipv4MulticastMac(destination), source: own.address };
    if (!isIpv4Unicast(destination)) return undefined;
    const connected = this.#connected(destination);
    if (connected !== undefined) {
      const source = from ?? connected.address;
      if (isHostAddress(connected.prefix, destination)) return { type: 'neighbour', nextHop: destination, source };
      return prefixBroadcast(connected.prefix) === destination ? { type: 'link', mac: MAC_BROADCAST, source } : undefined;
    }
    if (this.#gateway === undefined) return undefined;
    const source = from ?? this.#connected(this.#gateway)?.address ?? primary.address;
    return { type: 'neighbour', nextHop: this.#gateway, source };
  }

  /** The connected network with the longest prefix that holds `address`. */
  #connected(address: Ipv4Address): InterfaceAddress | undefined {
    let best: InterfaceAddress | undefined;
    for (const entry of this.#addresses) {
      const longer = best === undefined || prefixLength(entry.prefix) > prefixLength(best.prefix);
      if (longer && prefixContains(entry.prefix, address)) best = entry;
    }
    return best;
  }
}
