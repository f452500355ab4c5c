// The capture that a run leaves: inspect shows the four DHCP messages and no violation, replay gives the facts of the live run.
import { join } from 'node:path';
import { CLI, contains, done, equal, runCommand, testOs } from './support.mjs';

const { code, folder, verdict } = await testOs({ env: { REQUIRE_QEMU_DHCP: '1' } });
equal('exit code of the run', code, 0);
equal('violations', verdict.violations, []);
const capture = join(folder, 'wire.pcapng');
const inspect = await runCommand(process.execPath, [CLI, 'inspect', '--json', capture]);
equal('exit code of inspect', inspect.code, 0);
const { frames, violations } = JSON.parse(inspect.stdout);
const messages = frames.filter(({ dhcp }) => dhcp !== undefined).map(({ dhcp }) => [dhcp.type, dhcp.fields.xid]);
const [, xid] = messages[0];
equal(
  'DHCP messages',
  messages,
  ['discover', 'offer', 'request', 'ack'].map((type) => [type, xid]),
);
equal('broken rules', violations, []);
const replay = await runCommand(process.execPath, [CLI, 'replay', capture]);
equal('exit code of replay', replay.code, 0);
contains('replay', replay.stdout, 'the facts are those of the live run');
done('capture of a run: four DHCP messages, no violation, the same facts again');
