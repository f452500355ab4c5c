import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCapture } from '@nexus-net/wire';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { escapeHtml, ladderDiagram, type ReportSource, reportHtml, visible } from '../src/index.js';
import { leaveFolder } from './support/recorded-folder.js';
import { recordRun } from './support/recorded-run.js';

const base = mkdtempSync(join(tmpdir(), 'nexus-report-'));
afterAll(() => rmSync(base, { recursive: true }));

const DHCP = { REQUIRE_QEMU_DHCP: '1' };
const recorded = recordRun({ environment: DHCP });
const report = await leaveFolder(join(base, 'good'), recorded);
const html = readFileSync(join(base, 'good', 'report.html'), 'utf8');

/** Tags of the report as names, without what is between them. */
const tags = (text: string): readonly string[] => [...text.matchAll(/<\/?([a-z][a-z0-9]*)/g)].map(([, name]) => name as string);

describe('report.html', () => {
  test('names every claim with its evidence, every phase, the files and their hashes', () => {
    for (const { marker } of report.markers) expect(html).toContain(escapeHtml(marker));
    for (const { name } of report.phases) expect(html).toContain(`<td>${name}</td>`);
    expect(html).toContain('microvm');
    expect(html.match(/[0-9a-f]{64}/g)).toHaveLength(4);
    expect(html).toContain('DISCOVER');
    expect(html.length).toBeLessThan(300_000);
  });

  test('takes nothing from anywhere', () => {
    expect(html).not.toMatch(/https?:|<script|<img|<link|<iframe|@import|url\(/);
    expect(html).toContain("default-src 'none'");
  });

  test('a failure names phase, cause, and where things parted', async () => {
    const failed = await leaveFolder(join(base, 'bad'), recordRun({ environment: DHCP, dhcpServer: false }));
    const text = readFileSync(join(base, 'bad', 'report.html'), 'utf8');
    expect(text).toContain('First divergence');
    expect(text).toContain(escapeHtml(failed.failure?.message as string));
    expect(text).toContain('no-dhcp-offer');
  });

  test('fault/H03 escapes, cursor moves, titles, overwrites and C1 controls are shown as \\x1b and run nowhere', () => {
    const evil = '\x1b[2J\x1b]0;title\x07\rover\x08\x9b31m';
    const source: ReportSource = { report: { ...report, troubles: [evil] }, frames: [], inspection: { frames: [] }, files: [] };
    const page = reportHtml(source);
    expect(page).toContain('\\x1b[2J\\x1b]0;title\\x07\\x0dover\\x08\\x9b31m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(page).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  });

  test('fault/H04 NUL, U+2028, bidi overrides and lone surrogates are text and no throw', () => {
    expect(visible('a\0b\u2028c\u202ed\ud800e\u{1f600}')).toBe('a\\x00b\\u2028c\\u202ed\\ud800e\u{1f600}');
    const nasty = '</title><script>alert(1)</script>"\'&\u202e\ud800\0';
    const page = reportHtml({
      report: {
        ...report,
        argv: [nasty],
        versions: { [nasty]: nasty },
        failure: { phase: nasty, cause: 'guest-panic', message: nasty, lastLine: nasty },
      },
      frames: [{ number: 1, atMs: 0, from: nasty, to: 'all', label: nasty, odd: true }],
      inspection: { frames: [] },
      files: [{ name: nasty.replace('\ud800', ''), octets: 1, sha256: nasty }],
    });
    expect(page).not.toContain('<script');
    expect(Buffer.from(page, 'utf8').toString('utf8')).toBe(page);
  });

  test('property: whatever a guest says, the report has the same tags', () => {
    const of = (text: string): readonly string[] =>
      tags(
        reportHtml({
          report: { ...report, troubles: [text], markers: report.markers.map((each) => ({ ...each, line: text, marker: text })) },
          frames: [{ number: 1, atMs: 0, from: 'guest', to: 'gateway', label: text, odd: false }],
          inspection: { frames: [] },
          files: [],
        }),
      );
    const calm = of('x');
    const nasty = fc.string({
      unit: fc.constantFrom('<', '>', '"', "'", '&', '/', 'a', 'svg', 'script', '\0', '\u202e', '\ud800'),
    });
    fc.assert(
      fc.property(nasty, (text) => {
        expect(of(text)).toEqual(calm);
      }),
      { numRuns: runs(10) },
    );
  });

  test('stays under 300 KB whatever happened', () => {
    const long = '<'.repeat(10_000);
    const marker = report.markers[0] as (typeof report.markers)[number];
    const violation = { rule: long, reference: 'RFC', message: long, frames: [1], fatal: false };
    const frame = { number: 1, atMs: 0, from: 'guest', to: 'gateway', label: long, odd: true };
    const page = reportHtml({
      report: {
        ...report,
        markers: Array(256).fill({ ...marker, marker: 'm'.repeat(400) }),
        violations: Array(256).fill({ ...violation, message: 'v'.repeat(400), rule: 'r' }),
        facts: [],
        troubles: Array(500).fill('t'.repeat(400)),
      },
      frames: Array(5_000).fill({ ...frame, label: 'l'.repeat(400) }),
      inspection: { frames: [] },
      files: [],
    });
    expect(page.length).toBeLessThan(300_000);
    expect(page).toContain('Shortened to fit');
  });
});

test('each packet that backs a marker says so in the capture, and all else of it is as it was', () => {
  const before = decodeCapture(recorded.pcapng);
  const after = decodeCapture(new Uint8Array(readFileSync(join(base, 'good', 'wire.pcapng'))));
  if (!before.ok || !after.ok) throw new Error('no capture');
  const strip = ({ packets, interfaces }: typeof after.value): object => ({
    interfaces,
    packets: packets.map(({ comment: _comment, ...packet }) => packet),
  });
  expect(strip(after.value)).toEqual(strip(before.value));
  const ack = report.markers.find(({ id }) => id === 'dhcp-bound')?.frames.at(-1) as number;
  expect(after.value.packets[ack - 1]?.comment).toContain('backs ‘net: dhcp bound 10.0.2.15/24 gw=10.0.2.2’');
  const commented = after.value.packets.flatMap(({ comment }, i) => (comment === undefined ? [] : [i + 1]));
  expect(commented).toEqual([...new Set(report.markers.flatMap(({ frames }) => frames))].sort((a, b) => a - b));
  expect(readdirSync(join(base, 'good'))).not.toContain('wire.pcapng.new');
});

test('the ladder of no frame, and of a guest that speaks to nobody', () => {
  expect(ladderDiagram([], [])).toContain('No frame');
  expect(ladderDiagram([{ number: 1, atMs: 0, from: 'guest', to: 'all', label: 'x', odd: false }], [])).toContain('<svg');
});
