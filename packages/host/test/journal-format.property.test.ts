import { crc32 } from 'node:zlib';
import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { concatBytes, readU16, readU32, SeededEntropy, writeU16, writeU32 } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import { decodeJournal, encodeFrames, encodeJournalHeader } from '../src/lease-store/journal-format.js';
import { decodeRecord, requireRecord } from '../src/lease-store/record-codec.js';
import { history, leaseRecord, row } from './support/lease-records.js';

const SALT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function journal(records: readonly DhcpLeaseRecord[], salt: Uint8Array = SALT): Uint8Array {
  return concatBytes([encodeJournalHeader(salt), encodeFrames(records, salt)]);
}

interface Codec {
  encode(records: readonly DhcpLeaseRecord[]): Uint8Array;
  decode: typeof decodeJournal;
}
const real: Codec = { encode: journal, decode: decodeJournal };

property('a journal gives back its records, bit for bit and in order', {
  law: ({ encode, decode }: Codec) =>
    fc.property(fc.array(leaseRecord, { maxLength: 8 }), (records) => {
      for (const record of records) requireRecord(record);
      expect(decode(encode(records))).toEqual({ ok: true, value: { records, damagedOctets: 0 } });
    }),
  real,
  planted: {
    'revisions are cut to 32 bits': {
      ...real,
      encode: (records) => journal(records.map((record) => ({ ...record, revision: record.revision >>> 0 }))),
    },
    'instants are whole': {
      ...real,
      encode: (records) => journal(records.map((each) => ({ ...each, until: Math.round(each.until) }))),
    },
  },
  count: 100,
});

/** Any damage of one place: octets changed, lost, or put in. */
const damage = fc.record({
  at: fc.nat(),
  remove: fc.integer({ min: 0, max: 60 }),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.nat(60).map((length) => new Uint8Array(length)),
  ),
});

property('after any damage in one place every record is one that was written, and all those outside of it are there', {
  law: (decode: typeof decodeJournal) =>
    fc.property(fc.nat(), damage, (seed, { at, remove, insert }) => {
      const records = history(new SeededEntropy(seed), 6);
      const bytes = journal(records);
      const from = 24 + (at % (bytes.length - 23));
      const to = Math.min(bytes.length, from + remove);
      const damaged = concatBytes([bytes.subarray(0, from), insert, bytes.subarray(to)]);
      const found = decode(damaged);
      if (!found.ok) return false;
      let offset = 24;
      const whole = records.filter((record) => {
        const begin = offset;
        offset += 6 + 25 + record.hardware.length + (record.clientId?.length ?? 0);
        return offset <= from || begin >= to;
      });
      const text = (each: DhcpLeaseRecord): string => JSON.stringify(Object.entries(each).sort());
      const written = new Set(records.map(text));
      const got = new Set(found.value.records.map(text));
      return [...got].every((each) => written.has(each)) && whole.every((each) => got.has(text(each)));
    }),
  real: decodeJournal,
  planted: {
    'it stops at the first damage': (bytes) => {
      const found = decodeJournal(bytes);
      if (!found.ok || found.value.damagedOctets === 0) return found;
      for (let end = bytes.length; ; end--) {
        const cut = decodeJournal(bytes.subarray(0, end));
        if (cut.ok && cut.value.damagedOctets === 0) return cut;
      }
    },
    'it looks at no checksum': (bytes) => {
      const seed = crc32(bytes.subarray(12, 20));
      const mended = bytes.slice();
      for (let at = 24; at + 31 <= mended.length; at++) {
        const end = at + 2 + readU16(mended, at);
        const likely = end + 4 <= mended.length && decodeRecord(mended.subarray(at + 2, end)).ok;
        if (likely) writeU32(mended, end, crc32(mended.subarray(at, end), seed));
      }
      return decodeJournal(mended);
    },
  },
  count: 150,
});

describe('a journal that is none', () => {
  const whole = journal([row(1)]);
  const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = whole.slice();
    change(bytes);
    return bytes;
  };

  test('the beginning of a header is an empty journal, whatever its length', () => {
    for (let length = 0; length < 24; length++)
      expect(decodeJournal(whole.subarray(0, length))).toEqual({ ok: true, value: { records: [], damagedOctets: length } });
  });

  test.each<[string, Uint8Array, string]>([
    ['a short text', new TextEncoder().encode('hello'), 'not-a-store'],
    ['a long text', new TextEncoder().encode('hello, this is some other file'), 'not-a-store'],
    ['damage in the header', changed((bytes) => bytes.fill(9, 13, 14)), 'not-a-store'],
    [
      'a newer version',
      changed((bytes) => {
        writeU16(bytes, 8, 2);
        writeU32(bytes, 20, crc32(bytes.subarray(0, 20)));
      }),
      'unknown-version',
    ],
  ])('%s is refused', (_what, bytes, error) => {
    expect(decodeJournal(bytes)).toEqual({ ok: false, error });
  });

  test('frames of an older journal, left behind by the disk, are not taken for ours', () => {
    const stale = encodeFrames([row(2, { revision: 99 })], Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1));
    expect(decodeJournal(concatBytes([whole, stale]))).toMatchObject({
      value: { records: [row(1)], damagedOctets: stale.length },
    });
  });

  test('a frame whose checksum is right and whose record is none is damage', () => {
    const frame = encodeFrames([row(2)], SALT);
    for (const [at, value] of [
      [2, 9], // layout
      [3, 3], // state
      [5, 17], // hardware length
    ] as const) {
      const odd = frame.slice();
      odd[at] = value;
      writeU32(odd, odd.length - 4, crc32(odd.subarray(0, -4), crc32(SALT)));
      expect(readU32(odd, odd.length - 4)).not.toBe(readU32(frame, frame.length - 4));
      expect(decodeJournal(concatBytes([whole, odd]))).toMatchObject({ value: { records: [row(1)] } });
    }
  });
});
