// The one program of the guest `nexus`: waits for its configuration at its own UART, then runs the services on the network card.
import { readFileSync } from 'node:fs';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { Driver, monotonicClock } from '@nexus-net/host';
import { parseMac } from '@nexus-net/sansio';
import { PACKAGE_IMAGE_PATH } from '../image/package-image.js';
import { readNexusConfig } from '../nexus/nexus-config.js';
import { NexusMachine } from '../nexus/nexus-machine.js';
import { GuestConsole } from '../runtime/console.js';
import { freshEntropy } from '../runtime/fresh-entropy.js';
import { networkCards, RawLink } from '../runtime/raw-link.js';
import { statefsOnDisk } from '../runtime/statefs-disk.js';

async function main(): Promise<void> {
  const guest = new GuestConsole('/dev/ttyS0');
  // Everything that takes time without the network is done by now: a saved state of the machine is taken at this prompt.
  const config = readNexusConfig(await guest.ask(PROMPT));
  const [device, loopbackDevice] = networkCards();
  if (device === undefined || loopbackDevice === undefined) throw new Error('the machine has fewer than two network cards');
  const entropy = freshEntropy(Buffer.from(config.seed, 'hex'));
  const statefs = statefsOnDisk(DISK, { entropy, line: (text) => guest.line(text) });
  const machine = new NexusMachine({
    config,
    entropy,
    bus: {
      crypto: nodeCrypto,
      packageImage: readFileSync(`/${PACKAGE_IMAGE_PATH}`),
      ...(statefs !== undefined && { statefs }),
    },
  });
  const driver: Driver<NexusMachine> = new Driver(machine, {
    clock: monotonicClock,
    transmit: (output) => {
      if (output.to === 'console') guest.line(output.line);
      else if (output.to === 'wire') link.send(output.frame);
      else loopback?.send(output.frame);
    },
  });
  const link = new RawLink({
    device,
    mac: parseMac(config.mac),
    frame: (frame) => driver.drive((nexus, now) => nexus.handleFrame(now, frame)),
  });
  // What arrives on our loopback interface leaves at the second card, for those who watch. Nothing comes in there.
  const loopback =
    config.dsoftbus?.mode !== 'single'
      ? undefined
      : new RawLink({ device: loopbackDevice, mac: LOOPBACK_CARD_MAC, frame: () => {} });
  driver.drive((nexus, now) => nexus.start(now));
}

/** Nobody speaks under it. */
const LOOPBACK_CARD_MAC = parseMac('52:54:00:fe:01:02');

/** What statefs keeps survives here. Without it, it is gone with the machine. */
const DISK = '/dev/vda';

/** Where the harness types the configuration. No line end follows it. */
const PROMPT = 'nexus> ';

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1); // the first process of a machine is its end: the kernel panics, and the harness sees it
});
