import { readMac, readU8, readU16, writeU16 } from '@nexus-net/sansio';
import { LITTLE_ENDIAN } from './byte-order.js';
import { internetChecksum } from './checksum.js';
import { ETHERNET_HEADER_LENGTH, ETHERTYPE } from './ethernet.js';

// QEMU's filter-dump on a tap netdev writes the device's virtio-net header before each frame, though the file says Ethernet:
// 10 octets, 12 once the guest's driver has agreed on more features, so one file may hold both. VIRTIO 1.2 §5.1.6:
// 0 flags   1 GSO type   2..4 header length   4..6 GSO size   6..8 checksum start   8..10 checksum offset   10..12 buffers
// Little-endian (a legacy device of a big-endian guest is not covered).

/** Octets of a virtio-net header before each frame; 0 where there is none. */
export type VnetHeaderLength = 0 | 10 | 12;

/** What the functions here look at: a `CapturedPacket` or anything like it. */
export interface VnetPacket {
  readonly bytes: Uint8Array;
  /** Octets on the wire, header included; more than `bytes` has where the capture was cut. */
  readonly originalLength: number;
}

/**
 * How long a virtio-net header the frames of an Ethernet capture have, by what the packets show when read after 0, 10 and
 * 12 octets: ARP, IPv4 or IPv6 behind the EtherType, addresses that answer each other, a header with sane fields. 0 where
 * there is no better evidence for a header than for none. Linear; a file that mixes lengths gives the more frequent one.
 */
export function detectVnetHeader(packets: readonly VnetPacket[]): VnetHeaderLength {
  const plain = evidenceFor(packets, 0);
  const [length, best] = ([10, 12] as const)
    .map((candidate) => [candidate, evidenceFor(packets, candidate)] as const)
    .reduce((a, b) => (b[1].score > a[1].score ? b : a));
  // Coincidences make a little evidence everywhere, so a header must have shown a whole packet behind it at least once.
  return best.verified && best.score > plain.score ? length : 0;
}

/**
 * The packet without its first `length` octets. A checksum that the sender left to its network card, as the header tells,
 * is completed in a copy: the frame is then what a wire would have carried. Otherwise `bytes` is a view.
 */
export function stripVnetHeader<P extends VnetPacket>(packet: P, length: VnetHeaderLength): P {
  if (length === 0) return packet;
  const bytes = completeChecksum(packet, length) ?? packet.bytes.subarray(length);
  return { ...packet, bytes, originalLength: Math.max(0, packet.originalLength - length) };
}

/**
 * All packets without their headers, as {@link detectVnetHeader} finds them; the same packets where there are none. In a
 * file with headers each packet is asked again for its own length, 10 or 12, as that changes when the driver starts.
 */
export function stripVnetHeaders<P extends VnetPacket>(packets: readonly P[]): readonly P[] {
  const usual = detectVnetHeader(packets);
  if (usual === 0) return packets;
  const other = usual === 10 ? 12 : 10;
  return packets.map((packet) => stripVnetHeader(packet, rank(packet, other) > rank(packet, usual) ? other : usual));
}

interface Evidence {
  readonly score: number;
  /** Some packet was a whole ARP, IPv4 or IPv6 packet. */
  readonly verified: boolean;
}

function evidenceFor(packets: readonly VnetPacket[], offset: VnetHeaderLength): Evidence {
  const plausible = packets.filter((packet) => rank(packet, offset) > 0);
  const sources = new Set(plausible.map(({ bytes }) => readMac(bytes, offset + 6)));
  let score = 0;
  let verified = false;
  for (const packet of plausible) {
    const own = rank(packet, offset);
    verified ||= own === VERIFIED;
    score += own + (sources.has(readMac(packet.bytes, offset)) ? ANSWERED : 0);
  }
  return { score, verified };
}

