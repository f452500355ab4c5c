import { buildBusyboxImage } from '@nexus-net/guest';
import { type ProbeResult, probeQemu } from '@nexus-net/qemu';
import type { PrepareOptions, RunningGuest, StartGuest } from '../guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { madeImage } from './made-image.js';
import { startQemuGuest } from './qemu-guest.js';

/** What the guest needs of the machine that it runs on. */
export function probeLinux(): Promise<ProbeResult> {
  return probeQemu({ arch: 'x86_64', machine: 'pc', netdevs: ['stream'], devices: ['virtio-net-pci'] });
}

export const startLinux: StartGuest = async (options): Promise<RunningGuest> => {
  const probe = await probeLinux();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  const image = await madeImage(buildBusyboxImage(options));
  return startQemuGuest(
    {
      binary: probe.binary,
      machine: {
        arch: 'x86_64',
        machine: { type: 'pc', options: { hpet: false, usb: false, smm: false } },
        memoryMiB: 128,
        kernel: image.vmlinux,
        initrd: image.initrd,
        append: APPEND,
      },
      nics: [{ driver: 'virtio-net-pci', mac: options.place.mac, properties: { romfile: '' } }],
      uartCount: 2, // the kernel has one of its own, so that its messages can't tear a line
      versions: { qemu: probe.version.text, ...image.versions },
    },
    options,
  );
};

/** Makes the image. */
export async function prepareLinux({ cache }: PrepareOptions): Promise<void> {
  await madeImage(buildBusyboxImage({ cache }));
}

const APPEND = [
  'console=ttyS1 quiet panic=-1 reboot=t rootfstype=ramfs',
  'mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on audit=0 apparmor=0 noreplace-smp ipv6.disable=1',
].join(' ');
