import { type MacAddress, readMac, toHex } from '@nexus-net/sansio';
import type { DhcpMessage } from '../message.js';

/**
 * Who a client is: its client identifier where it sends one, else its hardware address (RFC 2131 §4.2). `key` is equal
 * for the same client and only then; it holds raw octets, so print `describeIdentity` instead.
 */
export interface ClientIdentity {
  readonly key: string;
  /** Option 61, or `undefined` for a client that is known by its hardware address. */
  readonly clientId: Uint8Array | undefined;
  readonly htype: number;
  /** The first hlen octets of chaddr; padding after them means nothing. */
  readonly hardware: Uint8Array;
  /** Key of the hardware address alone: reservations by MAC and quotas by sender. */
  readonly hardwareKey: string;
  /** What `describeIdentity` gave, once it was asked. */
  text: string | undefined;
}

/** RFC 2132 §9.14: a type and at least one octet. Clients with less than that are known by their hardware address. */
const CLIENT_ID_OCTETS_MIN = 2;

/** RFC 2132 §9.14 sets no upper bound; one option without RFC 3396 joining has this one. */
export const CLIENT_ID_OCTETS_MAX = 255;

const ETHERNET = 1;
const ETHERNET_LENGTH = 6;

/** `undefined` where nothing in the message identifies the client, or its identifier is longer than one option. */
export function identify(message: DhcpMessage, clientId: Uint8Array | undefined): ClientIdentity | undefined {
  const hlen = message.hlen;
  if (hlen > message.chaddr.length) return undefined;
  if (clientId !== undefined && clientId.length > CLIENT_ID_OCTETS_MAX) return undefined;
  const usable = clientId !== undefined && clientId.length >= CLIENT_ID_OCTETS_MIN ? clientId : undefined;
  if (hlen === 0 && usable === undefined) return undefined;
  return makeIdentity({ htype: message.htype, hardware: message.chaddr.slice(0, hlen), clientId: usable?.slice() });
}

/** Takes ownership of the arrays. */
export function makeIdentity(parts: {
  readonly htype: number;
  readonly hardware: Uint8Array;
  readonly clientId?: Uint8Array | undefined;
}): ClientIdentity {
  const { htype, hardware, clientId } = parts;
  const address = `h${String.fromCharCode(htype)}${rawKey(hardware)}`;
  const key = clientId === undefined ? address : clientIdKey(clientId);
  // Without a hardware address (RFC 4390) the client stands for itself; else all such clients would share one quota.
  return { key, clientId, htype, hardware, hardwareKey: hardware.length === 0 ? key : address, text: undefined };
}

/** The same client at the same hardware address. */
export function sameIdentity(a: ClientIdentity, b: ClientIdentity): boolean {
  return a.key === b.key && a.hardwareKey === b.hardwareKey;
}

export function clientIdKey(clientId: Uint8Array): string {
  return `i${rawKey(clientId)}`;
}

export function hardwareKeyOf(mac: Uint8Array): string {
  return `h${String.fromCharCode(ETHERNET)}${rawKey(mac)}`;
}

/** A port of a relay, for reservations: its circuit id, and its remote id where the reservation names one. */
export function relayPortKey(circuit: Uint8Array, remote: Uint8Array | undefined): string {
  return remote === undefined
    ? `c${rawKey(circuit)}`
    : `r${String.fromCharCode(circuit.length)}${rawKey(circuit)}${rawKey(remote)}`;
}

export function isRelayPortKey(key: string): boolean {
  return key.startsWith('c') || key.startsWith('r');
}

/** The Ethernet address of the client, where it has one that a frame may be sent to. */
export function ethernetAddress(htype: number, hlen: number, chaddr: Uint8Array): MacAddress | undefined {
  if (htype !== ETHERNET || hlen !== 6) return undefined;
  const mac = readMac(chaddr, 0);
  const group = ((chaddr[0] ?? 0) & 1) === 1;
  return group || mac === 0 ? undefined : mac;
}

/** `id 01:52:54:…` or `hw 1/52:54:…`: for people. */
export function describeIdentity(identity: ClientIdentity): string {
  const { clientId, htype, hardware } = identity;
  identity.text ??= clientId === undefined ? `hw ${htype}/${toHex(hardware)}` : `id ${toHex(clientId)}`;
  return identity.text;
}

/** One character for each octet: cheaper to make and to hash than hexadecimal. */
function rawKey(bytes: Uint8Array): string {
  if (bytes.length === ETHERNET_LENGTH) {
    const [a, b, c, d, e, f] = bytes as unknown as [number, number, number, number, number, number];
    return String.fromCharCode(a, b, c, d, e, f);
  }
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]); // at most some hundred octets
}
