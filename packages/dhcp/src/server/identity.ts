import { type MacAddress, readMac, toHex } from '@nexus-net/sansio';
import type { DhcpMessage } from '../message.js';

/**
 * Who a client is: its client identifier where it sends one, else its hardware address (RFC 2131 §4.2). The octets are kept in the keys
 * alone and made again when somebody asks: a server looks its clients up far more often than it prints or stores them.
 */
export class ClientIdentity {
  /** Equal for the same client and only then; it holds raw octets, so print `describeIdentity` instead. */
  readonly key: string;
  /** Key of the hardware address alone: reservations by MAC and quotas by sender. */
  readonly hardwareKey: string;
  readonly #address: string;
  readonly #byClientId: boolean;
  #text: string | undefined;

  /** `address` is a key of `addressKey`, `clientId` one of `clientIdKey`. */
  constructor(address: string, clientId: string | undefined) {
    this.#address = address;
    this.#byClientId = clientId !== undefined;
    this.key = clientId ?? address;
    // Without a hardware address (RFC 4390) the client stands for itself; else all such clients would share one quota.
    this.hardwareKey = address.length === ADDRESS_AT ? this.key : address;
  }

  get htype(): number {
    return this.#address.charCodeAt(1);
  }

  /** The first hlen octets of chaddr; padding after them means nothing. */
  get hardware(): Uint8Array {
    return octetsOf(this.#address, ADDRESS_AT);
  }

  /** Option 61, or `undefined` for a client that is known by its hardware address. */
  get clientId(): Uint8Array | undefined {
    return this.#byClientId ? octetsOf(this.key, 1) : undefined;
  }

  /** `id 01525400123456` or `hw 1/525400123456`. */
  get text(): string {
    this.#text ??= this.#byClientId ? `id ${toHex(octetsOf(this.key, 1))}` : `hw ${this.htype}/${toHex(this.hardware)}`;
    return this.#text;
  }
}

/** RFC 2132 §9.14: a type and at least one octet. Clients with less than that are known by their hardware address. */
const CLIENT_ID_OCTETS_MIN = 2;

/** RFC 2132 §9.14 sets no upper bound; one option without RFC 3396 joining has this one. */
export const CLIENT_ID_OCTETS_MAX = 255;

const ETHERNET = 1;

/** `undefined` where nothing in the message identifies the client, or its identifier is longer than one option. */
export function identify(message: DhcpMessage, clientId: Uint8Array | undefined): ClientIdentity | undefined {
  const hlen = message.hlen;
  if (hlen > message.chaddr.length) return undefined;
  if (clientId !== undefined && clientId.length > CLIENT_ID_OCTETS_MAX) return undefined;
  const usable = clientId !== undefined && clientId.length >= CLIENT_ID_OCTETS_MIN ? clientId : undefined;
  if (hlen === 0 && usable === undefined) return undefined;
  const address = addressKey(message.htype, message.chaddr, hlen);
  return new ClientIdentity(address, usable && clientIdKey(usable));
}

export function makeIdentity(parts: {
  readonly htype: number;
  readonly hardware: Uint8Array;
  readonly clientId?: Uint8Array | undefined;
}): ClientIdentity {
  const { htype, hardware, clientId } = parts;
  return new ClientIdentity(addressKey(htype, hardware, hardware.length), clientId && clientIdKey(clientId));
}

/** The same client at the same hardware address. */
export function sameIdentity(a: ClientIdentity, b: ClientIdentity): boolean {
  return a.key === b.key && a.hardwareKey === b.hardwareKey;
}

export function clientIdKey(clientId: Uint8Array): string {
  return `i${rawKey(clientId)}`;
}

export function hardwareKeyOf(mac: Uint8Array): string {
  return addressKey(ETHERNET, mac, mac.length);
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

/** For people. */
export function describeIdentity(identity: ClientIdentity): string {
  return identity.text;
}

function addressKey(htype: number, octets: Uint8Array, length: number): string {
  if (length !== 6) return String.fromCharCode(MARK, htype, ...octets.subarray(0, length));
  const at = (i: number): number => octets[i] as number;
  return String.fromCharCode(MARK, htype, at(0), at(1), at(2), at(3), at(4), at(5)); // no list in between: nearly all clients come here
}

/** What the keys of hardware addresses begin with: `h`. */
const MARK = 0x68;

/** One character for each octet: cheaper to make and to hash than hexadecimal. */
function rawKey(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]); // at most some hundred octets
}

function octetsOf(key: string, from: number): Uint8Array {
  const octets = new Uint8Array(key.length - from);
  for (let i = 0; i < octets.length; i++) octets[i] = key.charCodeAt(from + i);
  return octets;
}

/** Where the octets begin in a key of a hardware address: behind its mark and its type. */
const ADDRESS_AT = 2;
