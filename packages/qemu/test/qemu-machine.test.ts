import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseMac, UsageError } from '@nexus-net/sansio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { QemuMachine, type QemuMachineOptions, QmpError } from '../src/index.js';
import { writeFakeQemu, writeScript } from './support/fake-qemu.js';

const MACHINE: QemuMachineOptions['machine'] = { arch: 'riscv64', machine: { type: 'virt' }, memoryMiB: 16, bios: '/none' };
const NIC = { driver: 'virtio-net-device', mac: parseMac('52:54:00:12:34:56') } as const;
let directory = '';
let fake = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nexus-test-'));
  fake = await writeFakeQemu(directory);
});
afterAll(() => rm(directory, { recursive: true }));

/** Collects what a machine says, and lets a test wait for it. */
class Heard {
  readonly lines: string[] = [];
  #wake = (): void => {};

  hear(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  async until(...wanted: readonly string[]): Promise<void> {
    while (!wanted.every((line) => this.lines.includes(line))) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

function make(options: Partial<QemuMachineOptions> = {}): { readonly qemu: QemuMachine; readonly heard: Heard } {
  const heard = new Heard();
  const uart: string[] = [];
  const qemu = new QemuMachine({
    binary: fake,
    machine: MACHINE,
    handlers: {
      frame: (frame, { nic }) => heard.hear(`frame ${nic} ${frame}`),
      uart: (octets, source) => {
        uart[source.uart] = `${uart[source.uart] ?? ''}${new TextDecoder().decode(octets)}`;
        heard.hear(`uart ${source.uart} ${uart[source.uart]}`);
      },
      linkEnded: ({ nic, reason }) => heard.hear(`link ${nic} ${reason}`),
      qmp: ({ name }) => heard.hear(`qmp ${name}`),
    },
    ...options,
  });
  return { qemu, heard };
}

test('frames, UARTs and QMP go both ways, over inherited descriptors and a unix path', async () => {
  const { qemu, heard } = make({ nics: [NIC, { ...NIC, wire: 'unix' }, { ...NIC, wire: 'user' }], uartCount: 2 });
  expect(qemu.sendFrame(new Uint8Array([9]), { nic: 1 })).toBe('queued'); // waits for the cable
  expect(await qemu.start()).toEqual({ major: 9, minor: 1, micro: 2, package: 'fake' });
  qemu.sendFrame(new Uint8Array([1, 2, 3]));
  qemu.writeUart('hello');
  qemu.writeUart(new Uint8Array([0x32]), { uart: 1 });
  await heard.until('frame 0 117,112', 'frame 0 1,2,3', 'frame 1 117,112', 'frame 1 9', 'uart 0 hello', 'uart 1 2');
  expect(await qemu.qmp.execute('echo', { a: 1 })).toEqual({ a: 1 });
  await qemu.setLink({ nic: 1, up: false });
  const refused = qemu.qmp.execute('no-such');
  await expect(refused).rejects.toMatchObject({ code: 'refused', class: 'CommandNotFound' });
  await expect(refused).rejects.toBeInstanceOf(QmpError);
  const { directory: temporary } = qemu;
  expect(existsSync(join(temporary, 'net1.sock'))).toBe(false); // one connection was expected, and came
  expect(await qemu.quit()).toMatchObject({ code: 0, requested: undefined, shutdown: { guest: false, reason: 'host-qmp-quit' } });
  expect(heard.lines).toEqual(expect.arrayContaining(['qmp SHUTDOWN', 'link 0 closed', 'link 1 closed']));
  expect(qemu.inspectLink({ nic: 1 })).toMatchObject({ state: 'ended', framesIn: 2, framesOut: 1, rejects: {} });
  // All of it is gone, and saying so is not an error.
  expect(existsSync(temporary)).toBe(false);
  expect(qemu.writeUart('x')).toBe(false);
  expect(qemu.sendFrame(new Uint8Array([1]))).toBe('link-ended');
  await expect(qemu.qmp.execute('echo')).rejects.toMatchObject({ code: 'ended' });
  expect(await qemu.quit()).toMatchObject({ code: 0 });
  expect(await qemu.kill()).toMatchObject({ code: 0 });
});

test('QEMU runs in the directory of its run, and paths relative to ours still hold', async () => {
  const { qemu } = make({
    binary: relative(process.cwd(), await writeScript(directory, 'pwd >&2; exit 3')),
    machine: { ...MACHINE, bios: 'default', kernel: 'some/kernel' },
    directory: relative(process.cwd(), directory),
    nics: [{ ...NIC, dump: 'wire.pcap' }],
  });
  await expect(qemu.start()).rejects.toMatchObject({ exit: { code: 3, stderr: `${await realpath(directory)}\n` } });
  expect(qemu.argv).toEqual(expect.arrayContaining(['default', join(process.cwd(), 'some/kernel')]));
  expect(qemu.argv.at(0)).toBe(join(directory, 'script'));
  expect(qemu.argv.join()).toContain(`file=${join(directory, 'wire.pcap')}`);
});

test('a QEMU that does not obey is killed', async () => {
  const { qemu } = make({ machine: { ...MACHINE, cpu: 'stubborn' }, directory });
  await qemu.start();
  expect(qemu.argv[0]).toBe(fake);
  const unanswered = expect(qemu.qmp.execute('quit', undefined, { timeoutMs: 5 })).rejects.toMatchObject({ code: 'timeout' });
  expect(await qemu.quit({ graceMs: 20 })).toMatchObject({ signal: 'SIGKILL', requested: 'SIGKILL', shutdown: undefined });
  await unanswered;
  expect(existsSync(directory)).toBe(true);
});

describe('a start that fails leaves nothing behind', () => {
  test('QEMU refuses its arguments', async () => {
    const { qemu } = make({
      binary: await writeScript(directory, 'echo "no such machine" >&2; exit 1'),
      nics: [{ ...NIC, wire: 'unix' }],
    });
    await expect(qemu.start()).rejects.toMatchObject({ code: 'exited-early', exit: { code: 1, stderr: 'no such machine\n' } });
    expect(existsSync(qemu.directory)).toBe(false);
    expect(() => qemu.pid).toThrow(UsageError);
    await expect(qemu.start()).rejects.toThrow('started once');
  });

  test('QEMU says nothing', async () => {
    const { qemu } = make({ binary: await writeScript(directory, 'exec sleep 60'), startTimeoutMs: 20 });
    await expect(qemu.start()).rejects.toMatchObject({ code: 'start-timeout', exit: { signal: 'SIGKILL' } });
  });

  test('the machine cannot be', async () => {
    const { qemu } = make({ machine: { ...MACHINE, append: 'x' } });
    await expect(qemu.start()).rejects.toMatchObject({ code: 'append-without-kernel' });
    expect(existsSync(qemu.directory)).toBe(false);
  });

  test('the run directory is not there', async () => {
    const { qemu } = make({ directory: join(directory, 'none'), nics: [{ ...NIC, wire: 'unix' }] });
    await expect(qemu.start()).rejects.toMatchObject({ code: 'spawn-failed' });
  });

  test('too many channels', async () => {
    const { qemu } = make({ nics: Array.from({ length: 13 }, () => NIC) });
    await expect(qemu.start()).rejects.toThrow('socketCount is 0..13');
  });
});

test('input that the guest does not take is refused at the limit', async () => {
  const { qemu } = make({ uartInputBytesMax: 4, uartCount: 1 });
  expect(() => qemu.writeUart('x')).toThrow(UsageError);
  await qemu.start();
  expect(qemu.writeUart('12345')).toBe(false);
  expect(qemu.writeUart('1234')).toBe(true);
  expect(() => qemu.writeUart('x', { uart: 1 })).toThrow(UsageError);
  expect(() => qemu.sendFrame(new Uint8Array(1))).toThrow(UsageError);
  await qemu.kill({ graceMs: 0 });
});

test.each<Partial<QemuMachineOptions>>([{ uartCount: -1 }, { uartInputBytesMax: 0 }])('the options %o are refused', (options) => {
  expect(() => make(options)).toThrow(UsageError);
});
