import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/packages.js';

/** What is wrong with the rows of a feature table: no verdict, no reason, or a test that isn't there. */
function faults(document: string): string[] {
  const rows = document.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    return line.startsWith('|') && !/^(?:feature|-+)$/.test(cells[1] as string) ? [cells.slice(1, 4)] : [];
  });
  return rows.flatMap(([feature = '', verdict = '', shown = '']) => {
    if (/^left out: \S.{9,}$/.test(verdict) && shown === '') return [];
    if (!/^(?:yes|partly: \S.{9,})$/.test(verdict)) return [`${feature}: no verdict`];
    const [, name = '', folder = '', file = '', title = ''] = /^`(([\w-]+)\/([\w.-]+))`: (.+)$/.exec(shown) ?? [];
    const path = join(ROOT, 'packages', folder, 'test', `${file}.test.ts`);
    if (file === '' || !existsSync(path)) return [`${feature}: no test file ${name}`];
    return readFileSync(path, 'utf8').includes(title) ? [] : [`${feature}: no test ‘${title}’ in ${name}`];
  });
}

const document = readFileSync(join(ROOT, 'docs/dhcp-features.md'), 'utf8');

test('every feature is here with a test that shows it, or left out for a reason', () => {
  expect(faults(document)).toEqual([]);
});

test('and the table has the features of codec, client, server and relay, and the nine', () => {
  const sections = document.split(/^## /m).slice(1);
  expect(sections.map((section) => section.split('\n').filter((line) => line.startsWith('|')).length - 2)).toEqual([
    32, 27, 22, 9,
  ]);
});

test.each([
  ['| x | | |', 'x: no verdict'],
  ['| x | left out: | |', 'x: no verdict'],
  ['| x | yes | |', 'x: no test file '],
  ['| x | yes | `dhcp/nothing`: a title |', 'x: no test file dhcp/nothing'],
  ['| x | yes | `dhcp/relay`: a title that nobody wrote |', 'x: no test ‘a title that nobody wrote’ in dhcp/relay'],
])('a bad row is found: %s', (row, fault) => {
  expect(faults(row)).toEqual([fault]);
});
