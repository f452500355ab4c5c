import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FuzzLimits } from '../packages/sansio/test/support/fuzz.js';
import { Fuzzer } from '../scripts/fuzz/fuzzer.js';
import { loadProgram, type Program } from '../scripts/fuzz/program.js';
import { ROOT } from './support/packages.js';

const toys: Program = await loadProgram(join(ROOT, 'test/support/fuzz-toy/targets.ts'), {
  root: ROOT,
  instrument: (path) => path.endsWith('toy.ts'),
});

/** A fuzzer of one of the toys. */
function toyFuzzer(
  name: string,
  options: { readonly seed?: number; readonly timeoutMs?: number; readonly limits?: FuzzLimits } = {},
): Fuzzer {
  const { limits = {}, ...rest } = options;
  const target = (toys.module as unknown as Readonly<Record<string, (bytes: Uint8Array) => void>>)[name];
  if (target === undefined) throw new Error(`no toy ${name}`);
  return new Fuzzer({
    program: { ...toys, module: { target: (bytes) => target(bytes), limits } },
    seeds: [],
    seed: 1,
    findingsMax: 1,
    ...rest,
  });
}

// On a busy machine the second that this takes may last.
describe('the fuzzer finds a planted bug', { timeout: 60_000 }, () => {
  test('behind a magic of four octets and three TLVs in order, and makes its input short', () => {
    const fuzzer = toyFuzzer('readToy', { limits: { octetsMax: 64 } });
    fuzzer.run(400_000);
    expect(fuzzer.crashes.map(({ finding }) => finding.message)).toEqual(['Error: the planted bug (in readToy)']);
    const { bytes } = fuzzer.crashes[0]!;
    expect(Buffer.from(bytes).toString('hex')).toMatch(/^4e584e3107020bad2a0063(0[4-9])(00){4,9}$/);
  });

  test('that makes a decoder slower than linear', () => {
    const fuzzer = toyFuzzer('quadratic', { limits: { costBase: 200, costPerOctet: 50, octetsMax: 128 } });
    fuzzer.run(20_000);
    expect(fuzzer.crashes[0]?.finding.kind).toBe('cost');
  });

  test('that makes a decoder hang', () => {
    const fuzzer = toyFuzzer('stuck', { timeoutMs: 20 }); // which input it keeps depends on how busy the machine is
    fuzzer.run(20_000);
    expect(fuzzer.crashes.map(({ finding }) => finding.kind)).toEqual(['hang']);
  });

  test('that makes a decoder allocate what it was told to', () => {
    const fuzzer = toyFuzzer('greedy');
    fuzzer.run(20_000);
    expect(fuzzer.crashes.map(({ finding, bytes }) => [finding.kind, [...bytes]])).toEqual([['memory', [0xab, 0, 0, 0]]]);
  });

  test('that makes a decoder remember', () => {
    const fuzzer = toyFuzzer('forgetful');
    fuzzer.run(20_000);
    expect(fuzzer.crashes.map(({ finding, bytes }) => [finding.kind, [...bytes]])).toEqual([['unstable', [3]]]);
  });
});

test('the same seed gives the same run, in steps of any size; another seed another run', { timeout: 60_000 }, () => {
  const corpusOf = (seed: number, steps: number): string[] => {
    const fuzzer = toyFuzzer('readToy', { seed });
    for (let i = 0; i < steps; i++) fuzzer.run(3000 / steps);
    return fuzzer.corpus.entries.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  };
  const first = corpusOf(1, 1);
  expect(first.length).toBeGreaterThan(3);
  expect(corpusOf(1, 10)).toEqual(first);
  expect(corpusOf(2, 1)).not.toEqual(first);
});
