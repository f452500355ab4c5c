// QEMU is taken away: the harness says what is missing and how to get it; the set-up, which may not install, says the command.
import { join } from 'node:path';
import { contains, done, equal, ROOT, runCommand, testOs } from './support.mjs';

const PATH = '/nonexistent';
const { code, verdict } = await testOs({ env: { PATH } });
equal('exit code', code, 6);
equal('phase', verdict.failure.phase, 'boot');
equal('cause', verdict.failure.cause, 'guest-missing');
contains(
  'the command that installs it',
  verdict.failure.message,
  'apt-get install --yes --no-install-recommends qemu-system-x86',
);
equal('nothing was booted', verdict.argv, []);

// In a user namespace without a mapping the same process is nobody, so the set-up can't install.
const probe = await runCommand('unshare', ['--user', 'true']);
if (probe.code === 0) {
  const setUp = await runCommand('unshare', ['--user', process.execPath, join(ROOT, 'scripts/test-os.mjs')], {
    env: { NEXUS_SETUP_PATH: PATH },
  });
  equal('exit code of the set-up without root', setUp.code, 9);
  contains(
    'the command that it prints',
    setUp.stderr,
    'apt-get update && apt-get install --yes --no-install-recommends qemu-system-x86',
  );
} else if (process.env.CI === 'true') {
  equal('unshare --user', probe.stderr, '');
} else {
  console.log('- not checked: the set-up without root (this system allows no user namespace)');
}
done('QEMU missing: failed in phase boot, guest-missing');
