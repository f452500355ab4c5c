import { type ProbeResult, probeQemu } from '@nexus-net/qemu';
import type { RunningGuest, StartGuest } from '../guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { startQemuGuest } from './qemu-guest.js';

/** What iPXE needs of the machine that it runs on. */
export function probeIpxe(): Promise<ProbeResult<'ipxe-virtio'>> {
  return probeQemu({
    arch: 'x86_64',
    machine: 'pc',
    netdevs: ['stream'],
    devices: ['virtio-net-pci'],
    firmware: ['ipxe-virtio'],
  });
}

export const startIpxe: StartGuest = async (options): Promise<RunningGuest> => {
  const probe = await probeIpxe();
  if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
  return startQemuGuest(
    {
      binary: probe.binary,
      // Without graphics the BIOS speaks on the serial line, and iPXE with it.
      machine: { arch: 'x86_64', machine: { type: 'pc', options: { graphics: false } }, memoryMiB: 128 },
      // Its ROM is the default of the card: QEMU fits only that one to the card's identity.
      nics: [{ driver: 'virtio-net-pci', mac: options.place.mac, properties: { bootindex: 1 } }],
      isSlowReader: true,
      versions: { qemu: probe.version.text },
    },
    options,
  );
};
