import { type ProbeResult, probeQemu } from '@nexus-net/qemu';
import type { RunningGuest, StartGuest, StartGuestOptions } from '../guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { startQemuGuest } from './qemu-guest.js';

/** What U-Boot needs of the machine that it runs on: the same question for the run and for its set-up. */
export function probeUBoot(): Promise<ProbeResult<'opensbi-riscv64' | 'u-boot-riscv64-smode'>> {
  return probeQemu({
    arch: 'riscv64',
    machine: 'virt',
    netdevs: ['stream'],
    devices: ['virtio-net-device'],
    firmware: ['opensbi-riscv64', 'u-boot-riscv64-smode'],
  });
}

export const startUBoot: StartGuest = async (options: StartGuestOptions): Promise<RunningGuest> => {
  const probe = await probeUBoot();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  return startQemuGuest(
    {
      binary: probe.binary,
      machine: {
        arch: 'riscv64',
        machine: { type: 'virt' },
        cpu: 'rv64',
        memoryMiB: 128,
        bios: probe.firmware['opensbi-riscv64'] as string,
        kernel: probe.firmware['u-boot-riscv64-smode'] as string,
      },
      nics: [{ driver: 'virtio-net-device', mac: options.place.mac }],
      versions: { qemu: probe.version.text },
    },
    options,
  );
};
