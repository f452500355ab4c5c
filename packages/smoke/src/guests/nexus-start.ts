import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildNexusImage, type LinuxImage } from '@nexus-net/guest';
import { type ProbeResult, probeQemu, QemuMachine, type QemuMachineOptions, resumeSavedState, saveState } from '@nexus-net/qemu';
import { parseMac } from '@nexus-net/sansio';
import type { PrepareOptions, RunningGuest, StartGuest } from '../guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { describeExit } from './describe-exit.js';
import { madeImage } from './made-image.js';
import { startQemuGuest } from './qemu-guest.js';

/** What the guest needs of the machine that it runs on. */
export function probeNexus(): Promise<ProbeResult> {
  return probeQemu({ arch: 'x86_64', machine: 'pc', netdevs: ['stream'], devices: ['virtio-net-pci'] });
}

export const startNexus: StartGuest = async (options): Promise<RunningGuest> => {
  const probe = await probeNexus();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  const { sink, cache, boot = 'cold', disk } = options;
  const image = await imageOf(cache);
  if (disk !== undefined) await makeDisk(disk);
  const state =
    boot === 'restored'
      ? await savedState({ cache, binary: probe.binary, image, version: probe.version.text, hasDisk: disk !== undefined })
      : undefined;
  return startQemuGuest(
    {
      binary: probe.binary,
      machine: machineOf(image, { incoming: state, disk }),
      nics: NICS,
      uartCount: 2,
      versions: { qemu: probe.version.text, ...image.versions },
      ...(state !== undefined && {
        started: async (machine) => {
          await resumeSavedState(machine);
          sink.console(PROMPT); // the guest printed it before its state was saved
        },
      }),
    },
    options,
  );
};

/** Makes the image, and the saved state where runs are to be restored from it. */
export async function prepareNexus({ cache, boot }: PrepareOptions): Promise<void> {
  const probe = await probeNexus();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  const image = await imageOf(cache);
  if (boot === 'restored') await savedState({ cache, binary: probe.binary, image, version: probe.version.text, hasDisk: false });
}

function imageOf(cache: string): Promise<LinuxImage> {
  return madeImage(buildNexusImage({ cache }));
}

/**
 * A lean machine. ACPI stays: without its timer a kernel on a busy host can't measure the processor's clock, counts interrupts instead, and
 * then time stands still and is made up for at once, so that every deadline of the guest ends before its answer can come.
 */
function machineOf(
  image: LinuxImage,
  { incoming, disk }: { readonly incoming?: string | undefined; readonly disk?: string | undefined } = {},
): QemuMachineOptions['machine'] {
  return {
    arch: 'x86_64',
    machine: { type: 'pc', options: { hpet: false, usb: false, smm: false } },
    memoryMiB: 384,
    kernel: image.vmlinux,
    initrd: image.initrd,
    append: APPEND,
    ...(incoming !== undefined && { incoming }),
    ...(disk !== undefined && {
      drives: [{ id: 'disk0', file: disk, format: 'raw' as const }],
      devices: [{ driver: 'virtio-blk-pci', properties: { drive: 'disk0' } }],
    }),
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
  /** A state of a machine with a disk is none of one without. */
  readonly hasDisk: boolean;
}

/** The state of a machine that waits at its prompt: made once for each image, QEMU and command line. */
async function savedState({ cache, binary, image, version, hasDisk }: SavedStateKey): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify([version, machineOf(image, hasDisk ? { disk: 'disk' } : {}), image.versions]))
    .digest('hex')
    .slice(0, 24);
  const path = resolve(cache, `state-nexus-${key}`);
  if (existsSync(path)) return path;
  const directory = await mkdtemp(join(cache, '.state-'));
  const disk = hasDisk ? join(directory, 'disk') : undefined;
  if (disk !== undefined) await makeDisk(disk);
  let text = '';
  let ready: () => void;
  let gone: (why: Error) => void;
  const prompted = new Promise<void>((resolvePrompt, reject) => {
    ready = resolvePrompt;
    gone = reject;
  });
  const qemu = new QemuMachine({
    binary,
    machine: machineOf(image, { disk }),
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

/** Octets: more than a statefs of a proof ever holds. */
const DISK_OCTETS = 1 << 20;

/** A blank disk, where there is none. */
async function makeDisk(path: string): Promise<void> {
  if (existsSync(path)) return;
  await writeFile(path, '', { flag: 'wx' });
  await truncate(path, DISK_OCTETS);
}
