import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { probeQemu, QemuMachine } from '@nexus-net/qemu';
import { parseMac, toHex } from '@nexus-net/sansio';
import { afterEach, beforeEach, expect, type TestContext, test } from 'vitest';
import { buildNexusImage, type CrossVmConfig, type CrossVmNodeName, nexusProgram, PackageError } from '../src/index.js';
import { LAST_LINE } from './support/two-machines.js';

/** What is missing is named: skipped here, an error in CI. */
function demand(context: TestContext, missing: string | undefined): void {
  if (missing === undefined) return;
  if (!process.env['CI']) context.skip(missing);
  throw new Error(missing);
}

let directory: string;
let running: Guest[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nexus-two-machines-'));
});

afterEach(async () => {
  await Promise.all(running.map((guest) => guest.kill()));
  running = [];
  await rm(directory, { recursive: true, force: true });
});

/** One guest in QEMU. The frames of its first card go to the other guest that runs. */
class Guest {
  readonly node: CrossVmNodeName;
  lines: string[] = [];
  readonly #qemu: QemuMachine;
  #text = '';
  #typed: string | undefined;
  #heard: () => void = () => {};

  private constructor(node: CrossVmNodeName, options: { readonly qemu: (guest: Guest) => QemuMachine; readonly typed: string }) {
    this.node = node;
    this.#typed = options.typed;
    this.#qemu = options.qemu(this);
  }

  static async boot(
    context: TestContext,
    node: CrossVmNodeName,
    { dialect = 'bus', disk }: { readonly dialect?: CrossVmConfig['dialect']; readonly disk?: string } = {},
  ): Promise<Guest> {
    const probe = await probeQemu({
      arch: 'x86_64',
      machine: 'pc',
      netdevs: ['stream'],
      devices: ['virtio-net-pci', 'virtio-blk-pci'],
    });
    if (!probe.ok) demand(context, probe.missing.map(({ message }) => message).join('; '));
    if (!existsSync(nexusProgram())) demand(context, 'the guest’s program is not built: npm run build');
    const image = await buildNexusImage({ cache: '.nexus/guest' }).catch((error: unknown) => {
      if (error instanceof PackageError) demand(context, `${error.message}; ${error.remedy ?? ''}`);
      throw error;
    });
    const card = (last: string): { driver: string; mac: ReturnType<typeof parseMac>; properties: { romfile: string } } => ({
      driver: 'virtio-net-pci',
      mac: parseMac(`52:54:00:fe:0${last}`),
      properties: { romfile: '' },
    });
    const own = node === 'node-a' ? 1 : 2;
    const guest = new Guest(node, {
      typed: JSON.stringify(configOf(node, dialect)),
      qemu: (self) =>
        new QemuMachine({
          binary: probe.ok ? probe.binary : '',
          machine: {
            arch: 'x86_64',
            machine: { type: 'pc', options: { hpet: false, usb: false, smm: false } },
            memoryMiB: 384,
            kernel: image.vmlinux,
            initrd: image.initrd,
            append: APPEND,
            ...(disk !== undefined && {
              drives: [{ id: 'disk0', file: disk, format: 'raw' }],
              devices: [{ driver: 'virtio-blk-pci', properties: { drive: 'disk0' } }],
            }),
          },
          nics: [card(`0:0${own}`), card(`1:0${own}`)],
          uartCount: 2,
          handlers: {
            frame: (frame, { nic }) => {
              if (nic === 0) for (const other of running) if (other !== self) other.#qemu.sendFrame(frame);
            },
            uart: (bytes, { uart }) => {
              if (uart === 0) self.#hear(new TextDecoder().decode(bytes));
            },
          },
        }),
    });
    running.push(guest);
    await guest.#qemu.start();
    return guest;
  }

  /** Waits for a line. */
  async until(line: string, withinMs = 90_000): Promise<void> {
    const end = Date.now() + withinMs;
    while (!this.lines.includes(line)) {
      if (Date.now() > end) throw new Error(`${this.node} did not print ${line}:\n${this.lines.join('\n')}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        setTimeout(resolve, Math.max(1, end - Date.now())).unref();
      });
    }
  }

  async kill(): Promise<void> {
    running = running.filter((each) => each !== this);
    await this.#qemu.kill({ graceMs: 0 });
  }

  #hear(text: string): void {
    this.#text += text;
    if (this.#typed !== undefined && this.#text.endsWith('nexus> ')) {
      this.#qemu.writeUart(`${this.#typed}\n`);
      this.#typed = undefined;
    }
    const lines = this.#text.split('\n');
    this.#text = lines.pop() as string;
    this.lines.push(...lines);
    this.#heard();
  }
}

const APPEND = [
  'console=ttyS1 quiet panic=-1 reboot=t rootfstype=ramfs',
  'mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on audit=0 apparmor=0 noreplace-smp ipv6.disable=1',
].join(' ');
const SECRETS = { 'node-a': new Uint8Array(32).fill(0xa1), 'node-b': new Uint8Array(32).fill(0xb2) };

function configOf(self: CrossVmNodeName, dialect: CrossVmConfig['dialect']): object {
  const [peer, last, peerLast] = self === 'node-a' ? (['node-b', '0a', 11] as const) : (['node-a', '0b', 10] as const);
  return {
    node: self,
    mac: `52:54:00:12:34:${last}`,
    seed: toHex(nodeCrypto.x25519KeyPair(SECRETS[self]).publicKey),
    bringUp: { type: 'from-mac', network: '10.42.0.0/24' },
    proofs: [],
    dsoftbus: {
      dialect,
      mode: 'cross-vm',
      self,
      identity: toHex(SECRETS[self]),
      peer: { key: toHex(nodeCrypto.x25519KeyPair(SECRETS[peer]).publicKey), address: `10.42.0.${peerLast}` },
    },
  };
}

test('two guests speak to each other; node-b loses its power, and the next one has its disk', async (context) => {
  const disk = join(directory, 'disk');
  await writeFile(disk, '');
  await truncate(disk, 1 << 20);
  const [a, b] = await Promise.all([Guest.boot(context, 'node-a'), Guest.boot(context, 'node-b', { disk })]);
  await Promise.all([a.until(LAST_LINE['node-a']), b.until(LAST_LINE['node-b'])]);
  expect(b.lines).toContain('statefsd: /dev/vda generation 1, 0 keys');
  await b.kill();
  const next = await Guest.boot(context, 'node-b', { disk });
  await a.until('SELFTEST: remote statefs persist ok');
  expect(next.lines).toContain('statefsd: /dev/vda generation 1, 2 keys');
  await next.until(LAST_LINE['node-b']);
});

test('two guests in the dialect of the OS', async (context) => {
  const [a, b] = await Promise.all(NODES.map((node) => Guest.boot(context, node, { dialect: 'os' })));
  await Promise.all([a?.until(LAST_LINE['node-a']), b?.until(LAST_LINE['node-b'])]);
});

test('a disk that is none of ours is refused, and left as it is', async (context) => {
  const disk = join(directory, 'disk');
  await writeFile(disk, new Uint8Array(1 << 20).fill(0x42));
  const b = await Guest.boot(context, 'node-b', { disk });
  await b.until('statefsd: /dev/vda FAIL not-a-store');
});

const NODES = ['node-a', 'node-b'] as const;
