import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OS2VM_EXITS, os2vmExitCode } from '../src/index.js';

type Failure = NonNullable<Parameters<typeof os2vmExitCode>[0]['failure']>;
const failed = (phase: string, cause: string, more: object = {}): Parameters<typeof os2vmExitCode>[0] => ({
  exit: 'failed',
  failure: { phase, cause, message: '', ...more } as Failure,
});

/** Typed by hand from the numbers of the OS's own harness. */
test.each([
  [failed('discovery', 'no-announce'), 31],
  [{ ...failed('discovery', 'guest-exit', { node: 'a' }), exit: 'guest' as const }, 32],
  [{ ...failed('discovery', 'guest-panic', { node: 'b' }), exit: 'guest' as const }, 33],
  [failed('session', 'no-session'), 41],
  [{ ...failed('session', 'guest-exit', { node: 'a' }), exit: 'guest' as const }, 42],
  [{ ...failed('session', 'guest-exit', { node: 'b' }), exit: 'guest' as const }, 43],
  [failed('session', 'no-session-dial'), 44],
  [failed('session', 'no-session-connection'), 45],
  [failed('mux', 'missing-marker'), 46],
  [{ ...failed('mux', 'guest-exit', { node: 'a' }), exit: 'guest' as const }, 47],
  [{ ...failed('mux', 'guest-exit', { node: 'b' }), exit: 'guest' as const }, 48],
  [failed('mux', 'failure-marker'), 49],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote resolve ok' }), 51],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote query ok' }), 52],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote pkgfs stat ok' }), 53],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote pkgfs open ok' }), 54],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote pkgfs read step ok' }), 55],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote pkgfs close ok' }), 56],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote pkgfs read ok' }), 57],
  [failed('remote', 'missing-marker', { marker: 'dsoftbusd: remote packagefs served' }), 58],
  [failed('remote', 'missing-marker', { marker: 'SELFTEST: remote statefs rw ok' }), 60],
  [failed('remote', 'missing-marker', { marker: 'dsoftbusd: remote statefs served' }), 65],
  [failed('remote', 'failure-marker', { marker: 'SELFTEST: remote query ok' }), 66],
  [{ ...failed('boot', 'guest-missing'), exit: 'missing' as const }, 61],
  [{ exit: 'unwritable' as const }, 62],
  [{ ...failed('boot', 'guest-not-started'), exit: 'guest' as const }, 71],
  [failed('discovery', 'over-budget'), 81],
  [failed('session', 'over-budget'), 82],
  [failed('mux', 'over-budget'), 83],
  [failed('remote', 'over-budget'), 84],
  [failed('total', 'over-budget'), 85],
  [failed('boot', 'missing-marker'), 99],
  [failed('persist', 'failure-marker'), 99],
  [{ exit: 'failed' as const }, 99],
  [{ exit: 'passed' as const }, 0],
  [{ ...failed('mux', 'unproven-marker'), exit: 'unproven' as const }, 3],
  [{ ...failed('mux', 'wire-violation'), exit: 'violation' as const }, 5],
  [{ ...failed('mux', 'interrupted'), exit: 'interrupted' as const }, 130],
])('%j ends with %i', (report, code) => {
  expect(os2vmExitCode(report)).toBe(code);
});

test('docs/two-machines.md has every number', async () => {
  const text = readFileSync(new URL('../../../docs/two-machines.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| (\d+) +\| (.*?) +\|$/gm)].map(([, code, meaning]) => [Number(code), meaning]);
  expect(rows).toEqual(OS2VM_EXITS.map(({ code, meaning }) => [code, meaning]));
});
