import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../tools/wireshark', import.meta.url));
const script = readFileSync(join(FOLDER, 'dsoftbus.lua'), 'utf8');
const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');

/** The cells of the table whose head begins with `first`. */
function table(first: string): string[][] {
  const lines = readme.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${first} `));
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

test('the README of the dissector has a row for each field that it registers, in order, with its type and its name', () => {
  const fields = [...script.matchAll(/ProtoField\.(\w+)\("([\w.]+)", "([^"]+)"/g)].map(([, type, name, text]) => [
    name,
    type,
    text,
  ]);
  expect(fields.length).toBeGreaterThan(30);
  expect(table('field')).toEqual(fields);
});

test('… and for each expert item', () => {
  const items = [
    ...script.matchAll(/ProtoExpert\.new\("([\w.]+)", "([^"]+)", expert\.group\.(\w+), expert\.severity\.(\w+)\)/g),
  ].map(([, name, text, group, severity]) => [name, group?.toLowerCase(), severity?.toLowerCase(), text]);
  expect(items.length).toBe(4);
  expect(table('expert item')).toEqual(items);
});

test('every field is shown somewhere, and none that is not registered', () => {
  const registered = [...script.matchAll(/^ {2}(\w+) = ProtoField/gm)].map(([, name]) => name as string);
  const [, body = ''] = script.split('dsoftbus.fields = F');
  const used = new Set([...body.matchAll(/\bF\.(\w+)/g)].map(([, name]) => name as string));
  expect([...used].sort()).toEqual([...registered].sort());
});
