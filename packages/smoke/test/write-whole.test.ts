import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeWhole } from '../src/write-whole.js';

const base = mkdtempSync(join(tmpdir(), 'nexus-whole-'));
afterAll(() => rmSync(base, { recursive: true }));

test('the new file takes the place of the old one, and no draft is left', async () => {
  await writeWhole(join(base, 'a'), 'old');
  await writeWhole(join(base, 'a'), 'new');
  expect([readFileSync(join(base, 'a'), 'utf8'), readdirSync(base)]).toEqual(['new', ['a']]);
});

test('where it can’t be written, the failure is thrown and no draft is left', async () => {
  mkdirSync(join(base, 'b/full'), { recursive: true });
  await expect(writeWhole(join(base, 'b'), 'x')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(readdirSync(base).sort()).toEqual(['a', 'b']);
});
