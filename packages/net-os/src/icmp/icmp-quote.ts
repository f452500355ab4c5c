import { err, type Ipv4Address, ipv4FromU32, ok, type Result, readU16, readU32 } from '@nexus-net/sansio';

/** The start of the packet that an ICMP error speaks of: its IP header and at least the 8 octets that follow. */
export interface IcmpQuote {
  readonly protocol: number;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** Octets of the packet that the error is about, as its header says. */
  readonly totalLength: number;
  readonly dontFragment: boolean;
  /** Octets; 0 for the first fragment or a whole datagram. */
  readonly fragmentOffset: number;
  /** What follows the header, 8 octets or more: the ports, or type and identifier of an echo request. */
  readonly transport: Uint8Array;
}

/**
 * Reads the quote of an ICMP error. Not `decodeIpv4`: a quote is cut short, so its total length and checksum
 * prove nothing. Total; a quote without 8 octets of transport identifies nobody and is refused (RFC 1122 §3.2.2).
 */
export function decodeIcmpQuote(bytes: Uint8Array): Result<IcmpQuote, 'bad-quote'> {
  const first = bytes[0] ?? 0;
  const headerLength = (first & 0x0f) * 4;
  if (first >>> 4 !== 4 || headerLength < 20 || bytes.length < headerLength + 8) return err('bad-quote');
  return ok({
    protocol: bytes[9] as number,
    source: ipv4FromU32(readU32(bytes, 12)),
    destination: ipv4FromU32(readU32(bytes, 16)),
    totalLength: readU16(bytes, 2),
    dontFragment: (readU16(bytes, 6) & 0x4000) !== 0,
    fragmentOffset: (readU16(bytes, 6) & 0x1fff) * 8,
    transport: bytes.subarray(headerLength),
  });
}

/** How much of an offending packet our own errors quote: its header and 8 octets, the least that RFC 1122 §3.2.2 asks for. */
export function quoteOf(packet: Uint8Array): Uint8Array {
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  return packet.slice(0, headerLength + 8);
}
