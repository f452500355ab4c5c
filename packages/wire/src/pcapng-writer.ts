import { concatBytes, requireArgument } from '@nexus-net/sansio';
import { CAPTURE_PACKET_OCTETS_MAX, LINK_TYPE_ETHERNET, type PacketToWrite } from './capture.js';
import { nanosecondsOf } from './capture-time.js';
import { PCAPNG_BLOCK, PCAPNG_BYTE_ORDER_MAGIC, PCAPNG_OPTION } from './pcapng.js';

/** An interface to be written. Every `CaptureInterface` is one. */
export interface InterfaceToWrite {
  /** LINKTYPE_ value, 16 bits. Default 1, Ethernet. */
  readonly linkType?: number;
  /** Octets of a packet kept at most, as a remark for readers; 0 for no limit. Default 0. */
  readonly snapLength?: number;
  /** Cut to 65 535 octets of UTF-8, as all texts here. */
  readonly name?: string;
  readonly description?: string;
}

export interface PcapngWriterOptions {
  /** What captured: shb_hardware. */
  readonly hardware?: string;
  /** shb_os */
  readonly os?: string;
  /** shb_userappl */
  readonly application?: string;
  /** A remark on the whole file. */
  readonly comment?: string;
  /** In the order of their ids, from 0. */
  readonly interfaces: readonly InterfaceToWrite[];
}

/**
 * Writes a pcapng file in pieces to append: {@link header} once, then {@link packet} for each packet as it comes, so that
 * a file that is cut off is good up to there. Little-endian, nanosecond resolution, one section. The pieces belong to
 * the caller.
 */
export class PcapngWriter {
  readonly #header: Uint8Array;
  #interfaceCount: number;

  constructor({ hardware, os, application, comment, interfaces }: PcapngWriterOptions) {
    this.#header = concatBytes([
      encodeSection([
        textOption(PCAPNG_OPTION.comment, comment),
        textOption(PCAPNG_OPTION.sectionHardware, hardware),
        textOption(PCAPNG_OPTION.sectionOs, os),
        textOption(PCAPNG_OPTION.sectionApplication, application),
      ]),
      ...interfaces.map(encodeInterface),
    ]);
    this.#interfaceCount = interfaces.length;
  }

  /** How many interfaces there are: the id that {@link addInterface} gives next. */
  get interfaceCount(): number {
    return this.#interfaceCount;
  }

  /** What the file starts with: the section and its interfaces. */
  header(): Uint8Array {
    return this.#header.slice();
  }

  /** Describes one more interface; its piece comes before the packets of that interface. Its id is the count before. */
  addInterface(described: InterfaceToWrite): Uint8Array {
    const block = encodeInterface(described);
    this.#interfaceCount++;
    return block;
  }

  /**
   * One packet. Throws `UsageError` for an interface that is not described, more than 262 144 octets, or a time outside
   * 0..2^64-1 ns after the Unix epoch.
   */
  packet(packet: PacketToWrite): Uint8Array {
    const { bytes, interfaceId = 0, originalLength = bytes.length, comment, flags } = packet;
    requireArgument(
      Number.isInteger(interfaceId) && interfaceId >= 0 && interfaceId < this.#interfaceCount,
      'interfaceId is of an interface that was described',
    );
    requireArgument(bytes.length <= CAPTURE_PACKET_OCTETS_MAX, 'a captured packet has at most 262144 octets');
    requireArgument(isUnsigned(originalLength, 32), 'originalLength is an integer 0..2^32-1');
    requireArgument(flags === undefined || isUnsigned(flags, 32), 'flags is an integer 0..2^32-1');
    const timestampNs = nanosecondsOf(packet);
    const fixed = new Uint8Array(20);
    const view = new DataView(fixed.buffer);
    view.setUint32(0, interfaceId, true);
    view.setUint32(4, Number(timestampNs >> 32n), true);
    view.setUint32(8, Number(timestampNs & 0xffff_ffffn), true);
    view.setUint32(12, bytes.length, true);
    view.setUint32(16, originalLength, true);
    const options = [textOption(PCAPNG_OPTION.comment, comment)];
    if (flags !== undefined) options.push(option(PCAPNG_OPTION.packetFlags, u32(flags)));
    return encodeBlock(PCAPNG_BLOCK.enhancedPacket, [fixed, padded(bytes), ...optionList(options)]);
  }
}

