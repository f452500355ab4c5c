import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { cli, ladderOptionsOf, readEventsFile, verifyRecording, verifyTimeless } from '../src/index.js';
import { filesOf, type RecordedRun, type RecordOptions, recordRun } from './support/recorded-run.js';

const STRICT = { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' };
const base = mkdtempSync(join(tmpdir(), 'nexus-verify-'));
afterAll(() => rmSync(base, { recursive: true }));

let folders = 0;
/** The folder that the run would have left. */
function folderOf(run: RecordedRun, changes: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = join(base, String(folders++));
  mkdirSync(folder);
  const { verdict, request, uart, pcapng, events, facts, frameCount } = run;
  const { environment, dhcpServer } = request;
  const report = { ...verdict, guest: 'nexus', environment, dhcpServer, facts, frames: frameCount, troubles: [] };
  const files = { 'uart.log': uart, 'wire.pcapng': pcapng, 'events.ndjson': events, 'verdict.json': JSON.stringify(report) };
  for (const [name, content] of Object.entries({ ...files, ...changes })) writeFileSync(join(folder, name), content);
  return folder;
}

async function nexusNet(...words: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const print = (line: string): number => lines.push(line);
  const code = await cli({ arguments: words, environment: {}, print, printError: print });
  return { code, text: lines.join('\n') };
}

const offline = (run: RecordedRun): ReturnType<typeof verifyRecording> =>
  verifyRecording(ladderOptionsOf(run.request), filesOf(run));

const strict = recordRun({ environment: STRICT });

describe('live and offline give the same verdict', () => {
  test.each<[string, RecordOptions]>([
    ['a run that passes', { environment: STRICT }],
    ['no DHCP server', { environment: STRICT, dhcpServer: false }],
    ['a static fallback', { dhcpServer: false }],
    ['a cable that is cut', { cut: 0 }],
    ['a cable that is cut after the lease', { environment: STRICT, cut: 3_000 }],
    ['a guest that says the opposite', { environment: STRICT, lie: (line) => line.replace('dns ok', 'dns FAIL') }],
    ['a guest that says nothing', { lie: () => undefined }],
    ['an end at a phase', { environment: { RUN_PHASE: 'link' } }],
    ['the bus, judged by its loopback frames', { environment: { REQUIRE_DSOFTBUS: '1' } }],
  ])('%s', (_what, options) => {
    const run = recordRun(options);
    expect(offline(run)).toEqual(run.verdict);
  });

  test('property: for any chunking of the console, to the last number of the verdict', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }), (sizes) => {
        const chunks = (octets: Uint8Array): Uint8Array[] => {
          const pieces: Uint8Array[] = [];
          for (let at = 0, i = 0; at < octets.length; i++) {
            const size = sizes[i % sizes.length] as number;
            pieces.push(octets.subarray(at, at + size));
            at += size;
          }
          return pieces;
        };
        const run = recordRun({ environment: STRICT, chunks });
        expect(run.verdict).toEqual(strict.verdict);
        expect(offline(run)).toEqual(run.verdict);
      }),
      { numRuns: runs(4) },
    );
  });

  test('fault/H02 a marker in pieces of one octet, with every form of line end and blanks behind it, is the same marker', () => {
    const pieces = (octets: Uint8Array): Uint8Array[] => [...octets].map((octet) => Uint8Array.of(octet));
    const run = recordRun({ environment: STRICT, chunks: pieces });
    expect(run.verdict).toEqual(strict.verdict);
    const ends = ['\n', '\r\n', '\r\r\n', '\0\r\n', ' \n', ' \t\r\n'];
    const text = new TextDecoder().decode(run.uart);
    for (const end of ends) {
      const console = new TextEncoder().encode(text.replaceAll('\n', end));
      const { frames } = filesOf(run);
      const verdict = verifyTimeless(ladderOptionsOf(run.request), { frames, console });
      expect([end, verdict.outcome, verdict.failure]).toEqual([end, 'passed', undefined]);
    }
  });
});

describe('nexus-net verify', () => {
  test('the folder of a run: its own verdict again', async () => {
    const { code, text } = await nexusNet('verify', folderOf(strict));
    expect([code, text]).toEqual([0, expect.stringContaining('the verdict is that of the live run')]);
  });

  test('a console log and its capture, with times and without, in JSON', async () => {
    const folder = folderOf(strict);
    const words = ['verify', join(folder, 'uart.log'), '--pcap', join(folder, 'wire.pcapng'), '--profile', 'dhcp', '--json'];
    const timeless = await nexusNet(...words);
    expect(JSON.parse(timeless.text)).toMatchObject({ times: 'end', exit: 'passed', verdict: { outcome: 'passed' } });
    const timed = await nexusNet(...words, '--events', join(folder, 'events.ndjson'));
    expect(JSON.parse(timed.text)).toMatchObject({ times: 'recorded', exit: 'passed' });
  });

  test('a failure keeps its exit code', async () => {
    const run = recordRun({ cut: 0 });
    expect(await nexusNet('verify', folderOf(run))).toMatchObject({ code: 3, text: expect.stringContaining('unproven-marker') });
  });

  test('a verdict that its evidence does not show differs, and fails', async () => {
    const run = recordRun({ cut: 0 });
    const { failure: _failure, ...rest } = run.verdict;
    const forged = { ...run, verdict: { ...rest, outcome: 'passed' as const } };
    const { code, text } = await nexusNet('verify', folderOf(forged));
    expect([code, text]).toEqual([1, expect.stringContaining('DIFFERS  outcome: the evidence says "failed"')]);
  });

  test.each<[string, Readonly<Record<string, string>>, number, string]>([
    ['a log that somebody wrote in', { 'uart.log': 'SELFTEST: net ping ok\n' }, 7, 'line 1 of the console log is'],
    ['events that are none', { 'events.ndjson': 'x' }, 7, 'line 1 is no JSON'],
    ['an event without its time', { 'events.ndjson': '{"type":"line","text":"x"}' }, 7, 'a field that can’t be'],
    ['no start', { 'events.ndjson': '' }, 7, 'have no start'],
    ['a node that nobody knows', { 'events.ndjson': '{"type":"exit","at":1,"node":"z","afterFrame":0}' }, 7, 'node ‘z’'],
    ['a capture that is none', { 'wire.pcapng': 'x' }, 7, 'this is no capture'],
    ['a verdict that is none', { 'verdict.json': '[' }, 7, 'no JSON'],
    ['a guest that nobody knows', { 'verdict.json': '{"guest":"constructor","profile":"smoke"}' }, 2, 'no guest'],
    ['a profile that nobody knows', { 'verdict.json': '{"guest":"nexus","profile":"x"}' }, 2, 'no profile'],
  ])('%s is refused in one sentence', async (_what, changes, code, words) => {
    expect(await nexusNet('verify', folderOf(strict, changes))).toEqual({ code, text: expect.stringContaining(words) });
  });

  test.each([
    [['verify'], 'takes one console log'],
    [['verify', 'a', 'b'], 'takes one console log'],
    [['verify', join(base, 'absent')], '--pcap'],
  ])('%j', async (words, sentence) => {
    expect(await nexusNet(...words)).toEqual({ code: 2, text: expect.stringContaining(sentence) });
  });
});

test('property: an events file of anybody is read or refused, and never throws', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.json(), fc.string()), { maxLength: 5 }), (lines) => {
      const read = readEventsFile(lines.join('\n'));
      expect(typeof read === 'string' || Array.isArray(read)).toBe(true);
    }),
    { numRuns: runs(50) },
  );
});
