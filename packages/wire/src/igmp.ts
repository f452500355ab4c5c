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
import { type ChecksumOptions, internetChecksum } from './checksum.js';

/** What a host says about one group in an IGMPv3 report (RFC 3376 §4.2.4); auxiliary data is dropped as §4.2.10 demands. */
export interface IgmpGroupRecord {
  /** 1 is include, 2 exclude, 3 to include, 4 to exclude, 5 allow, 6 block; 0..255. */
  readonly recordType: number;
  readonly group: Ipv4Address;
  readonly sources: readonly Ipv4Address[];
}

/** An IGMP message: version 1 (RFC 1112), 2 (RFC 2236), and 3 (RFC 3376). */
export type IgmpMessage =
  | {
      readonly type: 'query';
      /** As sent: tenths of a second below 128, coded above in version 3; 0 is a version 1 query. */
      readonly maxResponseCode: number;
      /** 0.0.0.0 asks for all groups. */
      readonly group: Ipv4Address;
      /** Present in a version 3 query. */
      readonly v3?: {
        readonly suppress: boolean;
        /** 0..7 */
        readonly robustness: number;
        readonly intervalCode: number;
        readonly sources: readonly Ipv4Address[];
      };
    }
  | { readonly type: 'report'; readonly version: 1 | 2; readonly group: Ipv4Address }
  | { readonly type: 'leave'; readonly group: Ipv4Address }
  | { readonly type: 'report-v3'; readonly records: readonly IgmpGroupRecord[] }
  | {
      readonly type: 'other';
      readonly igmpType: number;
      readonly code: number;
      /** What follows the checksum. */
      readonly rest: Uint8Array;
    };

/** `bad-count`: more sources or records announced than there are octets. */
export type IgmpDecodeError = 'truncated' | 'bad-checksum' | 'bad-count';

// Wire format: 0 type, 1 code, 2..4 checksum, 4..8 group; v3 query: 8 flags, 9 interval, 10..12 source count, 12.. sources;
// v3 report: 4..6 reserved, 6..8 record count, 8.. records of type, auxiliary words, source count (2), group, sources, auxiliary.
const TYPE_QUERY = 0x11;
const TYPE_REPORT_V1 = 0x12;
const TYPE_REPORT_V2 = 0x16;
const TYPE_LEAVE = 0x17;
const TYPE_REPORT_V3 = 0x22;

/** Reads a message; octets after its last field are ignored. */
export function decodeIgmp(bytes: Uint8Array, options?: ChecksumOptions): Result<IgmpMessage, IgmpDecodeError> {
  if (bytes.length < 8) return err('truncated');
  if (options?.checksum !== 'ignore' && internetChecksum(bytes) !== 0) return err('bad-checksum');
  const type = bytes[0] as number;
  const group = ipv4FromU32(readU32(bytes, 4));
  switch (type) {
    case TYPE_QUERY:
      return decodeQuery(bytes, group);
    case TYPE_REPORT_V1:
      return ok({ type: 'report', version: 1, group });
    case TYPE_REPORT_V2:
      return ok({ type: 'report', version: 2, group });
    case TYPE_LEAVE:
      return ok({ type: 'leave', group });
    case TYPE_REPORT_V3:
      return decodeReportV3(bytes);
    default:
      return ok({ type: 'other', igmpType: type, code: bytes[1] as number, rest: bytes.subarray(4) });
  }
}

/** Writes a message with its checksum. */
export function encodeIgmp(message: IgmpMessage): Uint8Array {
  const bytes = layOut(message);
  writeU16(bytes, 2, internetChecksum(bytes));
  return bytes;
}

function decodeQuery(bytes: Uint8Array, group: Ipv4Address): Result<IgmpMessage, IgmpDecodeError> {
  const query = { type: 'query', maxResponseCode: bytes[1] as number, group } as const;
  if (bytes.length < 12) return ok(query); // RFC 3376 §7.1: the length tells the versions apart
  const count = readU16(bytes, 10);
  if (12 + 4 * count > bytes.length) return err('bad-count');
  const flags = bytes[8] as number;
  const v3 = {
    suppress: (flags & 0x08) !== 0,
    robustness: flags & 0x07,
    intervalCode: bytes[9] as number,
    sources: readAddresses(bytes, 12, count),
  };
  return ok({ ...query, v3 });
}

