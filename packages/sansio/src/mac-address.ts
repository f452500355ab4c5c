import { requireArgument } from './errors.js';

declare const brand: unique symbol;

/**
 * A 48-bit Ethernet address as one integer, first octet most significant: exact in a `number`. Compare with `===`, use
 * as a `Map` key; text only at the edges ({@link parseMac}, {@link formatMac}).
 */
export type MacAddress = number & { readonly [brand]: 'MacAddress' };

export const MAC_ZERO: MacAddress = 0 as MacAddress;
export const MAC_BROADCAST: MacAddress = 0xffffffffffff as MacAddress;

/** Reads six hexadecimal octets with `:` or `-` between them, in either case. */
export function tryParseMac(text: string): MacAddress | undefined {
  if (!/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(/[:-]/g, ''), 16) as MacAddress;
}

/** Reads an address that the local caller wrote; throws `UsageError` where it isn't one. */
export function parseMac(text: string): MacAddress {
  const mac = tryParseMac(text);
  requireArgument(mac !== undefined, `not a MAC address: ${JSON.stringify(text)}`);
  return mac;
}

/** `52:54:00:12:34:56`: lower case, colons. */
export function formatMac(mac: MacAddress): string {
  return (mac.toString(16).padStart(12, '0').match(/../g) as string[]).join(':');
}

/** The I/G bit: broadcast or multicast, never a source address (IEEE 802 §8.2). */
export function isMacGroup(mac: MacAddress): boolean {
  return (Math.floor(mac / 2 ** 40) & 1) === 1;
}

/** The six octets, first one first. */
export function macToBytes(mac: MacAddress): Uint8Array {
  const bytes = new Uint8Array(6);
  writeMac(bytes, 0, mac);
  return bytes;
}

/** Six octets at `offset`. The caller has checked the length; octets past the end read as zero. */
export function readMac(bytes: Uint8Array, offset: number): MacAddress {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const low =
    (((bytes[offset + 2] ?? 0) << 24) |
      ((bytes[offset + 3] ?? 0) << 16) |
      ((bytes[offset + 4] ?? 0) << 8) |
      (bytes[offset + 5] ?? 0)) >>>
    0;
  return (high * 2 ** 32 + low) as MacAddress;
}

/** Writes six octets at `offset`. The caller has checked the room. */
export function writeMac(bytes: Uint8Array, offset: number, mac: MacAddress): void {
  const high = Math.floor(mac / 2 ** 32);
  bytes[offset] = high >>> 8;
  bytes[offset + 1] = high;
  bytes[offset + 2] = mac >>> 24; // ToInt32 of a number is modulo 2^32: these are the low 32 bits
  bytes[offset + 3] = mac >>> 16;
  bytes[offset + 4] = mac >>> 8;
  bytes[offset + 5] = mac;
}
