import { err, ok, type Result, readU16, readU32, requireArgument, unreachable, writeU16, writeU32 } from '@nexus-net/sansio';
import { type ChecksumOptions, finishChecksum, type PseudoHeader, pseudoHeaderSum, sumWords } from './checksum.js';
import { IP_PROTOCOL } from './ipv4.js';

export const TCP_HEADER_LENGTH = 20;
/** Room for options in octets: a header has at most 60. */
export const TCP_OPTIONS_MAX = 40;

/** The eight control bits (RFC 9293 §3.1, RFC 3168 §6.1). */
export interface TcpFlags {
  readonly fin: boolean;
  readonly syn: boolean;
  readonly rst: boolean;
  readonly psh: boolean;
  readonly ack: boolean;
  readonly urg: boolean;
  readonly ece: boolean;
  readonly cwr: boolean;
}

/**
 * A TCP option. Unknown kinds, and known kinds with a length of their own making, survive as `other`; from the first option
 * whose length is impossible the rest of the area is `malformed` (RFC 9293 MUST-7).
 */
export type TcpOption =
  | { readonly type: 'nop' }
  /** RFC 9293 §3.7.1: octets, 0..65535 as sent. */
  | { readonly type: 'mss'; readonly octets: number }
  /** RFC 7323 §2.2: 0..255 as sent; above 14 counts as 14. */
  | { readonly type: 'window-scale'; readonly shift: number }
  /** RFC 2018 §2 */
  | { readonly type: 'sack-permitted' }
  /** RFC 2018 §3: one block or more, sequence numbers of `left` (first) and `right` (after the last). */
  | { readonly type: 'sack'; readonly blocks: readonly { readonly left: number; readonly right: number }[] }
  /** RFC 7323 §3.2 */
  | { readonly type: 'timestamps'; readonly value: number; readonly echo: number }
  | { readonly type: 'other'; readonly kind: number; readonly value: Uint8Array }
  | { readonly type: 'malformed'; readonly rest: Uint8Array };

/** A TCP segment (RFC 9293 §3.1). Sequence numbers are unsigned 32-bit integers, the window is as sent, not scaled. */
export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: TcpFlags;
  readonly window: number;
  readonly urgentPointer: number;
  readonly options: readonly TcpOption[];
  readonly payload: Uint8Array;
}

/** `bad-header-length`: the data offset is below 5 or beyond the octets. */
export type TcpDecodeError = 'truncated' | 'bad-header-length' | 'bad-checksum';

// Wire format: 0..2 source port, 2..4 destination port, 4..8 sequence, 8..12 acknowledgment, 12 data offset, 13 flags,
// 14..16 window, 16..18 checksum, 18..20 urgent pointer, 20.. options.
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const ACK = 0x10;
const URG = 0x20;
const ECE = 0x40;
const CWR = 0x80;
const KIND_END = 0;
const KIND_NOP = 1;
const KIND_MSS = 2;
const KIND_WINDOW_SCALE = 3;
const KIND_SACK_PERMITTED = 4;
const KIND_SACK = 5;
const KIND_TIMESTAMPS = 8;
const NO_OPTIONS: readonly TcpOption[] = [];

/**
 * Reads the segment in an IPv4 payload; `payload` is a view. Reserved bits are ignored, and so is everything after an
 * end-of-options octet.
 */
