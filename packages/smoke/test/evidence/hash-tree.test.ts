import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import { type ChunkKind, chunkKindOf, chunksOf } from '../../src/evidence/chunks.js';
import { alteration } from '../../src/evidence/compare-leaves.js';
import { type FileLeaves, leavesOf, rootOf } from '../../src/evidence/hash-tree.js';
import { decodeLeaves, encodeLeaves } from '../../src/evidence/leaves-file.js';
import { recordRun } from '../support/recorded-run.js';

const KINDS: readonly ChunkKind[] = ['octets', 'lines', 'frames'];
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const recorded = recordRun();

describe('chunks', () => {
  test('property: every octet is in one chunk, in order, whatever the octets are', () => {
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .array(fc.constantFrom('\n', 'x\n', 'line of the log\n', 'y'.repeat(90)), { maxLength: 30 })
        .map((lines) => text(lines.join(''))),
      fc.nat(recorded.pcapng.length).map((end) => recorded.pcapng.subarray(0, end)),
    );
    fc.assert(
      fc.property(octets, fc.constantFrom(...KINDS), (bytes, kind) => {
        let end = 0;
        for (const chunk of chunksOf(kind, Uint8Array.from(bytes))) {
          expect(chunk.start).toBe(end);
          expect(chunk.end).toBeGreaterThan(chunk.start);
          end = chunk.end;
        }
        expect(end).toBe(bytes.length);
      }),
      { numRuns: runs(60) },
    );
  });

  test('lines are counted as an editor counts them; short ones share a leaf', () => {
    const long = `${'x'.repeat(70)}\n`;
    const chunks = chunksOf('lines', text(`a\nb\n${long}${long}no end`));
    expect(chunks.map(({ first, last }) => [first, last])).toEqual([
      [1, 3],
      [4, 4],
      [5, 5],
    ]);
  });

  test('a file of line ends alone makes leaves of at most half its length', () => {
    expect(chunksOf('lines', new Uint8Array(6_400).fill(0x0a))).toHaveLength(100);
  });

  test('a line without an end is cut, and stays one line', () => {
    const chunks = chunksOf('lines', text(`${'x'.repeat(100_000)}\nnext\n`));
    expect(chunks.map(({ first, last }) => [first, last])).toEqual([
      [1, 1],
      [1, 1],
      [2, 2],
    ]);
  });

  test('a capture is cut at its packets, and counted as every reader counts', () => {
    const chunks = chunksOf('frames', recorded.pcapng).filter(({ first, last }) => first <= last);
    expect(chunks.map(({ first }) => first)).toEqual(Array.from({ length: recorded.frameCount }, (_, i) => i + 1));
  });
});

describe('the tree', () => {
  /** A readable twin, from the text of RFC 6962 §2.1: split at the largest power of two below n. */
  function twin(hashes: readonly Buffer[]): Buffer {
    if (hashes.length <= 1) return hashes[0] ?? Buffer.alloc(32);
    let split = 1;
    while (2 * split < hashes.length) split *= 2;
    return sha(Buffer.of(1), twin(hashes.slice(0, split)), twin(hashes.slice(split)));
  }
  const sha = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

  test('the root is that of the documented formula', () => {
    const bytes = text('x'.repeat(70_000));
    const leaves = [bytes.subarray(0, 65_536), bytes.subarray(65_536)].map((chunk) => sha(Buffer.of(0), chunk));
    const name = text('a.html');
    const head = Buffer.alloc(2 + name.length + 13);
    head.writeUInt16BE(name.length, 0);
    head.set(name, 2);
    head.writeBigUInt64BE(70_000n, 3 + name.length);
    head.writeUInt32BE(2, 11 + name.length);
    const file = sha(Buffer.of(2), head, twin(leaves));
    const root = sha(Buffer.of(3), text('nexus-net/evidence/1'), Buffer.of(0, 0, 0, 1), twin([file]));
    expect([...rootOf([leavesOf('a.html', 'octets', bytes)])]).toEqual([...root]);
  });

  test.each([1, 2, 3, 5, 8, 13])('the shape is that of RFC 6962 for %i leaves', (count) => {
    const leaves = Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i));
    const file: FileLeaves = { name: 'a', kind: 'octets', octets: count, leaves };
    const other: FileLeaves = { ...file, leaves: [...leaves].reverse() };
    const head = Buffer.concat([Buffer.of(0, 1), text('a'), Buffer.of(0, 0, 0, 0, 0, 0, 0, 0, count), Buffer.of(0, 0, 0, count)]);
    const fileHash = sha(Buffer.of(2), head, twin(leaves.map((leaf) => Buffer.from(leaf))));
    expect([...rootOf([file])]).toEqual([...sha(Buffer.of(3), text('nexus-net/evidence/1'), Buffer.of(0, 0, 0, 1), fileHash)]);
    if (count > 1) expect(rootOf([other])).not.toEqual(rootOf([file]));
  });

  test('names, kinds, lengths, counts and order are part of the root', () => {
    const [a, b] = [leavesOf('a', 'octets', text('x')), leavesOf('b', 'octets', text('x'))];
    const roots = [
      [a, b],
      [b, a],
      [a],
      [{ ...a, name: 'c' }, b],
      [{ ...a, kind: 'lines' as const }, b],
      [{ ...a, octets: 2 }, b],
      [{ ...a, leaves: [...a.leaves, ...a.leaves] }, b],
      [],
    ].map((files) => Buffer.from(rootOf(files)).toString('hex'));
    expect(new Set(roots).size).toBe(roots.length);
  });
});

