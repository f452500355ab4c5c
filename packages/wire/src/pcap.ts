import { concatBytes, err, ok, type Result, readU32, requireArgument } from '@nexus-net/sansio';
import { BIG_ENDIAN, type ByteOrder, LITTLE_ENDIAN, plainView } from './byte-order.js';
import {
  CAPTURE_PACKET_OCTETS_MAX,
  type Capture,
  type CaptureDecodeOptions,
  type CapturedPacket,
  type CaptureEnd,
  type CaptureError,
  LINK_TYPE_ETHERNET,
  type PacketToWrite,
} from './capture.js';
import { millisOfNanoseconds, nanosecondsOf } from './capture-time.js';

// The format is of draft-ietf-opsawg-pcap. In the byte order that the magic shows (octets):
// file    0..4 magic   4..6 major   6..8 minor   8..16 zero   16..20 snap length   20..24 link type (high half: FCS length)
// record  0..4 seconds   4..8 µs or ns   8..12 captured length   12..16 original length   16.. data, not padded
//         (Kuznetzov's patched libpcap, Linux 2.0: 8 octets more before the data)
const FILE_HEADER_OCTETS = 24;
const RECORD_HEADER_OCTETS = 16;
const KUZNETZOV_RECORD_HEADER_OCTETS = 24;

interface PcapVariant {
  readonly order: ByteOrder;
  /** Nanoseconds in a unit of the record's second field. */
  readonly nsPerUnit: bigint;
  readonly recordHeaderOctets: number;
}

const VARIANTS: ReadonlyMap<number, PcapVariant> = new Map([
  [0xa1b2c3d4, { order: BIG_ENDIAN, nsPerUnit: 1_000n, recordHeaderOctets: RECORD_HEADER_OCTETS }],
  [0xd4c3b2a1, { order: LITTLE_ENDIAN, nsPerUnit: 1_000n, recordHeaderOctets: RECORD_HEADER_OCTETS }],
  [0xa1b23c4d, { order: BIG_ENDIAN, nsPerUnit: 1n, recordHeaderOctets: RECORD_HEADER_OCTETS }],
  [0x4d3cb2a1, { order: LITTLE_ENDIAN, nsPerUnit: 1n, recordHeaderOctets: RECORD_HEADER_OCTETS }],
  [0xa1b2cd34, { order: BIG_ENDIAN, nsPerUnit: 1_000n, recordHeaderOctets: KUZNETZOV_RECORD_HEADER_OCTETS }],
  [0x34cdb2a1, { order: LITTLE_ENDIAN, nsPerUnit: 1_000n, recordHeaderOctets: KUZNETZOV_RECORD_HEADER_OCTETS }],
]);

/** Does a file that starts with these four octets (read big-endian) belong to {@link decodePcap}? */
export function isPcapMagic(magic: number): boolean {
  return VARIANTS.has(magic);
}

/** Reads a pcap file: see `decodeCapture`. */
export function decodePcap(
  file: Uint8Array,
  { packetOctetsMax = CAPTURE_PACKET_OCTETS_MAX }: CaptureDecodeOptions = {},
): Result<Capture, CaptureError | 'unknown-format'> {
  requireArgument(packetOctetsMax >= 0, 'packetOctetsMax is a number of octets');
  const bytes = plainView(file);
  const variant = VARIANTS.get(readU32(bytes, 0));
  if (variant === undefined) return err('unknown-format');
  if (bytes.length < FILE_HEADER_OCTETS) return err('truncated');
  const { order, nsPerUnit, recordHeaderOctets } = variant;
  if (order.u16(bytes, 4) !== 2) return err('unsupported-version');
  const packets: CapturedPacket[] = [];
  let end: CaptureEnd | undefined;
  let offset = FILE_HEADER_OCTETS;
  while (offset < bytes.length) {
    const start = offset + recordHeaderOctets;
    const capturedLength = order.u32(bytes, offset + 8);
    const error = recordError({ capturedLength, remaining: bytes.length - start, packetOctetsMax });
    if (error !== undefined) {
      end = { error, afterPacket: packets.length, offset };
      break;
    }
    const timestampNs = BigInt(order.u32(bytes, offset)) * NS_PER_SECOND + BigInt(order.u32(bytes, offset + 4)) * nsPerUnit;
    packets.push({
      at: millisOfNanoseconds(timestampNs),
      timestampNs,
      interfaceId: 0,
      originalLength: order.u32(bytes, offset + 12),
      bytes: bytes.subarray(start, start + capturedLength),
    });
    offset = start + capturedLength;
  }
  const interfaces = [{ linkType: order.u32(bytes, 20) & 0xffff, snapLength: order.u32(bytes, 16) }];
  return ok({ format: 'pcap', interfaces, packets, ...(end !== undefined && { end }) });
}

