import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatIpv4 } from '@nexus-net/sansio';
import { describe, expect } from 'vitest';
import type { Lab } from '../../host/test/peers/support/lab.js';
import { CLIENT_MAC, FIRST, SERVER, serve } from '../../host/test/peers/support/our-server.js';
import { situation } from '../../host/test/peers/support/situation.js';
import type { GuestPlace, RunningGuest } from '../src/guest.js';
import { probeUBoot, startUBoot } from '../src/guests/u-boot-start.js';

const probe = await probeUBoot();
const missing = probe.ok ? undefined : probe.missing.map(({ message }) => message).join(', ');

describe('our server, client U-Boot', () => {
  situation('get: an address, and a ping of the server from it; twice', { peers: { client: 'U-Boot' }, missing }, async (lab) => {
    serve(lab, 'server');
    const guest = await boot(lab);
    try {
      await guest.prompt('setenv autoload no');
      await guest.prompt('dhcp');
      await guest.says(`DHCP client bound to address ${formatIpv4(FIRST)} `);
      await guest.prompt(`ping ${formatIpv4(SERVER)}`);
      await guest.says(`host ${formatIpv4(SERVER)} is alive`);
      const position = lab.position;
      await guest.prompt('dhcp'); // it keeps nothing of its lease: all over again, and the same address
      await guest.says(`DHCP client bound to address ${formatIpv4(FIRST)} `);
      expect(lab.factsOf('dhcp.leased', position)).toMatchObject([{ client: CLIENT_MAC, server: SERVER, address: FIRST }]);
    } finally {
      await guest.stop();
    }
  });
});

interface Guest {
  /** Types a line at the next prompt. */
  prompt(line: string): Promise<void>;
  /** Waits for words that have not been waited for yet. */
  says(words: string): Promise<void>;
  stop(): Promise<void>;
}

async function boot(lab: Lab): Promise<Guest> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-net-u-boot-'));
  let said = '';
  let read = 0;
  let ended: string | undefined;
  const sink = {
    frame: (frame: Uint8Array) => lab.send('client', frame),
    loopback: () => undefined,
    kernel: () => undefined,
    console: (bytes: Uint8Array) => {
      said += new TextDecoder('latin1').decode(bytes);
      lab.changed();
    },
    trouble: (what: string) => {
      ended = what;
      lab.changed();
    },
    exited: (how: string) => {
      ended = how;
      lab.changed();
    },
  };
  const place: GuestPlace = { mac: CLIENT_MAC, address: FIRST, netmask: SERVER, gateway: SERVER, dns: SERVER, quiet: SERVER };
  const running: RunningGuest = await startUBoot({ sink, place, directory, cache: '', startMs: 20_000 });
  lab.connect('client', (frame) => running.sendFrame(frame));
  const says = (words: string): Promise<void> =>
    lab
      .until(`U-Boot says ${JSON.stringify(words)}`, 60_000, () => {
        const at = said.indexOf(words, read);
        if (at < 0 && ended !== undefined) throw new Error(`U-Boot ended: ${ended}\n${said}`);
        return at < 0 ? undefined : at + words.length;
      })
      .then((end) => {
        read = end;
      });
  const type = (text: string): void => running.sendConsole(new TextEncoder().encode(text));
  await says('Hit any key to stop autoboot');
  type('\n');
  return {
    prompt: async (line) => {
      await says('=> ');
      type(`${line}\n`);
    },
    says,
    stop: async () => {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
