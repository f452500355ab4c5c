import { type Datagram, err, type MacAddress, ok, type Result, readU16, requireArgument, writeU16 } from '@nexus-net/sansio';
import { type ChecksumOptions, finishChecksum, foldSum, type PseudoHeader, pseudoHeaderSum, sumWords } from './checksum.js';
import { ETHERNET_HEADER_LENGTH, ETHERTYPE, writeEthernetHeader } from './ethernet.js';
import { IP_PROTOCOL, IPV4_HEADER_LENGTH, writeIpv4Header } from './ipv4.js';

export const UDP_HEADER_LENGTH = 8;
/** Largest payload in octets: 65535 less the headers of IPv4 and UDP. */
export const UDP_PAYLOAD_MAX: number = 0xffff - IPV4_HEADER_LENGTH - UDP_HEADER_LENGTH;

/** A UDP datagram (RFC 768). Ports 0..65535. */
export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** `truncated`: no whole header. `bad-length`: the length field is below 8 or beyond the octets. */
export type UdpDecodeError = 'truncated' | 'bad-length' | 'bad-checksum';

/**
 * What the checksum field says about the octets: `good`, `absent` (zero: the sender computed none), `partial` (the sum of
 * the pseudo-header alone: a capture taken before the sender's network card filled it in), or `bad`.
 */
export type UdpChecksumState = 'good' | 'absent' | 'partial' | 'bad';

// Wire format: 0..2 source port, 2..4 destination port, 4..6 length of header and payload, 6..8 checksum, 8.. payload.

/**
 * Reads the UDP datagram in an IPv4 payload; `payload` is a view. Octets after the length field's end are ignored. A zero
 * checksum was not computed and is accepted (RFC 1122 §4.1.3.4).
 */
export function decodeUdp(
  bytes: Uint8Array,
  pseudo: PseudoHeader,
  options?: ChecksumOptions,
): Result<UdpDatagram, UdpDecodeError> {
  if (bytes.length < UDP_HEADER_LENGTH) return err('truncated');
  const length = readU16(bytes, 4);
  if (length < UDP_HEADER_LENGTH || length > bytes.length) return err('bad-length');
  if (options?.checksum !== 'ignore' && readU16(bytes, 6) !== 0 && !sumsToZero(bytes, length, pseudo)) return err('bad-checksum');
  return ok({
    sourcePort: readU16(bytes, 0),
    destinationPort: readU16(bytes, 2),
    payload: bytes.subarray(UDP_HEADER_LENGTH, length),
  });
}

/** Judges the checksum of octets that {@link decodeUdp} accepts. For observers: a receiver takes `good` and `absent` only. */
export function udpChecksumState(bytes: Uint8Array, pseudo: PseudoHeader): UdpChecksumState {
  const field = readU16(bytes, 6);
  if (field === 0) return 'absent';
  const length = Math.min(readU16(bytes, 4), bytes.length);
  if (sumsToZero(bytes, length, pseudo)) return 'good';
  return field === foldSum(pseudoHeaderSum(pseudo, { protocol: IP_PROTOCOL.udp, length })) ? 'partial' : 'bad';
}

/** Writes a datagram with its checksum. */
export function encodeUdp(datagram: UdpDatagram, pseudo: PseudoHeader): Uint8Array {
  const bytes = new Uint8Array(UDP_HEADER_LENGTH + datagram.payload.length);
  writeUdp(bytes, 0, datagram, pseudo);
  return bytes;
}

/** The whole Ethernet frame of a datagram, not padded, in one allocation. `ttl` defaults to 64, `identification` to 0. */
export function encodeUdpFrame(o: {
  readonly link: { readonly source: MacAddress; readonly destination: MacAddress };
  readonly datagram: Datagram;
  readonly ttl?: number;
  readonly identification?: number;
}): Uint8Array {
  const { source, destination, payload } = o.datagram;
  const pseudo = { source: source.address, destination: destination.address };
  const bytes = new Uint8Array(UDP_FRAME_OVERHEAD + payload.length);
  writeEthernetHeader(bytes, { destination: o.link.destination, source: o.link.source, etherType: ETHERTYPE.ipv4 });
  writeIpv4Header(bytes, ETHERNET_HEADER_LENGTH, {
    protocol: IP_PROTOCOL.udp,
    ttl: o.ttl ?? 64,
    identification: o.identification ?? 0,
    source: source.address,
    destination: destination.address,
  });
  writeUdp(
    bytes,
    UDP_FRAME_OVERHEAD - UDP_HEADER_LENGTH,
    { sourcePort: source.port, destinationPort: destination.port, payload },
    pseudo,
  );
  return bytes;
}

const UDP_FRAME_OVERHEAD: number = ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH + UDP_HEADER_LENGTH;

/** Writes header, payload and checksum at `offset`; the datagram ends where `bytes` ends. */
export function writeUdp(bytes: Uint8Array, offset: number, datagram: UdpDatagram, pseudo: PseudoHeader): void {
  const { sourcePort, destinationPort, payload } = datagram;
  const length = UDP_HEADER_LENGTH + payload.length;
  requireArgument(payload.length <= UDP_PAYLOAD_MAX, 'a UDP payload has at most 65507 octets');
  requireArgument(
    (sourcePort & 0xffff) === sourcePort && (destinationPort & 0xffff) === destinationPort,
    'ports are integers 0..65535',
  );
  writeU16(bytes, offset, sourcePort);
  writeU16(bytes, offset + 2, destinationPort);
  writeU16(bytes, offset + 4, length);
  bytes.set(payload, offset + UDP_HEADER_LENGTH);
  const initial = pseudoHeaderSum(pseudo, { protocol: IP_PROTOCOL.udp, length });
  const checksum = finishChecksum(sumWords(bytes, { start: offset, end: offset + length, initial }));
  writeU16(bytes, offset + 6, checksum === 0 ? 0xffff : checksum); // zero would say that there is none (RFC 768)
}

function sumsToZero(bytes: Uint8Array, length: number, pseudo: PseudoHeader): boolean {
  const initial = pseudoHeaderSum(pseudo, { protocol: IP_PROTOCOL.udp, length });
  return finishChecksum(sumWords(bytes, { start: 0, end: length, initial })) === 0;
}
