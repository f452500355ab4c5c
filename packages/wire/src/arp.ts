import {
  err,
  type Ipv4Address,
  ipv4FromU32,
  type MacAddress,
  ok,
  type Result,
  readMac,
  readU16,
  readU32,
  requireArgument,
  writeMac,
  writeU16,
  writeU32,
} from '@nexus-net/sansio';
import { ETHERTYPE } from './ethernet.js';

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;
/** Octets of an ARP packet for IPv4 over Ethernet. */
export const ARP_LENGTH = 28;

/** An ARP packet for IPv4 over Ethernet (RFC 826). Operations other than request and reply are kept as they are. */
export interface ArpPacket {
  /** {@link ARP_REQUEST}, {@link ARP_REPLY} or another operation, 0..65535. */
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderIp: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetIp: Ipv4Address;
}

// Wire format: 0..2 hardware type, 2..4 protocol type, 4 hardware length, 5 protocol length, 6..8 operation,
// 8..14 sender MAC, 14..18 sender IP, 18..24 target MAC, 24..28 target IP.
const HARDWARE_ETHERNET = 1;
const ADDRESS_LENGTHS = 0x0604; // six octets of MAC, four of IPv4

/**
 * Reads an ARP packet; octets after the 28th are padding. `unsupported`: another kind of hardware or protocol address, or
 * lengths that contradict the kinds.
 */
export function decodeArp(bytes: Uint8Array): Result<ArpPacket, 'truncated' | 'unsupported'> {
  if (bytes.length < 8) return err('truncated');
  // The kinds come before the length check: packets of other kinds have other lengths.
  if (readU16(bytes, 0) !== HARDWARE_ETHERNET || readU16(bytes, 2) !== ETHERTYPE.ipv4 || readU16(bytes, 4) !== ADDRESS_LENGTHS)
    return err('unsupported');
  if (bytes.length < ARP_LENGTH) return err('truncated');
  return ok({
    operation: readU16(bytes, 6),
    senderMac: readMac(bytes, 8),
    senderIp: ipv4FromU32(readU32(bytes, 14)),
    targetMac: readMac(bytes, 18),
    targetIp: ipv4FromU32(readU32(bytes, 24)),
  });
}

/** Writes the 28 octets of an ARP packet, without padding. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  requireArgument((packet.operation & 0xffff) === packet.operation, 'operation is an integer 0..65535');
  const bytes = new Uint8Array(ARP_LENGTH);
  writeU16(bytes, 0, HARDWARE_ETHERNET);
  writeU16(bytes, 2, ETHERTYPE.ipv4);
  writeU16(bytes, 4, ADDRESS_LENGTHS);
  writeU16(bytes, 6, packet.operation);
  writeMac(bytes, 8, packet.senderMac);
  writeU32(bytes, 14, packet.senderIp);
  writeMac(bytes, 18, packet.targetMac);
  writeU32(bytes, 24, packet.targetIp);
  return bytes;
}
