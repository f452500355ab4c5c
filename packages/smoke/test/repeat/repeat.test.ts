import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Millis } from '@nexus-net/sansio';
import { afterAll, describe, expect, test } from 'vitest';
import {
  cli,
  EXIT_CODES,
  exitOf,
  type GuestDefinition,
  progressLine,
  Refusal,
  type RepeatOptions,
  type RepeatProgress,
  type RunOutcome,
  type RunReport,
  repeat,
  repeatLines,
  worstOf,
} from '../../src/index.js';
import { recordRun } from '../support/recorded-run.js';
import { BOOTS, scriptedGuest } from '../support/scripted-guest.js';

const base = mkdtempSync(join(tmpdir(), 'nexus-repeat-'));
afterAll(() => rmSync(base, { recursive: true }));

const DHCP = { REQUIRE_QEMU_DHCP: '1' };
const passed = recordRun({ environment: DHCP }).verdict;
const failed = recordRun({ environment: DHCP, dhcpServer: false }).verdict;
const interrupted: typeof passed = {
  ...passed,
  outcome: 'failed',
  failure: { phase: 'dhcp', cause: 'interrupted', message: 'stopped from outside' },
};

function outcome(verdict: typeof passed, durationMs: Millis, number: number): RunOutcome {
  const report: RunReport = {
    ...verdict,
    durationMs,
    guest: 'nexus',
    exit: exitOf(verdict),
    startedAt: '2026-11-27T00:00:00.000Z',
    argv: [],
    versions: {},
    environment: DHCP,
    dhcpServer: true,
    wire: 'embedded',
    troubles: [],
    frames: 0,
    facts: [],
    factsNotListed: 0,
  };
  return { report, folder: `runs/series/run-${number}` };
}

const SERIES: RepeatOptions['series'] = {
  startedAt: '2026-11-27T00:00:00.000Z',
  guest: 'nexus',
  profile: 'dhcp',
  boot: 'cold',
  environment: DHCP,
  requested: 5,
};

/** A series in virtual time: attempt `n` ends as `ends[n - 1]` says, after `1000 n` milliseconds of a run and 500 of work around it. */
async function series(
  ends: readonly (typeof passed | Refusal)[],
  options: Partial<RepeatOptions> = {},
): Promise<Awaited<ReturnType<typeof repeat>> & { readonly heard: readonly RepeatProgress[] }> {
  let now: Millis = 7;
  const heard: RepeatProgress[] = [];
  const result = await repeat({
    series: { ...SERIES, requested: ends.length },
    clock: { now: () => now },
    attempt: async (number) => {
      const end = ends[number - 1] as typeof passed | Refusal;
      now += 1_000 * number + 500;
      if (end instanceof Refusal) throw end;
      return outcome(end, 1_000 * number, number);
    },
    listener: async (progress) => {
      heard.push(progress);
    },
    ...options,
  });
  return { ...result, heard };
}

describe('a series of attempts', () => {
  test('fault/H16 each attempt is kept: a failure between two passes stays one, and the series ends as its worst attempt', async () => {
    const { report, verdicts } = await series([passed, failed, passed]);
    expect(report.attempts.map(({ number, outcome: how, folder }) => [number, how, folder])).toEqual([
      [1, 'passed', 'run-1'],
      [2, 'failed', 'run-2'],
      [3, 'passed', 'run-3'],
    ]);
    expect(report).toMatchObject({ passed: 2, failed: 1, exit: 'failed', endedBy: 'done' });
    expect(verdicts.map(({ verdict }) => verdict.outcome)).toEqual(['passed', 'failed', 'passed']);
  });

  test('the flake rate has its interval, durations their percentiles, and failures of one kind are one group', async () => {
    const other: typeof passed = { ...failed, failure: { phase: 'link', cause: 'guest-silent', message: 'silence' } };
    const { report } = await series([failed, other, failed, passed, passed]);
    expect(report.flakeRate?.rate).toBe(0.6);
    expect(report.durationMs).toEqual({ median: 3_000, p95: 5_000, max: 5_000 });
    expect(report.failures).toMatchObject([
      { phase: 'dhcp', cause: 'no-dhcp-offer', count: 2, attempts: [1, 3] },
      { phase: 'link', cause: 'guest-silent', count: 1, attempts: [2] },
    ]);
    const text = repeatLines(report).join('\n');
    expect(text).toContain('5 of 5 attempts judged: 2 passed, 3 failed');
    expect(text).toContain('flake rate  60.00 % (95 % interval 23.07 % to 88.24 %)');
    expect(text).toContain('2 ×  dhcp: no-dhcp-offer  (attempts 1, 3)');
  });

  test('the time that is left is that of the attempts so far', async () => {
    const { heard } = await series([passed, passed, passed]);
    expect(heard.map(({ leftMs }) => leftMs)).toEqual([3_000, 2_000, 0]);
    expect(progressLine(heard[0] as RepeatProgress)).toBe('  1/3  passed  ·  1.00 s  ·  0 failed so far  ·  about 3 s left');
  });

  test('stopped in an attempt: that one is kept and not judged, and no other begins', async () => {
    const { report } = await series([passed, interrupted, passed]);
    expect(report.attempts.map(({ outcome: how }) => how)).toEqual(['passed', 'interrupted']);
    expect(report).toMatchObject({ passed: 1, failed: 0, endedBy: 'interrupted', exit: 'interrupted', flakeRate: { rate: 0 } });
  });

  test('stopped between two attempts: what is there is the report', async () => {
    const stop = new AbortController();
    const { report } = await series([failed, passed], {
      signal: stop.signal,
      listener: async () => stop.abort(),
    });
    expect(report).toMatchObject({ attempts: [{ outcome: 'failed' }], endedBy: 'interrupted', exit: 'interrupted' });
  });

  test('an attempt that is refused ends the series, and says why', async () => {
    const { report } = await series([passed, new Refusal('no space left on device', 'unwritable'), passed]);
    expect(report).toMatchObject({ endedBy: 'refused', exit: 'unwritable', passed: 1, failed: 0 });
    expect(repeatLines(report).join('\n')).toContain('attempt 2 refused: no space left on device');
  });

  test('a run that passed and could not keep its proof is none that passed', async () => {
    const { report } = await series([passed], {
      attempt: async () => {
        const { report: whole, folder } = outcome(passed, 1_000, 1);
        return { folder, report: { ...whole, exit: 'unwritable', troubles: ['uart.log could not be written'] } };
      },
    });
    expect(report).toMatchObject({ failed: 1, exit: 'unwritable', failures: [{ phase: 'end', cause: 'unwritable' }] });
  });

  test('until the first failure', async () => {
    const { report } = await series([passed, failed, passed], { untilFailure: true });
    expect(report).toMatchObject({ attempts: [{}, {}], endedBy: 'first-failure', exit: 'failed' });
  });

  test('a defect of its own is thrown, not counted', async () => {
    await expect(series([passed], { attempt: () => Promise.reject(new TypeError('x')) })).rejects.toThrow(TypeError);
  });

  test('the worst of any exits is one of them, and every exit has its rank', () => {
    const exits = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[];
    for (const exit of exits) expect(worstOf(['passed', exit, 'passed'])).toBe(exit);
    expect(worstOf(['guest', 'failed', 'unproven', 'violation'])).toBe('unproven');
    expect(worstOf([])).toBe('passed');
  });
});

