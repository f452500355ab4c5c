import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectBroken } from '../../sansio/test/support/planted.js';
import { runs } from '../../sansio/test/support/runs.js';
import { LineAssembler } from '../src/index.js';

const encoder = new TextEncoder();

function linesOf(chunks: readonly Uint8Array[], assembler = new LineAssembler()): string[] {
  for (const chunk of chunks) assembler.handleBytes(0, chunk);
  assembler.handleEnd(0);
  const lines: string[] = [];
  for (let line = assembler.pollEvent(); line !== undefined; line = assembler.pollEvent()) lines.push(line.text);
  return lines;
}

describe('what is removed', () => {
  test.each([
    ['carriage return', 'a\r\nb\r\n', ['a', 'b']],
    ['NUL', 'a\0b\n', ['ab']],
    ['ANSI colour', '\x1b[1;32mnet: virtio-net up\x1b[0m\n', ['net: virtio-net up']],
    ['cursor report request', '\x1b[6nready\n', ['ready']],
    ['two-character escape', '\x1b7x\x1b8\n', ['x']],
    ['a colour torn off at the end of its line', 'a\x1b[31\nnet: virtio-net up\n', ['a', 'net: virtio-net up']],
    ['an escape torn off at the end of its line', 'a\x1b\nb\n', ['a', 'b']],
    ['an escape inside an escape', '\x1b[3\x1b[0mx\n', ['x']],
    ['choice of a character set', '\x1b(B\x1b[mready\n', ['ready']],
    ['window title, ended by BEL', '\x1b]0;root@qemu\x07ready\n', ['ready']],
    ['window title, ended by ST', '\x1b]0;root@qemu\x1b\\ready\n', ['ready']],
    ['window title that never ends', '\x1b]0;root\nready\n', ['', 'ready']],
    ['backspace over a character', 'pinh\bg\n', ['ping']],
    ['backspace at the start', '\bx\n', ['x']],
    ['an unfinished last line is a line', 'a\nb', ['a', 'b']],
    ['nothing after the last line end is no line', 'a\n', ['a']],
  ])('%s', (_what, text, lines) => {
    expect(linesOf([encoder.encode(text)])).toEqual(lines);
  });

  test('a tab stays, and octets above 127 keep their number', () => {
    expect(linesOf([Uint8Array.of(0x61, 0x09, 0xff, 0x0a)])).toEqual(['a\tÿ']);
  });
});

test('fault/H05 a line beyond the limit is cut and says so, and the next one is whole', () => {
  const assembler = new LineAssembler({ lineLengthMax: 3 });
  assembler.handleBytes(5, encoder.encode('abcdef\nok\n'));
  expect(assembler.pollEvent()).toEqual({ number: 1, at: 5, text: 'abc', cut: true });
  expect(assembler.pollEvent()).toEqual({ number: 2, at: 5, text: 'ok', cut: false });
});

test('a prompt without a line end is readable as the tail', () => {
  const assembler = new LineAssembler();
  assembler.handleBytes(0, encoder.encode('boot\n=> '));
  expect(assembler.tail).toBe('=> ');
  expect(assembler.inspect()).toEqual({ lines: 1, tail: '=> ', linesDropped: 0 });
});

test('lines that nobody polls are bounded and counted', () => {
  const assembler = new LineAssembler({ pendingLinesMax: 2 });
  assembler.handleBytes(0, encoder.encode('1\n2\n3\n4\n'));
  expect(assembler.inspect().linesDropped).toBe(2);
});

/** Mostly the octets that the assembler treats specially: uniform noise almost never cuts an escape in two. */
const bytesThatMatter = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0x1b, 0x5b, 0x0a, 0x0d, 0x08, 0x41, 0x00) }, fc.nat(255)), {
    maxLength: 80,
  })
  .map((octets) => Uint8Array.from(octets));

/** The law: however the bytes are cut into reads, the lines are the same. */
function splitLaw(make: () => LineAssembler): void {
  fc.assert(
    fc.property(bytesThatMatter, fc.array(fc.nat(80), { maxLength: 5 }), (bytes, cuts) => {
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      expect(linesOf(chunks, make())).toEqual(linesOf([bytes], make()));
    }),
    { numRuns: runs(200) },
  );
}

test('property: any split of the bytes gives the same lines', () => {
  splitLaw(() => new LineAssembler());
});

test('property: any split …: catches an assembler that forgets an escape at the end of a read', () => {
  class Forgetful extends LineAssembler {
    override handleBytes(now: number, bytes: Uint8Array): void {
      super.handleBytes(now, bytes.at(-1) === 0x1b ? bytes.subarray(0, -1) : bytes);
    }
  }
  expectBroken(() => splitLaw(() => new Forgetful()));
});
