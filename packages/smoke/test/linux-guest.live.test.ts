import { createHash } from 'node:crypto';
import { PackageError } from '@nexus-net/guest';
import { MemoryFiles } from '@nexus-net/lan';
import { Host, type TcpConnection } from '@nexus-net/net-os';
import { probeQemu } from '@nexus-net/qemu';
import { parseIpv4, parseMac, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { expect, type TestContext, test } from 'vitest';
import { connectionOf, Exchange } from '../../host/test/kernel/support/exchange.js';
import { octetsOf } from '../../host/test/kernel/support/octet-stream.js';
import { buildShellImage, LinuxGuest } from './support/linux-guest.js';

const MIB = 2 ** 20;
const BIG = octetsOf(1, 4 * MIB);
const HOST = '10.0.2.77';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What is missing is named: skipped here, an error in CI. */
function demand(context: TestContext, missing: string | undefined): void {
  if (missing === undefined) return;
  if (!process.env['CI']) context.skip(missing);
  throw new Error(missing);
}

async function boot(
  context: TestContext,
  options: Omit<Parameters<typeof LinuxGuest.boot>[0], 'binary' | 'image'>,
): Promise<LinuxGuest> {
  const probe = await probeQemu({ arch: 'x86_64', machine: 'pc', netdevs: ['stream'], devices: ['virtio-net-pci'] });
  if (!probe.ok) {
    demand(context, probe.missing.map(({ message }) => message).join('; '));
    throw new Error('unreachable');
  }
  try {
    return await LinuxGuest.boot({ ...options, binary: probe.binary, image: await buildShellImage('.nexus/guest') });
  } catch (error) {
    if (error instanceof PackageError) demand(context, `${error.message}; ${error.remedy ?? ''}`);
    throw error;
  }
}

test('a Linux guest: a lease, ping, wget, nc to an echo server, nc as client and server of a host; every octet right', async (context) => {
  const { gateway, pool } = ADDRESS_PLAN.smoke;
  const host = new Host({ mac: parseMac('52:54:00:77:00:01'), entropy: new SeededEntropy('host') });
  const exchanges = new Map<TcpConnection, Exchange>();
  const own = { listening: new Exchange({ count: MIB, seed: 3 }), dialling: new Exchange({ count: MIB, seed: 4 }) };
  let dialled: TcpConnection | undefined;
  const guest = await boot(context, {
    lan: { gateway: { services: { http: { files: new MemoryFiles({ '/big.bin': BIG }) }, echo: {} } } },
    host,
    event: (now, event) => {
      const connection = connectionOf(now, event);
      if (connection === undefined) return;
      if (!exchanges.has(connection)) exchanges.set(connection, connection === dialled ? own.dialling : own.listening);
      exchanges.get(connection)?.run(now, connection);
    },
  });
  try {
    const sh = async (line: string): Promise<string> => {
      const { code, said } = await guest.sh(line);
      expect(code, `${line}: ${said}`).toBe(0);
      return said;
    };
    guest.drive((machine, now) => machine.configure(now, { address: parseIpv4(HOST), prefixLength: 24 }));
    expect(await sh('udhcpc -i eth0 -n -q -s /lease 2>&1')).toMatch(/lease of 10\.0\.2\.15 obtained/);
    expect([gateway, pool.first]).toEqual([parseIpv4('10.0.2.2'), parseIpv4('10.0.2.15')]);

    // A second apart by default: half a second is enough.
    for (const where of ['10.0.2.2', HOST])
      expect(await sh(`ping -c 3 -s 3000 ${where}`)).toMatch(/3 packets transmitted, 3 packets received, 0% packet loss/);

    expect(await sh('wget -q -O big http://10.0.2.2/big.bin && sha256sum big')).toContain(sha256(BIG));
    expect(await sh('nc 10.0.2.2 7 < big > echoed && sha256sum echoed')).toContain(sha256(BIG));

    guest.drive((machine, now) => machine.tcp.listen(now, { port: 7_000 }));
    const client = await sh(`head -c ${MIB} big > in && nc ${HOST} 7000 < in > got && sha256sum got`);
    const listening = await guest.until('the guest’s connection is over', () => own.listening.result);
    expect(client).toContain(listening.sent.sha256);
    expect(listening.received).toEqual({ count: MIB, sha256: sha256(BIG.subarray(0, MIB)) });

    await sh('nc -l -p 7001 < in > got2 & i=0; until netstat -ltn | grep -q :7001; do usleep 20000; done; true');
    guest.drive((machine, now) => {
      const connection = machine.tcp.connect(now, { remote: { address: pool.first, port: 7_001 } });
      if (typeof connection === 'string') throw new Error(connection);
      dialled = connection;
    });
    const dialling = await guest.until('our connection is over', () => own.dialling.result);
    expect(dialling.received).toEqual({ count: MIB, sha256: sha256(BIG.subarray(0, MIB)) });
    expect(await sh('wait; sha256sum got2')).toContain(dialling.sent.sha256);
  } finally {
    await guest.stop();
  }
}, 120_000);
