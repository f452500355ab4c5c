import { type Datagram, readU16, readU32, writeU16 } from '@nexus-net/sansio';
import { dissect } from '@nexus-net/wire';

/** A frame of a vector file: all that is used of it are its octets, from Ethernet on. */
export interface VectorFrame {
  readonly kind: string;
  readonly frame: string;
}

/** A case of the catalogue, as the vector files name it: with its text, or by its id alone. */
export type VectorCase = string | { readonly id: string; readonly required?: string };

export function caseIds(cases: readonly VectorCase[]): string[] {
  return cases.map((one) => (typeof one === 'string' ? one : one.id));
}

const ETHERTYPE_VLAN = 0x8100;
const ETHERNET_LENGTH = 14;
const UDP_LENGTH = 8;
/** Where `xid` and `ciaddr` stand in a DHCP message, and where its options begin. */
const XID = 4;
const CIADDR = 12;
const OPTIONS = 240;
const REQUESTED_ADDRESS = 50;

export interface FrameEdits {
  readonly xid?: number | undefined;
  /** Addresses to be replaced, each wherever a client names it: IP source, `ciaddr`, option 50. */
  readonly addresses?: ReadonlyMap<number, number>;
}

/**
 * A copy of a DHCP frame with other values in it. Checksums are changed by as much as the octets (RFC 1624), so that a right
 * one stays right, a wrong one wrong, and an absent one absent.
 */
export function editFrame(frame: Uint8Array, { xid, addresses = new Map() }: FrameEdits): Uint8Array {
  const edited = frame.slice();
  const ip = ETHERNET_LENGTH + (readU16(edited, 12) === ETHERTYPE_VLAN ? 4 : 0);
  const udp = ip + 4 * ((edited[ip] as number) & 0x0f);
  const message = udp + UDP_LENGTH;
  const put = (at: number, value: number): void => {
    for (let i = 0; i < 4; i++) {
      const octet = at + i;
      const sums = octet < udp ? [ip + 10, udp + 6] : [udp + 6]; // the pseudo-header counts addresses a second time
      const word = octet - ((octet - ip) & 1);
      const before = readU16(edited, word);
      edited[octet] = value >>> (24 - 8 * i);
      for (const sum of sums) adjust(edited, sum, { before, after: readU16(edited, word), optional: sum === udp + 6 });
    }
  };
  const replace = (at: number): void => {
    const other = addresses.get(readU32(edited, at));
    if (other !== undefined) put(at, other);
  };

  if (xid !== undefined) put(message + XID, xid);
  if (addresses.size === 0) return edited;
  replace(ip + 12);
  replace(message + CIADDR);
  const requested = optionAt(edited, message + OPTIONS, REQUESTED_ADDRESS);
  if (requested !== undefined) replace(requested);
  return edited;
}

/** Spoils the checksum of the IPv4 header. */
export function spoilIpv4Checksum(frame: Uint8Array): Uint8Array {
  const spoiled = frame.slice();
  writeU16(spoiled, ETHERNET_LENGTH + 10, readU16(spoiled, ETHERNET_LENGTH + 10) ^ 0x5555);
  return spoiled;
}

/** The datagram that a transport delivers: nothing where a checksum is wrong, or for a fragment. */
export function datagramIn(frame: Uint8Array): Datagram | undefined {
  const { ipv4, udp, problem } = dissect(frame);
  if (ipv4 === undefined || udp === undefined || problem !== undefined) return undefined;
  return {
    source: { address: ipv4.source, port: udp.sourcePort },
    destination: { address: ipv4.destination, port: udp.destinationPort },
    payload: udp.payload,
  };
}

function adjust(
  bytes: Uint8Array,
  at: number,
  { before, after, optional }: { readonly before: number; readonly after: number; readonly optional: boolean },
): void {
  const sum = readU16(bytes, at);
  if (optional && sum === 0) return;
  let total = (~sum & 0xffff) + (~before & 0xffff) + after;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  const next = ~total & 0xffff;
  writeU16(bytes, at, optional && next === 0 ? 0xffff : next);
}

/** Where the value of a four-octet option stands, in the options field alone. */
function optionAt(bytes: Uint8Array, from: number, code: number): number | undefined {
  for (let at = from; at + 1 < bytes.length; ) {
    if (bytes[at] === 0xff) return undefined;
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    const length = bytes[at + 1] as number;
    if (bytes[at] === code && length === 4 && at + 6 <= bytes.length) return at + 2;
    at += 2 + length;
  }
  return undefined;
}