/** A whole pcapng file: see {@link PcapngWriter}. */
export function encodePcapng({
  packets,
  ...options
}: PcapngWriterOptions & { readonly packets: readonly PacketToWrite[] }): Uint8Array {
  const writer = new PcapngWriter(options);
  return concatBytes([writer.header(), ...packets.map((packet) => writer.packet(packet))]);
}

function encodeSection(options: readonly Uint8Array[]): Uint8Array {
  const fixed = new Uint8Array(16);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, PCAPNG_BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  fixed.fill(0xff, 8); // a section length of -1: unknown, as the file grows
  return encodeBlock(PCAPNG_BLOCK.section, [fixed, ...optionList(options)]);
}

function encodeInterface({ linkType = LINK_TYPE_ETHERNET, snapLength = 0, name, description }: InterfaceToWrite): Uint8Array {
  requireArgument(isUnsigned(linkType, 16), 'linkType is an integer 0..65535');
  requireArgument(isUnsigned(snapLength, 32), 'snapLength is an integer 0..2^32-1');
  const fixed = new Uint8Array(8);
  const view = new DataView(fixed.buffer);
  view.setUint16(0, linkType, true);
  view.setUint32(4, snapLength, true);
  const options = [
    textOption(PCAPNG_OPTION.interfaceName, name),
    textOption(PCAPNG_OPTION.interfaceDescription, description),
    option(PCAPNG_OPTION.interfaceTimeResolution, Uint8Array.of(9)), // 10^-9 s
  ];
  return encodeBlock(PCAPNG_BLOCK.interface, [fixed, ...optionList(options)]);
}

/** `body`: parts that together have a multiple of 4 octets. */
function encodeBlock(type: number, body: readonly Uint8Array[]): Uint8Array {
  const length = u32(body.reduce((sum, part) => sum + part.length, 12));
  return concatBytes([u32(type), length, ...body, length]);
}

/** With the mark of the end, or nothing at all where there are no options. */
function optionList(options: readonly Uint8Array[]): readonly Uint8Array[] {
  return options.some((encoded) => encoded.length > 0) ? [...options, new Uint8Array(4)] : [];
}

/** Empty where there is no text. */
function textOption(code: number, text: string | undefined): Uint8Array {
  return text === undefined ? new Uint8Array(0) : option(code, encodeText(text));
}

function option(code: number, value: Uint8Array): Uint8Array {
  const header = new Uint8Array(4);
  const view = new DataView(header.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  return concatBytes([header, padded(value)]);
}

/** UTF-8 that fits an option; a longer text is cut between two characters and shows it. */
function encodeText(text: string): Uint8Array {
  const octets = UTF8.encode(text);
  if (octets.length <= OPTION_OCTETS_MAX) return octets;
  let end = OPTION_OCTETS_MAX - ELLIPSIS.length;
  while (((octets[end] as number) & 0xc0) === 0x80) end--; // a continuation octet: its character started before
  return concatBytes([octets.subarray(0, end), ELLIPSIS]);
}

function padded(octets: Uint8Array): Uint8Array {
  const excess = octets.length % 4;
  return excess === 0 ? octets : concatBytes([octets, new Uint8Array(4 - excess)]);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

function isUnsigned(value: number, bits: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** bits;
}

const OPTION_OCTETS_MAX = 0xffff;
const UTF8 = /* @__PURE__ */ new TextEncoder();
const ELLIPSIS = /* @__PURE__ */ UTF8.encode('…');
