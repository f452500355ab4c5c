// A disk that fills up in a run: the run's own exit code, whatever is there says so, and no piece of a file passes for the whole.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, contains, done, equal, runCommand, runsFolder } from './support.mjs';

if (process.getuid?.() !== 0) {
  console.log('skipped: the check of a full disk mounts a small file system, and only root may');
  process.exit(0);
}

/** One run on a file system of so many KiB. */
async function runOn(kib) {
  const runs = runsFolder();
  equal('mount', spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', runs]).status, 0);
  try {
    const result = await runCommand(process.execPath, [CLI, 'test-os', '--runs', runs], { env: { RUN_PHASE: 'link' } });
    const folder = join(runs, readdirSync(runs)[0]);
    const verdict = join(folder, 'verdict.json');
    return {
      ...result,
      folder,
      files: readdirSync(folder),
      verdict: existsSync(verdict) ? JSON.parse(readFileSync(verdict, 'utf8')) : undefined,
    };
  } finally {
    spawnSync('umount', [runs]);
  }
}

// Room for all but the report, which is the last to be written.
const late = await runOn(24);
equal('exit code', late.code, 74);
contains('what a person reads', late.stdout, 'report.html could not be written: ENOSPC');
contains('what a person reads', late.stdout, 'not all of its proof could be kept');
equal('the verdict on the disk', [late.verdict.outcome, late.verdict.exit], ['passed', 'unwritable']);
equal(
  'pieces of files',
  late.files.filter((name) => name === 'report.html' || name.endsWith('.new')),
  [],
);

// Room for next to nothing.
const early = await runOn(4);
equal('exit code', early.code, 74);
contains('what a person reads', early.stdout, 'ENOSPC');
equal(
  'pieces of files',
  early.files.filter((name) => name === 'report.html' || name.endsWith('.new')),
  [],
);
if (early.verdict !== undefined) equal('the verdict on the disk', early.verdict.exit, 'unwritable');

const { stdout } = await runCommand('ps', ['-eo', 'args']);
equal(
  'QEMU of either run',
  stdout.split('\n').filter((line) => line.includes('qemu-system') && [late, early].some(({ folder }) => line.includes(folder))),
  [],
);
done('a full disk: its own exit code, no piece of a file left, no QEMU left');
