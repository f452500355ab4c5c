import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import { type ArchiveFile, decodeArchive, encodeArchive } from '../../src/index.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const FILES: readonly ArchiveFile[] = [
  { name: 'manifest.json', bytes: text('{}\n') },
  { name: 'run/uart.log', bytes: text('x'.repeat(600)) },
  { name: 'run/empty', bytes: new Uint8Array(0) },
];
const ARCHIVE = encodeArchive(FILES);

/** The archive with one header written anew: other octets, and a checksum that fits them. */
function forged(change: (header: Uint8Array) => void): Uint8Array {
  const bytes = ARCHIVE.slice();
  const header = bytes.subarray(0, 512);
  change(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, octet) => total + octet, 0);
  header.set(text(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return bytes;
}

const put =
  (offset: number, value: string) =>
  (header: Uint8Array): void =>
    header.set(text(value), offset);

const name = fc.stringMatching(/^(?:run\/)?[a-z][a-z0-9._-]{0,20}$/);
const files = fc
  .uniqueArray(fc.record({ name, bytes: fc.uint8Array({ maxLength: 1_200 }) }), { maxLength: 5, selector: (file) => file.name })
  .map((list) => list.map((file) => ({ ...file, bytes: Uint8Array.from(file.bytes) })));

test('property: decode(encode(files)) = files, in their order', () => {
  fc.assert(
    fc.property(files, (list) => {
      const decoded = decodeArchive(encodeArchive(list));
      expect(decoded.ok && decoded.files.map((file) => [file.name, [...file.bytes]])).toEqual(
        list.map((file) => [file.name, [...file.bytes]]),
      );
    }),
    { numRuns: runs(30) },
  );
});

test('property: what decodes is what would be written, octet for octet', () => {
  const octet = fc.tuple(fc.nat(ARCHIVE.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(octet, ([at, flip]) => {
      const bytes = ARCHIVE.slice();
      bytes[at] = (bytes[at] as number) ^ flip;
      const decoded = decodeArchive(bytes);
      if (decoded.ok) expect(encodeArchive(decoded.files)).toEqual(bytes);
    }),
    { numRuns: runs(200) },
  );
});

test('property: any octets are read or refused, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (octets) => {
      decodeArchive(Uint8Array.from(octets));
    }),
    { numRuns: runs(50) },
  );
});

describe('refused by name', () => {
  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'truncated'],
    ['a header cut', ARCHIVE.subarray(0, 511), 'truncated'],
    ['a file cut', ARCHIVE.subarray(0, 514), 'truncated'],
    ['without its end', ARCHIVE.subarray(0, ARCHIVE.length - 512), 'truncated'],
    ['octets behind it', Uint8Array.of(...ARCHIVE, 0), 'trailing-octets'],
    ['a second archive behind it', Uint8Array.of(...ARCHIVE, ...ARCHIVE), 'trailing-octets'],
    ['a name that leaves', forged(put(0, '../../passwd')), 'bad-name'],
    ['an absolute name', forged(put(0, '/etc/passwd\0')), 'bad-name'],
    ['a name two folders deep', forged(put(0, 'a/b/c\0')), 'bad-name'],
    ['a hidden name', forged(put(0, '.bashrc\0')), 'bad-name'],
    ['a prefix that makes another name', forged(put(345, 'etc')), 'bad-header'],
    ['a symbolic link', forged(put(156, '2')), 'bad-header'],
    ['a hard link', forged(put(156, '1')), 'bad-header'],
    ['a name of a link', forged(put(157, 'uart.log')), 'bad-header'],
    ['a device', forged(put(156, '3')), 'bad-header'],
    ['a folder', forged(put(156, '5')), 'bad-header'],
    ['an owner', forged(put(108, '0001000')), 'bad-header'],
    ['a time', forged(put(136, '00000000001')), 'bad-header'],
    ['a size in base 256', forged((header) => header.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3], 124)), 'bad-header'],
    ['a size beyond the octets', forged(put(124, '77777777777')), 'truncated'],
    ['a name twice', encodeArchive([FILES[0] as ArchiveFile, FILES[0] as ArchiveFile]), 'duplicate-name'],
    [
      'more files than a run has',
      encodeArchive(Array.from({ length: 129 }, (_, i) => ({ name: `f${i}`, bytes: new Uint8Array(0) }))),
      'too-many-files',
    ],
  ])('%s', (_what, bytes, error) => {
    expect(decodeArchive(bytes)).toMatchObject({ ok: false, error });
  });

  test('an octet in the padding, with its place', () => {
    const bytes = ARCHIVE.slice();
    bytes[600] = 1;
    expect(decodeArchive(bytes)).toEqual({ ok: false, error: 'bad-padding', offset: 600 });
  });

  test('by the writer, before a file is made: a name that no reader would take', () => {
    expect(() => encodeArchive([{ name: '../x', bytes: new Uint8Array(0) }])).toThrow(RangeError);
  });
});
