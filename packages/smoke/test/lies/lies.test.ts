import { ADR_0025_LINES, profileNamed } from '@nexus-net/verdict';
import { describe, expect, test } from 'vitest';
import { ladderOptionsOf, verifyTimeless } from '../../src/index.js';
import { recordRun } from '../support/recorded-run.js';
import { liesDocument } from './document.js';
import { evidenceOf, exitOfText, indexOf, judge, latin1, tooEarly, verdictText, withLines } from './lies.js';
import { LIES } from './table.js';

const evidence = evidenceOf(recordRun({ environment: { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' } }));

test('the truth passes', () => {
  const { timed, timeless } = judge(evidence);
  expect([timed, verdictText(timeless)]).toEqual([evidence.run.verdict, 'passed']);
});

/** `npm test` tells every fourth lie, in turn through kinds and places; the continuous integration and `npm run test:long` tell all. */
const TOLD = LIES.filter((_, i) => Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1') > 1 || i % 4 === 1);

describe.each([...new Set(TOLD.map(({ kind }) => kind))])('%s', (kind) => {
  test.each(TOLD.filter((lie) => lie.kind === kind))('$what', ({ tell, timed, timeless = timed }) => {
    const found = judge(tell(evidence));
    expect({ timed: verdictText(found.timed), timeless: verdictText(found.timeless) }).toEqual({ timed, timeless });
  });
});

test('fault/H01 a marker inside of what a user typed, or long before the wire can show it, is none', () => {
  const typed = withLines(evidence, indexOf(evidence, 'SELFTEST: net ping ok'), 'sh: SELFTEST: net ping ok: not found');
  expect(verdictText(judge(typed).timed)).toBe('corrupt-log in ping');
  const early = tooEarly(evidence, indexOf(evidence, 'net: dhcp bound'), 5_000);
  expect(verdictText(judge(early).timed)).toBe('unproven-marker in dhcp');
});

test('fault/H15 a marker that is missing before later ones is the one that is named', () => {
  const { timed } = judge(withLines(evidence, indexOf(evidence, 'SELFTEST: net ping ok')));
  expect(timed.failure).toMatchObject({ phase: 'ping', marker: 'SELFTEST: net ping ok' });
});

test('docs/verdict-lies.md has every lie of the table', async () => {
  await expect(liesDocument(LIES)).toMatchFileSnapshot('../../../../docs/verdict-lies.md');
});

describe('exit codes', () => {
  test.each([
    ['passed', 0],
    ['missing-marker in boot', 1],
    ['corrupt-log in dns', 1],
    ['unproven-marker in dhcp', 3],
    ['contradicted-marker in dhcp', 3],
    ['guest-panic in link', 4],
    ['guest-exit in link', 4],
    ['wire-violation in dhcp', 5],
  ])('%s ends with %i', (text, code) => {
    expect(exitOfText(text)).toBe(code);
  });
});

describe('the 109 lines of ADR-0025', () => {
  // The lines of the network are those of the recorded run, in the places of the ladder; all else is nobody’s to prove.
  const profile = profileNamed('adr-0025-full');
  const network = new Map(
    evidence.lines.filter(({ text }) => /^net: |net iface ok|tcp listen ok/.test(text)).map(({ text }) => [text, text]),
  );
  const spoken = (line: string): string => [...network.keys()].find((text) => text.startsWith(line)) ?? line;
  const log = ADR_0025_LINES.map(spoken);
  const options = { ...ladderOptionsOf(evidence.run.request), profile };
  const verdictOf = (lines: readonly string[], frames = evidence.frames): ReturnType<typeof verifyTimeless> =>
    verifyTimeless(options, { frames, console: latin1(`${lines.join('\r\n')}\r\n`) });

  test('a log of all of them passes offline with the wire behind those of the network', () => {
    const verdict = verdictOf(log);
    expect(verdict).toMatchObject({ outcome: 'passed', unclaimed: [] });
    expect(verdict.markers.filter(({ evidence: found }) => found === 'proven').map(({ id }) => id)).toEqual([
      'virtio-net-up',
      'net-iface-ok',
      'iface-up',
      'tcp-listen-ok',
    ]);
  });

  test('without the wire it is not believed', () => {
    expect(verdictText(verdictOf(log, []))).toMatch(/^unproven-marker in (?:net|listen)$/);
  });

  test('each line that is missing is named; of init and the kernel’s self-tests also those out of order', () => {
    for (const missing of ['init: up keystored', 'SELFTEST: statefs put ok', 'SELFTEST: end']) {
      const { failure } = verdictOf(log.filter((line) => line !== missing));
      expect(failure?.marker).toBe(missing);
    }
  });

  test('a failure of any of its self-tests fails it', () => {
    const lines = log.map((line) => line.replace('SELFTEST: vfs read ok', 'SELFTEST: vfs read FAIL'));
    expect(verdictOf(lines).failure).toMatchObject({ cause: 'failure-marker', marker: 'SELFTEST: vfs read ok' });
  });
});
