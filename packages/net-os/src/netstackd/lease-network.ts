import type { DhcpLease } from '@nexus-net/dhcp';
import {
  IPV4_ANY,
  type Ipv4Address,
  type Ipv4Prefix,
  isHostAddress,
  prefixContains,
  prefixLength,
  prefixOf,
} from '@nexus-net/sansio';
import type { InterfaceConfig } from '../host.js';
import type { StaticRoute } from '../ipv4/route-table.js';

/** Decides about a route of a lease; false refuses it. */
export type AcceptRoute = (route: StaticRoute) => boolean;

/** A part of a lease that is not installed, and why. The rest of the lease is. */
export type RefusedPart =
  /** `policy`: `acceptRoute` said no. `router`: nobody on the link. `limit`: more than `routeCountMax`. */
  | {
      readonly part: 'route';
      readonly prefix: Ipv4Prefix;
      readonly router: Ipv4Address;
      readonly reason: 'policy' | 'router' | 'limit';
    }
  /** Less than the 576 octets that every host takes (RFC 791 §3.2): it would slow down whoever believes it. */
  | { readonly part: 'mtu'; readonly mtu: number };

/** What the interface takes of a lease. */
export interface LeaseNetwork {
  readonly config: InterfaceConfig;
  readonly dnsServers: readonly Ipv4Address[];
  readonly refused: readonly RefusedPart[];
}

/**
 * Reads the network out of a lease: routes (RFC 3442: the classless ones, else the routers), MTU, DNS servers. The first usable
 * default route is the gateway; further ones stand for it and are left out.
 */
export function leaseNetwork(
  lease: DhcpLease,
  { acceptRoute = () => true, routeCountMax }: { readonly acceptRoute?: AcceptRoute; readonly routeCountMax: number },
): LeaseNetwork {
  const { address, prefixLength: length, mtu } = lease;
  const network = prefixOf(address, length);
  const refused: RefusedPart[] = [];
  const routes: StaticRoute[] = [];
  let gateway: Ipv4Address | undefined;
  const onLink = ({ router }: StaticRoute): boolean =>
    router === IPV4_ANY ||
    (router !== address &&
      (isHostAddress(network, router) ||
        routes.some((route) => route.router === IPV4_ANY && prefixContains(route.prefix, router))));
  // Networks on the link come first: the routers of others may be on them.
  const local = lease.routes.filter(({ router }) => router === IPV4_ANY);
  const remote = lease.routes.filter(({ router }) => router !== IPV4_ANY);
  for (const { prefix, router } of [...local, ...remote]) {
    const route = { prefix, router };
    const isDefault = prefixLength(prefix) === 0;
    if (isDefault && gateway !== undefined) continue;
    const full = routes.length + (gateway === undefined ? 0 : 1) >= routeCountMax;
    const reason = !acceptRoute(route) ? 'policy' : !onLink(route) ? 'router' : full ? 'limit' : undefined;
    if (reason !== undefined) refused.push({ part: 'route', ...route, reason });
    else if (isDefault && router !== IPV4_ANY) gateway = router;
    else routes.push(route);
  }
  const tooSmall = mtu !== undefined && mtu < MTU_MIN;
  if (tooSmall) refused.push({ part: 'mtu', mtu });
  return {
    config: {
      address,
      prefixLength: length,
      ...(gateway === undefined ? {} : { gateway }),
      ...(routes.length === 0 ? {} : { routes }),
      ...(mtu === undefined || tooSmall ? {} : { mtu }),
    },
    dnsServers: lease.dnsServers,
    refused,
  };
}

const MTU_MIN = 576;
