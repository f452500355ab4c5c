// `npm run bench:peers [-- NAME…]`: installs and builds what the benchmarks are measured against, from the lock files. Nothing
// else does: a suite whose peer is missing names it. Exits 1 where one could not be made.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const peers = Object.entries(JSON.parse(readFileSync(new URL('peers.json', import.meta.url), 'utf8')));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((word) => !peers.some(([name]) => name === word));
if (unknown.length > 0) {
  console.error(`no peer ${unknown.join(', ')}; there are ${peers.map(([name]) => name).join(', ')}`);
  process.exit(2);
}
const chosen = peers.filter(([name]) => wanted.length === 0 || wanted.includes(name));

if (chosen.some(([, { command }]) => command[0] === 'node'))
  run('the npm packages', ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund']);
for (const [name, { build }] of chosen) if (build !== undefined) run(name, build);

function run(what, [command, ...args]) {
  console.error(`${what}: ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`✗ ${what}: ${error?.message ?? `exit code ${status}`}`);
  process.exitCode = 1;
}
