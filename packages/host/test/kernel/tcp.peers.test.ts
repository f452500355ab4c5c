import { bothWays, type Impairment, type LinkImpairment } from '@nexus-net/lan';
import { Host, type HostEvent } from '@nexus-net/net-os';
import { expect, test } from 'vitest';
import { connectionOf, Exchange } from './support/exchange.js';
import { fresh, KERNEL_ADDRESS, KernelLab, OUR_ADDRESS, OUR_MAC, OURS } from './support/kernel-lab.js';
import { withKernel } from './support/with-kernel.js';

/** `NEXUS_PEER_SIZES=full` runs the sizes of the matrix in the documents; they take minutes. */
const FULL = process.env['NEXUS_PEER_SIZES'] === 'full';
const MIB = 2 ** 20;

interface Row {
  readonly wire: string;
  readonly impairment: Impairment;
  readonly octets: number;
  readonly fullOctets: number;
}

/** Frames are also held back, so that others overtake them, and come twice: in both directions. */
const disorderly = (loss: number): Impairment => ({
  loss,
  delayMs: 1,
  reorder: 0.02,
  reorderMeanMs: 3,
  duplicate: 0.02,
  duplicateLagMs: 2,
});

const ROWS: readonly Row[] = [
  { wire: 'a perfect wire', impairment: {}, octets: 64 * MIB, fullOctets: 1_024 * MIB },
  { wire: 'no loss, reordering and duplication', impairment: disorderly(0), octets: 16 * MIB, fullOctets: 128 * MIB },
  { wire: '1 % loss, reordering and duplication', impairment: disorderly(0.01), octets: 8 * MIB, fullOctets: 128 * MIB },
  { wire: '5 % loss, reordering and duplication', impairment: disorderly(0.05), octets: 2 * MIB, fullOctets: 16 * MIB },
  { wire: '10 % loss, reordering and duplication', impairment: disorderly(0.1), octets: MIB / 2, fullOctets: 4 * MIB },
];

const ROLES = ['we listen', 'we connect'] as const;

withKernel('TCP with the kernel, byte for byte both ways at once', ['node'], () => {
  for (const { wire, impairment, octets, fullOctets } of ROWS)
    for (const role of ROLES) {
      const count = FULL ? fullOctets : octets;
      const title = `${role}, ${wire}: ${count / MIB} MiB each way arrive as they were sent`;
      test.concurrent(title, { timeout: FULL ? 1_800_000 : 110_000 }, async () => {
        const { ours, kernel, view } = await exchange({ role, impairment: bothWays(impairment), count });
        expect(ours).toEqual({
          sent: { count, sha256: kernel.receivedHash },
          received: { count, sha256: kernel.sentHash },
        });
        expect(kernel).toMatchObject({ sent: count, received: count });
        const { losses, duplicated, reordered } = view.toStation;
        expect((losses.loss ?? 0) > 0).toBe((impairment.loss ?? 0) > 0);
        expect([duplicated > 0, reordered > 0]).toEqual(impairment.delayMs === undefined ? [false, false] : [true, true]);
      });
    }

  test.concurrent('a wire that exchanges words behind the back of the checksum is found out by the hashes', async () => {
    // From octet 66 on there is text: 14 of Ethernet, 20 of IPv4, 32 of TCP with timestamps.
    const swap: Impairment = { corrupt: 0.2, corruptKind: 'swap', corruptFromOctet: 66 };
    const count = MIB / 4;
    const { ours, kernel } = await exchange({ role: 'we listen', impairment: bothWays(swap), count });
    expect([ours.received.count, kernel.received]).toEqual([count, count]);
    expect(ours.received.sha256).not.toBe(kernel.sentHash);
    expect(kernel.receivedHash).not.toBe(ours.sent.sha256);
  });
});

interface Case {
  readonly role: (typeof ROLES)[number];
  readonly impairment: LinkImpairment;
  readonly count: number;
}

async function exchange({ role, impairment, count }: Case) {
  const host = new Host({ mac: OUR_MAC, entropy: fresh() });
  const own = new Exchange({ count, seed: 1 });
  const options = { rtoMinMs: 200 }; // as Linux
  const event = (each: HostEvent): void =>
    lab.drive((_machine, now) => {
      const connection = connectionOf(now, each);
      if (connection !== undefined) own.run(now, connection);
      if (each.type === 'tcp-closed' && own.result === undefined) own.trouble ??= each.reason;
    });
  const lab: KernelLab<Host, HostEvent> = await KernelLab.make<Host, HostEvent>(host, {
    impairment,
    seed: `${role} ${count}`,
    event,
  });
  try {
    lab.drive((machine, now) => machine.configure(now, { address: OUR_ADDRESS, prefixLength: 24 }));
    const side = role === 'we listen' ? { connect: [OURS, PORT] } : { listen: PORT };
    if (role === 'we listen')
      expect(lab.drive((machine, now) => machine.tcp.listen(now, { port: PORT }, options))).toBeTypeOf('object');
    const peer = await lab.kernelPeer('tcp', { ...side, send: count, seed: 2 });
    if (role === 'we connect')
      expect(
        lab.drive((machine, now) => machine.tcp.connect(now, { remote: { address: KERNEL_ADDRESS, port: PORT } }, options)),
      ).toBeTypeOf('object');
    const timeoutMs = FULL ? 1_790_000 : 100_000;
    const state = (): string => JSON.stringify([own.received, host.inspect(), lab.cable.link.inspect()]);
    const ours = await lab
      .until(
        'both directions are over',
        () => {
          if (own.trouble !== undefined) throw new Error(own.trouble);
          return own.result;
        },
        timeoutMs,
      )
      .catch((error: Error) => {
        throw new Error(`${error.message}\n${state()}`);
      });
    const kernel = await lab.until('the kernel peer’s account', () => accountOf(peer.output));
    return { ours, kernel, view: lab.cable.link.inspect() };
  } finally {
    await lab.close();
  }
}

interface Account {
  readonly sent: number;
  readonly sentHash: string;
  readonly received: number;
  readonly receivedHash: string;
}

function accountOf(output: string): Account | undefined {
  const line = output.split('\n').find((each) => each.includes('Hash'));
  return line === undefined ? undefined : (JSON.parse(line) as Account);
}

const PORT = 7_000;
