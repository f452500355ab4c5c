import { crc32 } from 'node:zlib';
import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { err, ok, type Result, readU16, readU32, writeU16, writeU32 } from '@nexus-net/sansio';
import { decodeRecord, RECORD_LENGTH_MAX, RECORD_LENGTH_MIN, recordLength, writeRecord } from './record-codec.js';

// A journal is a header and frames, big-endian.
//   header: 0..8 "NXLEASES"   8..10 version 1   10..12 zero   12..20 salt   20..24 CRC-32 of what is before
//   frame:  0..2 length n of the record   2..2+n record   2+n..6+n CRC-32 of salt, length and record
// The salt is drawn for each file, so that what the disk still holds of an older journal never passes for a frame of this one.
const MAGIC = Uint8Array.from('NXLEASES', (character) => character.charCodeAt(0));
const VERSION = 1;
export const JOURNAL_SALT_LENGTH = 8;
export const JOURNAL_HEADER_LENGTH = 24;
/** Octets of a frame around its record. */
const FRAME_OVERHEAD = 6;

export function encodeJournalHeader(salt: Uint8Array): Uint8Array {
  const header = new Uint8Array(JOURNAL_HEADER_LENGTH);
  header.set(MAGIC, 0);
  writeU16(header, 8, VERSION);
  header.set(salt, 12);
  writeU32(header, 20, crc32(header.subarray(0, 20)));
  return header;
}

/** The frames of the records, one after the other, for the journal with this salt. */
export function encodeFrames(records: readonly DhcpLeaseRecord[], salt: Uint8Array): Uint8Array {
  const seed = crc32(salt);
  let length = 0;
  for (const record of records) length += FRAME_OVERHEAD + recordLength(record);
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const record of records) {
    const end = offset + 2 + recordLength(record);
    writeU16(bytes, offset, end - offset - 2);
    writeRecord(bytes, offset + 2, record);
    writeU32(bytes, end, crc32(bytes.subarray(offset, end), seed));
    offset = end + 4;
  }
  return bytes;
}

export interface RecoveredJournal {
  /** Every record whose frame is whole, in the order of the file. */
  readonly records: readonly DhcpLeaseRecord[];
  /** Octets that belong to no whole frame. At the end of the file: a write that a crash cut short. */
  readonly damagedOctets: number;
}

/**
 * Reads a journal back, whatever a crash did to its end. Frames behind a damaged place are found too: what was synced
 * before a disk lost a block is worth more than order, and a row's revision says which one is the latest.
 *
 * A file shorter than a header is a journal without records, where what it has is the beginning of one.
 */
export function decodeJournal(bytes: Uint8Array): Result<RecoveredJournal, 'not-a-store' | 'unknown-version'> {
  if (bytes.length < JOURNAL_HEADER_LENGTH) {
    const torn = bytes.subarray(0, MAGIC.length).every((octet, i) => octet === MAGIC[i]);
    return torn ? ok({ records: [], damagedOctets: bytes.length }) : err('not-a-store');
  }
  if (!MAGIC.every((octet, i) => bytes[i] === octet)) return err('not-a-store');
  if (readU32(bytes, 20) !== crc32(bytes.subarray(0, 20))) return err('not-a-store');
  if (readU16(bytes, 8) !== VERSION) return err('unknown-version');
  const seed = crc32(bytes.subarray(12, 12 + JOURNAL_SALT_LENGTH));
  const records: DhcpLeaseRecord[] = [];
  let damagedOctets = 0;
  let offset = JOURNAL_HEADER_LENGTH;
  while (offset < bytes.length) {
    const record = frameAt(bytes, offset, seed);
    if (record === undefined) {
      offset++;
      damagedOctets++;
    } else {
      records.push(record);
      offset += FRAME_OVERHEAD + recordLength(record);
    }
  }
  return ok({ records, damagedOctets });
}

function frameAt(bytes: Uint8Array, offset: number, seed: number): DhcpLeaseRecord | undefined {
  if (offset + FRAME_OVERHEAD + RECORD_LENGTH_MIN > bytes.length) return undefined;
  const length = readU16(bytes, offset);
  const end = offset + 2 + length;
  if (length < RECORD_LENGTH_MIN || length > RECORD_LENGTH_MAX || end + 4 > bytes.length) return undefined;
  if (readU32(bytes, end) !== crc32(bytes.subarray(offset, end), seed)) return undefined;
  const record = decodeRecord(bytes.subarray(offset + 2, end));
  return record.ok ? record.value : undefined;
}
