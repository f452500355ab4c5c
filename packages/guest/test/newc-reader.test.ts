import { concatBytes } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { newcArchive, packageImage, readNewcArchive } from '../src/index.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the reader of newc archives', () => {
  test('gives back the plain files that the writer put in, whatever else there is', () => {
    const archive = concatBytes([
      ...newcArchive([
        { type: 'directory', path: 'system' },
        { type: 'file', path: 'system/a', bytes: bytes('12345') },
        { type: 'symlink', path: 'system/link', target: 'a' },
        { type: 'file', path: 'empty', bytes: bytes('') },
      ]),
    ]);
    const read = readNewcArchive(archive);
    expect(read.ok && [...read.value]).toEqual([
      ['system/a', bytes('12345')],
      ['empty', bytes('')],
    ]);
  });

  test('the package image has the properties as lines', () => {
    const read = readNewcArchive(packageImage({ a: '1', b: '2' }));
    expect(read.ok && read.value.get('system/build.prop')).toEqual(bytes('a=1\nb=2\n'));
  });

  test('property: an archive cut anywhere is truncated, and one octet changed never throws', () => {
    const archive = packageImage({ a: '1' });
    for (let length = 0; length < archive.length; length += 7) {
      const read = readNewcArchive(archive.subarray(0, length));
      // The trailer's own padding is nothing that is missed.
      if (length < archive.length - 3) expect(read).toEqual({ ok: false, error: 'truncated' });
    }
    for (let at = 0; at < archive.length; at++) {
      const changed = archive.slice();
      changed[at] = (changed[at] as number) ^ 0x55;
      expect(() => readNewcArchive(changed)).not.toThrow();
    }
  });

  test.each([
    ['no archive', new Uint8Array(200), 'bad-magic'],
    ['a path that leaves', patched('system/a', '../../ab'), 'bad-path'],
    ['a number that is none', patched('070701', '070701zz'), 'bad-number'],
  ])('refuses %s', (_what, archive, error) => {
    expect(readNewcArchive(archive)).toEqual({ ok: false, error });
  });
});

/** An archive with one text of it replaced by another of the same length or longer, in place. */
function patched(from: string, to: string): Uint8Array {
  const archive = concatBytes([...newcArchive([{ type: 'file', path: 'system/a', bytes: bytes('x') }])]);
  const at = [...archive.keys()].find((i) => bytes(from).every((octet, j) => archive[i + j] === octet)) as number;
  archive.set(bytes(to), at);
  return archive;
}
