// Each package packs and imports cleanly from its tarball: publint, are-the-types-wrong, and an install into an empty project.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'nexus-net-pack-'));
let failed = 0;

function run(what, command, args, cwd = ROOT) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  failed += 1;
  console.error(`✗ ${what}\n${stdout}${stderr}${error ?? ''}`);
  return undefined;
}

try {
  const tarballs = [];
  for (const workspace of workspaces) {
    const packed = run(`${workspace}: npm pack`, 'npm', ['pack', `./${workspace}`, '--pack-destination', folder, '--json']);
    if (packed === undefined) continue;
    const [{ filename, name, size, files }] = Object.values(JSON.parse(packed));
    const tarball = join(folder, filename);
    tarballs.push({ name, tarball });
    for (const wanted of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
      if (files.some(({ path }) => path === wanted)) continue;
      failed += 1;
      console.error(`✗ ${name}: ${wanted} is not in the tarball`);
    }
    run(`${name}: publint`, 'npx', ['publint', tarball, '--strict']);
    run(`${name}: are the types wrong`, 'npx', ['attw', tarball, '--profile', 'esm-only']);
    console.log(`  ${name} ${(size / 1024).toFixed(0)} KiB`);
  }
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","private":true,"type":"module"}');
  run(
    'install of all tarballs',
    'npm',
    ['install', '--no-audit', '--no-fund', ...tarballs.map(({ tarball }) => tarball)],
    folder,
  );
  for (const { name } of tarballs) {
    const script = `const m = await import('${name}'); if (Object.keys(m).length === 0) throw new Error('no exports');`;
    run(`${name}: import`, process.execPath, ['--input-type=module', '--eval', script], folder);
  }
  run('the command nexus-net', 'npx', ['--no-install', 'nexus-net', 'help'], folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed === 0 ? `✓ ${workspaces.length} packages pack and import` : `✗ ${failed} checks of packages failed`);
process.exitCode = failed === 0 ? 0 : 1;
