import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leaveFolder } from './support/recorded-folder.js';
import { recordRun } from './support/recorded-run.js';

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
/** Folder for the pictures that the tests take; none are kept without it. */
const PICTURES = process.env['NEXUS_PICTURES'];
const base = mkdtempSync(join(tmpdir(), 'nexus-browser-'));
let browser: Browser | undefined;

beforeAll(async () => {
  if (PROGRAM === undefined) return;
  const NASTY = '<script>document.title="owned"</script><img src=x onerror=alert(1)>\u202e';
  await leaveFolder(join(base, 'passed'), recordRun({ environment: { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' } }));
  await leaveFolder(join(base, 'failed'), recordRun({ environment: { REQUIRE_QEMU_DHCP: '1' }, dhcpServer: false }), {
    troubles: [NASTY],
    violations: [{ rule: 'dhcp.example', reference: 'RFC 2131 §4.1', message: NASTY, frames: [5], fatal: false }],
  });
  browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] }); // root has no sandbox
});
afterAll(async () => {
  await browser?.close();
  rmSync(base, { recursive: true });
});

const SCREENS = [
  ['desktop', { width: 1280, height: 900 }],
  ['phone', { width: 390, height: 844 }],
] as const;

describe('report.html in a browser', () => {
  for (const run of ['passed', 'failed']) {
    for (const [screen, viewport] of SCREENS) {
      for (const colorScheme of ['light', 'dark'] as const) {
        test(`${run}, ${screen}, ${colorScheme}`, async (context) => {
          if (browser === undefined) {
            expect(process.env['CI'], 'chromium is not installed: npm run test:live installs it as root').toBeUndefined();
            context.skip('chromium is not installed');
            return;
          }
          const page = await browser.newPage({ viewport, colorScheme });
          const asked: string[] = [];
          const errors: string[] = [];
          page.on('request', (request) => asked.push(request.url()));
          page.on('pageerror', (error) => errors.push(error.message));
          page.on('console', (message) => errors.push(message.text()));
          const path = join(base, run, 'report.html');
          await page.goto(pathToFileURL(path).href);
          expect(asked).toEqual([pathToFileURL(path).href]);
          expect(errors).toEqual([]);
          expect(await page.title()).toMatch(new RegExp(`^${run}: nexus`));
          expect(statSync(path).size).toBeLessThan(300_000);
          expect(await page.locator('header .badge').textContent()).toBe(run);
          expect(await page.locator('svg g').count()).toBeGreaterThan(3);
          // The page itself never scrolls sideways: what is wide scrolls in its own box.
          const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
          expect(wide).toBe(0);
          const bright = await page.evaluate('getComputedStyle(document.body).backgroundColor');
          expect(bright).toBe(colorScheme === 'light' ? 'rgb(251, 251, 250)' : 'rgb(20, 23, 26)');
          if (PICTURES !== undefined) {
            mkdirSync(PICTURES, { recursive: true });
            await page.screenshot({ path: join(PICTURES, `${run}-${screen}-${colorScheme}.png`), fullPage: true });
          }
          await page.close();
        });
      }
    }
  }
});
