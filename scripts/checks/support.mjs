// What the checks of the harness share: run it, read what it left, say plainly what was expected and what came.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, ROOT } from '../setup.mjs';

export { CLI, ROOT };

const folders = [];
process.on('exit', () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A folder for the runs of one check, gone at its end. */
export function runsFolder() {
  const path = mkdtempSync(join(tmpdir(), 'nexus-net-check-'));
  folders.push(path);
  return path;
}

/** Runs a command to its end: its exit code and what it wrote. */
export function runCommand(command, args, { env = {}, signalAfter } = {}) {
  return new Promise((resolve) => {
    // Gates of the caller's own environment are not part of a check.
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(REQUIRE|RUN)_/.test(name)));
    const child = spawn(command, args, { cwd: ROOT, env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      signalAfter?.(child, stdout);
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (code) => resolve({ code, stdout, stderr, pid: child.pid }));
  });
}

/** `nexus-net test-os --json` in a folder of its own: exit code, the folder of the run, and its `verdict.json`. */
export async function testOs({ command = 'test-os', args = [], env = {}, runs = runsFolder(), node = process.execPath } = {}) {
  const result = await runCommand(node, [CLI, command, '--json', '--runs', runs, ...args], { env });
  return { ...result, ...readRun(runs) };
}

/** The same with two machines. */
export function testOs2vm(options = {}) {
  return testOs({ ...options, command: 'test-os2vm' });
}

/** The only run in a folder, or nothing where none was made. */
export function readRun(runs) {
  const [name] = readdirSync(runs);
  if (name === undefined) return { folder: undefined, verdict: undefined };
  const folder = join(runs, name);
  return { folder, verdict: JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8')) };
}

let checks = 0;

/** Fails the check, with both values, unless they are equal. */
export function equal(what, actual, expected) {
  checks += 1;
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  console.error(`✗ ${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  process.exit(1);
}

export function contains(what, text, part) {
  checks += 1;
  if (text.includes(part)) return;
  console.error(`✗ ${what}: ${JSON.stringify(part)} is not in ${JSON.stringify(text.slice(0, 2_000))}`);
  process.exit(1);
}

/** The last line of a check. */
export function done(what) {
  console.log(`✓ ${what} (${checks} assertions)`);
}
