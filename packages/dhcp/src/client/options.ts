import { IPV4_ANY, type Ipv4Address, type Ipv4Prefix, isIpv4Unicast, maskLength, prefixOf } from '@nexus-net/sansio';
import { type OptionSource, readOption } from '../option.js';
import type { ClasslessRoute } from '../options/routes.js';

// What the client makes of a reply's options, on top of their typed values. A malformed option counts as absent; the rest of
// the message still counts.

/** More routers or name servers than anybody uses: what a server lists beyond is left to `options`. */
const HOST_COUNT_MAX = 64;

/** Addresses of option 3 or 6 that a host can own, in order, {@link HOST_COUNT_MAX} at most. */
export function hosts(source: OptionSource, name: 'routers' | 'dnsServers'): readonly Ipv4Address[] {
  return (readOption(source, name) ?? []).filter(isIpv4Unicast).slice(0, HOST_COUNT_MAX);
}

/** The bits of option 1, 1..32. */
export function maskBits(source: OptionSource): number | undefined {
  const mask = readOption(source, 'subnetMask');
  return mask === undefined ? undefined : maskLength(mask);
}

/** The routes to install: 121, else 249, else a default route for each router. RFC 3442: 121 displaces option 3. */
export function routesOf(source: OptionSource, routers: readonly Ipv4Address[]): readonly ClasslessRoute[] {
  return (
    readOption(source, 'classlessRoutes') ??
    readOption(source, 'microsoftClasslessRoutes') ??
    routers.map((router) => ({ prefix: DEFAULT_ROUTE, router }))
  );
}

const DEFAULT_ROUTE: Ipv4Prefix = prefixOf(IPV4_ANY, 0);
