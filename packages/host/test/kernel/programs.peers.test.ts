import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bothWays, Gateway, type GatewayEvent, MemoryFiles } from '@nexus-net/lan';
import { Host, type HostEvent } from '@nexus-net/net-os';
import { parsePrefix } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { connectionOf, Exchange } from './support/exchange.js';
import { fresh, KERNEL, KERNEL_ADDRESS, KernelLab, OUR_ADDRESS, OUR_MAC, OURS } from './support/kernel-lab.js';
import { octetsOf } from './support/octet-stream.js';
import { Relay } from './support/relay.js';
import { withKernel } from './support/with-kernel.js';

const MIB = 2 ** 20;
/** A little of everything that goes wrong on a wire. */
const ROUGH = bothWays({ loss: 0.005, delayMs: 1, reorder: 0.01, reorderMeanMs: 2, duplicate: 0.01 });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

withKernel('programs on the kernel', ['iperf3', 'curl', 'nc.openbsd'], () => {
  test.concurrent.each([
    ['to its server', [] as string[]],
    ['from its server', ['--reverse']],
    ['both ways at once', ['--bidir']],
    ['to its server on four connections', ['--parallel', '4']],
  ])('iperf3 %s, each connection ended in our TCP and begun again by it, measures to its end', async (_what, args) => {
    let relay: Relay | undefined;
    const lab: KernelLab<Host, HostEvent> = await KernelLab.make<Host, HostEvent>(new Host({ mac: OUR_MAC, entropy: fresh() }), {
      event: (event) => lab.drive((_host, now) => relay?.handleEvent(now, event)),
    });
    try {
      relay = lab.drive((host, now) => {
        host.configure(now, { address: OUR_ADDRESS, prefixLength: 24 });
        return new Relay(now, { host, port: 5_201, remote: { address: KERNEL_ADDRESS, port: 5_201 }, noDelay: true });
      });
      const server = lab.run('iperf3', '--server', '--one-off', '--bind', KERNEL, '--forceflush');
      await lab.until('the server listens', () => /Server listening/.test(server.output) || undefined);
      const said = await lab.output('iperf3', '--client', OURS, '--bytes', '24M', '--json', ...args);
      const report = JSON.parse(said) as IperfReport;
      expect(report.error).toBeUndefined();
      await server.exited;
      expect(relay.connections).toBe(args.includes('4') ? 5 : args.includes('--bidir') ? 3 : 2);
      // It counts what its sockets took, both directions together, and ends without waiting for what is still on the way.
      const { sum_sent: sent, sum_received: received, sum_received_bidir_reverse: reverse } = report.end;
      expect(sent.bytes + (reverse?.bytes ?? 0)).toBeGreaterThanOrEqual(24 * MIB);
      expect(received.bytes + (reverse?.bytes ?? 0)).toBeGreaterThan(12 * MIB);
      expect(Math.min(received.bytes, reverse?.bytes ?? received.bytes)).toBeGreaterThan(0);
      expect(relay.octets).toBeGreaterThan(12 * MIB);
    } finally {
      await lab.close();
    }
  });

  test.concurrent('curl fetches files from our HTTP server, octet for octet, and is told of one that is not there', async () => {
    const body = octetsOf(7, 6 * MIB);
    const gateway = new Gateway({
      entropy: fresh(),
      mac: OUR_MAC,
      address: OUR_ADDRESS,
      dnsAddress: 'none',
      network: parsePrefix('10.77.0.0/24'),
      dhcp: 'off',
      services: { http: { files: new MemoryFiles({ '/big.bin': body, '/empty': '' }) } },
    });
    const lab = await KernelLab.make<Gateway, GatewayEvent>(gateway, { impairment: ROUGH });
    try {
      lab.drive((machine, now) => machine.start(now));
      const curl = (path: string, ...more: readonly string[]): Promise<string> =>
        lab.output(
          'curl',
          '--silent',
          '--show-error',
          '--noproxy',
          '*',
          '--write-out',
          '%{http_code} %{size_download}',
          ...more,
          `http://${OURS}${path}`,
        );
      const place = join(lab.folder.path, 'big');
      expect(await curl('/big.bin', '--output', place)).toBe(`200 ${body.length}`);
      expect(sha256(readFileSync(place))).toBe(sha256(body));
      expect(await curl('/empty')).toBe('200 0');
      expect(await curl('/none', '--output', '/dev/null')).toMatch(/^404 /);
      expect(await curl('/big.bin', '--head', '--output', '/dev/null')).toBe('200 0');
    } finally {
      await lab.close();
    }
  });

  test.concurrent.each(['client', 'server'] as const)('nc as %s sends and receives files, octet for octet', async (side) => {
    const count = 4 * MIB;
    const theirs = octetsOf(9, count);
    const own = new Exchange({ count, seed: 8 });
    const lab: KernelLab<Host, HostEvent> = await KernelLab.make<Host, HostEvent>(new Host({ mac: OUR_MAC, entropy: fresh() }), {
      impairment: ROUGH,
      event: (event) =>
        lab.drive((_host, now) => {
          const connection = connectionOf(now, event);
          if (connection !== undefined) own.run(now, connection);
        }),
    });
    try {
      lab.drive((host, now) => host.configure(now, { address: OUR_ADDRESS, prefixLength: 24 }));
      writeFileSync(join(lab.folder.path, 'in'), theirs);
      const nc = (...args: readonly string[]) => lab.run('sh', '-c', `exec nc.openbsd -N ${args.join(' ')} < in > out`);
      if (side === 'client') lab.drive((host, now) => host.tcp.listen(now, { port: 7_000 }));
      const started = side === 'client' ? nc(OURS, '7000') : nc('-n', '-v', '-l', KERNEL, '7000');
      if (side === 'server') {
        await lab.until('nc listens', () => /Listening on/.test(started.output) || undefined);
        lab.drive((host, now) => host.tcp.connect(now, { remote: { address: KERNEL_ADDRESS, port: 7_000 } }));
      }
      const { sent, received } = await lab.until('both directions are over', () => own.result, 60_000);
      await started.exited;
      expect(received).toEqual({ count, sha256: sha256(theirs) });
      expect(sha256(readFileSync(join(lab.folder.path, 'out')))).toBe(sent.sha256);
    } finally {
      await lab.close();
    }
  });
});

interface IperfReport {
  readonly error?: string;
  readonly end: {
    readonly sum_sent: { readonly bytes: number };
    readonly sum_received: { readonly bytes: number };
    readonly sum_received_bidir_reverse?: { readonly bytes: number };
  };
}
