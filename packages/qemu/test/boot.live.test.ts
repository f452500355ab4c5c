import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseMac, readU16, readU32 } from '@nexus-net/sansio';
import { build } from 'tsup';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type NicConfig, type ProbeResult, probeQemu, QemuMachine, type QemuMachineOptions } from '../src/index.js';

const MAC = parseMac('52:54:00:12:34:56');
const NIC: NicConfig = { driver: 'virtio-net-device', mac: MAC };
type Firmware = 'opensbi-riscv64' | 'u-boot-riscv64-smode';
let probe: ProbeResult<Firmware>;
let directory = '';
const booted: Guest[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nexus live,')); // a blank and a comma in every path
  probe = await probeQemu({
    arch: 'riscv64',
    machine: 'virt',
    netdevs: ['stream', 'user'],
    devices: ['virtio-net-device', 'virtio-net-pci'],
    firmware: ['opensbi-riscv64', 'u-boot-riscv64-smode'],
  });
  if (!probe.ok) console.warn(missing(probe));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

beforeEach((context) => {
  if (probe.ok) return;
  if (!process.env['CI']) context.skip(missing(probe));
  throw new Error(missing(probe));
});
afterEach(async () => {
  for (const { qemu } of booted.splice(0)) {
    await qemu.kill({ graceMs: 0 });
    expect(existsSync(`/proc/${qemu.pid}`)).toBe(false);
  }
});

function missing({ missing: items, packages }: Extract<ProbeResult, { ok: false }>): string {
  return `${items.map(({ message }) => message).join('; ')}; apt-get install ${packages.join(' ')}`;
}

/** U-Boot with its console in one text and its frames in a list; a test waits for what it wants to see. */
class Guest {
  readonly qemu: QemuMachine;
  readonly frames: Uint8Array[] = [];
  readonly notices: string[] = [];
  console = '';
  #wake = (): void => undefined;

  constructor(options: Partial<QemuMachineOptions> = {}) {
    if (!probe.ok) throw new Error('probed before');
    this.qemu = new QemuMachine({
      binary: probe.binary,
      machine: {
        arch: 'riscv64',
        machine: { type: 'virt' },
        memoryMiB: 128,
        bios: probe.firmware['opensbi-riscv64'],
        kernel: probe.firmware['u-boot-riscv64-smode'],
      },
      nics: [NIC],
      handlers: {
        frame: (frame) => this.#hear(() => this.frames.push(frame)),
        uart: (octets) => this.#hear(() => (this.console += new TextDecoder().decode(octets))),
        qmp: ({ name }) => this.#hear(() => this.notices.push(name)),
      },
      ...options,
    });
  }

  static async boot(options?: Partial<QemuMachineOptions>): Promise<Guest> {
    const guest = new Guest(options);
    await guest.qemu.start();
    booted.push(guest);
    await guest.sees('Hit any key to stop autoboot');
    guest.qemu.writeUart('\r');
    await guest.sees('=> ');
    return guest;
  }

  async sees(text: string): Promise<void> {
    await this.until(() => this.console.includes(text), `${JSON.stringify(text)} on the console`);
  }

  async gets(length: number): Promise<Uint8Array> {
    let found: Uint8Array | undefined;
    await this.until(() => (found = this.frames.find((frame) => frame.length === length)) !== undefined, `a frame of ${length}`);
    return found as unknown as Uint8Array;
  }

  async until(seen: () => boolean, what: string): Promise<void> {
    const late = AbortSignal.timeout(30_000);
    late.addEventListener('abort', () => this.#wake());
    while (!seen()) {
      if (late.aborted) throw new Error(`no ${what}; console: ${this.console}`);
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  #hear(note: () => void): void {
    note();
    this.#wake();
  }
}

/** Ethernet broadcast, IPv4, UDP 68 → 67, 0.0.0.0 → 255.255.255.255, BOOTREQUEST, magic cookie, message type DISCOVER. */
function isDiscover(frame: Uint8Array): boolean {
  const ip = 14;
  const udp = ip + 20;
  const bootp = udp + 8;
  return (
    readU16(frame, 12) === 0x0800 &&
    readU32(frame, ip + 12) === 0 &&
    readU32(frame, ip + 16) === 0xffffffff &&
    readU16(frame, udp) === 68 &&
    readU16(frame, udp + 2) === 67 &&
    frame[bootp] === 1 &&
    readU32(frame, bootp + 236) === 0x63825363 &&
    [53, 1, 1].every((octet, i) => frame[bootp + 240 + i] === octet)
  );
}

describe('U-Boot', () => {
  test.each(['socketpair', 'unix'] as const)(
    'its DISCOVER of 342 octets arrives over a %s, and is in the dump too',
    async (wire) => {
      const run = join(directory, wire);
      await mkdir(run);
      const guest = await Guest.boot({ nics: [{ ...NIC, wire, dump: 'wire.pcap' }], directory: run });
      expect(guest.qemu.writeUart('dhcp\r')).toBe(true);
      const frame = await guest.gets(342);
      expect(isDiscover(frame)).toBe(true);
      expect(guest.notices).toContain('NETDEV_STREAM_CONNECTED');
      expect(await guest.qemu.qmp.execute('query-status')).toMatchObject({ status: 'running', running: true });
      const exit = await guest.qemu.quit();
      expect(exit).toMatchObject({
        code: 0,
        stderr: '',
        requested: undefined,
        shutdown: { guest: false, reason: 'host-qmp-quit' },
      });
      const dump = await readFile(join(run, 'wire.pcap'));
      expect(dump.subarray(24 + 16, 24 + 16 + 342).equals(frame)).toBe(true); // no virtio-net header before it
      expect(guest.qemu.inspectLink()).toMatchObject({ reason: 'closed', rejects: {} });
    },
  );

  test('the same over virtio-net-pci', async () => {
    const guest = await Guest.boot({ nics: [{ ...NIC, driver: 'virtio-net-pci', properties: { romfile: '' } }] });
    guest.qemu.writeUart('pci enum; virtio scan; dhcp\r'); // it looks at the PCI bus only when told
    expect(isDiscover(await guest.gets(342))).toBe(true);
  });

  test('frames reach it: an answer to its ARP request makes its ping go out', async () => {
    const guest = await Guest.boot();
    guest.qemu.writeUart('setenv ipaddr 10.0.2.15; setenv netmask 255.255.255.0; ping 10.0.2.2\r');
    await guest.until(() => guest.frames.some((frame) => readU16(frame, 12) === 0x0806), 'ARP request');
    const request = guest.frames.find((frame) => readU16(frame, 12) === 0x0806) as Uint8Array;
    const reply = new Uint8Array(42);
    const gateway = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x02];
    reply.set([...request.subarray(6, 12), ...gateway, ...request.subarray(12, 20), 0, 2]);
    reply.set([...gateway, ...request.subarray(38, 42), ...request.subarray(22, 32)], 22);
    expect(guest.qemu.sendFrame(reply)).toBe('queued');
    await guest.until(() => guest.frames.some((frame) => readU16(frame, 12) === 0x0800 && frame[23] === 1), 'ICMP echo');
  });

  test('its end is told: exit code 0 in any case, the reason in QMP where QEMU gives one', async () => {
    const reset = await Guest.boot();
    reset.qemu.writeUart('reset\r');
    expect(await reset.qemu.exited).toMatchObject({
      code: 0,
      requested: undefined,
      shutdown: { guest: true, reason: 'guest-reset' },
    });
    const off = await Guest.boot();
    off.qemu.writeUart('poweroff\r');
    const exit = await off.qemu.exited;
    expect(exit).toMatchObject({ code: 0, requested: undefined });
    // QEMU before 9 leaves at once when a riscv `virt` guest powers off, without a word on QMP.
    expect([undefined, 'guest-shutdown']).toContain(exit.shutdown?.reason);
  });

  test('fault/H12 many at once share nothing', async () => {
    const guests = await Promise.all([Guest.boot(), Guest.boot(), Guest.boot()]);
    for (const { qemu } of guests) qemu.writeUart('dhcp\r');
    const frames = await Promise.all(guests.map((guest) => guest.gets(342)));
    expect(frames.every(isDiscover)).toBe(true);
    expect(new Set(guests.map(({ qemu }) => qemu.directory)).size).toBe(3);
  });

  test('an absurd length from us makes QEMU drop the link, and we say closed', async () => {
    const guest = await Guest.boot({
      nics: [{ ...NIC, limits: { frameBytesMax: 100_000, transmitBytesMax: 200_000, receiveBytesMax: 200_000 } }],
    });
    guest.qemu.sendFrame(new Uint8Array(90_000));
    await guest.until(() => guest.notices.includes('NETDEV_STREAM_DISCONNECTED'), 'disconnection');
    expect(await guest.qemu.qmp.execute('query-status')).toMatchObject({ running: true });
    expect(guest.qemu.inspectLink().state).toBe('ended');
  });
});

describe('the process', () => {
  test('SIGTERM ends it, and is told apart from an end of its own', async () => {
    const guest = await Guest.boot();
    const exit = await guest.qemu.kill();
    expect(exit).toMatchObject({ code: 0, signal: undefined, requested: 'SIGTERM', shutdown: { reason: 'host-signal' } });
  });

  test('one that is stopped is ended by SIGKILL', async () => {
    const guest = await Guest.boot();
    process.kill(guest.qemu.pid, 'SIGSTOP');
    expect(await guest.qemu.kill({ graceMs: 100 })).toMatchObject({ signal: 'SIGKILL', requested: 'SIGKILL' });
  });

  test('refused arguments are told in QEMU’s own words', async () => {
    const guest = new Guest({ nics: [{ ...NIC, driver: 'no-such-card' }] });
    await expect(guest.qemu.start()).rejects.toMatchObject({
      code: 'exited-early',
      exit: { code: 1, stderr: expect.stringContaining('no-such-card') },
    });
  });
});

describe('fault/H09 when Node is killed', () => {
  test.each(['pdeathsig', 'lifeline'] as const)('QEMU goes too (%s)', async (guard) => {
    const bundle = await bundleParent(guard);
    const parent: ChildProcess = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((found) => parent.stdout?.once('data', (text) => found(Number(text))));
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^[^\0]*qemu-system-riscv64\0/);
    parent.kill('SIGKILL');
    while (existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(statusOf(pid))) await new Promise((wake) => setTimeout(wake, 5));
  });
});

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return 'State: Z'; // gone between two looks
  }
}

/** A program of its own that starts QEMU with this package and then only waits. */
async function bundleParent(guard: string): Promise<string> {
  if (!probe.ok) throw new Error('probed before');
  const source = join(directory, `${guard}.ts`);
  await writeFile(
    source,
    `import { QemuMachine } from ${JSON.stringify(resolve(import.meta.dirname, '../src/index.ts'))};
    const qemu = new QemuMachine({
      binary: ${JSON.stringify(probe.binary)},
      machine: { arch: 'riscv64', machine: { type: 'virt' }, memoryMiB: 64, bios: ${JSON.stringify(probe.firmware['opensbi-riscv64'])} },
      guard: ${JSON.stringify(guard)},
      directory: ${JSON.stringify(directory)},
    });
    qemu.start().then(() => console.log(qemu.pid));
    setInterval(() => {}, 1000);`,
  );
  await build({
    entry: [source],
    outDir: directory,
    format: 'esm',
    platform: 'node',
    outExtension: () => ({ js: '.mjs' }),
    config: false,
    clean: false,
    silent: true,
    noExternal: [/^@nexus-net\//],
    esbuildOptions: (options) => {
      options.conditions = ['@nexus-net/source'];
    },
  });
  return join(directory, `${guard}.mjs`);
}
