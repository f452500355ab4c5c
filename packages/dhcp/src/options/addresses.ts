import { err, type Ipv4Address, maskLength, ok, readU32, requireArgument, writeU32 } from '@nexus-net/sansio';
import { lengthError, u32Octets } from './numbers.js';
import type { Shape } from './shape.js';

export interface PolicyFilter {
  readonly destination: Ipv4Address;
  readonly mask: Ipv4Address;
}

export interface StaticRoute {
  readonly destination: Ipv4Address;
  readonly router: Ipv4Address;
}

export const address: Shape<Ipv4Address> = {
  layout: '4 octets, an address',
  decode: (octets) => (octets.length === 4 ? ok(addressAt(octets, 0)) : lengthError(octets)),
  encode: u32Octets,
};

/** A netmask whose ones are contiguous. All zeros would put the whole world on the link, so it is refused. */
export const mask: Shape<Ipv4Address> = {
  layout: '4 octets, a mask of contiguous ones, not zero',
  decode(octets) {
    if (octets.length !== 4) return lengthError(octets);
    const value = addressAt(octets, 0);
    return isMask(value) ? ok(value) : err('bad-value');
  },
  encode(value) {
    requireArgument(isMask(value), 'a netmask has contiguous ones, at least one');
    return u32Octets(value);
  },
};

/** Hosts in order of preference. 0.0.0.0 is nobody and is left out on reading: routers in the field send it. */
export const addresses: Shape<readonly Ipv4Address[]> = {
  layout: '4 octets each, at least one address; 0.0.0.0 is left out',
  decode(octets) {
    if (octets.length === 0 || octets.length % 4 !== 0) return lengthError(octets);
    const list = addressesIn(octets);
    return list.length === 0 ? err('empty') : ok(list);
  },
  encode(list) {
    requireArgument(list.length > 0, 'the list is not empty');
    return encodeAddresses(list);
  },
};

/** RFC 2132 §3.13: option 68 may say that there is no home agent. */
export const addressesOrNone: Shape<readonly Ipv4Address[]> = {
  layout: '4 octets each, none or more addresses; 0.0.0.0 is left out',
  decode: (octets) => (octets.length % 4 === 0 ? ok(addressesIn(octets)) : err('bad-length')),
  encode: encodeAddresses,
};

export const policyFilters: Shape<readonly PolicyFilter[]> = {
  layout: '8 octets each: destination, mask',
  decode(octets) {
    if (octets.length === 0 || octets.length % 8 !== 0) return lengthError(octets);
    const filters: PolicyFilter[] = [];
    for (let at = 0; at < octets.length; at += 8)
      filters.push({ destination: addressAt(octets, at), mask: addressAt(octets, at + 4) });
    return ok(filters);
  },
  encode(filters) {
    requireArgument(filters.length > 0, 'the list is not empty');
    return encodePairs(filters.map(({ destination, mask }) => [destination, mask]));
  },
};

/** RFC 2132 §5.8: classful, most important first; a default route is not allowed here. */
export const staticRoutes: Shape<readonly StaticRoute[]> = {
  layout: '8 octets each: destination (not 0.0.0.0), router',
  decode(octets) {
    if (octets.length === 0 || octets.length % 8 !== 0) return lengthError(octets);
    const routes: StaticRoute[] = [];
    for (let at = 0; at < octets.length; at += 8) {
      const destination = addressAt(octets, at);
      if (destination === 0) return err('bad-value');
      routes.push({ destination, router: addressAt(octets, at + 4) });
    }
    return ok(routes);
  },
  encode(routes) {
    requireArgument(routes.length > 0, 'the list is not empty');
    requireArgument(
      routes.every((route) => route.destination !== 0),
      'option 33 holds no default route',
    );
    return encodePairs(routes.map(({ destination, router }) => [destination, router]));
  },
};

export function addressAt(octets: Uint8Array, at: number): Ipv4Address {
  return readU32(octets, at) as Ipv4Address;
}

/** The addresses of a whole number of them, without 0.0.0.0. */
export function addressesIn(octets: Uint8Array): Ipv4Address[] {
  const list: Ipv4Address[] = [];
  for (let at = 0; at < octets.length; at += 4) {
    const one = addressAt(octets, at);
    if (one !== 0) list.push(one);
  }
  return list;
}

export function encodeAddresses(list: readonly Ipv4Address[]): Uint8Array {
  const octets = new Uint8Array(4 * list.length);
  list.forEach((one, i) => {
    requireArgument(one !== 0, '0.0.0.0 is not a host');
    writeU32(octets, 4 * i, one);
  });
  return octets;
}

function encodePairs(pairs: readonly (readonly [Ipv4Address, Ipv4Address])[]): Uint8Array {
  const octets = new Uint8Array(8 * pairs.length);
  pairs.forEach(([first, second], i) => {
    writeU32(octets, 8 * i, first);
    writeU32(octets, 8 * i + 4, second);
  });
  return octets;
}

function isMask(value: Ipv4Address): boolean {
  return value !== 0 && maskLength(value) !== undefined;
}
