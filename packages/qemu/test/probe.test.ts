import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FIRMWARE_PACKAGES, FIRMWARE_PATHS, probeQemu, QEMU_PACKAGES } from '../src/index.js';
import { parseDeviceNames, parseNames, parseVersion } from '../src/probe.js';
import { writeScript } from './support/fake-qemu.js';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nexus-test-'));
});
afterAll(() => rm(directory, { recursive: true }));

const QEMU = `case "$1 $2" in
  "--version ") echo "QEMU emulator version 7.2.22 (Debian 1:7.2)";;
  "-netdev help") printf 'Available netdev backend types:\\nsocket\\nstream\\n';;
  "-device help") printf 'Network devices:\\nname "virtio-net-device", bus virtio-bus\\nname "virtio-net-pci", bus PCI, alias "virtio-net"\\n';;
  "-machine help") printf 'Supported machines are:\\nnone   empty machine\\nvirt   RISC-V VirtIO board\\n';;
  "-accel help") printf 'Accelerators supported in QEMU binary:\\ntcg\\n';;
esac`;

describe('what QEMU says about itself', () => {
  test('names are the first words; a title is none', () => {
    expect([...parseNames('Available netdev backend types:\nsocket\nl2tpv3\n')]).toEqual(['Available', 'socket', 'l2tpv3']);
    expect([...parseNames('pc-i440fx-7.2        Standard PC (default)\n  indented\n')]).toEqual(['pc-i440fx-7.2']);
  });

  test('devices have aliases', () => {
    const text = 'Network devices:\nname "virtio-net-pci", bus PCI, alias "virtio-net"\nname "e1000", bus PCI, desc "Intel"\n';
    expect([...parseDeviceNames(text)]).toEqual(['virtio-net-pci', 'virtio-net', 'e1000']);
  });

  test.each([
    [
      'QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright',
      { major: 7, minor: 2, micro: 22, text: 'QEMU emulator version 7.2.22 (Debian 1:7.2)' },
    ],
    ['QEMU emulator version 10.0\n', { major: 10, minor: 0, micro: 0, text: 'QEMU emulator version 10.0' }],
    ['echo (GNU coreutils) 9.1', undefined],
    ['', undefined],
  ])('the version in %j', (text, version) => {
    expect(parseVersion(text)).toEqual(version);
  });
});

describe('probing', () => {
  test('everything there: the binary is found on the search path', async () => {
    const binaries = join(directory, 'bin');
    await mkdir(join(binaries, 'qemu-system-riscv64'), { recursive: true }); // a directory of that name is no program
    const sbin = join(directory, 'sbin');
    await mkdir(sbin);
    const script = await writeScript(sbin, QEMU);
    await writeFile(join(sbin, 'fw'), '');
    const result = await probeQemu({
      arch: 'riscv64',
      binary: 'script',
      searchPath: `relative:${binaries}:${sbin}`,
      machine: 'virt',
      netdevs: ['stream', 'socket'],
      devices: ['virtio-net-device', 'virtio-net'],
      firmware: ['opensbi-riscv64'],
      firmwarePaths: { 'opensbi-riscv64': [join(sbin, 'none'), join(sbin, 'fw')] },
    });
    expect(result).toEqual({
      ok: true,
      binary: script,
      version: { major: 7, minor: 2, micro: 22, text: 'QEMU emulator version 7.2.22 (Debian 1:7.2)' },
      firmware: { 'opensbi-riscv64': join(sbin, 'fw') },
    });
  });

  test('no QEMU: the package that brings it is named', async () => {
    expect(await probeQemu({ arch: 'riscv64', searchPath: join(directory, 'nothing') })).toEqual({
      ok: false,
      missing: [
        {
          kind: 'binary',
          name: 'qemu-system-riscv64',
          message: 'qemu-system-riscv64 is not on PATH, or is no program',
          package: 'qemu-system-misc',
        },
      ],
      packages: ['qemu-system-misc'],
    });
  });

  test('all that is missing is told, not only the first', async () => {
    const result = await probeQemu({
      arch: 'riscv64',
      binary: await writeScript(directory, QEMU),
      machine: 'sifive_u',
      netdevs: ['tap', 'stream'],
      devices: ['e1000'],
      kvm: true,
    });
    expect(result).toMatchObject({ ok: false, packages: [] });
    const missing = result.ok ? [] : result.missing.map(({ kind, name }) => `${kind} ${name}`);
    expect(missing).toEqual(expect.arrayContaining(['machine sifive_u', 'netdev tap', 'device e1000', 'kvm kvm']));
  });

  test('a program that is not QEMU', async () => {
    expect(await probeQemu({ arch: 'x86_64', binary: '/bin/echo', machine: 'pc' })).toMatchObject({
      missing: [{ kind: 'version' }],
      packages: ['qemu-system-x86'],
    });
  });

  test('a program that fails, and one that hangs', async () => {
    const failing = await writeScript(directory, 'echo "cannot open shared object" >&2; exit 127');
    expect(await probeQemu({ arch: 'aarch64', binary: failing })).toMatchObject({
      missing: [{ kind: 'answer', message: expect.stringContaining('cannot open shared object') }],
    });
    const hanging = await writeScript(directory, 'exec sleep 60');
    expect(await probeQemu({ arch: 'aarch64', binary: hanging, timeoutMs: 30 })).toMatchObject({ missing: [{ kind: 'answer' }] });
  });
});

test('package names are those of Debian 12, typed by hand', () => {
  expect(QEMU_PACKAGES).toEqual({ riscv64: 'qemu-system-misc', aarch64: 'qemu-system-arm', x86_64: 'qemu-system-x86' });
  expect(FIRMWARE_PACKAGES).toEqual({
    'opensbi-riscv64': 'opensbi',
    'u-boot-riscv64-smode': 'u-boot-qemu',
    'ipxe-virtio': 'ipxe-qemu',
  });
  expect(Object.keys(FIRMWARE_PATHS)).toEqual(Object.keys(FIRMWARE_PACKAGES));
});
