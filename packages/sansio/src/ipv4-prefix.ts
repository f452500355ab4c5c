import { requireArgument } from './errors.js';
import { formatIpv4, type Ipv4Address, ipv4FromU32, tryParseIpv4 } from './ipv4-address.js';

declare const brand: unique symbol;

/**
 * An IPv4 network such as 10.0.2.0/24, as one number: network address × 64 + prefix length. Host bits are zero, so
 * equal networks are `===` and a prefix keys a `Map`.
 */
export type Ipv4Prefix = number & { readonly [brand]: 'Ipv4Prefix' };

/** The network that `address` is in, with a prefix length of 0..32 bits. Host bits of `address` are cleared. */
export function prefixOf(address: Ipv4Address, length: number): Ipv4Prefix {
  requireArgument(Number.isInteger(length) && length >= 0 && length <= 32, 'a prefix length is an integer 0..32');
  return (((address & maskBits(length)) >>> 0) * 64 + length) as Ipv4Prefix;
}

/** Reads `10.0.2.0/24`. Host bits must be zero: `10.0.2.15/24` is an address with a length, not a network. */
export function tryParsePrefix(text: string): Ipv4Prefix | undefined {
  const match = /^([\d.]+)\/(\d|[12]\d|3[0-2])$/.exec(text);
  if (match === null) return undefined;
  const address = tryParseIpv4(match[1] as string);
  const length = Number(match[2]);
  if (address === undefined || (address & maskBits(length)) >>> 0 !== address) return undefined;
  return prefixOf(address, length);
}

/** Reads a network that the local caller wrote; throws `UsageError` where it isn't one. */
export function parsePrefix(text: string): Ipv4Prefix {
  const prefix = tryParsePrefix(text);
  requireArgument(prefix !== undefined, `not an IPv4 prefix: ${JSON.stringify(text)}`);
  return prefix;
}

export function formatPrefix(prefix: Ipv4Prefix): string {
  return `${formatIpv4(prefixNetwork(prefix))}/${prefixLength(prefix)}`;
}

/** The network address: all host bits zero. */
export function prefixNetwork(prefix: Ipv4Prefix): Ipv4Address {
  return Math.floor(prefix / 64) as Ipv4Address;
}

/** Prefix length in bits, 0..32. */
export function prefixLength(prefix: Ipv4Prefix): number {
  return prefix % 64;
}

/** 255.255.255.0 for a /24. */
export function prefixMask(prefix: Ipv4Prefix): Ipv4Address {
  return ipv4FromU32(maskBits(prefixLength(prefix)));
}

/** All host bits one. For /31 and /32 this is an ordinary host address (RFC 3021). */
export function prefixBroadcast(prefix: Ipv4Prefix): Ipv4Address {
  return ipv4FromU32(prefixNetwork(prefix) | ~maskBits(prefixLength(prefix)));
}

export function prefixContains(prefix: Ipv4Prefix, address: Ipv4Address): boolean {
  return (address & maskBits(prefixLength(prefix))) >>> 0 === prefixNetwork(prefix);
}

/** In the prefix, and neither its network nor its broadcast address. All of a /31 or /32 are hosts (RFC 3021). */
export function isHostAddress(prefix: Ipv4Prefix, address: Ipv4Address): boolean {
  if (!prefixContains(prefix, address)) return false;
  return prefixLength(prefix) >= 31 || (address !== prefixNetwork(prefix) && address !== prefixBroadcast(prefix));
}

/** The length of a netmask in bits, or `undefined` where its ones are not contiguous (RFC 950 allowed that; nothing works with it). */
export function maskLength(mask: Ipv4Address): number | undefined {
  const inverted = ~mask >>> 0;
  return (inverted & (inverted + 1)) === 0 ? Math.clz32(inverted) : undefined;
}

function maskBits(length: number): number {
  return length === 0 ? 0 : ~0 << (32 - length); // a shift by 32 would be a shift by 0
}
