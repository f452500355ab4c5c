import { requireArgument } from './errors.js';

declare const brand: unique symbol;

/**
 * An IPv4 address: its four octets as one unsigned 32-bit integer, first octet most significant. Compare with `===`,
 * use as a `Map` key; dotted text only at the edges ({@link parseIpv4}, {@link formatIpv4}).
 */
export type Ipv4Address = number & { readonly [brand]: 'Ipv4Address' };

/** 0.0.0.0: "this host on this network" (RFC 1122 §3.2.1.3). */
export const IPV4_ANY: Ipv4Address = 0 as Ipv4Address;
/** 255.255.255.255: limited broadcast (RFC 1122 §3.2.1.3). */
export const IPV4_BROADCAST: Ipv4Address = 0xffffffff as Ipv4Address;
/** 127.0.0.1 */
export const IPV4_LOOPBACK: Ipv4Address = 0x7f000001 as Ipv4Address;

/** Makes an address of four octets; the local caller's mistake throws. */
export function ipv4(a: number, b: number, c: number, d: number): Ipv4Address {
  for (const octet of [a, b, c, d])
    requireArgument(Number.isInteger(octet) && octet >= 0 && octet <= 255, 'an IPv4 octet is an integer 0..255');
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) as Ipv4Address;
}

/** Makes an address of an unsigned 32-bit integer (wrapped modulo 2^32, as address arithmetic wants). */
export function ipv4FromU32(value: number): Ipv4Address {
  return (value >>> 0) as Ipv4Address;
}

/**
 * Reads dotted text, four decimal octets without leading zeros. Returns `undefined` for anything else: short forms
 * and octal are read differently by different systems, so they are refused.
 */
export function tryParseIpv4(text: string): Ipv4Address | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i] as string;
    if (digits.length > 1 && digits.startsWith('0')) return undefined;
    const octet = Number(digits);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value as Ipv4Address;
}

/** Reads dotted text that the local caller wrote; throws `UsageError` where it isn't an address. */
export function parseIpv4(text: string): Ipv4Address {
  const address = tryParseIpv4(text);
  requireArgument(address !== undefined, `not an IPv4 address: ${JSON.stringify(text)}`);
  return address;
}

export function formatIpv4(address: Ipv4Address): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** 224.0.0.0/4 (RFC 5771). */
export function isIpv4Multicast(address: Ipv4Address): boolean {
  return address >>> 28 === 0xe;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3). */
export function isIpv4Loopback(address: Ipv4Address): boolean {
  return address >>> 24 === 127;
}

/**
 * May one host own this address? Refuses 0.0.0.0/8, 127.0.0.0/8, multicast and 240.0.0.0/4 with the limited broadcast
 * (RFC 1122 §3.2.1.3, RFC 1112 §4). Subnet broadcasts depend on a prefix: see `isHostAddress`.
 */
export function isIpv4Unicast(address: Ipv4Address): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}
