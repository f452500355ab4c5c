import { describe, expect, test } from 'vitest';
import { mentionsId, namedTests, untested } from './support/catalogue.js';
import { readJson } from './support/packages.js';

/** Sections of the catalogue: links and time, IPv4 and below, TCP, DHCP, Noise, mux, discovery, remote proxy, harness. */
const { ids } = readJson<{ ids: Readonly<Record<string, readonly string[]>> }>('test/vectors/fault-catalogue.json');
const all = Object.values(ids).flat();
const tests = namedTests();

/** Ids that have no test yet, and why. An id leaves this list with its test. */
const NOT_YET: Readonly<Record<string, string>> = {
  H14: 'the budgets of a profile are numbers of their own: there is no one factor that makes all of them longer',
};

describe('every fault and attack of the catalogue has a test that carries its id', () => {
  test('198 of them', () => {
    expect(new Set(all).size).toBe(198);
  });

  test.each(Object.entries(ids))('section %s: each one is tested, not skipped, and with an assertion', (_section, section) => {
    expect(untested(tests, 'fault', section)).toEqual(section.filter((id) => id in NOT_YET));
  });

  test('and no test carries an id that the catalogue does not have', () => {
    const used = tests.flatMap(({ text }) => [...text.matchAll(/\bfault\/([A-Z]\d+)/g)].map(([, id]) => id as string));
    expect([...new Set(used)].filter((id) => !all.includes(id))).toEqual([]);
  });
});

test('an id is no mention of a longer one', () => {
  expect(mentionsId('fault/T1', 'fault', 'T1')).toBe(true);
  expect(mentionsId('fault/T12', 'fault', 'T1')).toBe(false);
});