/** How much a packet looks like an Ethernet frame after `offset` octets of header: 0, {@link LIKELY} or {@link VERIFIED}. */
function rank({ bytes, originalLength }: VnetPacket, offset: VnetHeaderLength): number {
  if (bytes.length < offset + ETHERNET_HEADER_LENGTH || (offset > 0 && !isPlausibleHeader(bytes, offset))) return 0;
  let payload = offset + ETHERNET_HEADER_LENGTH;
  let etherType = readU16(bytes, payload - 2);
  for (let tags = 0; tags < 2 && (etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.serviceVlan); tags++) {
    payload += 4;
    etherType = readU16(bytes, payload - 2);
  }
  const room = Math.max(originalLength, bytes.length) - payload;
  if (isWholePacket(bytes, { etherType, payload, room })) return VERIFIED;
  // Without a payload that can be checked, the addresses have to look right as well: no source is a group.
  const groupSource = (readU8(bytes, offset + 6) & 1) === 1;
  return !groupSource && readMac(bytes, offset + 6) !== 0 && LIKELY_ETHERTYPES.has(etherType) ? LIKELY : 0;
}

function isPlausibleHeader(bytes: Uint8Array, length: VnetHeaderLength): boolean {
  const buffers = length === 12 ? LITTLE_ENDIAN.u16(bytes, 10) : 0;
  return readU8(bytes, 0) <= FLAGS_MAX && GSO_TYPES.has(readU8(bytes, 1) & ~GSO_ECN) && buffers <= BUFFERS_MAX;
}

function isWholePacket(
  bytes: Uint8Array,
  { etherType, payload, room }: { readonly etherType: number; readonly payload: number; readonly room: number },
): boolean {
  const first = readU8(bytes, payload);
  switch (etherType) {
    case ETHERTYPE.ipv4: {
      const headerLength = (first & 0xf) * 4;
      const totalLength = readU16(bytes, payload + 2);
      return first >>> 4 === 4 && headerLength >= 20 && totalLength >= headerLength && totalLength <= room;
    }
    case ETHERTYPE.arp: // hardware Ethernet, protocol IPv4, their address lengths
      return (
        room >= 28 &&
        readU16(bytes, payload) === 1 &&
        readU16(bytes, payload + 2) === 0x0800 &&
        readU16(bytes, payload + 4) === 0x0604
      );
    case ETHERTYPE.ipv6:
      return first >>> 4 === 6 && readU16(bytes, payload + 4) + 40 <= room;
    default:
      return false;
  }
}

/** The frame with the checksum filled in, or `undefined` where the header asks for none or the octets are not all there. */
function completeChecksum({ bytes, originalLength }: VnetPacket, length: VnetHeaderLength): Uint8Array | undefined {
  const flags = readU8(bytes, 0);
  const start = LITTLE_ENDIAN.u16(bytes, 6);
  const field = start + LITTLE_ENDIAN.u16(bytes, 8);
  if ((flags & FLAG_NEEDS_CHECKSUM) === 0 || bytes.length < originalLength || field + 2 > bytes.length - length) return undefined;
  const frame = new Uint8Array(bytes.subarray(length)); // a copy; `slice` of a Buffer would be a view
  // The field holds the sum of the pseudo-header already. 0 would say "none" in UDP; 0xffff is the same number.
  writeU16(frame, field, internetChecksum(frame.subarray(start)) || 0xffff);
  return frame;
}

const LIKELY = 1;
const VERIFIED = 4;
/** Added where the packet's destination is the source of some packet. */
const ANSWERED = 1;

/** NEEDS_CSUM 1, DATA_VALID 2, RSC_INFO 4. */
const FLAGS_MAX = 7;
const FLAG_NEEDS_CHECKSUM = 1;
/** None, TCPv4, UDP, TCPv6, UDP_L4; the bit 0x80 adds ECN. */
const GSO_TYPES: ReadonlySet<number> = new Set([0, 1, 3, 4, 5]);
const GSO_ECN = 0x80;
/** More buffers than any driver spreads a frame of 64 KiB over. */
const BUFFERS_MAX = 1024;

/** MPLS, PPPoE, jumbo LLC, EAPOL, AoE, local experiments, LLDP, PTP, loopback: real, but not looked into. */
const LIKELY_ETHERTYPES: ReadonlySet<number> = new Set([
  ETHERTYPE.ipv4,
  ETHERTYPE.arp,
  ETHERTYPE.ipv6,
  0x8847,
  0x8863,
  0x8864,
  0x8870,
  0x888e,
  0x88a2,
  0x88b5,
  0x88b6,
  0x88cc,
  0x88f7,
  0x9000,
]);
