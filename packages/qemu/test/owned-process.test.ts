import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { guardCommand } from '../src/death-guard.js';
import { type DeathGuard, detectDeathGuard, OwnedProcess, ProcessError, type ProcessOptions } from '../src/index.js';

const started: OwnedProcess[] = [];

async function start(script: string, options: Partial<ProcessOptions> = {}): Promise<OwnedProcess> {
  const child = await OwnedProcess.start({ command: '/bin/sh', args: ['-c', script], ...options });
  started.push(child);
  return child;
}

/** Resolves with what has been read when the text has come. */
async function until(stream: Readable, text: string): Promise<string> {
  let read = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    read += String(chunk);
    if (read.includes(text)) return read;
  }
  throw new Error(`ended after ${JSON.stringify(read)}`);
}

/** The state letter of /proc, or `undefined` where there is no such process, not even a zombie. */
function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** The kernel gives no event for a change of state, so this asks until it has happened; the test's own timeout bounds it. */
async function untilState(pid: number, wanted: (state: string | undefined) => boolean): Promise<void> {
  while (!wanted(stateOf(pid))) await new Promise((resolve) => setTimeout(resolve, 1));
}

afterEach(async () => {
  for (const child of started.splice(0)) {
    child.stdout.resume();
    await child.terminate({ graceMs: 0 });
    expect(stateOf(child.pid)).toBeUndefined(); // never a zombie
  }
});

const GUARDS: readonly DeathGuard[] = ['pdeathsig', 'lifeline', 'none'];

describe.each(GUARDS)('with guard %s', (guard) => {
  test('the pid is the command’s own, in a group of its own', async () => {
    const child = await start('echo $$; exec cat', { guard });
    expect(await until(child.stdout, '\n')).toBe(`${child.pid}\n`);
    const [, , , , group] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ');
    expect(Number(group)).toBe(child.pid);
  });

  test('exit code and stderr are told after the last output, and stdin reaches the child', async () => {
    const child = await start('read -r line; echo "got $line"; echo "not good" >&2; exit 7', { guard, drainMs: 60_000 });
    child.stdin.write('hello\n');
    const output = until(child.stdout, 'got hello\n');
    expect(await child.exited).toMatchObject({
      code: 7,
      signal: undefined,
      requested: undefined,
      stderr: 'not good\n',
      stderrDroppedBytes: 0,
    });
    await output;
    expect(child.signal('SIGTERM')).toBe(false);
    expect(await child.terminate()).toMatchObject({ code: 7 });
  });

  test('arguments are handed over as they are, and sockets are descriptors 3 and on', async () => {
    const odd = ['a b', '$HOME', '"', "'", '', '*', '-n'];
    const child = await start('', {
      guard,
      args: ['-c', 'printf "<%s>" "$@"; cat <&3; cat <&4 >&3', 'sh', ...odd],
      socketCount: 2,
    });
    const [first, second] = child.sockets;
    first?.end('one');
    second?.end('two');
    const echoed = until(first as Readable, 'two');
    expect(await until(child.stdout, 'one')).toBe(`${odd.map((word) => `<${word}>`).join('')}one`);
    await echoed;
    expect(await child.exited).toMatchObject({ code: 0 });
  });

  test('SIGTERM is enough where it is obeyed', async () => {
    const child = await start('echo up; exec sleep 60', { guard });
    await until(child.stdout, 'up');
    expect(await child.terminate()).toMatchObject({ code: undefined, signal: 'SIGTERM', requested: 'SIGTERM' });
  });
});

test('SIGKILL follows where SIGTERM is ignored, and asking twice is asking once', async () => {
  const child = await start('trap "" TERM; echo up; read -r line');
  await until(child.stdout, 'up');
  const first = child.terminate({ graceMs: 30 });
  expect(child.terminate()).toBe(first);
  expect(await first).toMatchObject({ signal: 'SIGKILL', requested: 'SIGKILL' });
});

test('fault/H09 what the command has started is in its group, and ended with it', async () => {
  const child = await start('sleep 60 & echo $!; wait', { drainMs: 20 });
  const left = Number(await until(child.stdout, '\n'));
  expect(stateOf(left)).toMatch(/[RSD]/);
  await child.terminate({ graceMs: 5_000 });
  await untilState(left, (state) => state === undefined || state === 'Z');
});

test('fault/H07 a process that hangs is ended by force: SIGTERM, then SIGKILL', async () => {
  const child = await start('echo up; exec sleep 60');
  await until(child.stdout, 'up');
  child.signal('SIGSTOP');
  await untilState(child.pid, (state) => state === 'T');
  expect(await child.terminate({ graceMs: 20 })).toMatchObject({ signal: 'SIGKILL' });
});

