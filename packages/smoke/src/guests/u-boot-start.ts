import { type ProbeResult, probeQemu, QemuMachine, QemuStartError } from '@nexus-net/qemu';
import type { RunningGuest, StartGuest, StartGuestOptions } from '../guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { describeExit } from './describe-exit.js';

/** What U-Boot needs of the machine that it runs on: the same question for the run and for its set-up. */
export function probeUBoot(): Promise<ProbeResult> {
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
  const { sink, place, directory, startMs } = options;
  const machine = new QemuMachine({
    binary: probe.binary,
    machine: {
      arch: 'riscv64',
      machine: { type: 'virt' },
      cpu: 'rv64',
      memoryMiB: 128,
      bios: probe.firmware['opensbi-riscv64'] as string,
      kernel: probe.firmware['u-boot-riscv64-smode'] as string,
    },
    nics: [{ driver: 'virtio-net-device', mac: place.mac }],
    directory,
    startTimeoutMs: startMs,
    handlers: {
      frame: (frame) => sink.frame(frame),
      uart: (bytes) => sink.console(bytes),
      linkEnded: ({ reason }) => {
        if (reason !== 'closed') sink.trouble(`the guest’s cable: ${reason}`);
      },
    },
  });
  try {
    await machine.start();
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
    versions: { qemu: probe.version.text },
    stop: async () => {
      await machine.quit();
      const { 'link-ended': _afterItsEnd, ...rejects } = machine.inspectLink().rejects;
      for (const [label, count] of Object.entries(rejects)) sink.trouble(`the guest’s cable: ${label}, ${count} times`);
    },
  };
};