export function decodeTcp(
  bytes: Uint8Array,
  pseudo: PseudoHeader,
  options?: ChecksumOptions,
): Result<TcpSegment, TcpDecodeError> {
  if (bytes.length < TCP_HEADER_LENGTH) return err('truncated');
  const headerLength = ((bytes[12] as number) >>> 4) * 4;
  if (headerLength < TCP_HEADER_LENGTH || headerLength > bytes.length) return err('bad-header-length');
  if (options?.checksum !== 'ignore' && tcpChecksumState(bytes, pseudo) !== 'good') return err('bad-checksum');
  const bits = bytes[13] as number;
  return ok({
    sourcePort: readU16(bytes, 0),
    destinationPort: readU16(bytes, 2),
    sequence: readU32(bytes, 4),
    acknowledgment: readU32(bytes, 8),
    flags: {
      fin: (bits & FIN) !== 0,
      syn: (bits & SYN) !== 0,
      rst: (bits & RST) !== 0,
      psh: (bits & PSH) !== 0,
      ack: (bits & ACK) !== 0,
      urg: (bits & URG) !== 0,
      ece: (bits & ECE) !== 0,
      cwr: (bits & CWR) !== 0,
    },
    window: readU16(bytes, 14),
    urgentPointer: readU16(bytes, 18),
    options: headerLength === TCP_HEADER_LENGTH ? NO_OPTIONS : decodeOptions(bytes, headerLength),
    payload: bytes.subarray(headerLength),
  });
}

/** Judges the checksum of a whole segment; see {@link UdpChecksumState} for `partial`. For observers. */
export function tcpChecksumState(bytes: Uint8Array, pseudo: PseudoHeader): 'good' | 'partial' | 'bad' {
  const initial = pseudoHeaderSum(pseudo, { protocol: IP_PROTOCOL.tcp, length: bytes.length });
  if (finishChecksum(sumWords(bytes, { start: 0, end: bytes.length, initial })) === 0) return 'good';
  return readU16(bytes, 16) === (~finishChecksum(initial) & 0xffff) ? 'partial' : 'bad';
}

/** Writes a segment with its checksum; options are padded to a multiple of four octets with end-of-options. */
export function encodeTcp(segment: TcpSegment, pseudo: PseudoHeader): Uint8Array {
  let optionLength = 0;
  for (const option of segment.options) optionLength += encodedLength(option);
  requireArgument(optionLength <= TCP_OPTIONS_MAX, 'TCP options have at most 40 octets');
  requireArgument(
    isU16(segment.sourcePort) && isU16(segment.destinationPort) && isU16(segment.window) && isU16(segment.urgentPointer),
    'ports, window and urgentPointer are integers 0..65535',
  );
  requireArgument(
    segment.sequence >>> 0 === segment.sequence && segment.acknowledgment >>> 0 === segment.acknowledgment,
    'sequence and acknowledgment are integers 0..2^32-1',
  );
  const headerLength = TCP_HEADER_LENGTH + Math.ceil(optionLength / 4) * 4;
  const bytes = new Uint8Array(headerLength + segment.payload.length);
  requireArgument(bytes.length <= 0xffff - 20, 'a TCP segment has at most 65515 octets');
  const { flags } = segment;
  writeU16(bytes, 0, segment.sourcePort);
  writeU16(bytes, 2, segment.destinationPort);
  writeU32(bytes, 4, segment.sequence);
  writeU32(bytes, 8, segment.acknowledgment);
  bytes[12] = (headerLength / 4) << 4;
  bytes[13] =
    (flags.fin ? FIN : 0) |
    (flags.syn ? SYN : 0) |
    (flags.rst ? RST : 0) |
    (flags.psh ? PSH : 0) |
    (flags.ack ? ACK : 0) |
    (flags.urg ? URG : 0) |
    (flags.ece ? ECE : 0) |
    (flags.cwr ? CWR : 0);
  writeU16(bytes, 14, segment.window);
  writeU16(bytes, 18, segment.urgentPointer);
  let offset = TCP_HEADER_LENGTH;
  for (const option of segment.options) offset = writeOption(bytes, offset, option);
  bytes.set(segment.payload, headerLength);
  const initial = pseudoHeaderSum(pseudo, { protocol: IP_PROTOCOL.tcp, length: bytes.length });
  writeU16(bytes, 16, finishChecksum(sumWords(bytes, { start: 0, end: bytes.length, initial })));
  return bytes;
}

