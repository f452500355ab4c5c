// A signal in the middle of a run: its own exit code and cause, everything on disk, no QEMU left.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, done, equal, readRun, runCommand, runsFolder } from './support.mjs';

const runs = runsFolder();
const args = [CLI, 'test-os', '--no-dhcp-server', '--runs', runs];
let signalled = false;
const { code } = await runCommand(process.execPath, args, {
  env: { REQUIRE_QEMU_DHCP: '1' },
  signalAfter: (child, stdout) => {
    if (signalled || !stdout.includes('boot')) return;
    signalled = true;
    child.kill('SIGINT');
  },
});
const { folder, verdict } = readRun(runs);
equal('exit code', code, 130);
equal('cause', verdict.failure.cause, 'interrupted');
equal(
  'files',
  ['uart.log', 'wire.pcapng', 'verdict.json', 'events.ndjson'].filter((name) => !existsSync(join(folder, name))),
  [],
);
const { stdout } = await runCommand('ps', ['-eo', 'args']);
equal(
  'QEMU of this run',
  stdout.split('\n').filter((line) => line.includes('qemu-system') && line.includes(folder)),
  [],
);
done('interrupted: typed exit, artefacts kept, nothing left running');
