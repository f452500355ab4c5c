import { UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArchiveEntry, newcArchive, parentDirectories } from '../src/image/newc.js';

const octets = (entries: readonly ArchiveEntry[]): Uint8Array => Uint8Array.from(Buffer.concat([...newcArchive(entries)]));

/** A reader by the kernel's description of the format: thirteen fields of eight digits, everything on a multiple of four octets. */
function read(archive: Uint8Array): { name: string; mode: number; data: string; time: number; owner: number; rdev: string }[] {
  const text = Buffer.from(archive);
  const found = [];
  for (let at = 0; ; ) {
    const field = (index: number): number =>
      Number.parseInt(text.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    if (text.toString('latin1', at, at + 6) !== '070701') throw new Error(`no magic at ${at}`);
    const nameAt = at + 110;
    const name = text.toString('utf8', nameAt, nameAt + field(11) - 1);
    if (name === 'TRAILER!!!') return found;
    const dataAt = Math.ceil((nameAt + field(11)) / 4) * 4;
    const data = text.toString('utf8', dataAt, dataAt + field(6));
    found.push({ name, mode: field(1), data, time: field(5), owner: field(2) + field(3), rdev: `${field(9)}:${field(10)}` });
    at = Math.ceil((dataAt + field(6)) / 4) * 4;
  }
}

describe('an archive', () => {
  test('holds what was put in, owned by root and without times', () => {
    const entries: ArchiveEntry[] = [
      { type: 'directory', path: 'bin' },
      { type: 'file', path: 'bin/a', bytes: Buffer.from('hello'), mode: 0o755 },
      { type: 'symlink', path: 'bin/b', target: 'a' },
      { type: 'character-device', path: 'console', major: 5, minor: 1 },
    ];
    expect(read(octets(entries))).toEqual([
      { name: 'bin', mode: 0o040755, data: '', time: 0, owner: 0, rdev: '0:0' },
      { name: 'bin/a', mode: 0o100755, data: 'hello', time: 0, owner: 0, rdev: '0:0' },
      { name: 'bin/b', mode: 0o120777, data: 'a', time: 0, owner: 0, rdev: '0:0' },
      { name: 'console', mode: 0o020600, data: '', time: 0, owner: 0, rdev: '5:1' },
    ]);
  });

  test.each(['/etc', '../x', 'a//b', './a', 'a/', '', 'a\0b', 'TRAILER!!!'])('refuses the path %j', (path) => {
    expect(() => octets([{ type: 'directory', path }])).toThrow(UsageError);
  });

  test('refuses two entries of one name', () => {
    expect(() => octets(parentDirectories(['a/b']).concat({ type: 'directory', path: 'a' }))).toThrow(UsageError);
  });

  test('parents come before their children, each once', () => {
    expect(parentDirectories(['a/b/c', 'a/d', 'e']).map(({ path }) => path)).toEqual(['a', 'a/b']);
  });

  test('property: a reader finds every file as it was put in', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 8 });
    const law = fc.property(
      names,
      fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 8, maxLength: 8 }),
      (paths, texts) => {
        const entries = paths.map((path, i): ArchiveEntry => ({ type: 'file', path, bytes: Buffer.from(texts[i] as string) }));
        expect(read(octets(entries)).map(({ name, data }) => [name, data])).toEqual(paths.map((path, i) => [path, texts[i]]));
      },
    );
    fc.assert(law);
  });
});
