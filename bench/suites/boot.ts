import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { quantile } from '../harness.js';
import { duration } from '../report.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

const BOOTS = 7;
const COMMAND = 'qemu-system-riscv64';

/** What is run, and the gates that it is asked for. */
const RUNS: readonly { readonly name: string; readonly gates: Readonly<Record<string, string>> }[] = [
  { name: 'npm run test-os', gates: {} },
  { name: 'REQUIRE_QEMU_DHCP=1 npm run test-os', gates: { REQUIRE_QEMU_DHCP: '1' } },
];

export const BOOT: Suite = {
  name: 'boot',
  about: 'QEMU from its start to the verdict, U-Boot as guest',
  run: async (context) => {
    const program = join(context.root, 'packages/smoke/dist/bin.js');
    const qemu = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, COMMAND)));
    if (!qemu) return { groups: [], missing: [`boot to verdict: ${COMMAND} is not installed (npm run test-os installs it)`] };
    if (!existsSync(program)) return { groups: [], missing: ['boot to verdict: there is no build (npm run build)'] };
    return bootAll(program, context);
  },
};

function bootAll(program: string, { progress }: BenchContext): SuiteResult {
  const runs = mkdtempSync(join(tmpdir(), 'nexus-net-bench-'));
  const times = RUNS.map((): number[] => []);
  const failures: string[] = [];
  try {
    for (let round = 0; round < BOOTS; round++) {
      for (const [i, { name, gates }] of RUNS.entries()) {
        const start = process.hrtime.bigint();
        const { status, stderr } = spawnSync(process.execPath, [program, 'test-os', '--json', '--runs', runs], {
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
  const rows = RUNS.map(({ name }, i) => {
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
