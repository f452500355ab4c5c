import { err, ok, type Result, readU32, requireArgument } from '@nexus-net/sansio';
import { BIG_ENDIAN, type ByteOrder, LITTLE_ENDIAN, plainView } from './byte-order.js';
import {
  CAPTURE_PACKET_OCTETS_MAX,
  type Capture,
  type CaptureDecodeOptions,
  type CapturedPacket,
  type CaptureError,
  type CaptureInterface,
} from './capture.js';
import { millisOfNanoseconds } from './capture-time.js';

// The format is of draft-ietf-opsawg-pcapng. Sections; in each, integers have the byte order that its header shows.
// block     0..4 type   4..8 length of the whole block, a multiple of 4   8.. body   last 4: the length again
// section   8..12 byte-order magic   12..14 major   14..16 minor   16..24 section length (not used)   24.. options
// interface 8..10 link type   10..12 zero   12..16 snap length   16.. options
// enhanced packet   8..12 interface   12..20 time (high word first)   20..24 captured   24..28 original   28.. data, options
// (obsolete) packet 8..10 interface   10..12 drops   the rest as above
// simple packet     8..12 original length   12.. data
// option    0..2 code   2..4 length   4.. value, padded to a multiple of 4
export const PCAPNG_BLOCK = {
  section: 0x0a0d0d0a,
  interface: 1,
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;

export const PCAPNG_OPTION = {
  end: 0,
  comment: 1,
  sectionHardware: 2,
  sectionOs: 3,
  sectionApplication: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  interfaceTimeResolution: 9,
  interfaceTimeOffset: 14,
  packetFlags: 2,
} as const;

export const PCAPNG_BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Does a file that starts with these four octets belong to {@link decodePcapng}? The same in both byte orders. */
export function isPcapngMagic(magic: number): boolean {
  return magic === PCAPNG_BLOCK.section;
}

/** Reads a pcapng file: see `decodeCapture`. Blocks of other types than sections, interfaces and packets are skipped. */
export function decodePcapng(
  bytes: Uint8Array,
  { packetOctetsMax = CAPTURE_PACKET_OCTETS_MAX }: CaptureDecodeOptions = {},
): Result<Capture, CaptureError | 'unknown-format'> {
  requireArgument(packetOctetsMax >= 0, 'packetOctetsMax is a number of octets');
  if (!isPcapngMagic(readU32(bytes, 0))) return err('unknown-format');
  const reader = new PcapngReader(plainView(bytes), packetOctetsMax);
  const error = reader.readToEnd();
  const { offset, interfaces, packets } = reader;
  if (error === undefined) return ok({ format: 'pcapng', interfaces, packets });
  // Without its first block the file is nothing at all.
  if (offset === 0) return err(error);
  return ok({ format: 'pcapng', interfaces, packets, end: { error, afterPacket: packets.length, offset } });
}

/** How an interface's ticks become nanoseconds since the Unix epoch. */
interface TickScale {
  readonly multiplier: bigint;
  readonly divisor: bigint;
  readonly offsetNs: bigint;
}

interface Block {
  readonly type: number;
  /** Octets from the start of the file. */
  readonly start: number;
  /** Where the repeated length starts: the body's end. */
  readonly bodyEnd: number;
}

class PcapngReader {
  readonly interfaces: CaptureInterface[] = [];
  readonly packets: CapturedPacket[] = [];
  /** Of the block that is read next; stays at the bad one. */
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #packetOctetsMax: number;
  readonly #scales: TickScale[] = [];
  #order: ByteOrder = LITTLE_ENDIAN;
  /** Index of the section's first interface in {@link interfaces}. */
  #sectionBase = 0;

  constructor(bytes: Uint8Array, packetOctetsMax: number) {
    this.#bytes = bytes;
    this.#packetOctetsMax = packetOctetsMax;
  }

  /** Each turn consumes at least 12 octets, so the work is linear in the file. */
  readToEnd(): CaptureError | undefined {
    while (this.offset < this.#bytes.length) {
      const error = this.#readBlock();
      if (error !== undefined) return error;
    }
    return undefined;
  }

  #readBlock(): CaptureError | undefined {
    const start = this.offset;
    const remaining = this.#bytes.length - start;
    if (remaining < BLOCK_OCTETS_MIN) return 'truncated';
    // The section's type reads the same in both orders; its order is needed before its length can be read.
    const isSection = readU32(this.#bytes, start) === PCAPNG_BLOCK.section;
    const order = isSection ? this.#sectionOrder(start) : this.#order;
    if (order === undefined) return 'bad-byte-order';
    const length = order.u32(this.#bytes, start + 4);
    if (length < BLOCK_OCTETS_MIN || length % 4 !== 0) return 'bad-block-length';
    if (length > remaining) return 'truncated';
    const bodyEnd = start + length - 4;
    if (order.u32(this.#bytes, bodyEnd) !== length) return 'bad-block-length';
    const error = this.#readBody({ type: order.u32(this.#bytes, start), start, bodyEnd }, order);
    if (error === undefined) this.offset = start + length;
    return error;
  }

  #sectionOrder(start: number): ByteOrder | undefined {
    if (BIG_ENDIAN.u32(this.#bytes, start + 8) === PCAPNG_BYTE_ORDER_MAGIC) return BIG_ENDIAN;
    return LITTLE_ENDIAN.u32(this.#bytes, start + 8) === PCAPNG_BYTE_ORDER_MAGIC ? LITTLE_ENDIAN : undefined;
  }

  #readBody(block: Block, order: ByteOrder): CaptureError | undefined {
    switch (block.type) {
      case PCAPNG_BLOCK.section:
        return this.#readSection(block, order);
      case PCAPNG_BLOCK.interface:
        return this.#readInterface(block);
      case PCAPNG_BLOCK.packet:
        return this.#readPacket(block, order.u16(this.#bytes, block.start + 8));
      case PCAPNG_BLOCK.enhancedPacket:
        return this.#readPacket(block, order.u32(this.#bytes, block.start + 8));
      case PCAPNG_BLOCK.simplePacket:
        return this.#readSimplePacket(block);
      default: // names, statistics, decryption secrets, custom blocks and whatever is invented next
        return undefined;
    }
  }

  #readSection({ start, bodyEnd }: Block, order: ByteOrder): CaptureError | undefined {
    if (bodyEnd < start + 24) return 'bad-block-length';
    if (order.u16(this.#bytes, start + 12) !== 1) return 'unsupported-version';
    this.#order = order;
    this.#sectionBase = this.interfaces.length;
    return undefined;
  }

  #readInterface({ start, bodyEnd }: Block): CaptureError | undefined {
    if (bodyEnd < start + 16) return 'bad-block-length';
    let name: string | undefined;
    let description: string | undefined;
    let resolution = 6; // microseconds
    let offsetSeconds = 0n;
    this.#forEachOption(start + 16, bodyEnd, (code, value) => {
      if (code === PCAPNG_OPTION.interfaceName) name = UTF8.decode(value);
      else if (code === PCAPNG_OPTION.interfaceDescription) description = UTF8.decode(value);
      else if (code === PCAPNG_OPTION.interfaceTimeResolution && value.length >= 1) resolution = value[0] as number;
      else if (code === PCAPNG_OPTION.interfaceTimeOffset && value.length >= 8) offsetSeconds = this.#s64(value);
    });
    this.interfaces.push({
      linkType: this.#order.u16(this.#bytes, start + 8),
      snapLength: this.#order.u32(this.#bytes, start + 12),
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
    });
    this.#scales.push(tickScale(resolution, offsetSeconds));
    return undefined;
  }

  #readPacket({ start, bodyEnd }: Block, sectionInterface: number): CaptureError | undefined {
    const dataStart = start + 28;
    if (bodyEnd < dataStart) return 'bad-block-length';
    const scale = this.#scales[this.#sectionBase + sectionInterface];
    if (scale === undefined) return 'unknown-interface';
    const capturedLength = this.#order.u32(this.#bytes, start + 20);
    if (capturedLength > bodyEnd - dataStart || capturedLength > this.#packetOctetsMax) return 'bad-capture-length';
    const comments: string[] = [];
    let flags: number | undefined;
    this.#forEachOption(dataStart + padded(capturedLength), bodyEnd, (code, value) => {
      if (code === PCAPNG_OPTION.comment) comments.push(UTF8.decode(value));
      else if (code === PCAPNG_OPTION.packetFlags && value.length === 4) flags = this.#order.u32(value, 0);
    });
    const ticks = (BigInt(this.#order.u32(this.#bytes, start + 12)) << 32n) | BigInt(this.#order.u32(this.#bytes, start + 16));
    const timestampNs = nanosecondsOfTicks(ticks, scale);
    this.packets.push({
      at: millisOfNanoseconds(timestampNs),
      timestampNs,
      interfaceId: this.#sectionBase + sectionInterface,
      originalLength: this.#order.u32(this.#bytes, start + 24),
      bytes: this.#bytes.subarray(dataStart, dataStart + capturedLength),
      ...(comments.length > 0 && { comment: comments.join('\n') }),
      ...(flags !== undefined && { flags }),
    });
    return undefined;
  }

  /** Of the section's first interface, without a time; its captured length follows from the interface's limit (§4.4). */
  #readSimplePacket({ start, bodyEnd }: Block): CaptureError | undefined {
    const dataStart = start + 12;
    if (bodyEnd < dataStart) return 'bad-block-length';
    const described = this.interfaces[this.#sectionBase];
    if (described === undefined) return 'unknown-interface';
    const originalLength = this.#order.u32(this.#bytes, start + 8);
    const capturedLength = Math.min(originalLength, described.snapLength === 0 ? originalLength : described.snapLength);
    if (capturedLength > bodyEnd - dataStart || capturedLength > this.#packetOctetsMax) return 'bad-capture-length';
    const bytes = this.#bytes.subarray(dataStart, dataStart + capturedLength);
    this.packets.push({ at: 0, timestampNs: 0n, interfaceId: this.#sectionBase, originalLength, bytes });
    return undefined;
  }

  /** An option that runs past the block ends the list: the packet before it is intact all the same. */
  #forEachOption(from: number, bodyEnd: number, visit: (code: number, value: Uint8Array) => void): void {
    let offset = from;
    while (offset + 4 <= bodyEnd) {
      const code = this.#order.u16(this.#bytes, offset);
      const valueStart = offset + 4;
      const valueEnd = valueStart + this.#order.u16(this.#bytes, offset + 2);
      if (code === PCAPNG_OPTION.end || valueEnd > bodyEnd) return;
      visit(code, this.#bytes.subarray(valueStart, valueEnd));
      offset = valueStart + padded(valueEnd - valueStart);
    }
  }

  /** A signed 64-bit integer in the section's byte order. */
  #s64(value: Uint8Array): bigint {
    const [high, low] = this.#order === BIG_ENDIAN ? [0, 4] : [4, 0];
    return BigInt.asIntN(64, (BigInt(this.#order.u32(value, high)) << 32n) | BigInt(this.#order.u32(value, low)));
  }
}

/** `resolution`: the octet of if_tsresol. High bit clear: ticks of 10^-n seconds; set: 2^-n (§4.2). */
function tickScale(resolution: number, offsetSeconds: bigint): TickScale {
  const exponent = resolution & 0x7f;
  const offsetNs = offsetSeconds * NS_PER_SECOND;
  if ((resolution & 0x80) !== 0) return { multiplier: NS_PER_SECOND, divisor: 1n << BigInt(exponent), offsetNs };
  if (exponent <= 9) return { multiplier: 10n ** BigInt(9 - exponent), divisor: 1n, offsetNs };
  return { multiplier: 1n, divisor: 10n ** BigInt(exponent - 9), offsetNs };
}

function nanosecondsOfTicks(ticks: bigint, { multiplier, divisor, offsetNs }: TickScale): bigint {
  return (ticks * multiplier) / divisor + offsetNs;
}

/** Rounded up to a multiple of 4. */
function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

const BLOCK_OCTETS_MIN = 12;
const NS_PER_SECOND = 1_000_000_000n;
// Stateless between calls. A byte-order mark is kept: the text is given as it is.
const UTF8 = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });
