import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildNexusImage, type LinuxImage, PackageError } from '@nexus-net/guest';
import {
  type ProbeResult,
  probeQemu,
  QemuMachine,
  type QemuMachineOptions,
  QemuStartError,
  resumeSavedState,
  saveState,
} from '@nexus-net/qemu';
import { parseMac } from '@nexus-net/sansio';
import type { PrepareOptions, RunningGuest, StartGuest } from '../guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { describeExit } from './describe-exit.js';

/** What the guest needs of the machine that it runs on. */
export function probeNexus(): Promise<ProbeResult> {
  return probeQemu({ arch: 'x86_64', machine: 'pc', netdevs: ['stream'], devices: ['virtio-net-pci'] });
}

export const startNexus: StartGuest = async (options): Promise<RunningGuest> => {
  const probe = await probeNexus();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  const { sink, directory, startMs, cache, boot = 'cold' } = options;
  const image = await imageOf(cache);
  const state =
    boot === 'restored' ? await savedState({ cache, binary: probe.binary, image, version: probe.version.text }) : undefined;
  const machine = new QemuMachine({
    binary: probe.binary,
    machine: machineOf(image, state),
    nics: NICS,
    uartCount: 2,
    directory,
    startTimeoutMs: startMs,
    handlers: {
      frame: (frame, { nic }) => (nic === 0 ? sink.frame(frame) : sink.loopback(frame)),
      uart: (bytes, { uart }) => (uart === 0 ? sink.console(bytes) : sink.kernel(bytes)),
      linkEnded: ({ reason }) => {
        if (reason !== 'closed') sink.trouble(`the guest’s cable: ${reason}`);
      },
    },
  });
  try {
    await machine.start();
    if (state !== undefined) {
      await resumeSavedState(machine);
      sink.console(PROMPT); // the guest printed it before its state was saved
    }
  } catch (error) {
    if (error instanceof QemuStartError) throw new Refusal(`QEMU did not start: ${error.message}`, 'guest');
    throw error;
  }
  void machine.exited.then((exit) => sink.exited(describeExit(exit)));
  return {
    sendFrame: (frame) => {
      machine.sendFrame(frame);
    },
    sendConsole: (bytes) => {
      if (!machine.writeUart(bytes)) sink.trouble('the guest takes no console input');
    },
    argv: machine.argv,
    versions: { qemu: probe.version.text, ...image.versions },
    stop: async () => {
      await machine.quit();
      const { 'link-ended': _afterItsEnd, ...rejects } = machine.inspectLink().rejects;
      for (const [label, count] of Object.entries(rejects)) sink.trouble(`the guest’s cable: ${label}, ${count} times`);
    },
  };
};

/** Makes the image, and the saved state where runs are to be restored from it. */
export async function prepareNexus({ cache, boot }: PrepareOptions): Promise<void> {
  const probe = await probeNexus();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  const image = await imageOf(cache);
  if (boot === 'restored') await savedState({ cache, binary: probe.binary, image, version: probe.version.text });
}

async function imageOf(cache: string): Promise<LinuxImage> {
  try {
    return await buildNexusImage({ cache });
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    const remedy = error.remedy === undefined ? '' : `\nTo get it, as root:\n  ${error.remedy}`;
    throw new Refusal(`the guest’s image can’t be made: ${error.message}${remedy}`, 'missing');
  }
}

/**
 * A lean machine. ACPI stays: without its timer a kernel on a busy host can't measure the processor's clock, counts interrupts instead, and
 * then time stands still and is made up for at once, so that every deadline of the guest ends before its answer can come.
 */
function machineOf(image: LinuxImage, incoming: string | undefined): QemuMachineOptions['machine'] {
  return {
    arch: 'x86_64',
    machine: { type: 'pc', options: { hpet: false, usb: false, smm: false } },
    memoryMiB: 384,
    kernel: image.vmlinux,
    initrd: image.initrd,
    append: APPEND,
    ...(incoming !== undefined && { incoming }),
  };
}

/**
 * The card has an address of its own that nobody speaks under: our stack has the one that it is told at the prompt, another for
 * each run if need be, and the kernel would refuse it if it were the card's.
 */
const NICS: NonNullable<QemuMachineOptions['nics']> = [
  { driver: 'virtio-net-pci', mac: parseMac('52:54:00:fe:00:01'), properties: { romfile: '' } },
  // At the second one the guest shows what arrives on its loopback interface. Nothing is sent to it.
  { driver: 'virtio-net-pci', mac: parseMac('52:54:00:fe:01:01'), properties: { romfile: '' } },
];

const APPEND = [
  'console=ttyS1 quiet panic=-1 reboot=t rootfstype=ramfs',
  'mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on audit=0 apparmor=0 noreplace-smp ipv6.disable=1',
].join(' ');

const PROMPT = new TextEncoder().encode('nexus> ');

interface SavedStateKey {
  readonly cache: string;
  readonly binary: string;
  readonly image: LinuxImage;
  readonly version: string;
}

/** The state of a machine that waits at its prompt: made once for each image, QEMU and command line. */
async function savedState({ cache, binary, image, version }: SavedStateKey): Promise<string> {
  const machine = machineOf(image, undefined);
  const key = createHash('sha256')
    .update(JSON.stringify([version, machine, image.versions]))
    .digest('hex')
    .slice(0, 24);
  const path = resolve(cache, `state-nexus-${key}`);
  if (existsSync(path)) return path;
  const directory = await mkdtemp(join(cache, '.state-'));
  let text = '';
  let ready: () => void;
  let gone: (why: Error) => void;
  const prompted = new Promise<void>((resolvePrompt, reject) => {
    ready = resolvePrompt;
    gone = reject;
  });
  const qemu = new QemuMachine({
    binary,
    machine,
    nics: NICS,
    uartCount: 2,
    directory,
    handlers: {
      uart: (bytes, { uart }) => {
        if (uart !== 0) return;
        text += new TextDecoder().decode(bytes);
        if (text.endsWith('nexus> ')) ready();
      },
    },
  });
  try {
    await qemu.start();
    void qemu.exited.then((exit) => gone(new Refusal(`the guest ended before its prompt: ${describeExit(exit)}`, 'guest')));
    await prompted;
    await saveState(qemu, path);
    return path;
  } finally {
    await qemu.kill({ graceMs: 0 });
    await rm(directory, { recursive: true, force: true });
  }
}