function decodeOptions(bytes: Uint8Array, end: number): readonly TcpOption[] {
  const options: TcpOption[] = [];
  let offset = TCP_HEADER_LENGTH;
  while (offset < end) {
    const kind = bytes[offset] as number;
    if (kind === KIND_END) break;
    if (kind === KIND_NOP) {
      options.push({ type: 'nop' });
      offset++;
      continue;
    }
    const length = offset + 1 < end ? (bytes[offset + 1] as number) : 0;
    if (length < 2 || length > end - offset) {
      options.push({ type: 'malformed', rest: bytes.subarray(offset, end) });
      break;
    }
    options.push(decodeOption(bytes, offset, length));
    offset += length;
  }
  return options;
}

function decodeOption(bytes: Uint8Array, offset: number, length: number): TcpOption {
  const kind = bytes[offset] as number;
  if (kind === KIND_MSS && length === 4) return { type: 'mss', octets: readU16(bytes, offset + 2) };
  if (kind === KIND_WINDOW_SCALE && length === 3) return { type: 'window-scale', shift: bytes[offset + 2] as number };
  if (kind === KIND_SACK_PERMITTED && length === 2) return { type: 'sack-permitted' };
  if (kind === KIND_TIMESTAMPS && length === 10)
    return { type: 'timestamps', value: readU32(bytes, offset + 2), echo: readU32(bytes, offset + 6) };
  if (kind === KIND_SACK && length >= 10 && length % 8 === 2) {
    const blocks: { readonly left: number; readonly right: number }[] = [];
    for (let at = offset + 2; at < offset + length; at += 8)
      blocks.push({ left: readU32(bytes, at), right: readU32(bytes, at + 4) });
    return { type: 'sack', blocks };
  }
  return { type: 'other', kind, value: bytes.subarray(offset + 2, offset + length) };
}

function encodedLength(option: TcpOption): number {
  switch (option.type) {
    case 'nop':
      return 1;
    case 'mss':
      return 4;
    case 'window-scale':
      return 3;
    case 'sack-permitted':
      return 2;
    case 'sack':
      return 2 + 8 * option.blocks.length;
    case 'timestamps':
      return 10;
    case 'other':
      return 2 + option.value.length;
    case 'malformed':
      return option.rest.length;
    default:
      return unreachable(option);
  }
}

/** Writes one option and returns the offset after it. */
function writeOption(bytes: Uint8Array, offset: number, option: TcpOption): number {
  const length = encodedLength(option);
  switch (option.type) {
    case 'nop':
      bytes[offset] = KIND_NOP;
      break;
    case 'mss':
      requireArgument(isU16(option.octets), 'an MSS is an integer 0..65535');
      writeHead(bytes, offset, KIND_MSS, length);
      writeU16(bytes, offset + 2, option.octets);
      break;
    case 'window-scale':
      requireArgument((option.shift & 0xff) === option.shift, 'a window shift is an integer 0..255');
      writeHead(bytes, offset, KIND_WINDOW_SCALE, length);
      bytes[offset + 2] = option.shift;
      break;
    case 'sack-permitted':
      writeHead(bytes, offset, KIND_SACK_PERMITTED, length);
      break;
    case 'sack':
      requireArgument(option.blocks.length >= 1, 'a SACK option has a block');
      writeHead(bytes, offset, KIND_SACK, length);
      option.blocks.forEach((block, i) => {
        writeU32(bytes, offset + 2 + 8 * i, block.left);
        writeU32(bytes, offset + 6 + 8 * i, block.right);
      });
      break;
    case 'timestamps':
      writeHead(bytes, offset, KIND_TIMESTAMPS, length);
      writeU32(bytes, offset + 2, option.value);
      writeU32(bytes, offset + 6, option.echo);
      break;
    case 'other':
      requireArgument(option.kind >= 2 && option.kind <= 255, 'an option with a length has a kind of 2..255');
      writeHead(bytes, offset, option.kind, length);
      bytes.set(option.value, offset + 2);
      break;
    case 'malformed':
      bytes.set(option.rest, offset);
      break;
    default:
      return unreachable(option);
  }
  return offset + length;
}

function writeHead(bytes: Uint8Array, offset: number, kind: number, length: number): void {
  bytes[offset] = kind;
  bytes[offset + 1] = length;
}

function isU16(value: number): boolean {
  return (value & 0xffff) === value;
}
