// QEMU is killed in the middle of a phase: the run ends at once, in that phase, and says by which signal.
import { spawnSync } from 'node:child_process';
import { CLI, contains, done, equal, readRun, runCommand, runsFolder } from './support.mjs';

const runs = runsFolder();
let killed = false;
const { code } = await runCommand(process.execPath, [CLI, 'test-os', '--no-dhcp-server', '--runs', runs], {
  env: { REQUIRE_QEMU_DHCP: '1' },
  signalAfter: (child, stdout) => {
    if (killed || !stdout.includes('✓ link')) return;
    killed = true;
    // The guest's machine is the only child of the run.
    const pids = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' })
      .stdout.trim()
      .split(/\s+/);
    equal('children of the run', pids.length, 1);
    process.kill(Number(pids[0]), 'SIGKILL');
  },
});
const { verdict } = readRun(runs);
equal('exit code', code, 4);
equal('phase', verdict.failure.phase, 'dhcp');
equal('cause', verdict.failure.cause, 'guest-exit');
contains('the message', verdict.failure.message, 'signal SIGKILL');
done('guest killed: failed in phase dhcp, guest-exit');
