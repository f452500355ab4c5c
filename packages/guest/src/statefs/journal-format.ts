import { crc32 } from 'node:zlib';
import { concatBytes, err, ok, type Result, readU16, readU32, writeU16, writeU32 } from '@nexus-net/sansio';

// A disk is two areas of equal length, of which one counts: that with the higher generation. Big-endian.
//   area:   0..8 "NXSTATFS"   8..10 version 1   10..12 zero   12..16 generation   16..24 salt   24..28 CRC-32 of what is before
//           512.. records, one after the other, the last one followed by an end mark of 10 zeros where the area has room for it
//   record: 0 op (1 put, 2 delete)   1 key length k (1..255)   2..6 value length v (0..65536; of a delete 0)   6..6+k key
//           6+k..6+k+v value   then CRC-32 of salt and all of it
// The salt is drawn for each generation, so that what an area still holds of an older one never passes for a record of this one.

export const AREA_HEADER_LENGTH = 512;
export const SALT_LENGTH = 8;
/** Octets of a record around key and value. */
export const RECORD_OVERHEAD = 10;
export const KEY_LENGTH_MAX = 255;
export const VALUE_LENGTH_MAX = 65_536;

export interface AreaHeader {
  /** 1..2^32-1. */
  readonly generation: number;
  /** 8 octets. */
  readonly salt: Uint8Array;
}

export type StatefsRecord =
  | { readonly op: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly op: 'delete'; readonly key: Uint8Array };

/** The first octets of an area, up to its records. */
export function encodeAreaHeader({ generation, salt }: AreaHeader): Uint8Array {
  const bytes = new Uint8Array(AREA_HEADER_LENGTH);
  bytes.set(MAGIC, 0);
  writeU16(bytes, 8, VERSION);
  writeU32(bytes, 12, generation);
  bytes.set(salt, 16);
  writeU32(bytes, 24, crc32(bytes.subarray(0, 24)));
  return bytes;
}

export type AreaHeaderReject =
  /** Nothing but zeros, or one of ours whose first octet was taken away: it does not count any more. */
  | 'blank'
  /** Something that nobody here wrote. */
  | 'foreign'
  /** Begins as one of ours, and was cut short or changed. */
  | 'damaged'
  | 'unknown-version';

/** Reads the header of an area, from all of its `AREA_HEADER_LENGTH` octets. Total. */
export function decodeAreaHeader(bytes: Uint8Array): Result<AreaHeader, AreaHeaderReject> {
  if (bytes.length !== AREA_HEADER_LENGTH) return err('foreign');
  if (bytes.every((octet) => octet === 0)) return err('blank');
  if (bytes[0] === 0 && MAGIC.every((octet, i) => i === 0 || bytes[i] === octet)) return err('blank');
  const matching = MAGIC.findIndex((octet, i) => bytes[i] !== octet);
  if (matching !== -1) return err(matching > 0 && bytes.subarray(matching).every((octet) => octet === 0) ? 'damaged' : 'foreign');
  if (readU32(bytes, 24) !== crc32(bytes.subarray(0, 24))) return err('damaged');
  if (readU16(bytes, 8) !== VERSION) return err('unknown-version');
  return ok({ generation: readU32(bytes, 12), salt: bytes.slice(16, 16 + SALT_LENGTH) });
}

export function recordLength(record: StatefsRecord): number {
  return RECORD_OVERHEAD + record.key.length + (record.op === 'put' ? record.value.length : 0);
}

/** A record of the generation with this salt. */
export function encodeRecord(record: StatefsRecord, salt: Uint8Array): Uint8Array {
  const { key } = record;
  const value = record.op === 'put' ? record.value : NOTHING;
  const bytes = new Uint8Array(recordLength(record));
  bytes[0] = record.op === 'put' ? OP_PUT : OP_DELETE;
  bytes[1] = key.length;
  writeU32(bytes, 2, value.length);
  bytes.set(key, 6);
  bytes.set(value, 6 + key.length);
  const end = bytes.length - 4;
  writeU32(bytes, end, crc32(bytes.subarray(0, end), crc32(salt)));
  return bytes;
}

/** What follows the last record. */
export const END_MARK: Uint8Array = new Uint8Array(RECORD_OVERHEAD);

export interface RecoveredRecords {
  readonly records: readonly StatefsRecord[];
  /** Where the next record goes, in octets from the first one. */
  readonly length: number;
  /** The last record was cut short by a crash: nobody was told that it is there. */
  readonly isTorn: boolean;
  /** Records that the disk has changed, between others that are whole. */
  readonly damagedCount: number;
}

/** Reads the records of an area, from behind its header to its end, whatever a crash did to the last one. Total; reads each octet a few times. */
export function decodeRecords(bytes: Uint8Array, salt: Uint8Array): RecoveredRecords {
  const seed = crc32(salt);
  const records: StatefsRecord[] = [];
  let damagedCount = 0;
  for (let at = 0; ; ) {
    const end = recordEnd(bytes, at);
    if (end === undefined) return { records, length: at, isTorn: !isEndMark(bytes, at), damagedCount };
    const record = recordAt(bytes, { at, end, seed });
    if (record !== undefined) records.push(record);
    else {
      // A crash tears the last record only: one with a whole one behind it was changed afterwards.
      const next = recordEnd(bytes, end);
      if (next === undefined || recordAt(bytes, { at: end, end: next, seed }) === undefined)
        return { records, length: at, isTorn: true, damagedCount };
      damagedCount++;
    }
    at = end;
  }
}

/** Where a record that begins here ends, going by its lengths. */
function recordEnd(bytes: Uint8Array, at: number): number | undefined {
  const [op, keyLength] = [bytes[at], bytes[at + 1] ?? 0];
  const valueLength = readU32(bytes, at + 2);
  const isPossible = (op === OP_PUT && valueLength <= VALUE_LENGTH_MAX) || (op === OP_DELETE && valueLength === 0);
  const end = at + RECORD_OVERHEAD + keyLength + valueLength;
  return isPossible && keyLength > 0 && end <= bytes.length ? end : undefined;
}

function recordAt(
  bytes: Uint8Array,
  { at, end, seed }: { readonly at: number; readonly end: number; readonly seed: number },
): StatefsRecord | undefined {
  if (readU32(bytes, end - 4) !== crc32(bytes.subarray(at, end - 4), seed)) return undefined;
  const valueAt = at + 6 + (bytes[at + 1] as number);
  const key = bytes.slice(at + 6, valueAt);
  return bytes[at] === OP_PUT ? { op: 'put', key, value: bytes.slice(valueAt, end - 4) } : { op: 'delete', key };
}

function isEndMark(bytes: Uint8Array, at: number): boolean {
  const mark = bytes.subarray(at, at + END_MARK.length);
  return mark.every((octet) => octet === 0);
}

/** Records of one area as they are written: with their end mark, where it fits. */
export function encodeTail(
  records: readonly StatefsRecord[],
  options: { readonly salt: Uint8Array; readonly room: number },
): Uint8Array {
  const bytes = concatBytes(records.map((record) => encodeRecord(record, options.salt)));
  const left = Math.min(END_MARK.length, options.room - bytes.length);
  return concatBytes([bytes, END_MARK.subarray(0, left)]);
}

const MAGIC = Uint8Array.from('NXSTATFS', (character) => character.charCodeAt(0));
const VERSION = 1;
const OP_PUT = 1;
const OP_DELETE = 2;
const NOTHING = new Uint8Array(0);
