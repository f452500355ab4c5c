import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

// The tools that measure tests: what they leave out has to be exactly what their documents say.

const load = async (name: string): Promise<Readonly<Record<string, never>>> =>
  (await import(new URL(`../scripts/${name}`, import.meta.url).href)) as Readonly<Record<string, never>>;

interface Place {
  readonly line: number;
  readonly column: number;
}

const { isInvariant } = (await load('coverage-invariants.mjs')) as unknown as {
  isInvariant(source: ts.SourceFile, start: Place, options?: { readonly isThen: boolean }): boolean;
};
const { reportOf } = (await load('mutation/report.mjs')) as unknown as { reportOf(root: string, name: string): string };
const { GROUPS, groupOf } = (await load('groups.mjs')) as unknown as {
  readonly GROUPS: Readonly<Record<string, unknown>>;
  groupOf(name: string, file: string): string | undefined;
};

describe('the rule of invariants', () => {
  /** Whether the arm that begins at `^` counts as reached without a test. */
  function leftOut(text: string, isThen = false): boolean {
    const at = text.indexOf('^');
    const code = text.replace('^', '');
    const source = ts.createSourceFile('x.ts', code, ts.ScriptTarget.ES2022, true);
    const { line, character } = source.getLineAndCharacterOfPosition(at);
    return isInvariant(source, { line: line + 1, column: character }, { isThen });
  }

  test.each([
    ['switch (x) { case 1: return 2; ^default: return unreachable(x); }'],
    ['switch (x) { case 1: return 2; ^default: unreachable(x); }'],
    ["switch (x) { ^case 1: assert(false, 'x'); }"],
    ['const y = x ?? ^unreachable(x);'],
    ["assert(a && ^b, 'x');"],
    ["assert(a, b ? ^'x' : 'y');"],
  ])('%s', (text) => {
    expect(leftOut(text)).toBe(true);
  });

  test('the first arm of an if, given by the place of the if', () => {
    expect(leftOut('^if (x) { unreachable(x); }', true)).toBe(true);
    expect(leftOut('^if (x) unreachable(x); else y();', true)).toBe(true);
    expect(leftOut('^if (x) y(); else unreachable(x);', true)).toBe(false);
  });

  test.each([
    ['switch (x) { case 1: return 2; ^default: return other(x); }'],
    ['switch (x) { case 1: return 2; ^default: y(); unreachable(x); }'],
    ['switch (x) { case 1: return 2; ^default: }'],
    ['const y = x ?? ^fallback();'],
    ["requireArgument(a && ^b, 'x');"],
    ['const y = a ? ^b : unreachable(a);'],
    ['x.assert(a && ^b);'],
  ])('nothing else: %s', (text) => {
    expect(leftOut(text)).toBe(false);
  });

  test('an else that is not written has no place, and is no invariant', () => {
    const source = ts.createSourceFile('x.ts', 'if (x) unreachable(x);', ts.ScriptTarget.ES2022, true);
    expect(isInvariant(source, {} as Place)).toBe(false);
  });
});

test('a file is in the group that names it or its folder', () => {
  expect(groupOf('dhcp', 'client.ts')).toBe('client');
  expect(groupOf('dhcp', 'client/due.ts')).toBe('client');
  expect(groupOf('dhcp', 'message-wire.ts')).toBe('codec');
  expect(groupOf('dhcp', 'index.ts')).toBeUndefined();
  expect(groupOf('elsewhere', 'client.ts')).toBeUndefined();
});

test.each(Object.keys(GROUPS))('docs/%s-mutation.md is the report of what was measured', (name) => {
  const root = new URL('..', import.meta.url).pathname;
  expect(readFileSync(`${root}docs/${name}-mutation.md`, 'utf8')).toBe(reportOf(root, name));
});
