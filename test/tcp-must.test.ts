import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { namedTests } from './support/catalogue.js';
import { ROOT } from './support/packages.js';

const tests = namedTests().filter(({ file }) => /net-os[/\\]test[/\\]tcp/.test(file));
const rows = readFileSync(join(ROOT, 'docs/rfc9293-must.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| (?:MUST|5961)-/.test(line))
  .map((line) => {
    const [, id = '', requirement = '', shown = ''] = line.split('|').map((cell) => cell.trim());
    return { id, requirement, shown };
  });

/** What is quoted in a row, as it stands in the source of a test. */
function existing(shown: string): readonly (typeof tests)[number][] {
  const [, title] = /^"(.*)"$/.exec(shown) ?? [];
  return title === undefined ? [] : tests.filter(({ text, skipped, asserts }) => text.includes(title) && !skipped && asserts);
}

describe('docs/rfc9293-must.md', () => {
  test('lists MUST-1 to MUST-69 and what RFC 5961 demands, each once', () => {
    const musts = rows.map(({ id }) => id).filter((id) => id.startsWith('MUST-'));
    expect(musts).toEqual(Array.from({ length: 69 }, (_, i) => `MUST-${i + 1}`));
    const blind = rows.map(({ id }) => id).filter((id) => id.startsWith('5961-'));
    expect(new Set(blind.map((id) => id.split('-')[1]))).toEqual(new Set(['3.2', '4.2', '5.2', '7']));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });

  test('each has a test that exists, is not skipped and asserts, or a reason', () => {
    const bad = rows.filter(({ shown }) => !/^left out[^:]*: .{20}/.test(shown) && existing(shown).length === 0);
    expect(bad).toEqual([]);
  });

  test('the check sees a test that does not exist', () => {
    expect(existing('"no such test anywhere"')).toEqual([]);
    expect(existing('"fault/T03 a reset exactly at RCV.NXT resets"')).toHaveLength(1);
  });
});

test('every fault of section T has a test that carries its id', () => {
  const ids = Array.from({ length: 33 }, (_, i) => `T${String(i + 1).padStart(2, '0')}`);
  const bad = ids.filter(
    (id) => !tests.some(({ text, skipped, asserts }) => text.includes(`fault/${id}`) && !skipped && asserts),
  );
  expect(bad).toEqual([]);
});
