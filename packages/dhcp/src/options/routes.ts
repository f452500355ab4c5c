import {
  concatBytes,
  err,
  type Ipv4Address,
  type Ipv4Prefix,
  ipv4FromU32,
  ok,
  prefixLength,
  prefixNetwork,
  prefixOf,
  readU32,
  requireArgument,
} from '@nexus-net/sansio';
import { addressAt } from './addresses.js';
import { u32Octets } from './numbers.js';
import type { Shape } from './shape.js';

/** A route of RFC 3442. Router 0.0.0.0 means that the destination is on the link. */
export interface ClasslessRoute {
  readonly prefix: Ipv4Prefix;
  readonly router: Ipv4Address;
}

/**
 * RFC 3442 page 3: prefix length, the octets of the destination that it covers, router. Host bits are cleared on reading, as a
 * route with them would never be installed as meant. One bad route makes the option bad: option 3 applies then.
 */
export const classlessRoutes: Shape<readonly ClasslessRoute[]> = {
  layout: 'each route: prefix length 0..32, the octets of the destination that it covers, 4 octets of router',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const routes: ClasslessRoute[] = [];
    let at = 0;
    while (at < octets.length) {
      const length = octets[at]!;
      if (length > 32) return err('bad-value');
      const significant = (length + 7) >>> 3;
      const router = at + 1 + significant;
      if (router + 4 > octets.length) return err('bad-length');
      // The octets behind the significant ones belong to the router: the prefix length masks them.
      const destination = ipv4FromU32(readU32(octets, at + 1));
      routes.push({ prefix: prefixOf(destination, length), router: addressAt(octets, router) });
      at = router + 4;
    }
    return ok(routes);
  },
  encode(routes) {
    requireArgument(routes.length > 0, 'the list is not empty');
    return concatBytes(
      routes.flatMap(({ prefix, router }) => {
        const length = prefixLength(prefix);
        return [Uint8Array.of(length), u32Octets(prefixNetwork(prefix)).subarray(0, (length + 7) >>> 3), u32Octets(router)];
      }),
    );
  },
};
