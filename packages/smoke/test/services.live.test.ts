import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type GatewayEvent, Lan, type LanConfig, MemoryFiles } from '@nexus-net/lan';
import { type FirmwareName, type ProbeResult, probeQemu, QemuMachine, type QemuMachineOptions } from '@nexus-net/qemu';
import { SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { afterAll, afterEach, beforeAll, describe, expect, type TestContext, test } from 'vitest';

const { guestMac } = ADDRESS_PLAN.smoke;
const KERNEL = Uint8Array.from({ length: 400_001 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
const SCRIPT = '#!ipxe\necho nexus-net says hello from http\n';
const files = new MemoryFiles({
  '/boot/kernel': KERNEL,
  '/boot.ipxe': SCRIPT,
  '/chain.ipxe': '#!ipxe\nchain http://10.0.2.2/boot.ipxe\n',
});

let directory = '';
let running: LiveGuest | undefined;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nexus-services-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** A guest in QEMU, its cable in a LAN that runs on the clock of this machine. */
class LiveGuest {
  readonly lan: Lan;
  readonly qemu: QemuMachine;
  console = '';
  readonly events: GatewayEvent[] = [];
  #read = 0;
  #timer: NodeJS.Timeout | undefined;
  #wake = (): void => undefined;

  constructor(options: Omit<QemuMachineOptions, 'handlers' | 'directory'>, lan: Omit<LanConfig, 'entropy' | 'ports'>) {
    this.lan = new Lan({ ...lan, entropy: new SeededEntropy('services'), ports: ['guest'] });
    const heard = new TextDecoder('latin1');
    this.qemu = new QemuMachine({
      ...options,
      directory,
      handlers: {
        frame: (frame) => {
          this.lan.handleFrame(performance.now(), 'guest', frame);
          this.#drain();
        },
        uart: (octets) => {
          this.console += heard.decode(octets, { stream: true });
          this.#wake();
        },
      },
    });
    this.#drain();
  }

  static async boot(...given: ConstructorParameters<typeof LiveGuest>): Promise<LiveGuest> {
    running = new LiveGuest(...given);
    await running.qemu.start();
    return running;
  }

  /** Waits for words that have not been waited for yet, and gives what was said up to their end. */
  async says(words: string): Promise<string> {
    const late = AbortSignal.timeout(120_000);
    late.addEventListener('abort', () => this.#wake());
    for (;;) {
      const at = this.console.indexOf(words, this.#read);
      if (at >= 0) {
        const said = this.console.slice(this.#read, at + words.length);
        this.#read = at + words.length;
        return said;
      }
      if (late.aborted) throw new Error(`the guest does not say ${JSON.stringify(words)}; console:\n${this.console}`);
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Types a line at the next prompt. */
  async prompt(line: string): Promise<void> {
    await this.says('=> ');
    this.qemu.writeUart(`${line}\n`);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.qemu.kill({ graceMs: 0 });
  }

  #drain(): void {
    for (let out = this.lan.pollTransmit(); out !== undefined; out = this.lan.pollTransmit()) this.qemu.sendFrame(out.frame);
    for (let event = this.lan.pollEvent(); event !== undefined; event = this.lan.pollEvent())
      if (event.type === 'gateway') this.events.push(event.event);
    clearTimeout(this.#timer);
    const wait = this.lan.nextTimeout() - performance.now();
    this.#timer = setTimeout(
      () => {
        this.lan.handleTimeout(performance.now());
        this.#drain();
      },
      Math.min(Math.max(0, Math.ceil(wait)), 10_000),
    );
  }
}

/** A missing QEMU or firmware is named: skipped here, an error in CI. */
function demand<F extends FirmwareName>(
  context: TestContext,
  probe: ProbeResult<F>,
): asserts probe is Extract<ProbeResult<F>, { ok: true }> {
  if (probe.ok) return;
  const message = `${probe.missing.map((item) => item.message).join('; ')}; apt-get install ${probe.packages.join(' ')}`;
  if (!process.env['CI']) context.skip(message);
  throw new Error(message);
}

describe('U-Boot loads from the gateway', () => {
  test('TFTP: blocks of 1468 octets in windows of 8, every octet right; a file that is not there is told', async (context) => {
    const probe = await probeQemu({
      arch: 'riscv64',
      machine: 'virt',
      netdevs: ['stream'],
      devices: ['virtio-net-device'],
      firmware: ['opensbi-riscv64', 'u-boot-riscv64-smode'],
    });
    demand(context, probe);
    const { binary, firmware } = probe;
    const guest = await LiveGuest.boot(
      {
        binary,
        machine: {
          arch: 'riscv64',
          machine: { type: 'virt' },
          memoryMiB: 128,
          bios: firmware['opensbi-riscv64'],
          kernel: firmware['u-boot-riscv64-smode'],
        },
        nics: [{ driver: 'virtio-net-device', mac: guestMac }],
      },
      { gateway: { services: { tftp: { files } } } },
    );
    await guest.says('Hit any key to stop autoboot');
    guest.qemu.writeUart('\n');
    for (const line of ['setenv autoload no', 'dhcp', 'setenv serverip 10.0.2.2', 'setenv netretry no']) await guest.prompt(line);
    for (const windowBlocks of [1, 8]) {
      await guest.prompt(`setenv tftpwindowsize ${windowBlocks}`);
      await guest.prompt('tftpboot 0x84000000 boot/kernel');
      await guest.says(`Bytes transferred = ${KERNEL.length}`);
      await guest.prompt(`crc32 0x84000000 ${KERNEL.length.toString(16)}`);
      expect(await guest.says('\n=')).toContain(`==> ${crc32(KERNEL).toString(16).padStart(8, '0')}`);
      guest.qemu.writeUart('\n');
    }
    await guest.prompt('tftpboot 0x84000000 none');
    await guest.says("TFTP error: 'file not found' (1)");
    const started = guest.events.flatMap((one) => (one.type === 'service' && one.event.type === 'started' ? [one.event] : []));
    expect(started).toMatchObject([1, 8].map((windowBlocks) => ({ path: '/boot/kernel', blockOctets: 1_468, windowBlocks })));
    expect(guest.lan.inspect().gateway?.services?.tftp).toMatchObject({ ends: { done: 2 }, labels: { 'not-found': 1 } });
  });
});

describe('iPXE boots from the gateway', () => {
  test('a script by TFTP, and from it another one by HTTP over TCP', async (context) => {
    const probe = await probeQemu({ arch: 'x86_64', machine: 'pc', netdevs: ['stream'], devices: ['virtio-net-pci'] });
    demand(context, probe);
    const dhcp = { nextServer: ADDRESS_PLAN.smoke.gateway, bootFile: 'chain.ipxe' };
    const guest = await LiveGuest.boot(
      {
        binary: probe.binary,
        // Without graphics the BIOS speaks on the serial line, and iPXE with it.
        machine: { arch: 'x86_64', machine: { type: 'pc', options: { graphics: 'off' } }, memoryMiB: 128 },
        nics: [{ driver: 'virtio-net-pci', mac: guestMac, properties: { bootindex: 1 } }],
      },
      { gateway: { dhcp, services: { tftp: { files }, http: { files } } } },
    );
    await guest.says('nexus-net says hello from http');
    expect(guest.lan.inspect().gateway?.services).toMatchObject({ tftp: { ends: { done: 1 } }, http: { statuses: { 200: 1 } } });
  });
});
