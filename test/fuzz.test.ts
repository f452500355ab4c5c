import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fuzzer } from '../scripts/fuzz/fuzzer.js';
import { loadProgram } from '../scripts/fuzz/program.js';
import { ROOT } from './support/packages.js';

const FOLDER = join(ROOT, 'test/support/fuzz-toy');

async function toyFuzzer(name: string, options: { readonly seed?: number; readonly timeoutMs?: number } = {}): Promise<Fuzzer> {
  const program = await loadProgram(join(FOLDER, `${name}.ts`), { root: ROOT, instrument: (path) => path.endsWith('toy.ts') });
  return new Fuzzer({ program, seeds: [], seed: 1, findingsMax: 1, ...options });
}

// On a busy machine the second that this takes may last.
describe('the fuzzer finds a planted bug', { timeout: 60_000 }, () => {
  test('behind a magic of four octets and three TLVs in order, and makes its input short', async () => {
    const fuzzer = await toyFuzzer('target');
    fuzzer.run(400_000);
    expect(fuzzer.crashes.map(({ finding }) => finding.message)).toEqual(['Error: the planted bug (in readToy)']);
    const { bytes } = fuzzer.crashes[0]!;
    expect(Buffer.from(bytes).toString('hex')).toMatch(/^4e584e3107020bad2a0063(0[4-9])(00){4,9}$/);
  });

  test('that makes a decoder slower than linear', async () => {
    const fuzzer = await toyFuzzer('quadratic');
    fuzzer.run(20_000);
    expect(fuzzer.crashes[0]?.finding.kind).toBe('cost');
  });

  test('that makes a decoder hang', async () => {
    const fuzzer = await toyFuzzer('stuck', { timeoutMs: 20 });
    fuzzer.run(20_000);
    expect(fuzzer.crashes.map(({ finding, bytes }) => [finding.kind, [...bytes]])).toEqual([['hang', [0xee]]]);
  });

  test('that makes a decoder allocate what it was told to', async () => {
    const fuzzer = await toyFuzzer('greedy');
    fuzzer.run(20_000);
    expect(fuzzer.crashes.map(({ finding, bytes }) => [finding.kind, [...bytes]])).toEqual([['memory', [0xab, 0, 0, 0]]]);
  });

  test('that makes a decoder remember', async () => {
    const fuzzer = await toyFuzzer('forgetful');
    fuzzer.run(20_000);
    expect(fuzzer.crashes.map(({ finding, bytes }) => [finding.kind, [...bytes]])).toEqual([['unstable', [3]]]);
  });
});

test('the same seed gives the same run, in steps of any size; another seed another run', { timeout: 60_000 }, async () => {
  const corpusOf = async (seed: number, steps: number): Promise<string[]> => {
    const fuzzer = await toyFuzzer('target', { seed });
    for (let i = 0; i < steps; i++) fuzzer.run(6000 / steps);
    return fuzzer.corpus.entries.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  };
  const first = await corpusOf(1, 1);
  expect(first.length).toBeGreaterThan(3);
  expect(await corpusOf(1, 10)).toEqual(first);
  expect(await corpusOf(2, 1)).not.toEqual(first);
});