describe('test-os --repeat', () => {
  async function nexus(words: readonly string[], guest: GuestDefinition): Promise<{ code: number; out: string; err: string }> {
    const out: string[] = [];
    const err: string[] = [];
    const code = await cli({
      arguments: ['test-os', '--guest', 'scripted', ...words],
      environment: { RUN_PHASE: 'boot' },
      print: (line) => out.push(line),
      printError: (line) => err.push(line),
      guests: { scripted: guest },
    });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  test('leaves a folder of each attempt and repeat.json, and JUnit and TAP have all of them', async () => {
    const runs = join(base, 'both');
    const [junit, tap] = [join(base, 'x.xml'), join(base, 'x.tap')];
    let attempt = 0;
    const every: GuestDefinition = scriptedGuest((sink) => {
      attempt++;
      if (attempt === 2) sink.exited('exit code 1');
      else sink.console(new TextEncoder().encode('netstackd: ready\n'));
    });
    const { code, out } = await nexus(['--repeat', '3', '--runs', runs, '--junit', junit, '--tap', tap], every);
    expect(code).toBe(4);
    expect(out).toContain('2/3  failed boot: guest-exit');
    const [name] = readdirSync(runs);
    const folder = join(runs, name as string);
    const report = JSON.parse(readFileSync(join(folder, 'repeat.json'), 'utf8'));
    expect(report).toMatchObject({ schema: 'nexus-net/repeat/1', passed: 2, failed: 1, exit: 'guest' });
    for (const each of report.attempts) expect(existsSync(join(folder, each.folder, 'verdict.json'))).toBe(true);
    expect(readdirSync(folder)).toHaveLength(4);
    const named = (path: string): readonly string[] => readFileSync(path, 'utf8').match(/.*attempt \d\W+boot.*/g) ?? [];
    expect(named(junit).filter((line) => line.includes('<testsuite '))).toEqual(
      [1, 2, 3].map((number) => expect.stringContaining(`name="attempt ${number} · boot"`)),
    );
    expect(named(tap)).toEqual([
      expect.stringMatching(/^ok 1 - attempt 1: boot/),
      expect.stringMatching(/^not ok 4 - attempt 2: boot/),
      expect.stringMatching(/^ok 7 - attempt 3: boot/),
    ]);
  });

  test('--json prints the report and nothing else', async () => {
    const { code, out, err } = await nexus(['--repeat', '1', '--json', '--runs', join(base, 'json')], BOOTS);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ schema: 'nexus-net/repeat/1', passed: 1, folder: expect.any(String) });
  });

  test.each([
    [['--repeat', '0'], 2, '--repeat is a number from 1 to 10000'],
    [['--repeat', '1e3'], 2, '--repeat is a number'],
    [['--repeat', '99999'], 2, '--repeat is a number'],
    [['--until-failure'], 2, '--until-failure goes with --repeat'],
    [['--repeat', '2', '--runs', '/proc/nothing'], 74, 'the folder of the series can’t be made'],
  ])('%j is refused', async (words, code, sentence) => {
    expect(await nexus(words, BOOTS)).toMatchObject({ code, out: '', err: expect.stringContaining(sentence) });
  });
});
