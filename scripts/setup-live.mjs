// What the live tests need beside the guests: a browser for the report, tshark and tcpdump for captures. Without root the tests that need them say so
// and are skipped.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const missing = [
  ['chromium', '/usr/bin/chromium'],
  ['tshark', '/usr/bin/tshark'],
  ['tcpdump', '/usr/bin/tcpdump'],
].flatMap(([name, path]) => (existsSync(path) ? [] : [name]));

if (missing.length > 0) {
  if (process.getuid?.() === 0) {
    // Wireshark asks who may capture; nobody has to, its default answer is no.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [
      ['update', '-qq'],
      ['install', '--yes', '-qq', '--no-install-recommends', ...missing],
    ]) {
      console.error(`set-up: apt-get ${args.join(' ')} …`);
      const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env });
      if (status !== 0) process.exit(8);
    }
  } else {
    const names = missing.join(' ');
    console.error(
      `no ${missing.join(', no ')}, and no root to install it: apt-get install --yes --no-install-recommends ${names}`,
    );
  }
}
