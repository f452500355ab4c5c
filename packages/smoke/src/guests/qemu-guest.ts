import { QemuMachine, type QemuMachineOptions, QemuStartError } from '@nexus-net/qemu';
import type { RunningGuest, StartGuestOptions } from '../guest.js';
import { Refusal } from '../refusal.js';
import { describeExit } from './describe-exit.js';
import { cableOf, namespaceOf, reachListener } from './guest-cable.js';
import { PacedTyping } from './paced-typing.js';

/** What is the guest's own about its QEMU. */
export interface QemuGuestParts extends Pick<QemuMachineOptions, 'binary' | 'machine' | 'nics' | 'uartCount'> {
  readonly versions: Readonly<Record<string, string>>;
  /** Which UART is the console, and which one its kernel's own. Default: the first and the second. */
  readonly uarts?: { readonly console: number; readonly kernel: number | undefined };
  /** Its console loses what is typed faster than it reads. Default false. */
  readonly isSlowReader?: boolean;
  /** What is done once QEMU runs and before the guest counts as started. */
  readonly started?: (machine: QemuMachine) => Promise<void>;
}

/**
 * Boots a guest in QEMU on the cable of a run: its first card is on the wire, a second one exports its loopback interface. Throws {@link Refusal} where QEMU doesn't start.
 */
export async function startQemuGuest(
  { started, versions, nics = [], uarts = { console: 0, kernel: 1 }, isSlowReader = false, ...parts }: QemuGuestParts,
  { sink, directory, startMs, wire }: StartGuestOptions,
): Promise<RunningGuest> {
  const typing = new PacedTyping((bytes) => type(bytes));
  const machine = new QemuMachine({
    ...parts,
    nics: nics.map((nic, index) => (index === 0 ? { ...nic, wire: cableOf(wire) } : nic)),
    directory,
    ...namespaceOf(wire),
    startTimeoutMs: startMs,
    handlers: {
      frame: (frame, { nic, origin }) => (nic === 0 ? sink.frame(frame, origin) : sink.loopback(frame)),
      uart: (bytes, { uart }) => {
        if (uart === uarts.console) {
          typing.answered();
          sink.console(bytes);
        } else if (uart === uarts.kernel) sink.kernel(bytes);
      },
      linkEnded: ({ reason }) => {
        if (reason !== 'closed') sink.trouble(`the guest’s cable: ${reason}`);
      },
    },
  });
  const type = (bytes: Uint8Array): void => {
    if (!machine.writeUart(bytes, { uart: uarts.console })) sink.trouble('the guest takes no console input');
  };
  try {
    await machine.start();
    await started?.(machine);
  } catch (error) {
    if (error instanceof QemuStartError) throw new Refusal(`QEMU did not start: ${error.message}`, 'guest');
    throw error;
  }
  void machine.exited.then((exit) => {
    typing.stop();
    sink.exited(describeExit(exit));
  });
  return {
    sendFrame: (frame) => {
      machine.sendFrame(frame);
    },
    reachListener: (octets) => reachListener(machine, octets),
    sendConsole: (bytes) => (isSlowReader ? typing.type(bytes) : type(bytes)),
    argv: machine.argv,
    versions,
    stop: async () => {
      typing.stop();
      await machine.quit();
      const { 'link-ended': _afterItsEnd, ...rejects } = machine.inspectLink().rejects;
      for (const [label, count] of Object.entries(rejects)) sink.trouble(`the guest’s cable: ${label}, ${count} times`);
    },
  };
}
