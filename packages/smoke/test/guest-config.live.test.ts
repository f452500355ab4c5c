import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, type TestContext, test } from 'vitest';
import { probeUBoot } from '../src/guests/u-boot-start.js';
import { cli, type Environment, RUN_FILES, type RunReport } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-net-config-live-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `test-os` with these options. */
async function testOs(options: readonly string[], environment: Environment = {}): Promise<{ code: number; report: RunReport }> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const argv = ['test-os', '--json', '--runs', mkdtempSync(join(folder, 'runs-')), ...options];
  const code = await cli({ arguments: argv, environment, print, printError: print });
  return { code, report: JSON.parse(lines.join('\n')) };
}

/** A missing QEMU or firmware is named: skipped here, an error in CI. */
async function demandUBoot(context: TestContext): Promise<string> {
  const probe = await probeUBoot();
  if (probe.ok) return probe.firmware['u-boot-riscv64-smode'] as string;
  const message = `${probe.missing.map((item) => item.message).join('; ')}; apt-get install ${probe.packages.join(' ')}`;
  if (!process.env['CI']) context.skip(message);
  throw new Error(message);
}

describe('U-Boot described by a file', () => {
  test.each<[string, readonly string[], Environment]>([
    ['by default', [], {}],
    ['with REQUIRE_QEMU_DHCP=1', [], { REQUIRE_QEMU_DHCP: '1' }],
    ['without a DHCP server', ['--no-dhcp-server'], { REQUIRE_QEMU_DHCP: '1' }],
  ])('gets the verdict of the built-in guest %s', async (_when, options, environment, context?: TestContext) => {
    await demandUBoot(context as TestContext);
    const said = ({ code, report }: Awaited<ReturnType<typeof testOs>>): object => ({
      code,
      profile: report.profile,
      failure: report.failure && [report.failure.phase, report.failure.cause, report.failure.marker],
      phases: report.phases.map(({ name, outcome }) => [name, outcome]),
      markers: report.markers.map(({ id, origin, marker, evidence }) => [id, origin, marker, evidence]),
    });
    const byFile = await testOs(['--guest-config', 'guests/u-boot.json', ...options], environment);
    expect(said(byFile)).toEqual(said(await testOs(['--guest', 'u-boot', ...options], environment)));
    expect(byFile.report.guest).toBe('u-boot-by-file');
  });
});

describe('the machine of Open Nexus OS', () => {
  test('is one that QEMU starts, with each of its devices; another kernel than the OS is not taken for it', async (context) => {
    const kernel = await demandUBoot(context);
    const config = JSON.parse(readFileSync('guests/open-nexus-os.json', 'utf8'));
    // Debian 12’s QEMU is older than what the OS asks for: it has no processor of this name, and takes no texts of fw_cfg on this machine.
    const { firmwareTexts: _newer, ...boot } = config.boot;
    const path = join(folder, 'older-qemu.json');
    writeFileSync(path, JSON.stringify({ ...config, boot: { ...boot, cpu: 'rv64' } }));
    const { code, report } = await testOs(['--guest-config', path, '--kernel', kernel], { RUN_TIMEOUT: '15s' });
    expect(code).toBe(1);
    expect(report.failure).toMatchObject({ phase: 'boot', cause: 'run-timeout' });
    expect(report.argv).toEqual(expect.arrayContaining(['virt,aclint=on', 'shift=1,sleep=on', 'virtio-mmio.force-legacy=off']));
    const uart = readFileSync(join((report as unknown as { folder: string }).folder, RUN_FILES.uart), 'latin1');
    expect(uart).toMatch(/U-Boot 20\d\d\.\d\d/);
  });
});
