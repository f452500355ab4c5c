// Evidence of real runs: two are sealed, signed and verified; one is altered in three places, and each is found where it is; a verdict
// that was edited before it was sealed is found to not follow; a secret is refused; the two are compared. Standard tools read the file.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, contains, done, equal, runCommand, runsFolder, testOs } from './support.mjs';

const work = runsFolder();
const at = (name) => join(work, name);
const evidence = (...words) => runCommand(process.execPath, [CLI, 'evidence', ...words]);

const first = await testOs({ env: { REQUIRE_QEMU_DHCP: '1', REQUIRE_DSOFTBUS: '1' } });
const second = await testOs({ env: { REQUIRE_QEMU_DHCP: '1' } });
equal('exit codes of the runs', [first.code, second.code], [0, 0]);

equal('exit code of keygen', (await evidence('keygen', '-o', at('key'))).code, 0);
const seal = (folder, name) => evidence('seal', folder, '--key', at('key'), '-o', at(name));
const verify = (name, ...words) => evidence('verify', at(name), '--public-key', at('key.pub'), ...words);

// Nothing in a real run is taken for a secret: what its guest was given at the prompt is withheld from the record.
equal('what seal complains of', (await seal(first.folder, 'first.tar')).stderr, '');
await seal(second.folder, 'second.tar');
await seal(first.folder, 'again.tar');
equal('sealed twice, the same octets', readFileSync(at('first.tar')).equals(readFileSync(at('again.tar'))), true);
const verified = JSON.parse((await verify('first.tar', '--json')).stdout);
equal('verification', [verified.state, verified.signature, verified.verdict], ['intact', 'trusted', { state: 'follows' }]);
equal('exit code of the second', (await verify('second.tar')).code, 0);
const listing = await runCommand('tar', ['tvf', at('first.tar')]);
equal('exit code of tar', [listing.code, listing.stderr], [0, '']);
for (const name of ['manifest.json', 'run/wire.pcapng', 'run/events.ndjson', 'leaves.bin', 'seal.json'])
  contains('tar', listing.stdout, name);
const manifest = JSON.parse((await runCommand('tar', ['xOf', at('first.tar'), 'manifest.json'])).stdout);
equal('the guest’s command line', manifest.argv, first.verdict.argv);
equal('what is known of the image', /^[0-9a-f]{64}$/.test(manifest.versions['initrd sha256']), true);

const sealed = readFileSync(at('first.tar'));
for (const [what, octets, file] of [
  ['a marker on the console', 'net: dhcp bound', 'run/uart.log: line'],
  ['an event', '"type":"phase"', 'run/events.ndjson: line'],
  ['an address in a frame', Buffer.from([10, 0, 2, 15, 10, 0, 2, 2]), 'run/wire.pcapng: frame'],
]) {
  // The console's own text stands in other files before it: the last place that has it is looked for from the file's own header.
  const start = sealed.indexOf(`${file.split(':')[0]}\0`);
  const place = sealed.indexOf(octets, start);
  const changed = Buffer.from(sealed);
  changed[place + 3] ^= 1;
  writeFileSync(at('changed.tar'), changed);
  const result = await verify('changed.tar');
  equal(`${what}: exit code`, result.code, 10);
  contains(what, result.stdout, file);
}
writeFileSync(at('cut.tar'), sealed.subarray(0, sealed.length - 1_024));
equal('cut off', (await verify('cut.tar')).code, 10);

cpSync(second.folder, at('edited'), { recursive: true });
const faster = { ...second.verdict, durationMs: 1 };
writeFileSync(at('edited/verdict.json'), JSON.stringify(faster, undefined, 2));
await seal(at('edited'), 'edited.tar');
const edited = await verify('edited.tar');
equal('an edited verdict: exit code', edited.code, 1);
contains('an edited verdict', edited.stdout, 'DOES NOT FOLLOW FROM THE EVIDENCE');

cpSync(second.folder, at('leaking'), { recursive: true });
writeFileSync(at('leaking/kernel.log'), 'boot\npassword=planted-in-a-check\n');
const leaking = await seal(at('leaking'), 'leaking.tar');
equal('a secret: exit code', leaking.code, 12);
contains('a secret', leaking.stderr, 'kernel.log, line 2, column 1: password');
equal(
  'a secret: nothing is sealed, nothing is shown',
  [existsSync(at('leaking.tar')), leaking.stderr.includes('planted')],
  [false, false],
);

const same = await evidence('diff', at('second.tar'), second.folder, '--threshold', '0');
equal('a run and itself', same.code, 0);
const diff = await evidence('diff', at('second.tar'), at('first.tar'));
equal('two that differ', diff.code, 1);
contains('two that differ', diff.stdout, '+ guest: dsoftbusd: ready (unbacked)');
done('evidence of real runs: sealed, verified, altered, compared');
