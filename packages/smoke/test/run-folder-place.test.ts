import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Refusal, RunFolder } from '../src/index.js';

test('a place where no folder can be is refused at once, whatever the file system says of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-net-place-'));
  try {
    writeFileSync(join(folder, 'file'), '');
    for (const place of [join(folder, 'file', 'run'), '/proc/nope/deeper/run']) {
      await expect(RunFolder.create(place, { wallAtZero: 0 })).rejects.toThrow(Refusal);
    }
    const made = await RunFolder.create(join(folder, 'a', 'b', 'run'), { wallAtZero: 0 });
    expect(made.path).toBe(join(folder, 'a', 'b', 'run'));
    await made.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('runs that begin at once may make the folders above them together', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-net-place-'));
  try {
    const places = Array.from({ length: 20 }, (_, i) => join(folder, 'a', 'b', 'c', `run-${i}`));
    const made = await Promise.all(places.map((place) => RunFolder.create(place, { wallAtZero: 0 })));
    expect(made.map(({ path }) => path)).toEqual(places);
    for (const each of made) await each.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
