// QEMU's own user network, watched: the same facts from the same witnesses; what it can't show is refused before boot.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli } from '../../packages/smoke/dist/index.js';
import { LYING_GUEST } from './lying-guest.mjs';
import { CLI, contains, done, equal, ROOT, readRun, runCommand, runsFolder, testOs } from './support.mjs';

const USER = ['--wire', 'user'];

// The default, which needs no resolver.
const plain = await testOs({ args: USER });
equal('exit code', plain.code, 0);
equal('the wire that the verdict names', plain.verdict.wire, 'user');
equal(
  'QEMU’s own network',
  plain.verdict.argv.some((word) => word.startsWith('user,id=net0')),
  true,
);
const asked = plain.verdict.facts
  .filter(({ kind }) => kind === 'icmp.echo-answered')
  .map(({ asker, answerer }) => `${asker} ${answerer}`);
for (const pair of ['10.0.2.15 10.0.2.2', '10.0.2.100 10.0.2.15']) equal(`echo ${pair}`, asked.includes(pair), true);
equal('troubles', plain.verdict.troubles, []);

// The recording gives the same verdict, and not as one of a wire of ours: there nobody found the guest.
equal('exit code of verify', (await runCommand(process.execPath, [CLI, 'verify', plain.folder])).code, 0);
const elsewhere = await runCommand(process.execPath, [CLI, 'verify', '--wire', 'embedded', plain.folder]);
equal('exit code of verify on another wire', elsewhere.code === 0, false);

// The compatibility mode can be asked for here too; the lease is there, so nothing falls back.
const prefer = await testOs({ args: [...USER, '--profile', 'dhcp-prefer'] });
equal('exit code of dhcp-prefer', prefer.code, 0);
equal(
  'how the guest got its address',
  prefer.verdict.outcomes.map(({ marker }) => marker),
  ['dhcp-bound'],
);

// A guest that only says so is not believed here either: a lease that nobody gave.
const lies = runsFolder();
const lied = await cli({
  arguments: ['test-os', '--guest', LYING_GUEST.name, '--json', '--runs', lies, ...USER],
  environment: { REQUIRE_QEMU_DHCP: '1' },
  print: () => {},
  printError: console.error,
  guests: { [LYING_GUEST.name]: LYING_GUEST },
});
equal('exit code of the liar', lied, 3);
equal('cause', readRun(lies).verdict.failure.cause, 'unproven-marker');

// What it can't be.
const refused = await testOs({ args: [...USER, '--no-dhcp-server'] });
equal('exit code without DHCP', refused.code, 2);
contains('the sentence', refused.stderr, 'always leases');
equal('run folder', refused.folder, undefined);

// In a network namespace the machine's resolver is ours to give and to take away.
if (process.getuid?.() !== 0) {
  console.log('- not checked: DNS and the listener on the user network (a network namespace takes root)');
} else {
  const etc = mkdtempSync(join(tmpdir(), 'nexus-net-check-etc-'));
  process.on('exit', () => rmSync(etc, { recursive: true, force: true }));
  writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  const resolver = spawn(
    'unshare',
    [
      '--net',
      '--mount',
      'sh',
      '-ec',
      `ip link set lo up; mount --bind ${etc}/resolv.conf /etc/resolv.conf; exec "$@"`,
      'sh',
      process.execPath,
      'scripts/checks/resolver.mjs',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.on('exit', () => resolver.kill());
  await new Promise((resolve) => resolver.stdout.once('data', resolve));
  const strict = { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' };
  const inside = async (runs) => {
    const args = [
      `--net=/proc/${resolver.pid}/ns/net`,
      `--mount=/proc/${resolver.pid}/ns/mnt`,
      `--wd=${ROOT}`,
      '--',
      process.execPath,
      CLI,
    ];
    const result = await runCommand('nsenter', [...args, 'test-os', '--json', '--runs', runs, ...USER], { env: strict });
    return { ...result, ...readRun(runs) };
  };
  const { code, verdict, folder } = await inside(runsFolder());
  equal('failure of the strict gate', verdict?.failure?.message, undefined);
  equal('exit code of the strict gate', code, 0);
  equal(
    'facts of DNS',
    verdict.facts.some(({ kind, server }) => kind === 'dns.answered' && server === '10.0.2.3'),
    true,
  );
  equal(
    'a nonce from the gateway',
    verdict.facts.some(({ kind, client }) => kind === 'tcp.echoed' && client === '10.0.2.2'),
    true,
  );
  equal(
    'unproven markers',
    verdict.markers.filter(({ evidence }) => evidence !== 'proven').map(({ id }) => id),
    ['netstackd-ready'],
  );
  contains('the capture', readFileSync(join(folder, 'wire.pcapng'), 'latin1'), 'neighbour');
  writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.2\n'); // nobody is there
  const blind = await inside(runsFolder());
  resolver.kill();
  equal('exit code without a resolver', blind.code, 2);
  contains('the sentence', blind.stderr, 'has no address for ‘localhost’');
  equal('run folder', blind.folder, undefined);
}
done('the wire user: the same facts, or a refusal');
