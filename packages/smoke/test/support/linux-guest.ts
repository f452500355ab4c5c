import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLinuxImage, type LinuxImage, unpackBusybox, unpackKernel } from '@nexus-net/guest';
import { Lan, type LanConfig } from '@nexus-net/lan';
import type { Host, HostEvent } from '@nexus-net/net-os';
import { QemuMachine } from '@nexus-net/qemu';
import { type Millis, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';

/** Debian's kernel with its own IPv4, busybox, and a shell on the first serial line that reads one command after another. */
export async function buildShellImage(cache: string): Promise<LinuxImage> {
  const busybox = await unpackBusybox(cache);
  return buildLinuxImage(cache, {
    name: 'shell',
    kernel: await unpackKernel(cache),
    busybox: busybox.program,
    modules: ['virtio_pci', 'virtio_net'],
    init: INIT,
    files: [{ type: 'file', path: 'lease', bytes: new TextEncoder().encode(LEASE), mode: 0o755 }],
    versions: { busybox: busybox.version },
  });
}

const INIT = `
/bin/busybox --install -s /bin
ip link set lo up
ip link set eth0 up
stty -F /dev/ttyS0 -echo raw
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
echo ready
while read -r line; do eval "$line"; done`;

/** What udhcpc calls when it has a lease. */
const LEASE = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip route add default via $router
`;

const APPEND = [
  'console=ttyS1 quiet panic=-1 reboot=t rootfstype=ramfs acpi=off',
  'pci=nomsi mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on audit=0 apparmor=0 noreplace-smp ipv6.disable=1',
].join(' ');

export interface LinuxGuestOptions {
  readonly binary: string;
  readonly image: LinuxImage;
  readonly lan: Omit<LanConfig, 'entropy' | 'ports'>;
  /** A further station on the LAN. */
  readonly host: Host;
  readonly event: (now: Millis, event: HostEvent) => void;
}

/** A Linux guest in QEMU, on a simulated LAN with a gateway and a host of ours, on the clock of this machine. */
export class LinuxGuest {
  readonly lan: Lan;
  readonly #qemu: QemuMachine;
  readonly #host: Host;
  readonly #event: LinuxGuestOptions['event'];
  readonly #directory: string;
  #console = '';
  #kernel = '';
  #commands = 0;
  #timer: NodeJS.Timeout | undefined;
  #changed: (() => void)[] = [];

  private constructor({ binary, image, lan, host, event }: LinuxGuestOptions, directory: string) {
    this.lan = new Lan({ ...lan, entropy: new SeededEntropy('linux guest'), ports: ['guest', 'host'] });
    this.#host = host;
    this.#event = event;
    this.#directory = directory;
    this.#qemu = new QemuMachine({
      binary,
      machine: {
        arch: 'x86_64',
        machine: { type: 'pc', options: { acpi: false, hpet: false, usb: false, smm: false } },
        memoryMiB: 384,
        kernel: image.vmlinux,
        initrd: image.initrd,
        append: APPEND,
      },
      nics: [{ driver: 'virtio-net-pci', mac: ADDRESS_PLAN.smoke.guestMac, properties: { romfile: '' } }],
      uartCount: 2,
      directory,
      handlers: {
        frame: (frame) => {
          this.lan.handleFrame(performance.now(), 'guest', frame);
          this.#drain();
        },
        uart: (bytes, { uart }) => {
          const text = new TextDecoder('latin1').decode(bytes);
          if (uart === 0) this.#console += text;
          else this.#kernel += text;
          this.#wake();
        },
      },
    });
  }

  static async boot(options: LinuxGuestOptions): Promise<LinuxGuest> {
    const guest = new LinuxGuest(options, await mkdtemp(join(tmpdir(), 'nexus-linux-')));
    try {
      guest.#drain();
      await guest.#qemu.start();
      await guest.until('the guest is ready', () => /ready/.exec(guest.#console) ?? undefined);
      return guest;
    } catch (error) {
      await guest.stop();
      throw error;
    }
  }

  /** Runs a line in the guest's shell; gives what it said and its exit code. */
  async sh(line: string): Promise<{ readonly code: number; readonly said: string }> {
    const end = `-end-${++this.#commands}-`;
    const from = this.#console.length;
    this.#qemu.writeUart(`{ ${line}; }; echo "$?${end}"\n`);
    return this.until(line, () => {
      const found = new RegExp(`(\\d+)${end}`).exec(this.#console.slice(from));
      return found === null ? undefined : { code: Number(found[1]), said: this.#console.slice(from, from + found.index) };
    });
  }

  /** A command for the host beside the guest. */
  drive<R>(command: (host: Host, now: Millis) => R): R {
    const result = command(this.#host, performance.now());
    this.#drain();
    return result;
  }

  /** Waits until `look` gives something; it is asked whenever anything has happened. */
  async until<T>(what: string, look: () => T | undefined, timeoutMs: number = 60_000): Promise<T> {
    const late = AbortSignal.timeout(timeoutMs);
    late.addEventListener('abort', () => this.#wake());
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (late.aborted) throw new Error(`in vain: ${what}; the guest said:\n${this.#console}\n${this.#kernel}`);
      await new Promise<void>((wake) => {
        this.#changed.push(wake);
      });
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#qemu.kill({ graceMs: 0 });
    clearTimeout(this.#timer);
    await rm(this.#directory, { recursive: true, force: true });
  }

  #drain(): void {
    const now = performance.now();
    for (let more = true; more; ) {
      more = false;
      for (let frame = this.#host.pollTransmit(); frame !== undefined; frame = this.#host.pollTransmit(), more = true)
        this.lan.handleFrame(now, 'host', frame);
      for (let out = this.lan.pollTransmit(); out !== undefined; out = this.lan.pollTransmit(), more = true) {
        if (out.port === 'guest') this.#qemu.sendFrame(out.frame);
        else this.#host.handleFrame(now, out.frame);
      }
      for (let event = this.#host.pollEvent(); event !== undefined; event = this.#host.pollEvent(), more = true)
        this.#event(now, event);
    }
    while (this.lan.pollEvent() !== undefined) {} // nobody asks
    clearTimeout(this.#timer);
    const wait = Math.min(this.lan.nextTimeout(), this.#host.nextTimeout()) - now;
    this.#timer = setTimeout(
      () => {
        const at = performance.now();
        this.lan.handleTimeout(at);
        this.#host.handleTimeout(at);
        this.#drain();
      },
      Math.min(Math.max(0, Math.ceil(wait)), 10_000),
    );
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const each of waiting) each();
  }
}
