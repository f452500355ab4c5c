// Mutants are written into a copy of the work tree, never into the tree itself: a run that is killed leaves nothing behind
// in the sources, and work goes on meanwhile.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What tests read, as it is now, committed or not. */
const COPIED = ['packages', 'docs', 'package.json', 'tsconfig.json', 'README.md'];

/** Copies the work tree `root` to a folder in `parent`, and returns its path; imports between packages stay within the copy. */
export function copyTree(root, parent) {
  // Copies whose process has ended; another run may be under way in a copy of its own.
  for (const name of existsSync(parent) ? readdirSync(parent) : [])
    if (!isRunning(Number(name))) rmSync(join(parent, name), { recursive: true, force: true });
  const copy = join(parent, String(process.pid));
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...COPIED], {
    cwd: root,
  });
  for (const file of new Set(list.toString().split('\0').slice(0, -1))) {
    if (!existsSync(join(root, file))) continue; // deleted, and not committed yet
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    copyFileSync(join(root, file), join(copy, file));
  }
  const modules = join(root, 'node_modules');
  for (const name of readdirSync(modules)) {
    if (name.startsWith('.') || name === '@nexus-net') continue;
    if (!name.startsWith('@')) link(join(modules, name), join(copy, 'node_modules', name));
    else
      for (const each of readdirSync(join(modules, name)))
        link(join(modules, name, each), join(copy, 'node_modules', name, each));
  }
  for (const name of readdirSync(join(copy, 'packages')))
    link(join(copy, 'packages', name), join(copy, 'node_modules/@nexus-net', name));
  return copy;
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function link(target, path) {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
