import { parseMac, UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import {
  type ArgumentErrorCode,
  buildArguments,
  commaList,
  type PropertyValue,
  QemuArgumentError,
  type QemuConfig,
} from '../src/index.js';

const MAC = parseMac('52:54:00:12:34:56');
const BASE: QemuConfig = { arch: 'riscv64', machine: { type: 'virt' }, memoryMiB: 128, bios: '/fw.elf', kernel: '/u boot,1.elf' };
const WIRED: QemuConfig = {
  ...BASE,
  netdevs: [{ type: 'stream-fd', id: 'net0', fd: 3 }],
  devices: [{ driver: 'virtio-net-device', id: 'nic0', netdev: 'net0', mac: MAC }],
};

const MIRROR = { type: 'filter-mirror', id: 'both0', netdev: 'net0', queue: 'all', fd: 5 } as const;

describe('a machine becomes arguments', () => {
  test('a guest on a socket pair', () => {
    expect(
      buildArguments({ ...WIRED, serials: [{ type: 'stdio' }], qmp: { type: 'fd', fd: 4 } }).join('\n'),
    ).toMatchInlineSnapshot(`
      "-nodefaults
      -no-user-config
      -display
      none
      -machine
      virt
      -accel
      tcg
      -m
      128M
      -bios
      /fw.elf
      -kernel
      /u boot,1.elf
      -no-reboot
      -chardev
      stdio,id=uart0,signal=off
      -serial
      chardev:uart0
      -netdev
      stream,id=net0,server=off,addr.type=fd,addr.str=3
      -device
      virtio-net-device,id=nic0,netdev=net0,mac=52:54:00:12:34:56
      -chardev
      socket,id=qmp,fd=4
      -mon
      chardev=qmp,mode=control"
    `);
  });

  test('disks, defaults of devices, and texts for the guest', () => {
    const args = buildArguments({
      ...BASE,
      drives: [
        { id: 'disk', file: '/a,b.img', format: 'raw', isSnapshot: true },
        { id: 'own', file: '/run/own.img', format: 'qcow2' },
      ],
      globals: { 'virtio-mmio.force-legacy': false, 'virtio-net-device.mtu': 1400 },
      firmwareTexts: { 'opt/org.example/mode': 'a,b' },
    });
    const after = (option: string): readonly string[] => args.filter((_, i) => args[i - 1] === option);
    expect(after('-drive')).toEqual([
      'if=none,id=disk,format=raw,file=/a,,b.img,snapshot=on',
      'if=none,id=own,format=qcow2,file=/run/own.img',
    ]);
    expect(after('-global')).toEqual(['virtio-mmio.force-legacy=off', 'virtio-net-device.mtu=1400']);
    expect(after('-fw_cfg')).toEqual(['name=opt/org.example/mode,string=a,,b']);
  });

  test.each<[string, Partial<QemuConfig>]>([
    ['a disk of an unknown format', { drives: [{ id: 'd', file: '/d', format: 'vdi' as 'raw' }] }],
    ['a disk without a file', { drives: [{ id: 'd', file: '', format: 'raw' }] }],
    ['a default of no device', { globals: { legacy: true } }],
    ['a text outside of opt/', { firmwareTexts: { 'etc/x': 'y' } }],
    ['a text whose name would be another option', { firmwareTexts: { 'opt/x,file=/etc/passwd': 'y' } }],
  ])('refuses %s', (_what, wrong) => {
    expect(() => buildArguments({ ...BASE, ...wrong })).toThrow(/^bad-value: /);
  });

  test('all the rest', () => {
    const args = buildArguments({
      arch: 'x86_64',
      machine: { type: 'pc', options: { acpi: false, usb: false } },
      accelerator: { type: 'tcg', thread: 'single' },
      cpu: 'max,-avx',
      smp: 2,
      memoryMiB: 256,
      kernel: '/vmlinux',
      initrd: '/initrd',
      append: 'console=ttyS0 a="b c", d',
      icount: { shift: 3, sleep: true, align: false },
      serials: [
        { type: 'file', path: '/run/a,b.log' },
        { type: 'null' },
        { type: 'unix', path: '/run/uart' },
        { type: 'fd', fd: 7 },
      ],
      netdevs: [
        { type: 'stream-unix', id: 'n0', path: '/run/net0,sock' },
        { type: 'user', id: 'n1', properties: { net: '10.9.0.0/24' } },
      ],
      devices: [
        { driver: 'virtio-net-pci', netdev: 'n0', properties: { romfile: '' } },
        { driver: 'virtio-net-pci', netdev: 'n1' },
        { driver: 'virtio-rng-pci' },
      ],
      objects: [
        { type: 'filter-dump', id: 'd0', netdev: 'n0', file: '/run/d,0.pcap', maxlen: 96 },
        { type: 'other', qomType: 'rng-random', id: 'r0', properties: { filename: '/dev/urandom' } },
      ],
      monitor: { type: 'unix', path: '/run/monitor' },
      onReboot: 'reset',
      startPaused: true,
      gdb: 'tcp::1234',
    });
    expect(args.slice(4).join('\n')).toMatchInlineSnapshot(`
      "-machine
      pc,acpi=off,usb=off
      -accel
      tcg,thread=single
      -m
      256M
      -cpu
      max,-avx
      -smp
      2
      -icount
      shift=3,sleep=on,align=off
      -kernel
      /vmlinux
      -initrd
      /initrd
      -append
      console=ttyS0 a="b c", d
      -S
      -gdb
      tcp::1234
      -chardev
      file,id=uart0,path=/run/a,,b.log
      -serial
      chardev:uart0
      -chardev
      null,id=uart1
      -serial
      chardev:uart1
      -chardev
      socket,id=uart2,path=/run/uart,server=off
      -serial
      chardev:uart2
      -chardev
      socket,id=uart3,fd=7
      -serial
      chardev:uart3
      -netdev
      stream,id=n0,server=off,addr.type=unix,addr.path=/run/net0,,sock
      -netdev
      user,id=n1,net=10.9.0.0/24
      -device
      virtio-net-pci,netdev=n0,romfile=
      -device
      virtio-net-pci,netdev=n1
      -device
      virtio-rng-pci
      -object
      filter-dump,id=d0,netdev=n0,file=/run/d,,0.pcap,maxlen=96
      -object
      rng-random,id=r0,filename=/dev/urandom
      -chardev
      socket,id=monitor,path=/run/monitor,server=off
      -mon
      chardev=monitor,mode=readline"
    `);
  });

  test('KVM only where it is asked for', () => {
    expect(buildArguments(BASE)).toContain('tcg');
    expect(buildArguments({ ...BASE, accelerator: { type: 'kvm' } })).toContain('kvm');
  });
});

describe('a machine that cannot be is refused', () => {
  const anyhow = (value: unknown): never => value as never;
  const cases: readonly (readonly [ArgumentErrorCode, string, QemuConfig])[] = [
    ['bad-value', 'no memory', { ...BASE, memoryMiB: 0 }],
    ['bad-value', 'half a processor', { ...BASE, smp: 0.5 }],
    ['bad-value', 'an unknown architecture', { ...BASE, arch: anyhow('m68k') }],
    ['bad-value', 'an unknown accelerator', { ...BASE, accelerator: { type: anyhow('hax') } }],
    ['bad-value', 'an unknown channel', { ...BASE, qmp: { type: anyhow('telnet') } }],
    ['bad-value', 'an unknown netdev', { ...WIRED, netdevs: [{ type: anyhow('vde'), id: 'net0' }] }],
    ['bad-value', 'an interface that is an option', { ...WIRED, netdevs: [{ type: 'tap', id: 'net0', interface: 'a,b=c' }] }],
    ['bad-value', 'a queue that there is not', { ...WIRED, objects: [{ ...MIRROR, queue: anyhow('both') }] }],
    ['bad-value', 'an unknown object', { ...BASE, objects: [anyhow({ type: 'x', id: 'o' })] }],
    ['bad-value', 'an unknown way to reboot', { ...BASE, onReboot: anyhow('never') }],
    ['bad-value', 'a machine with options in its name', { ...BASE, machine: { type: 'virt,aclint=on' } }],
    ['bad-value', 'a device that is an option', { ...BASE, devices: [{ driver: '-S' }] }],
    ['bad-value', 'a property that is two', { ...BASE, machine: { type: 'virt', options: { 'a=1,b': 2 } } }],
    ['bad-value', 'a property that is no value', { ...BASE, machine: { type: 'virt', options: { a: anyhow({}) } } }],
    ['bad-value', 'a property without end', { ...BASE, machine: { type: 'virt', options: { a: Number.NaN } } }],
    ['bad-value', 'an empty path', { ...BASE, bios: '' }],
    ['bad-value', 'a path with NUL', { ...BASE, kernel: '/a\0b' }],
    ['bad-value', 'an id with a blank', { ...BASE, devices: [{ driver: 'x', id: 'a b' }] }],
    ['bad-value', 'descriptor 0', { ...BASE, qmp: { type: 'fd', fd: 0 } }],
    ['bad-value', 'shift 11', { ...BASE, icount: { shift: 11 } }],
    [
      'bad-value',
      'a dump of nothing',
      { ...WIRED, objects: [{ type: 'filter-dump', id: 'd', netdev: 'net0', file: 'd', maxlen: 0 }] },
    ],
    ['unknown-key', 'a key of the machine', anyhow({ ...BASE, memory: '1G' })],
    ['unknown-key', 'a key of a device', { ...BASE, devices: [anyhow({ driver: 'x', bus: 'y' })] }],
    ['unknown-key', 'a key of icount', { ...BASE, icount: anyhow({ shift: 1, rr: 'record' }) }],
    ['duplicate-id', 'a device named as a netdev', { ...WIRED, devices: [{ driver: 'x', id: 'net0', netdev: 'net0' }] }],
    ['duplicate-fd', 'a mirror at the descriptor of a cable', { ...WIRED, objects: [{ ...MIRROR, fd: 3 }] }],
    ['unknown-netdev', 'a mirror of nothing there', { ...WIRED, objects: [{ ...MIRROR, netdev: 'n' }] }],
    ['duplicate-fd', 'one descriptor for two', { ...WIRED, qmp: { type: 'fd', fd: 3 } }],
    ['duplicate-stdio', 'one stdio for two', { ...BASE, serials: [{ type: 'stdio' }], qmp: { type: 'stdio' } }],
    ['duplicate-property', 'the mac twice', { ...WIRED, devices: [{ driver: 'x', netdev: 'net0', properties: { mac: '' } }] }],
    ['unknown-netdev', 'a card plugged into nothing', { ...BASE, devices: [{ driver: 'x', netdev: 'n' }] }],
    [
      'unknown-netdev',
      'a dump of nothing there',
      { ...BASE, objects: [{ type: 'filter-dump', id: 'd', netdev: 'n', file: 'd' }] },
    ],
    [
      'shared-netdev',
      'two cards on one cable',
      {
        ...WIRED,
        devices: [
          { driver: 'x', netdev: 'net0' },
          { driver: 'y', netdev: 'net0' },
        ],
      },
    ],
    ['unused-netdev', 'a cable without a card', { ...WIRED, devices: [] }],
    ['append-without-kernel', 'words for no kernel', { arch: 'x86_64', machine: { type: 'pc' }, memoryMiB: 1, append: 'quiet' }],
    ['initrd-without-kernel', 'a disk for no kernel', { arch: 'x86_64', machine: { type: 'pc' }, memoryMiB: 1, initrd: '/i' }],
    ['nothing-to-boot', 'nothing', { arch: 'x86_64', machine: { type: 'pc' }, memoryMiB: 1 }],
    ['kvm-with-icount', 'counted KVM', { ...BASE, accelerator: { type: 'kvm' }, icount: { shift: 3 } }],
    ['icount-with-threads', 'counted threads', { ...BASE, accelerator: { type: 'tcg', thread: 'multi' }, icount: { shift: 3 } }],
    ['icount-without-sleep-on-a-wire', 'a guest that does not wait', { ...WIRED, icount: { shift: 3, sleep: false } }],
    ['path-too-long', 'a long socket path', { ...BASE, qmp: { type: 'unix', path: `/${'é'.repeat(54)}` } }],
  ];

  test.each(cases)('%s: %s', (code, _what, config) => {
    expect(() => buildArguments(config)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('with a typed error that is the caller’s', () => {
    expect(() => buildArguments({ ...BASE, smp: 0 })).toThrow(QemuArgumentError);
    expect(() => buildArguments({ ...BASE, smp: 0 })).toThrow(UsageError);
  });

  test('a TAP device, watched: mirrors and the injector have channels of their own, in the order in which they are given', () => {
    const args = buildArguments({
      ...WIRED,
      netdevs: [{ type: 'tap', id: 'net0', interface: 'tap0' }],
      objects: [MIRROR, { type: 'filter-inject', id: 'inject0', netdev: 'net0', fd: 6 }],
    });
    expect(args).toContain('tap,id=net0,ifname=tap0,script=no,downscript=no,vnet_hdr=off');
    expect(args.slice(args.indexOf('socket,id=both0-wire,fd=5') - 1)).toEqual([
      '-chardev',
      'socket,id=both0-wire,fd=5',
      '-object',
      'filter-mirror,id=both0,netdev=net0,queue=all,outdev=both0-wire',
      '-chardev',
      'socket,id=inject0-wire,fd=6',
      '-object',
      'filter-redirector,id=inject0,netdev=net0,queue=tx,indev=inject0-wire',
    ]);
  });

  test.each<[string, Partial<QemuConfig>]>([
    ['a TAP device', { netdevs: [{ type: 'tap', id: 'net0', interface: 'tap0' }] }],
    ['a port that is forwarded', { netdevs: [{ type: 'user', id: 'net0', properties: { hostfwd: 'tcp::1-:2' } }] }],
    [
      'a station beside QEMU’s own network',
      { netdevs: [{ type: 'user', id: 'net0' }], objects: [{ type: 'filter-inject', id: 'i', netdev: 'net0', fd: 5 }] },
    ],
  ])('icount that does not sleep is refused with %s: it is outside guest time', (_what, config) => {
    expect(() => buildArguments({ ...WIRED, ...config, icount: { shift: 1, sleep: false } })).toThrow(
      expect.objectContaining({ code: 'icount-without-sleep-on-a-wire' }) as Error,
    );
  });

  test('icount that sleeps may have a wire, and one that does not may have QEMU’s own network', () => {
    expect(buildArguments({ ...WIRED, icount: { shift: 'auto' } })).toContain('shift=auto');
    const user = { ...WIRED, netdevs: [{ type: 'user', id: 'net0' }] as const, icount: { shift: 1, sleep: false } };
    expect(buildArguments(user)).toContain('shift=1,sleep=off');
  });
});

/** How QEMU reads `type,key=value,…` (its documentation of commas in option values). */
function readCommaList(text: string): { readonly first: string; readonly properties: Record<string, string> } {
  const parts = text.replaceAll(',,', '\0').split(',');
  const [first = '', ...rest] = parts.map((part) => part.replaceAll('\0', ','));
  const pairs = rest.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]);
  return { first, properties: Object.fromEntries(pairs) as Record<string, string> };
}

const value: fc.Arbitrary<PropertyValue> = fc.oneof(
  fc.string({ unit: fc.constantFrom(',', '=', 'a', ' ') }),
  fc.integer(),
  fc.boolean(),
);

property('QEMU reads the values that were meant', {
  law: (write: typeof commaList) =>
    fc.property(
      fc.string({ minLength: 1, unit: fc.constantFrom('a', ',') }),
      fc.dictionary(fc.constantFrom('a', 'b.c', 'd-e'), value),
      (first, properties) => {
        // A value is ambiguous to QEMU itself only where an odd comma stands at the seam; ours never do, being doubled.
        const read = readCommaList(write(first, properties));
        const meant = Object.entries(properties).map(([key, v]) => [
          key,
          typeof v === 'boolean' ? (v ? 'on' : 'off') : String(v),
        ]);
        return read.first === first && JSON.stringify(read.properties) === JSON.stringify(Object.fromEntries(meant));
      },
    ),
  real: commaList,
  planted: {
    'commas as they are': (first, properties = {}) =>
      [first, ...Object.entries(properties).map(([k, v]) => `${k}=${v === true ? 'on' : v === false ? 'off' : v}`)].join(','),
    'commas escaped with a backslash': (first, properties) => commaList(first, properties).replaceAll(',,', '\\,'),
    'true and false': (first, properties) => commaList(first, properties).replaceAll('=on', '=true'),
  },
});
