// What the live tests need beside the guests: a browser for the report. Without root the tests that need it say so and are skipped.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (!existsSync('/usr/bin/chromium')) {
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [
      ['update', '-qq'],
      ['install', '--yes', '-qq', '--no-install-recommends', 'chromium'],
    ]) {
      console.error(`set-up: apt-get ${args.join(' ')} …`);
      const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env });
      if (status !== 0) process.exit(8);
    }
  } else {
    console.error('no chromium, and no root to install it: apt-get install --yes --no-install-recommends chromium');
  }
}
