import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FuzzModule } from '../packages/sansio/test/support/fuzz.js';
import { findTargets, readCorpus } from '../scripts/fuzz/targets.js';
import { PACKAGES, ROOT } from './support/packages.js';

const TARGETS = findTargets(ROOT);

/** Every input whose laws are broken, with the message. */
function replay(module: FuzzModule, inputs: readonly { readonly file: string; readonly bytes: Uint8Array }[]): string[] {
  return inputs.flatMap(({ file, bytes }) => {
    try {
      module.target(bytes.slice());
      module.strict?.(bytes.slice());
      return [];
    } catch (error) {
      return [`${file}: ${error}`];
    }
  });
}

describe('every input that fuzzing has kept obeys the laws of its target', () => {
  test.each(TARGETS)('$name', async ({ entry, corpus }) => {
    const module = (await import(pathToFileURL(entry).href)) as FuzzModule;
    const seeds = (module.seeds?.() ?? []).map((bytes, i) => ({ file: `seeds()[${i}]`, bytes }));
    const inputs = [...readCorpus(corpus), ...seeds];
    expect(inputs).not.toHaveLength(0);
    expect(replay(module, inputs)).toEqual([]);
  });
});

test('a file that breaks a law is named', () => {
  const module: FuzzModule = {
    target(bytes) {
      if (bytes[0] === 1) throw new Error('law broken');
    },
    strict(bytes) {
      if (bytes[0] === 2) throw new Error('strict law broken');
    },
  };
  const inputs = [0, 1, 2].map((octet) => ({ file: `${octet}.bin`, bytes: Uint8Array.of(octet) }));
  expect(replay(module, inputs)).toEqual(['1.bin: Error: law broken', '2.bin: Error: strict law broken']);
});

test('each corpus belongs to a target, says where it is from, and all of them are small', () => {
  const folders = Object.keys(PACKAGES).flatMap((name) => {
    const folder = join(ROOT, 'packages', name, 'test/corpus');
    return existsSync(folder) ? readdirSync(folder).map((target) => join(folder, target)) : [];
  });
  expect(folders.sort()).toEqual(TARGETS.map(({ corpus }) => corpus).sort());
  expect(folders.filter((folder) => !existsSync(join(folder, 'PROVENANCE')))).toEqual([]);
  const octets = folders.flatMap(readCorpus).reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(octets).toBeLessThan(300_000);
});
