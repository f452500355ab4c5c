// What is refused is refused before anything boots: exit code 2, one sentence, no run folder.
import { contains, done, equal, runsFolder, testOs } from './support.mjs';

const CASES = [
  [{ REQUIRE_QEMU_DHCP: 'yes' }, [], 'REQUIRE_QEMU_DHCP is 1 or 0'],
  [{ REQUIRE_DSOFTBUS: '1' }, ['--guest', 'u-boot'], 'capability ‘dsoftbus’'],
  [{ REQUIRE_QEMU_DHCP: '1' }, ['--profile', 'smoke'], 'set one of them'],
  [{}, ['--profile', 'nothing'], 'There is no profile'],
  [{ REQUIRE_QEMU_DHCP_STRICT: '1' }, [], 'goes with REQUIRE_QEMU_DHCP=1'],
  [{ RUN_UNTIL_MARKER: 'net: nonsense' }, [], 'RUN_UNTIL_MARKER'],
  [{ RUN_UNTIL_MARKER: 'net: dhcp bound' }, [], 'RUN_UNTIL_MARKER'],
  [{ RUN_PHASE: 'dhcp' }, [], 'RUN_PHASE'],
  [{ RUN_PHASE: 'link', RUN_UNTIL_MARKER: 'net: virtio-net up' }, [], 'set one of them'],
  [{ RUN_TIMEOUT: 'soon' }, [], 'RUN_TIMEOUT'],
  [{ RUN_OS2VM: '1' }, [], 'RUN_OS2VM'],
  [{}, ['--guest', 'nobody'], 'there is no guest'],
  [{}, ['--wire', 'token-ring'], 'there is no wire'],
  [{}, ['--wire', 'user', '--no-dhcp-server'], 'QEMU’s user network always leases'],
  [{}, ['--no-such-option'], 'no-such-option'],
];
for (const [env, args, words] of CASES) {
  const runs = runsFolder();
  const { code, stderr, folder } = await testOs({ env, args, runs });
  const what = JSON.stringify([env, args]);
  equal(`exit code of ${what}`, code, 2);
  contains(`the sentence of ${what}`, stderr, words);
  equal(`run folder of ${what}`, folder, undefined);
}
done(`${CASES.length} wishes refused before boot`);
