import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { NexusMachine, packageImage, readNexusConfig } from '@nexus-net/guest';
import { Driver, monotonicClock, systemEntropy } from '@nexus-net/host';
import type { RunningGuest, StartGuest } from '../guest.js';

/**
 * The services of the guest `nexus` as a node in this process: it has no machine and no kernel, and is asked for its configuration at a prompt
 * like any other. What is on its cable is the same.
 */
export const startHosted: StartGuest = async ({ sink }): Promise<RunningGuest> => {
  const text = new TextEncoder();
  let typed = '';
  let driver: Driver<NexusMachine> | undefined;
  let isOver = false;
  const begin = (line: string): void => {
    const machine = new NexusMachine({
      config: readNexusConfig(line),
      entropy: systemEntropy(),
      bus: { crypto: nodeCrypto, packageImage: packageImage({ 'ro.product.name': 'nexus-hosted' }) },
    });
    driver = new Driver(machine, {
      clock: monotonicClock,
      transmit: (output) => {
        if (isOver) return;
        if (output.to === 'console') sink.console(text.encode(`${output.line}\n`));
        else if (output.to === 'wire') sink.frame(output.frame);
        else sink.loopback(output.frame);
      },
    });
    driver.drive((nexus, now) => nexus.start(now));
  };
  // Not at once: whoever starts a guest has no hold of it yet.
  queueMicrotask(() => sink.console(text.encode('nexus> ')));
  return {
    sendFrame: (frame) => {
      // The sender goes on when it has been told everything, as it does with a machine of its own.
      queueMicrotask(() => {
        if (driver !== undefined && !driver.closed) driver.drive((nexus, now) => nexus.handleFrame(now, frame));
      });
    },
    sendConsole: (bytes) => {
      typed += new TextDecoder().decode(bytes);
      const end = typed.indexOf('\n');
      if (end < 0 || driver !== undefined) return;
      const line = typed.slice(0, end);
      queueMicrotask(() => {
        if (isOver) return;
        sink.console(text.encode('\n'));
        begin(line);
      });
    },
    argv: [],
    versions: { node: process.version },
    stop: async () => {
      if (isOver) return;
      isOver = true;
      driver?.close();
      sink.exited('stopped');
    },
  };
};
