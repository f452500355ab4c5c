import { readU16, readU32, writeU16, writeU32 } from '@nexus-net/sansio';
import { finishChecksum, internetChecksum, pseudoHeaderSum, sumWords } from '@nexus-net/wire';

// `struct virtio_net_hdr` in front of what a macvtap device gives, little-endian as the machine is:
//   0 flags   1 kind of coalescing   2..4 length of all headers   4..6 octets of payload of each   6..8 start of the checksum
//   8..10 its field, from there

export const VNET_HEADER_LENGTH = 10;

/**
 * The frames in what was read at once from a macvtap device. Linux puts segments of one TCP connection that arrive behind each other together
 * as one frame of up to 64 KiB, and leaves its checksum undone: here they are what they were on the cable, but for PSH, which only the last
 * one keeps. `undefined`: it is too short, or was put together in another way.
 */
export function framesOf(packet: Uint8Array): readonly Uint8Array[] | undefined {
  if (packet.length <= VNET_HEADER_LENGTH) return undefined;
  const frame = packet.slice(VNET_HEADER_LENGTH);
  const kind = (packet[1] as number) & ~ECN;
  if (kind === COALESCED_NOT) {
    if (((packet[0] as number) & NEEDS_CHECKSUM) === 0) return [frame];
    return finishOne(frame, { start: readU16le(packet, 6), field: readU16le(packet, 8) }) ? [frame] : undefined;
  }
  return kind === COALESCED_TCP4 ? segments(frame, readU16le(packet, 4)) : undefined;
}

/** The field holds the sum of the pseudo-header already. */
function finishOne(frame: Uint8Array, { start, field }: { readonly start: number; readonly field: number }): boolean {
  if (start + field + 2 > frame.length) return false;
  const checksum = internetChecksum(frame.subarray(start));
  writeU16(frame, start + field, checksum === 0 ? 0xffff : checksum);
  return true;
}

function segments(frame: Uint8Array, octetsEach: number): readonly Uint8Array[] | undefined {
  const ipLength = ((frame[IP_AT] ?? 0) & 0x0f) * 4;
  const tcpAt = IP_AT + ipLength;
  const tcpLength = ((frame[tcpAt + 12] ?? 0) >>> 4) * 4;
  const payloadAt = tcpAt + tcpLength;
  const end = IP_AT + readU16(frame, IP_AT + 2);
  const isTcp = readU16(frame, 12) === ETHERTYPE_IPV4 && frame[IP_AT + 9] === PROTOCOL_TCP && ipLength >= 20 && tcpLength >= 20;
  if (!isTcp || octetsEach === 0 || end > frame.length || payloadAt >= end) return undefined;
  const pieces: Uint8Array[] = [];
  for (let at = payloadAt; at < end; at += octetsEach) {
    const to = Math.min(at + octetsEach, end);
    const piece = new Uint8Array(payloadAt + to - at);
    piece.set(frame.subarray(0, payloadAt));
    piece.set(frame.subarray(at, to), payloadAt);
    writeU16(piece, IP_AT + 2, piece.length - IP_AT);
    writeU16(piece, IP_AT + 4, (readU16(frame, IP_AT + 4) + pieces.length) & 0xffff);
    writeU16(piece, IP_AT + 10, 0);
    writeU16(piece, IP_AT + 10, internetChecksum(piece.subarray(IP_AT, tcpAt)));
    writeU32(piece, tcpAt + 4, (readU32(frame, tcpAt + 4) + at - payloadAt) >>> 0);
    const flags = frame[tcpAt + 13] as number;
    piece[tcpAt + 13] = (to < end ? flags & ~(FIN | PSH) : flags) & (pieces.length === 0 ? 0xff : ~CWR);
    writeU16(piece, tcpAt + 16, 0);
    writeU16(piece, tcpAt + 16, tcpChecksum(piece, tcpAt));
    pieces.push(piece);
  }
  return pieces;
}

function tcpChecksum(frame: Uint8Array, tcpAt: number): number {
  const pseudo = { source: readU32(frame, IP_AT + 12), destination: readU32(frame, IP_AT + 16) } as Parameters<
    typeof pseudoHeaderSum
  >[0];
  const initial = pseudoHeaderSum(pseudo, { protocol: PROTOCOL_TCP, length: frame.length - tcpAt });
  return finishChecksum(sumWords(frame, { start: tcpAt, end: frame.length, initial }));
}

function readU16le(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

const NEEDS_CHECKSUM = 1;
const COALESCED_NOT = 0;
const COALESCED_TCP4 = 1;
const ECN = 0x80;
const IP_AT = 14;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_TCP = 6;
const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;
