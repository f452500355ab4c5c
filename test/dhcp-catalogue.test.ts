import { describe, expect, test } from 'vitest';
import { mentionsId, namedTests, testsIn, untested } from './support/catalogue.js';
import { readJson } from './support/packages.js';

const { ids } = readJson<{ ids: Readonly<Record<string, readonly string[]>> }>('test/vectors/dhcp-catalogue.json');
const all = Object.values(ids).flat();
const tests = namedTests();

describe('every situation of the DHCP catalogue has a test that carries its id', () => {
  test('339 of them', () => {
    expect(new Set(all).size).toBe(339);
  });

  test.each(Object.entries(ids))('section %s: each one is tested, not skipped, and with an assertion', (_section, section) => {
    expect(untested(tests, 'dhcp', section)).toEqual([]);
  });

  test('and no test carries an id that the catalogue does not have', () => {
    const used = tests.flatMap(({ text }) =>
      [...text.matchAll(/\bdhcp\/([A-Z]\d+[a-z]?)(?![0-9a-z])/g)].map(([, id]) => id as string),
    );
    expect([...new Set(used)].filter((id) => !all.includes(id))).toEqual([]);
  });
});

test('the check sees what is skipped, what asserts nothing, and rows of a table', () => {
  const source = `
    test.skip('dhcp/X1', () => { expect(1).toBe(1); });
    test('dhcp/X2', () => { run(); });
    const ROWS = [['dhcp/X3', 1]];
    test.each(ROWS)('%s', (_id, n) => { expect(n).toBe(1); });
    test.each([['dhcp/X4', 1]])('%s', (_id, n) => { expect(n).toBe(1); });`;
  const seen = (id: string): readonly boolean[] =>
    testsIn('x.test.ts', source)
      .filter(({ text }) => mentionsId(text, 'dhcp', id))
      .map(({ skipped, asserts }) => !skipped && asserts);
  expect(['X1', 'X2', 'X3', 'X4'].map(seen)).toEqual([[false], [false], [true], [true]]);
});
