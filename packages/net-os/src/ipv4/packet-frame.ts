import { type Ipv4Address, type MacAddress, writeMac, writeU16, writeU32 } from '@nexus-net/sansio';
import { ETHERNET_HEADER_LENGTH, ETHERTYPE, finishChecksum, IPV4_HEADER_LENGTH } from '@nexus-net/wire';

/**
 * Octets that are left free at the start of a frame for the Ethernet and IPv4 headers. Whoever composes a transport header puts
 * it behind them, and the frame goes to the wire without being copied again.
 */
export const FRAME_HEADROOM: number = ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH;

export interface PacketHeader {
  readonly protocol: number;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly trafficClass: number;
  readonly ttl: number;
  readonly identification: number;
  /** DF, MF and offset / 8, as on the wire. */
  readonly fragment: number;
}

export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;

/** Writes the IPv4 header without options into the headroom; the packet ends where the frame ends. */
export function writePacketHeader(frame: Uint8Array, header: PacketHeader): void {
  const { protocol, source, destination, trafficClass, ttl, identification, fragment } = header;
  const at = ETHERNET_HEADER_LENGTH;
  const length = frame.length - at;
  frame[at] = 0x45;
  frame[at + 1] = trafficClass;
  writeU16(frame, at + 2, length);
  writeU16(frame, at + 4, identification);
  writeU16(frame, at + 6, fragment);
  frame[at + 8] = ttl;
  frame[at + 9] = protocol;
  // From the fields, not from the octets: there is nothing to read again.
  const words = 0x4500 + trafficClass + length + identification + fragment + ttl * 256 + protocol;
  const addresses = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  writeU16(frame, at + 10, finishChecksum(words + addresses));
  writeU32(frame, at + 12, source);
  writeU32(frame, at + 16, destination);
}

/** Writes the Ethernet header of an IPv4 packet. */
export function writeLinkHeader(frame: Uint8Array, destination: MacAddress, source: MacAddress): void {
  writeMac(frame, 0, destination);
  writeMac(frame, 6, source);
  writeU16(frame, 12, ETHERTYPE.ipv4);
}

/** A frame with room for the headers in front of `payload`. */
export function frameOf(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADROOM + payload.length);
  frame.set(payload, FRAME_HEADROOM);
  return frame;
}