export interface PcapWriterOptions {
  /** LINKTYPE_ value of all packets, 16 bits. Default 1, Ethernet. */
  readonly linkType?: number;
  /** Octets of a packet that the file's header promises at most. Default 262 144 octets. */
  readonly snapLength?: number;
}

/**
 * Writes a pcap file in pieces to append: {@link header} once, then {@link packet} for each. Little-endian, nanosecond
 * resolution. Has no place for comments, names or several interfaces: see `PcapngWriter`.
 */
export class PcapWriter {
  readonly #header = new Uint8Array(FILE_HEADER_OCTETS);

  constructor({ linkType = LINK_TYPE_ETHERNET, snapLength = CAPTURE_PACKET_OCTETS_MAX }: PcapWriterOptions = {}) {
    requireArgument(Number.isInteger(linkType) && linkType >= 0 && linkType <= 0xffff, 'linkType is an integer 0..65535');
    requireArgument(isU32(snapLength), 'snapLength is an integer 0..2^32-1');
    const view = new DataView(this.#header.buffer);
    view.setUint32(0, 0xa1b23c4d, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(16, snapLength, true);
    view.setUint32(20, linkType, true);
  }

  /** What the file starts with. */
  header(): Uint8Array {
    return this.#header.slice();
  }

  /**
   * One record. Throws `UsageError` for another interface than 0, more than 262 144 octets, or a time outside
   * 0..2^32-1 seconds after the Unix epoch.
   */
  packet(packet: PacketToWrite): Uint8Array {
    const { bytes, originalLength = bytes.length, interfaceId = 0 } = packet;
    requireArgument(interfaceId === 0, 'a pcap file has one interface, number 0');
    requireArgument(bytes.length <= CAPTURE_PACKET_OCTETS_MAX, 'a captured packet has at most 262144 octets');
    requireArgument(isU32(originalLength), 'originalLength is an integer 0..2^32-1');
    const timestampNs = nanosecondsOf(packet);
    const seconds = timestampNs / NS_PER_SECOND;
    requireArgument(seconds <= 0xffff_ffffn, 'a pcap file holds times up to 2^32-1 seconds after the Unix epoch');
    const record = new Uint8Array(RECORD_HEADER_OCTETS + bytes.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, Number(seconds), true);
    view.setUint32(4, Number(timestampNs % NS_PER_SECOND), true);
    view.setUint32(8, bytes.length, true);
    view.setUint32(12, originalLength, true);
    record.set(bytes, RECORD_HEADER_OCTETS);
    return record;
  }
}

/** A whole pcap file: see {@link PcapWriter}. */
export function encodePcap({
  packets,
  ...options
}: PcapWriterOptions & { readonly packets: readonly PacketToWrite[] }): Uint8Array {
  const writer = new PcapWriter(options);
  return concatBytes([writer.header(), ...packets.map((packet) => writer.packet(packet))]);
}

function recordError({
  capturedLength,
  remaining,
  packetOctetsMax,
}: {
  readonly capturedLength: number;
  /** Octets of the file after the record's header; negative where the header itself is cut. */
  readonly remaining: number;
  readonly packetOctetsMax: number;
}): CaptureError | undefined {
  if (remaining < 0) return 'truncated';
  // Before the comparison with what is left: an absurd length is damage, wherever the file ends.
  if (capturedLength > packetOctetsMax) return 'bad-capture-length';
  return capturedLength > remaining ? 'truncated' : undefined;
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

const NS_PER_SECOND = 1_000_000_000n;
