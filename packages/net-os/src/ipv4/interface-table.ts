import {
  formatIpv4,
  IPV4_ANY,
  IPV4_BROADCAST,
  IPV4_LOOPBACK,
  type Ipv4Address,
  type Ipv4Prefix,
  isHostAddress,
  isIpv4Loopback,
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
import { RouteTable, type StaticRoute } from './route-table.js';

export interface InterfaceAddress {
  readonly address: Ipv4Address;
  readonly prefix: Ipv4Prefix;
}

/** Where a packet goes next, and the address of ours that fits there. */
export type Route =
  | { readonly type: 'link'; readonly mac: MacAddress; readonly source: Ipv4Address }
  | { readonly type: 'neighbour'; readonly nextHop: Ipv4Address; readonly source: Ipv4Address }
  /** To ourselves: 127.0.0.0/8 or an address of the interface. */
  | { readonly type: 'loopback'; readonly source: Ipv4Address };

/** The addresses of the interface with their connected routes, and the routes beyond. */
export class InterfaceTable {
  readonly #countMax: number;
  readonly #routes: RouteTable;
  #addresses: readonly InterfaceAddress[] = [];
  /** The last source that was admitted, and the last way that was found: packets come and go in runs. Any change forgets them. */
  #admitted: Ipv4Address | undefined;
  #found: { readonly destination: Ipv4Address; readonly from: Ipv4Address | undefined; readonly route: Route } | undefined;

  constructor({ addressCountMax, routeCountMax }: { readonly addressCountMax: number; readonly routeCountMax: number }) {
    this.#countMax = addressCountMax;
    this.#routes = new RouteTable(routeCountMax);
  }

  get addresses(): readonly InterfaceAddress[] {
    return this.#addresses;
  }

  /** Routes beyond the connected networks, the longest prefix first. */
  get routes(): readonly StaticRoute[] {
    return this.#routes.routes;
  }

  /** The router of the default route. */
  get gateway(): Ipv4Address | undefined {
    const route = this.#routes.routes.find(({ prefix }) => prefix === DEFAULT_PREFIX);
    return route === undefined || route.router === IPV4_ANY ? undefined : route.router;
  }

  /** Adds one address, or changes the prefix of one that is there. Throws `UsageError` for what no host can own. */
  add({ address, prefixLength: length }: { readonly address: Ipv4Address; readonly prefixLength: number }): void {
    const prefix = prefixOf(address, length);
    requireArgument(
      length >= 1 && isIpv4Unicast(address) && isHostAddress(prefix, address),
      `${formatIpv4(address)}/${length} is not the address of a host`,
    );
    const known = this.owns(address);
    this.#changed();
    requireArgument(known || this.#addresses.length < this.#countMax, 'addressCountMax is reached');
    this.#addresses = known
      ? this.#addresses.map((entry) => (entry.address === address ? { address, prefix } : entry))
      : [...this.#addresses, { address, prefix }];
  }

  /** The default route. Throws `UsageError` where the gateway is not on a connected network or is ourselves. */
  setGateway(gateway: Ipv4Address | undefined): void {
    requireArgument(gateway !== IPV4_ANY, 'the gateway is another host on a connected network');
    this.#changed();
    if (gateway === undefined) this.#routes.remove(DEFAULT_PREFIX);
    else this.addRoute({ prefix: DEFAULT_PREFIX, router: gateway });
  }

  /** Throws `UsageError` where the router is not another host on a connected network, or there are too many routes. */
  addRoute(route: StaticRoute): void {
    this.#changed();
    requireArgument(this.#usable(route), 'the router is another host on a connected network');
    this.#routes.add(route);
  }

  removeRoute(prefix: Ipv4Prefix): void {
    this.#changed();
    this.#routes.remove(prefix);
  }

  /** Forgets every route beyond the connected networks. */
  clearRoutes(): void {
    this.#changed();
    this.#routes.retain(() => false);
  }

  remove(address: Ipv4Address): void {
    this.#changed();
    this.#addresses = this.#addresses.filter((entry) => entry.address !== address);
    this.#routes.retain((route) => this.#usable(route));
  }

  clear(): void {
    this.#changed();
    this.#addresses = [];
    this.clearRoutes();
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

  /** May a host of the wire send from this address (RFC 1122 §3.2.1.3)? Neither ours, nor a network, nor many. */
  admits(source: Ipv4Address): boolean {
    if (source === this.#admitted) return true;
    if (!isIpv4Unicast(source) || this.isBroadcast(source) || this.isNetwork(source) || this.owns(source)) return false;
    this.#admitted = source;
    return true;
  }

  /** The way to `destination`, or why there is none. `from`: the address of ours that the packet must carry. */
  route(destination: Ipv4Address, from?: Ipv4Address): Route | 'no-address' | 'no-route' {
    const found = this.#found;
    if (found !== undefined && found.destination === destination && found.from === from) return found.route;
    const route = this.#wayTo(destination, from);
    if (typeof route !== 'string') this.#found = { destination, from, route };
    return route;
  }

  #wayTo(destination: Ipv4Address, from: Ipv4Address | undefined): Route | 'no-address' | 'no-route' {
    if (isIpv4Loopback(destination) || this.owns(destination)) return this.#toOurselves(destination, from);
    const primary = this.#addresses[0];
    // RFC 1122 §3.2.1.3 (g): a loopback address is never seen outside.
    if (primary === undefined || (from !== undefined && !this.owns(from))) return 'no-address';
    if (destination === IPV4_BROADCAST) return { type: 'link', mac: MAC_BROADCAST, source: from ?? primary.address };
    if (isIpv4Multicast(destination))
      return { type: 'link', mac: ipv4MulticastMac(destination), source: from ?? primary.address };
    if (!isIpv4Unicast(destination)) return 'no-route';
    const connected = this.#connected(destination);
    if (connected !== undefined) {
      const source = from ?? connected.address;
      if (isHostAddress(connected.prefix, destination)) return { type: 'neighbour', nextHop: destination, source };
      return prefixBroadcast(connected.prefix) === destination ? { type: 'link', mac: MAC_BROADCAST, source } : 'no-route';
    }
    const route = this.#routes.find(destination);
    if (route === undefined) return 'no-route';
    const nextHop = route.router === IPV4_ANY ? destination : route.router;
    return { type: 'neighbour', nextHop, source: from ?? this.#connected(nextHop)?.address ?? primary.address };
  }

  inspectRoutes(): readonly { readonly destination: string; readonly router: string }[] {
    return this.#routes.inspect();
  }

  #changed(): void {
    this.#admitted = undefined;
    this.#found = undefined;
  }

  #toOurselves(destination: Ipv4Address, from: Ipv4Address | undefined): Route | 'no-address' {
    if (from !== undefined && !isIpv4Loopback(from) && !this.owns(from)) return 'no-address';
    return { type: 'loopback', source: from ?? (isIpv4Loopback(destination) ? IPV4_LOOPBACK : destination) };
  }

  #usable({ router }: StaticRoute): boolean {
    if (router === IPV4_ANY) return this.#addresses.length > 0;
    return !this.owns(router) && (this.onLink(router) || this.#onLinkByRoute(router));
  }

  /** RFC 3442: a route without a router puts its destinations on the link, and the router of another route may be one of them. */
  #onLinkByRoute(address: Ipv4Address): boolean {
    return this.#routes.routes.some(({ prefix, router }) => {
      return router === IPV4_ANY && prefixLength(prefix) > 0 && prefixContains(prefix, address);
    });
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

const DEFAULT_PREFIX: Ipv4Prefix = prefixOf(IPV4_ANY, 0);