describe('leaves.bin', () => {
  const leaves = [leavesOf('a', 'lines', text('x\n')), leavesOf('run/b', 'frames', recorded.pcapng)];
  const bytes = encodeLeaves(leaves);

  test('decode(encode(leaves)) = leaves', () => {
    expect(decodeLeaves(bytes)).toEqual({ ok: true, value: leaves });
  });

  test('property: any change of an octet is refused, or makes another root', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ flip;
        const decoded = decodeLeaves(changed);
        if (decoded.ok) expect(rootOf(decoded.value)).not.toEqual(rootOf(leaves));
      }),
      { numRuns: runs(60) },
    );
  });

  test.each<[string, (octets: Uint8Array) => Uint8Array, string]>([
    ['nothing', () => new Uint8Array(0), 'truncated'],
    ['cut', (octets) => octets.subarray(0, octets.length - 1), 'truncated'],
    ['an octet more', (octets) => Uint8Array.of(...octets, 0), 'trailing-octets'],
    ['a count of files that nobody has', (octets) => octets.with(0, 0xff), 'too-many-files'],
    ['a count of leaves that nobody has', (octets) => octets.with(16, 0xff), 'bad-count'],
    ['a name that leads elsewhere', (octets) => octets.with(6, 0x2e), 'bad-name'],
    ['a kind that is none', (octets) => octets.with(7, 9), 'bad-kind'],
  ])('%s is refused', (_what, change, error) => {
    expect(decodeLeaves(change(bytes))).toEqual({ ok: false, error });
  });
});

describe('where a file was altered', () => {
  const lines = text(Array.from({ length: 40 }, (_, i) => `${String(i + 1).padStart(4)} ${'.'.repeat(70)}\n`).join(''));
  const sealed = leavesOf('run/events.ndjson', 'lines', lines);
  const asText = new TextDecoder().decode(lines).split('\n');
  const where = (changed: readonly string[]): string | undefined =>
    alteration(sealed, { name: 'run/events.ndjson', bytes: text(changed.join('\n')) });

  test.each<[string, readonly string[], string | undefined]>([
    ['nowhere', asText, undefined],
    ['an octet of line 17', asText.with(16, asText[16]?.replace('.', ':') as string), 'line 17 (octets 1216 to 1291)'],
    ['two lines swapped', asText.with(2, asText[5] as string).with(5, asText[2] as string), 'lines 3 to 6 (octets 152 to 455)'],
    ['a line put in', asText.toSpliced(9, 0, 'x'.repeat(75)), 'line 10 (octets 684 to 759), 76 octets more than sealed'],
    [
      'a line taken out',
      asText.toSpliced(9, 1),
      'something is gone behind line 9 (octets 608 to 683), 76 octets fewer than sealed',
    ],
    ['the end cut off', asText.slice(0, 20), 'line 20 (octets 1444 to 1518), 1521 octets fewer than sealed'],
    ['all of it gone', [], 'something is gone behind its beginning, 3040 octets fewer than sealed'],
  ])('%s', (_what, changed, place) => {
    expect(where(changed)).toBe(place);
  });

  test('a packet of a capture, by its number', () => {
    const capture = leavesOf('run/wire.pcapng', 'frames', recorded.pcapng);
    const chunk = chunksOf('frames', recorded.pcapng).find(({ first, last }) => first === 5 && last === 5)!;
    const bytes = recorded.pcapng.with(chunk.start + 30, 0xee);
    expect(alteration(capture, { name: 'run/wire.pcapng', bytes })).toBe(`frame 5 (octets ${chunk.start} to ${chunk.end - 1})`);
  });

  test.each(['uart.log', 'events.ndjson', 'verdict.json'])('%s is cut into lines', (name) => {
    expect(chunkKindOf(name)).toBe('lines');
  });
});
