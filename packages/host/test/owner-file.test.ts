import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeOwnership } from '../src/lease-store/owner-file.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-net-owner-'));
  path = join(folder, 'leases');
});
afterEach(() => rmSync(folder, { recursive: true }));

const rest = (): string => readFileSync(`${path}.owner`, 'utf8').split('\n').slice(1).join('\n');

test('a path is owned once, until it is given up', () => {
  const release = takeOwnership(path);
  expect(() => takeOwnership(path)).toThrow(/^in-use: .* belongs to process \d+$/);
  release();
  expect(readdirSync(folder)).toEqual([]);
  release(); // means nothing
  takeOwnership(path)();
});

test('an owner that ended without giving it up is replaced', () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(`${path}.owner`, `${pid}\nboot\n1\n`);
  const release = takeOwnership(path);
  expect(readFileSync(`${path}.owner`, 'utf8')).toMatch(new RegExp(`^${process.pid}\n`));
  release();
  expect(readdirSync(folder)).toEqual([]);
});

test('the number of a dead owner may be used again, by us or by others', () => {
  for (const pid of [process.pid, 1]) {
    writeFileSync(`${path}.owner`, `${pid}\nan earlier start of the machine\n1\n`);
    takeOwnership(path)();
  }
});

test('an owner that is alive is another process', async () => {
  const child = spawn(process.execPath, ['--eval', 'process.stdin.resume(); console.log("up")'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  // What the child would have written: our own file with its number and its start.
  takeOwnership(path);
  const boot = rest().split('\n')[0];
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  writeFileSync(`${path}.owner`, `${child.pid}\n${boot}\n${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}\n`);
  expect(() => takeOwnership(path)).toThrow(new RegExp(`belongs to process ${child.pid}$`));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  takeOwnership(path)();
});

test.each(['', 'nonsense', '-1\n\n\n', '0\n\n\n'])('a file that names nobody (%j) is replaced', (text) => {
  writeFileSync(`${path}.owner`, text);
  takeOwnership(path)();
  expect(existsSync(`${path}.owner`)).toBe(false);
});

test('what another process owns by now is not given up', () => {
  const release = takeOwnership(path);
  writeFileSync(`${path}.owner`, 'somebody else');
  release();
  expect(readFileSync(`${path}.owner`, 'utf8')).toBe('somebody else');
});