function decodeReportV3(bytes: Uint8Array): Result<IgmpMessage, IgmpDecodeError> {
  const records: IgmpGroupRecord[] = [];
  let offset = 8;
  for (let left = readU16(bytes, 6); left > 0; left--) {
    if (offset + 8 > bytes.length) return err('bad-count');
    const count = readU16(bytes, offset + 2);
    const end = offset + 8 + 4 * count + 4 * (bytes[offset + 1] as number);
    if (end > bytes.length) return err('bad-count');
    records.push({
      recordType: bytes[offset] as number,
      group: ipv4FromU32(readU32(bytes, offset + 4)),
      sources: readAddresses(bytes, offset + 8, count),
    });
    offset = end;
  }
  return ok({ type: 'report-v3', records });
}

function layOut(message: IgmpMessage): Uint8Array {
  switch (message.type) {
    case 'query': {
      const { v3 } = message;
      requireU8(message.maxResponseCode, 'maxResponseCode is an integer 0..255');
      const bytes = new Uint8Array(v3 === undefined ? 8 : 12 + 4 * v3.sources.length);
      bytes[0] = TYPE_QUERY;
      bytes[1] = message.maxResponseCode;
      writeU32(bytes, 4, message.group);
      if (v3 !== undefined) {
        requireArgument(v3.robustness >= 0 && v3.robustness <= 7, 'robustness is an integer 0..7');
        requireU8(v3.intervalCode, 'intervalCode is an integer 0..255');
        bytes[8] = (v3.suppress ? 0x08 : 0) | v3.robustness;
        bytes[9] = v3.intervalCode;
        writeAddresses(bytes, 10, 12, v3.sources);
      }
      return bytes;
    }
    case 'report-v3': {
      let length = 8;
      for (const record of message.records) length += 8 + 4 * record.sources.length;
      const bytes = new Uint8Array(length);
      bytes[0] = TYPE_REPORT_V3;
      writeU16(bytes, 6, message.records.length);
      let offset = 8;
      for (const record of message.records) {
        requireU8(record.recordType, 'recordType is an integer 0..255');
        bytes[offset] = record.recordType;
        writeU32(bytes, offset + 4, record.group);
        writeAddresses(bytes, offset + 2, offset + 8, record.sources);
        offset += 8 + 4 * record.sources.length;
      }
      return bytes;
    }
    case 'other': {
      requireArgument(message.rest.length >= 4, 'the rest of an IGMP message is at least 4 octets');
      requireU8(message.igmpType, 'igmpType is an integer 0..255');
      requireU8(message.code, 'code is an integer 0..255');
      const bytes = new Uint8Array(4 + message.rest.length);
      bytes[0] = message.igmpType;
      bytes[1] = message.code;
      bytes.set(message.rest, 4);
      return bytes;
    }
    default: {
      const bytes = new Uint8Array(8);
      bytes[0] = message.type === 'leave' ? TYPE_LEAVE : message.version === 1 ? TYPE_REPORT_V1 : TYPE_REPORT_V2;
      writeU32(bytes, 4, message.group);
      return bytes;
    }
  }
}

function readAddresses(bytes: Uint8Array, offset: number, count: number): Ipv4Address[] {
  const addresses: Ipv4Address[] = [];
  for (let i = 0; i < count; i++) addresses.push(ipv4FromU32(readU32(bytes, offset + 4 * i)));
  return addresses;
}

function writeAddresses(bytes: Uint8Array, countOffset: number, offset: number, addresses: readonly Ipv4Address[]): void {
  writeU16(bytes, countOffset, addresses.length);
  addresses.forEach((address, i) => {
    writeU32(bytes, offset + 4 * i, address);
  });
}

function requireU8(value: number, message: string): void {
  requireArgument((value & 0xff) === value, message);
}
