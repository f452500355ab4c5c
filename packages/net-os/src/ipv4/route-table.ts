import {
  formatIpv4,
  formatPrefix,
  IPV4_ANY,
  type Ipv4Address,
  type Ipv4Prefix,
  isIpv4Unicast,
  prefixContains,
  prefixLength,
  prefixNetwork,
  requireArgument,
} from '@nexus-net/sansio';

/** A route beyond the connected networks. Router 0.0.0.0: the destinations are on the link (RFC 3442). */
export interface StaticRoute {
  readonly prefix: Ipv4Prefix;
  readonly router: Ipv4Address;
}

/** Classless routes, the longest prefix first; the default route is one of them. Of two for one prefix the later counts. */
export class RouteTable {
  readonly #countMax: number;
  #routes: readonly StaticRoute[] = [];

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get routes(): readonly StaticRoute[] {
    return this.#routes;
  }

  /** Throws `UsageError` for a router that no host can be, and where `routeCountMax` is reached. */
  add(route: StaticRoute): void {
    requireArgument(route.router === IPV4_ANY || isIpv4Unicast(route.router), `${formatIpv4(route.router)} is no router`);
    const others = this.#routes.filter(({ prefix }) => prefix !== route.prefix);
    requireArgument(others.length < this.#countMax, 'routeCountMax is reached');
    this.#routes = [...others, route].sort(
      (a, b) => prefixLength(b.prefix) - prefixLength(a.prefix) || prefixNetwork(a.prefix) - prefixNetwork(b.prefix),
    );
  }

  remove(prefix: Ipv4Prefix): void {
    this.#routes = this.#routes.filter((route) => route.prefix !== prefix);
  }

  /** Keeps the routes that `usable` picks. */
  retain(usable: (route: StaticRoute) => boolean): void {
    this.#routes = this.#routes.filter(usable);
  }

  /** The route with the longest prefix that holds `destination`. */
  find(destination: Ipv4Address): StaticRoute | undefined {
    for (const route of this.#routes) if (prefixContains(route.prefix, destination)) return route;
    return undefined;
  }

  inspect(): readonly { readonly destination: string; readonly router: string }[] {
    return this.#routes.map(({ prefix, router }) => ({ destination: formatPrefix(prefix), router: formatIpv4(router) }));
  }
}
