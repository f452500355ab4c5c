import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cli, junitXml, tapText } from '../src/index.js';
import { recordRun } from './support/recorded-run.js';
import { BOOTS } from './support/scripted-guest.js';

const base = mkdtempSync(join(tmpdir(), 'nexus-formats-'));
afterAll(() => rmSync(base, { recursive: true }));
const DHCP = { REQUIRE_QEMU_DHCP: '1' };
const failed = recordRun({ environment: DHCP, dhcpServer: false }).verdict;

test('a run that passed: a case for each demanded marker, none failed', () => {
  const { verdict } = recordRun({ environment: DHCP });
  expect(junitXml(verdict)).toContain('tests="7" failures="0"');
  expect(junitXml(verdict)).toContain('name="guest: net: dhcp bound 10.0.2.15/24 gw=10.0.2.2"');
  expect(tapText(verdict).match(/^ok /gm)).toHaveLength(7);
});

test('a run that failed: the marker with its cause, and what was not reached is skipped', () => {
  const xml = junitXml(failed);
  expect(xml).toContain('tests="7" failures="1"');
  expect(xml).toContain('<failure type="no-dhcp-offer"');
  expect(xml.match(/<skipped /g)).toHaveLength(4);
  const tap = tapText(failed);
  expect(tap).toContain('not ok 3 - dhcp: guest: dhcp-bound\n  ---\n  cause: no-dhcp-offer');
  expect(tap.match(/# SKIP/g)).toHaveLength(4);
});

test('what a guest says is text in both', () => {
  const evil = { ...failed, failure: { ...(failed.failure as object), message: '"><x>\x1b\n# SKIP' } } as typeof failed;
  expect(junitXml(evil)).toContain('&quot;&gt;&lt;x&gt;\\x1b');
  expect(tapText(evil)).not.toContain('\x1b');
});

test('--junit and --tap of test-os write their files', async () => {
  const [junit, tap] = [join(base, 'x.xml'), join(base, 'x.tap')];
  const words = ['test-os', '--guest', 'scripted', '--json', '--runs', base, '--junit', junit, '--tap', tap];
  const quiet = (): void => {};
  const environment = { RUN_PHASE: 'boot' };
  const code = await cli({ arguments: words, environment, print: quiet, printError: quiet, guests: { scripted: BOOTS } });
  expect(code).toBe(0);
  expect(readFileSync(junit, 'utf8')).toContain('<testsuites name="nexus-net smoke"');
  expect(readFileSync(tap, 'utf8')).toMatch(/^TAP version 13\n/);
});
