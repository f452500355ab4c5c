// Two attempts of a series in real guests: both judged, each with its own folder, and the rate with its interval. A second series is
// stopped in its first attempt: its own exit code, the attempt kept, nothing left running.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, contains, done, equal, runCommand, runsFolder } from './support.mjs';

const READY = { RUN_PHASE: 'boot' };
const runs = runsFolder();
const { code, stdout } = await runCommand(process.execPath, [CLI, 'test-os', '--repeat', '2', '--runs', runs], { env: READY });
equal('exit code', code, 0);
contains('what is printed', stdout, 'flake rate  0.00 % (95 % interval 0.00 % to ');
const { folder, report } = series(runs);
equal(
  'attempts',
  report.attempts.map(({ number, outcome }) => [number, outcome]),
  [
    [1, 'passed'],
    [2, 'passed'],
  ],
);
for (const attempt of report.attempts)
  equal(`${attempt.folder} is kept`, existsSync(join(folder, attempt.folder, 'uart.log')), true);

const stopped = runsFolder();
let signalled = false;
const second = await runCommand(process.execPath, [CLI, 'test-os', '--repeat', '3', '--runs', stopped], {
  env: READY,
  signalAfter: (child, text) => {
    if (signalled || !text.includes('3 times')) return;
    signalled = true;
    child.kill('SIGINT');
  },
});
equal('exit code of the series that is stopped', second.code, 130);
const left = series(stopped);
equal(
  'how it ended',
  [left.report.endedBy, left.report.attempts.map(({ outcome }) => outcome)],
  ['interrupted', ['interrupted']],
);
const { stdout: processes } = await runCommand('ps', ['-eo', 'args']);
equal(
  'QEMU of either series',
  processes.split('\n').filter((line) => line.includes('qemu-system') && (line.includes(runs) || line.includes(stopped))),
  [],
);
done('a series of runs: each attempt kept, the rate said, and stopped it ends in order');

/** The only series in a folder of runs. */
function series(path) {
  const [name] = readdirSync(path);
  const folder = join(path, name);
  return { folder, report: JSON.parse(readFileSync(join(folder, 'repeat.json'), 'utf8')) };
}
