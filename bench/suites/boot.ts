import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { quantile } from '../harness.js';
import { duration } from '../report.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

const BOOTS = 5;

interface Run {
  readonly name: string;
  readonly words: readonly string[];
  readonly gates?: Readonly<Record<string, string>>;
  /** The QEMU that it needs. */
  readonly qemu: string;
}

const X86 = 'qemu-system-x86_64';

/** What is run, and the gates that it is asked for. */
const RUNS: readonly Run[] = [
  { name: 'test-os', words: ['test-os'], qemu: X86 },
  { name: 'test-os --boot restored', words: ['test-os', '--boot', 'restored'], qemu: X86 },
  { name: 'REQUIRE_QEMU_DHCP=1 test-os', words: ['test-os'], gates: { REQUIRE_QEMU_DHCP: '1' }, qemu: X86 },
  { name: 'REQUIRE_DSOFTBUS=1 test-os', words: ['test-os'], gates: { REQUIRE_DSOFTBUS: '1' }, qemu: X86 },
  { name: 'test-os2vm', words: ['test-os2vm'], qemu: X86 },
  { name: 'test-os2vm --loss 10%', words: ['test-os2vm', '--loss', '10%'], qemu: X86 },
  { name: 'test-os2vm --peer host', words: ['test-os2vm', '--peer', 'host'], qemu: X86 },
  { name: 'test-os --guest linux', words: ['test-os', '--guest', 'linux'], qemu: X86 },
  { name: 'test-os --guest u-boot', words: ['test-os', '--guest', 'u-boot'], qemu: 'qemu-system-riscv64' },
];

export const BOOT: Suite = {
  name: 'boot',
  about: 'QEMU from its start to the verdict, each guest and the proof of two machines',
  run: async (context) => {
    const program = join(context.root, 'packages/smoke/dist/bin.js');
    if (!existsSync(program)) return { groups: [], missing: ['boot to verdict: there is no build (npm run build)'] };
    return bootAll(program, context);
  },
};

/** The one that `npm run test-os` installs. */
function isInstalled(qemu: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, qemu)));
}

function bootAll(program: string, { progress, root }: BenchContext): SuiteResult {
  const runs = mkdtempSync(join(tmpdir(), 'nexus-net-bench-'));
  const there = RUNS.filter(({ qemu }) => isInstalled(qemu));
  const failures = RUNS.filter((each) => !there.includes(each)).map(({ name, qemu }) => `${name}: ${qemu} is not installed`);
  const times = there.map((): number[] => []);
  // What is made once, the image and the saved state, is none of a run.
  spawnSync(process.execPath, [program, 'prepare', '--boot', 'restored'], { cwd: root, stdio: 'ignore' });
  try {
    for (let round = 0; round < BOOTS; round++) {
      for (const [i, { name, words, gates = {} }] of there.entries()) {
        const start = process.hrtime.bigint();
        const { status, stderr } = spawnSync(process.execPath, [program, ...words, '--json', '--runs', runs], {
          cwd: root,
          env: { ...process.env, ...gates },
          encoding: 'utf8',
          maxBuffer: 2 ** 26,
        });
        const ns = Number(process.hrtime.bigint() - start);
        if (status === 0) (times[i] as number[]).push(ns);
        else failures.push(`${name}, run ${round + 1}: exit code ${status} ${stderr.trim().split('\n').at(-1) ?? ''}`.trim());
        progress(`${round + 1}/${BOOTS} ${name}: ${duration(ns)}`);
      }
    }
  } finally {
    rmSync(runs, { recursive: true, force: true });
  }
  const rows = there.map(({ name }, i) => {
    const all = times[i] as number[];
    if (all.length === 0) return [name, '–', '–', `0 of ${BOOTS}`];
    const spread = `${duration(quantile(all, 0))} … ${duration(quantile(all, 1))}`;
    return [name, duration(quantile(all, 0.5)), spread, `${all.length} of ${BOOTS}`];
  });
  return {
    groups: [],
    tables: [{ title: 'Process start to exit, whole runs', head: ['what', 'median', 'fastest … slowest', 'passed'], rows }],
    missing: failures,
  };
}
