import {
  err,
  type Ipv4Address,
  type MacAddress,
  ok,
  type Result,
  readMac,
  readU16,
  requireArgument,
  writeMac,
  writeU16,
} from '@nexus-net/sansio';

/** EtherTypes that this project names (IEEE 802 numbers). */
export const ETHERTYPE: {
  readonly ipv4: 0x0800;
  readonly arp: 0x0806;
  readonly vlan: 0x8100;
  readonly ipv6: 0x86dd;
  readonly serviceVlan: 0x88a8;
} = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd, serviceVlan: 0x88a8 };

/** Destination, source, EtherType: octets before the payload. */
export const ETHERNET_HEADER_LENGTH = 14;
/** Payload octets below which a frame is padded on a real cable (IEEE 802.3 §4.2.3.3). Codecs here do not pad. */
export const ETHERNET_PAYLOAD_MIN = 46;

/** An Ethernet II frame without preamble and FCS. A `etherType` below 0x600 is an 802.3 length field. */
export interface EthernetFrame {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  /** 0..65535 */
  readonly etherType: number;
  readonly payload: Uint8Array;
}

// Wire format: 0..6 destination, 6..12 source, 12..14 EtherType, 14.. payload.

/** Reads a frame; `payload` is a view that includes any padding. */
export function decodeEthernet(frame: Uint8Array): Result<EthernetFrame, 'truncated'> {
  if (frame.length < ETHERNET_HEADER_LENGTH) return err('truncated');
  return ok({
    destination: readMac(frame, 0),
    source: readMac(frame, 6),
    etherType: readU16(frame, 12),
    payload: frame.subarray(ETHERNET_HEADER_LENGTH),
  });
}

/** Writes a frame: no padding to 60 octets, no FCS. */
export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_HEADER_LENGTH + frame.payload.length);
  writeEthernetHeader(bytes, frame);
  bytes.set(frame.payload, ETHERNET_HEADER_LENGTH);
  return bytes;
}

/** Writes the 14 header octets at the start of `bytes`, which has room for them. */
export function writeEthernetHeader(bytes: Uint8Array, header: Omit<EthernetFrame, 'payload'>): void {
  requireArgument((header.etherType & 0xffff) === header.etherType, 'etherType is an integer 0..65535');
  writeMac(bytes, 0, header.destination);
  writeMac(bytes, 6, header.source);
  writeU16(bytes, 12, header.etherType);
}

/** The group address of an IPv4 multicast address: 01:00:5e and its low 23 bits (RFC 1112 §6.4). */
export function ipv4MulticastMac(group: Ipv4Address): MacAddress {
  return (0x01005e000000 + (group & 0x7fffff)) as MacAddress;
}
