// The one program of the guest `nexus`: waits for its configuration at its own UART, then runs the services on the network card.
import { Driver, monotonicClock } from '@nexus-net/host';
import { parseMac } from '@nexus-net/sansio';
import { readNexusConfig } from '../nexus/nexus-config.js';
import { NexusMachine } from '../nexus/nexus-machine.js';
import { GuestConsole } from '../runtime/console.js';
import { freshEntropy } from '../runtime/fresh-entropy.js';
import { networkCards, RawLink } from '../runtime/raw-link.js';

async function main(): Promise<void> {
  const guest = new GuestConsole('/dev/ttyS0');
  // Everything that takes time without the network is done by now: a saved state of the machine is taken at this prompt.
  const config = readNexusConfig(await guest.ask(PROMPT));
  const [device] = networkCards();
  if (device === undefined) throw new Error('the machine has no network card');
  const machine = new NexusMachine({ config, entropy: freshEntropy(Buffer.from(config.seed, 'hex')) });
  const driver: Driver<NexusMachine> = new Driver(machine, {
    clock: monotonicClock,
    transmit: (output) => {
      if (output.to === 'wire') link.send(output.frame);
      else guest.line(output.line);
    },
  });
  const link = new RawLink({
    device,
    mac: parseMac(config.mac),
    frame: (frame) => driver.drive((nexus, now) => nexus.handleFrame(now, frame)),
  });
  driver.drive((nexus, now) => nexus.start(now));
}

/** Where the harness types the configuration. No line end follows it. */
const PROMPT = 'nexus> ';

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1); // the first process of a machine is its end: the kernel panics, and the harness sees it
});