test('fault/H08 a process killed by another’s hand says so', async () => {
  const child = await start('kill -SEGV $$');
  expect(await child.exited).toMatchObject({ signal: 'SIGSEGV', requested: undefined });
});

test('of a long stderr the beginning and the end are kept', async () => {
  const child = await start('echo first >&2; i=0; while [ $i -lt 300 ]; do echo "line $i" >&2; i=$((i+1)); done', {
    stderrHeadBytesMax: 16,
  });
  const { stderr, stderrDroppedBytes } = await child.exited;
  expect(stderr).toMatch(/^first\n.*\[… \d+ octets left out …\].*line 299\n$/s);
  expect(stderr.length).toBeLessThan(16 + 112 + 50);
  expect(stderrDroppedBytes).toBeGreaterThan(1000);
});

test('writing to a child that is gone is no error of ours', async () => {
  const child = await start('exec 3<&- 0<&-; echo closed; exec sleep 60', { socketCount: 1 });
  await until(child.stdout, 'closed');
  const broken = new Promise((resolve) => child.stdin.once('close', resolve));
  child.stdin.write('x');
  child.sockets[0]?.write('x');
  await broken;
  expect(child.hasExited).toBe(false);
});

test('output of something left behind is not waited for beyond drainMs', async () => {
  const child = await start('sleep 60 & echo $!', { drainMs: 20 });
  const left = Number(await until(child.stdout, '\n'));
  expect(await child.exited).toMatchObject({ code: 0 });
  process.kill(left, 'SIGKILL');
});

describe('refusals', () => {
  test('fault/H08 a program that is not there', async () => {
    const outcome = OwnedProcess.start({ command: '/nonexistent/qemu', args: [], guard: 'none' });
    await expect(outcome).rejects.toMatchObject({ code: 'spawn-failed' });
    await expect(outcome).rejects.toBeInstanceOf(ProcessError);
  });

  test('a program that is not there, behind a guard', async () => {
    const child = await OwnedProcess.start({ command: '/nonexistent/qemu', args: [] });
    expect(await child.exited).toMatchObject({ code: 127, stderr: expect.stringContaining('/nonexistent/qemu') });
  });

  test('more sockets than descriptors', async () => {
    await expect(OwnedProcess.start({ command: '/bin/true', args: [], socketCount: 14 })).rejects.toThrow('socketCount is 0..13');
  });
});

describe('fault/H09 when Node is killed', () => {
  /** A Node that starts a guarded command and waits for ever. */
  const PARENT = `
    const { command, args, lifelineFd } = JSON.parse(process.argv[1]);
    const fixed = args.map((arg) => (arg === 'PARENT' ? String(process.pid) : arg));
    const stdio = ['pipe', 'pipe', 'inherit'];
    if (lifelineFd !== undefined) stdio.push('pipe');
    const child = require('node:child_process').spawn(command, fixed, { stdio, detached: true });
    child.stdout.once('data', () => console.log(child.pid));
  `;

  async function killParentOf(guard: DeathGuard): Promise<number> {
    const guarded = guardCommand(guard, { command: '/bin/sh', args: ['-c', 'echo up; exec sleep 60'], fdCount: 3 });
    const args = guarded.args.map((arg) => (arg === String(process.pid) ? 'PARENT' : arg));
    const parent = spawn(process.execPath, ['-e', PARENT, JSON.stringify({ ...guarded, args })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(await until(parent.stdout as Readable, '\n'));
    expect(stateOf(pid)).toMatch(/[SR]/);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    return pid;
  }

  test.each<DeathGuard>(['pdeathsig', 'lifeline'])('the child goes too (%s)', async (guard) => {
    const pid = await killParentOf(guard);
    await untilState(pid, (state) => state === undefined || state === 'Z'); // gone, or dead and waiting for init to notice
  });

  test('without a guard the child stays, so the tests above can fail', async () => {
    const pid = await killParentOf('none');
    await untilState(pid, (state) => state === 'S'); // asleep, in `sleep`
    process.kill(pid, 'SIGKILL');
  });

  test('the child of a parent that died too soon does not even start', async () => {
    const { command, args } = guardCommand('pdeathsig', { command: '/bin/echo', args: ['up'], fdCount: 3 });
    const orphan = spawn(
      command,
      args.map((arg) => (arg === String(process.pid) ? '1' : arg)),
    );
    const [code] = (await once(orphan, 'exit')) as [number];
    expect(code).toBe(125);
  });
});

test('this system has a guard', async () => {
  expect(await detectDeathGuard()).toMatch(/^(pdeathsig|lifeline)$/);
});
