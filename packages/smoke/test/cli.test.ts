import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePcapng } from '@nexus-net/wire';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cli, describeExit, type Environment, EXIT_CODES, readCaptureFile } from '../src/index.js';
import { BOOTS } from './support/scripted-guest.js';

const folders: string[] = [];
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-cli-'));
  folders.push(path);
  return path;
}

async function nexus(
  args: readonly string[],
  environment: Environment = {},
): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await cli({
    arguments: args,
    environment,
    print: (line) => out.push(line),
    printError: (line) => err.push(line),
    guests: { scripted: BOOTS },
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('help', () => {
  test.each([
    [['help']],
    [['--help']],
    [['test-os', '--help']],
    [['inspect', '-h']],
    [['replay', '--help']],
    [['help', 'inspect']],
  ])('%j', async (args) => {
    const { code, out, err } = await nexus(args);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('nexus-net COMMAND');
  });

  test('names every exit code', async () => {
    const { out } = await nexus(['help']);
    for (const { code, meaning } of Object.values(EXIT_CODES))
      expect(out).toMatch(new RegExp(`^ +${code} .*${meaning.slice(0, 20)}`, 'm'));
  });
});

describe('refused with one sentence', () => {
  test.each([
    [['test-os', '--guest', 'constructor'], 2, 'there is no guest ‘constructor’'],
    [['test-os', '--guest', '__proto__'], 2, 'there is no guest'],
    [['test-os', 'now'], 2, 'takes options only'],
    [['inspect'], 2, 'takes one file'],
    [['inspect', 'a', 'b'], 2, 'takes one file'],
    [['inspect', '/nonexistent/x.pcap'], 7, 'ENOENT'],
    [['inspect', '/'], 7, 'EISDIR'],
    [['inspect', '/dev/null'], 7, 'no capture'],
    [['inspect', '--vnet-header', '11', 'x'], 2, '--vnet-header is'],
    [['nonsense'], 2, 'there is no command ‘nonsense’'],
  ])('%j', async (args, code, words) => {
    const result = await nexus(args);
    expect([result.code, result.out]).toEqual([code, '']);
    expect(result.err).toContain(words);
    expect(result.err.split('\n')).toHaveLength(1);
  });

  test('a runs folder that can’t be made, before a line is printed', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const { code, out, err } = await nexus(['test-os', '--guest', 'scripted', '--runs', file]);
    expect([code, out]).toEqual([74, '']);
    expect(err).toMatch(/^nexus-net: the run’s folder can’t be made: .*(EEXIST|ENOTDIR)/);
  });
});

describe('test-os', () => {
  test('--json prints JSON and nothing else', async () => {
    const args = ['test-os', '--guest', 'scripted', '--json', '--runs', folder()];
    const { code, out, err } = await nexus(args, { RUN_PHASE: 'boot' });
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'passed', folder: expect.any(String) });
  });
});

describe('replay beside a verdict of anybody', () => {
  test.each(['null', '[]', '{"facts":{}}', '{"facts":[null,3]}', '{"facts":"yes"}', '{'])(
    '%s is no run to compare with',
    async (text) => {
      const path = folder();
      writeFileSync(join(path, 'wire.pcapng'), encodePcapng({ interfaces: [{ linkType: 1 }], packets: [] }));
      writeFileSync(join(path, 'verdict.json'), text);
      const { code, out } = await nexus(['replay', join(path, 'wire.pcapng')]);
      expect(code).toBe(0);
      expect(out).not.toContain('the facts');
    },
  );

  test('the verdict of the run itself is compared, also from a copy', async () => {
    const [runs, copy] = [folder(), folder()];
    await nexus(['test-os', '--guest', 'scripted', '--runs', runs], { RUN_PHASE: 'boot' });
    const run = join(runs, readdirSync(runs)[0] as string);
    for (const name of ['wire.pcapng', 'verdict.json']) copyFileSync(join(run, name), join(copy, name));
    expect((await nexus(['replay', join(copy, 'wire.pcapng')])).out).toContain('the facts are those of the live run');
  });
});

test('a file without end is refused, not read', async () => {
  const read = readCaptureFile('/dev/zero', { vnetHeader: 'auto', bytesMax: 2 ** 21 });
  await expect(read).rejects.toMatchObject({
    exit: 'unreadable',
    message: expect.stringContaining('longer than 2097152 octets'),
  });
});

test('what a capture says never reaches the terminal as control characters', async () => {
  const path = join(folder(), 'x.pcapng');
  const name = 'eth\x1b[2J\x9b31m';
  const interfaces = [{ linkType: 1, name }];
  writeFileSync(path, encodePcapng({ interfaces, packets: [{ timestampNs: 0n, interfaceId: 0, bytes: new Uint8Array(60) }] }));
  const { out } = await nexus(['inspect', path]);
  expect(out).toContain('eth');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test('the program is the command line, with this process around it', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const { argv, exitCode } = process;
  process.argv = ['node', 'nexus-net', 'help'];
  try {
    await import('../src/bin.js');
    expect(process.exitCode).toBe(0);
    expect(log).toHaveBeenCalledWith(expect.stringContaining('nexus-net COMMAND'));
  } finally {
    Object.assign(process, { argv, exitCode });
    log.mockRestore();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const own = process.listeners(signal).at(-1);
      if (own !== undefined) process.off(signal, own);
    }
  }
});

describe('how QEMU ended, in words', () => {
  const ended = { code: undefined, signal: undefined, stderr: '', shutdown: undefined };
  test.each([
    [{ ...ended, code: 0 }, 'exit code 0'],
    [{ ...ended, signal: 'SIGKILL' as const }, 'signal SIGKILL'],
    [{ ...ended, code: 0, shutdown: { guest: true, reason: 'guest-reset' } }, 'exit code 0, guest-reset'],
    [{ ...ended, code: 1, stderr: 'a\nno room\n' }, 'exit code 1, QEMU said: no room'],
  ])('%j', (exit, words) => {
    expect(describeExit(exit)).toBe(words);
  });
});
