import {
  err,
  type Ipv4Address,
  ipv4FromU32,
  ok,
  type Result,
  readU16,
  readU32,
  requireArgument,
  writeU16,
  writeU32,
} from '@nexus-net/sansio';
import { type ChecksumOptions, finishChecksum, sumWords } from './checksum.js';

/** Protocol numbers that this project names (RFC 5237 registry). */
export const IP_PROTOCOL: { readonly icmp: 1; readonly igmp: 2; readonly tcp: 6; readonly udp: 17 } = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
};

/** Header octets without options. */
export const IPV4_HEADER_LENGTH = 20;

/** An IPv4 packet or fragment (RFC 791 §3.1). */
export interface Ipv4Packet {
  /** The TOS octet: DSCP and ECN (RFC 2474, RFC 3168), 0..255. */
  readonly trafficClass: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Where this fragment lies in the whole payload, in octets: a multiple of 8, 0..65528. */
  readonly fragmentOffset: number;
  /** Hops left, 0..255. */
  readonly ttl: number;
  /** One of {@link IP_PROTOCOL} or another, 0..255. */
  readonly protocol: number;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** The option area as it stands: 0..40 octets, a multiple of 4. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** What {@link encodeIpv4} needs; the rest defaults to TTL 64, no options, no fragment, and zeros. */
export type Ipv4Encodable = Pick<Ipv4Packet, 'protocol' | 'source' | 'destination' | 'payload'> & Partial<Ipv4Packet>;

/**
 * `truncated`: fewer octets than a header or than the total length says. `bad-version`: not 4. `bad-header-length`: IHL
 * below 5 or beyond the octets. `bad-total-length`: shorter than its header. `bad-checksum`: of the header.
 */
export type Ipv4DecodeError = 'truncated' | 'bad-version' | 'bad-header-length' | 'bad-total-length' | 'bad-checksum';

// Wire format: 0 version and IHL, 1 TOS, 2..4 total length, 4..6 identification, 6..8 flags and offset / 8, 8 TTL,
// 9 protocol, 10..12 header checksum, 12..16 source, 16..20 destination, 20.. options.
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;
const TTL_DEFAULT = 64; // RFC 1700, recommended default
const NO_OPTIONS = new Uint8Array(0);

/**
 * Reads a packet. `payload` and `options` are views; the payload ends at the total length, so link padding is not in it.
 * The reserved flag bit is ignored.
 */
export function decodeIpv4(bytes: Uint8Array, options?: ChecksumOptions): Result<Ipv4Packet, Ipv4DecodeError> {
  const length = bytes.length;
  if (length < IPV4_HEADER_LENGTH) return err('truncated');
  const first = bytes[0] as number;
  if (first >>> 4 !== 4) return err('bad-version');
  const headerLength = (first & 0x0f) * 4;
  if (headerLength < IPV4_HEADER_LENGTH || headerLength > length) return err('bad-header-length');
  const totalLength = readU16(bytes, 2);
  if (totalLength < headerLength) return err('bad-total-length');
  if (totalLength > length) return err('truncated');
  if (options?.checksum !== 'ignore' && !ipv4ChecksumGood(bytes)) return err('bad-checksum');
  const fragment = readU16(bytes, 6);
  return ok({
    trafficClass: bytes[1] as number,
    identification: readU16(bytes, 4),
    dontFragment: (fragment & DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    fragmentOffset: (fragment & OFFSET_MASK) * 8,
    ttl: bytes[8] as number,
    protocol: bytes[9] as number,
    source: ipv4FromU32(readU32(bytes, 12)),
    destination: ipv4FromU32(readU32(bytes, 16)),
    options: headerLength === IPV4_HEADER_LENGTH ? NO_OPTIONS : bytes.subarray(IPV4_HEADER_LENGTH, headerLength),
    payload: bytes.subarray(headerLength, totalLength),
  });
}

/** Is the header checksum of octets that {@link decodeIpv4} accepts right? For observers that show a packet all the same. */
export function ipv4ChecksumGood(bytes: Uint8Array): boolean {
  const end = Math.min(((bytes[0] ?? 0) & 0x0f) * 4, bytes.length);
  return finishChecksum(sumWords(bytes, { start: 0, end, initial: 0 })) === 0;
}

/** Writes a packet with its header checksum. */
export function encodeIpv4(packet: Ipv4Encodable): Uint8Array {
  const optionLength = packet.options?.length ?? 0;
  const bytes = new Uint8Array(IPV4_HEADER_LENGTH + optionLength + packet.payload.length);
  writeIpv4Header(bytes, 0, packet);
  bytes.set(packet.payload, IPV4_HEADER_LENGTH + optionLength);
  return bytes;
}

/** Writes the header with options and checksum at `offset`; the packet is taken to end where `bytes` ends. */
export function writeIpv4Header(bytes: Uint8Array, offset: number, header: Omit<Ipv4Encodable, 'payload'>): void {
  const { trafficClass = 0, identification = 0, fragmentOffset = 0, ttl = TTL_DEFAULT, options = NO_OPTIONS } = header;
  const totalLength = bytes.length - offset;
  const headerLength = IPV4_HEADER_LENGTH + options.length;
  requireArgument(totalLength <= 0xffff, 'an IPv4 packet has at most 65535 octets');
  requireArgument(options.length % 4 === 0 && options.length <= 40, 'IPv4 options are 0..40 octets, a multiple of 4');
  requireArgument(
    fragmentOffset % 8 === 0 && fragmentOffset >= 0 && fragmentOffset <= OFFSET_MASK * 8,
    'fragmentOffset is a multiple of 8',
  );
  requireArgument((identification & 0xffff) === identification, 'identification is an integer 0..65535');
  requireArgument(
    (ttl & 0xff) === ttl && (trafficClass & 0xff) === trafficClass && (header.protocol & 0xff) === header.protocol,
    'ttl, trafficClass and protocol are integers 0..255',
  );
  bytes[offset] = 0x40 | (headerLength / 4);
  bytes[offset + 1] = trafficClass;
  writeU16(bytes, offset + 2, totalLength);
  writeU16(bytes, offset + 4, identification);
  writeU16(
    bytes,
    offset + 6,
    (header.dontFragment === true ? DONT_FRAGMENT : 0) |
      (header.moreFragments === true ? MORE_FRAGMENTS : 0) |
      (fragmentOffset / 8),
  );
  bytes[offset + 8] = ttl;
  bytes[offset + 9] = header.protocol;
  writeU16(bytes, offset + 10, 0);
  writeU32(bytes, offset + 12, header.source);
  writeU32(bytes, offset + 16, header.destination);
  bytes.set(options, offset + IPV4_HEADER_LENGTH);
  writeU16(bytes, offset + 10, finishChecksum(sumWords(bytes, { start: offset, end: offset + headerLength, initial: 0 })));
}
