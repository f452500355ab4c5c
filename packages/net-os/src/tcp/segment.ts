import { IPV4_ANY, type Ipv4Address, readU16 } from '@nexus-net/sansio';
import { TCP_HEADER_LENGTH } from '@nexus-net/wire';
import type { Seq } from './sequence.js';

/** The control bits as they stand in octet 13 of the header (RFC 9293 §3.1). */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;

export const KIND_END = 0;
export const KIND_NOP = 1;
export const KIND_MSS = 2;
export const KIND_WINDOW_SCALE = 3;
export const KIND_SACK_PERMITTED = 4;
export const KIND_SACK = 5;
export const KIND_TIMESTAMPS = 8;
export const KIND_USER_TIMEOUT = 28;

const NO_BYTES = new Uint8Array(0);

/**
 * A segment that has arrived, read in place. One object serves every segment of a host: reading makes no garbage. Everything in it holds
 * for one call.
 */
export class Segment {
  source: Ipv4Address = IPV4_ANY;
  destination: Ipv4Address = IPV4_ANY;
  sourcePort = 0;
  destinationPort = 0;
  sequence: Seq = 0;
  acknowledgment: Seq = 0;
  flags = 0;
  /** As sent, not scaled. */
  window = 0;
  urgentPointer = 0;
  bytes: Uint8Array = NO_BYTES;
  /** The text is `bytes[start..end)`. */
  start = 0;
  end = 0;
  /** Option values; -1 for one that is absent. */
  mss = -1;
  windowScale = -1;
  userTimeout = -1;
  sackPermitted = false;
  hasTimestamps = false;
  timestamp = 0;
  timestampEcho = 0;
  /** Left and right edges of SACK blocks, in the order of the option. */
  readonly sackEdges: Int32Array = new Int32Array(8);
  sackCount = 0;

  /** Octets of text. */
  get length(): number {
    return this.end - this.start;
  }

  /** SEG.LEN: text, SYN and FIN (RFC 9293 §3.4). */
  get sequenceLength(): number {
    return this.end - this.start + ((this.flags & SYN) !== 0 ? 1 : 0) + ((this.flags & FIN) !== 0 ? 1 : 0);
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** Reads header and options of the segment that is `bytes[from..to)`. Total. The checksum is the caller's business. */
  read(bytes: Uint8Array, from: number, to: number): 'read' | 'truncated' | 'bad-header-length' {
    if (to - from < TCP_HEADER_LENGTH) return 'truncated';
    const headerLength = ((bytes[from + 12] as number) >>> 4) * 4;
    if (headerLength < TCP_HEADER_LENGTH || headerLength > to - from) return 'bad-header-length';
    this.sourcePort = readU16(bytes, from);
    this.destinationPort = readU16(bytes, from + 2);
    this.sequence = readS32(bytes, from + 4);
    this.acknowledgment = readS32(bytes, from + 8);
    this.flags = bytes[from + 13] as number;
    this.window = readU16(bytes, from + 14);
    this.urgentPointer = readU16(bytes, from + 18);
    this.bytes = bytes;
    this.start = from + headerLength;
    this.end = to;
    this.sackCount = 0;
    this.hasTimestamps = false;
    if ((this.flags & SYN) !== 0) {
      this.mss = -1;
      this.windowScale = -1;
      this.sackPermitted = false;
    }
    this.userTimeout = -1;
    if (headerLength > TCP_HEADER_LENGTH) this.#readOptions(bytes, from + TCP_HEADER_LENGTH, from + headerLength);
    return 'read';
  }

  /** Lets go of the octets. */
  release(): void {
    this.bytes = NO_BYTES;
    this.start = 0;
    this.end = 0;
  }

  #readOptions(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    // The layout that nearly every segment has (RFC 7323 appendix A).
    if (
      end - at === 12 &&
      bytes[at] === KIND_NOP &&
      bytes[at + 1] === KIND_NOP &&
      bytes[at + 2] === KIND_TIMESTAMPS &&
      bytes[at + 3] === 10
    ) {
      this.#readTimestamps(bytes, at + 4);
      return;
    }
    while (at < end) {
      const kind = bytes[at] as number;
      if (kind === KIND_END) return;
      if (kind === KIND_NOP) {
        at += 1;
        continue;
      }
      const length = at + 1 < end ? (bytes[at + 1] as number) : 0;
      // MUST-7: an impossible length ends the walk; what stood before it holds.
      if (length < 2 || length > end - at) return;
      this.#readOption(bytes, at, { kind, length });
      at += length;
    }
  }

  #readOption(bytes: Uint8Array, at: number, { kind, length }: { readonly kind: number; readonly length: number }): void {
    const isSyn = (this.flags & SYN) !== 0;
    if (kind === KIND_TIMESTAMPS && length === 10) this.#readTimestamps(bytes, at + 2);
    else if (kind === KIND_SACK && length % 8 === 2) this.#readSack(bytes, at + 2, (length - 2) / 8);
    else if (kind === KIND_USER_TIMEOUT && length === 4) this.userTimeout = readU16(bytes, at + 2);
    else if (!isSyn) return;
    else if (kind === KIND_MSS && length === 4) this.mss = readU16(bytes, at + 2);
    else if (kind === KIND_WINDOW_SCALE && length === 3) this.windowScale = bytes[at + 2] as number;
    else if (kind === KIND_SACK_PERMITTED && length === 2) this.sackPermitted = true;
  }

  #readTimestamps(bytes: Uint8Array, at: number): void {
    this.hasTimestamps = true;
    this.timestamp = readS32(bytes, at);
    this.timestampEcho = readS32(bytes, at + 4);
  }

  #readSack(bytes: Uint8Array, at: number, count: number): void {
    this.sackCount = count;
    for (let i = 0; i < 2 * count; i++) this.sackEdges[i] = readS32(bytes, at + 4 * i);
  }
}

/** Big-endian, signed; the range lies inside `bytes`. */
function readS32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
