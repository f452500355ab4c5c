import { Host, type HostEvent, HostSockets } from '@nexus-net/net-os';
import { bytesEqual, SECOND, SeededEntropy } from '@nexus-net/sansio';
import { encodeDns } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { type GatewayServicesConfig, MemoryFiles, type Simulator, TftpClient } from '../src/index.js';
import { queryOf } from './support/dns.js';
import { MAC_A } from './support/frames.js';
import { GATEWAY, GUEST } from './support/host.js';
import { network } from './support/network.js';
import { octetsOf, pattern, text } from './support/services.js';

const FILES = new MemoryFiles({ '/boot.img': pattern(30_000), '/hello.txt': 'hello' });

/** A guest with sockets on a wire to a gateway with these services. */
function guest(services: GatewayServicesConfig, loss = 0): { readonly sim: Simulator; readonly sockets: HostSockets<HostEvent> } {
  const gateway = { services, dns: { hosts: [{ name: 'a.test', addresses: [GATEWAY] }] } };
  const sim = network(1, { gateway, witnesses: [], frames: false });
  if (loss > 0) sim.lan.setLink(0, 'a', { toSwitch: { loss }, toStation: { loss } });
  const host = new Host({ mac: MAC_A, entropy: new SeededEntropy('guest') });
  const sockets = new HostSockets<HostEvent>(host);
  const boot = (now: number): void => host.configure(now, { address: GUEST, prefixLength: 24, gateway: GATEWAY });
  sim.attach({ port: 'a', machine: sockets, boot });
  sim.run({ until: SECOND });
  return { sim, sockets };
}

/** What a server says to these words, up to its end. */
function exchange({ sim, sockets }: ReturnType<typeof guest>, port: number, words: Uint8Array): Uint8Array {
  const opened = sockets.tcpConnect({ address: GATEWAY, port });
  if (!opened.ok) throw new Error(opened.error);
  const stream = opened.value;
  sim.run({ until: sim.now + 60 * SECOND, stop: () => stream.established().ok });
  stream.write(words);
  stream.shutdown();
  const got: number[] = [];
  const ended = (): boolean => {
    const read = stream.read(65_536);
    if (read.ok) got.push(...read.value);
    return read.ok ? read.value.length === 0 : read.error !== 'would-block';
  };
  sim.run({ until: sim.now + 60 * SECOND, stop: ended });
  stream.close();
  return Uint8Array.from(got);
}

describe('services of a gateway, on the wire', () => {
  test('TFTP over a link that loses one frame in twenty', () => {
    const { sim, sockets } = guest({ tftp: { files: FILES } }, 0.05);
    const client = new TftpClient(sim.now, {
      sockets,
      server: { address: GATEWAY, port: 69 },
      file: 'boot.img',
      windowBlocks: 8,
    });
    for (let i = 0; client.result === undefined && i < 1_000; i++) {
      sim.run({ until: Math.min(sim.now + 20, Math.max(sim.now + 1, client.nextTimeout())) });
      client.run(sim.now);
    }
    expect(client.result?.ok && bytesEqual(client.result.bytes, pattern(30_000))).toBe(true);
    sim.runFor(30 * SECOND);
    expect(sim.lan.inspect().gateway?.services?.tftp).toMatchObject({ transfers: 0, ends: { done: 1 } });
  });

  test('HTTP, DNS over TCP, echo and discard', () => {
    const world = guest({ http: { files: FILES }, dnsTcp: {}, echo: {}, discard: {} });
    expect(text(exchange(world, 80, octetsOf('GET /hello.txt HTTP/1.0\r\n\r\n')))).toMatch(
      /^HTTP\/1\.0 200 OK\r\n[\s\S]*\r\n\r\nhello$/,
    );
    // A body that nobody reads must not reset the connection before the answer is there.
    expect(text(exchange(world, 80, octetsOf(`POST / HTTP/1.0\r\n\r\n${'x'.repeat(16_000)}`)))).toMatch(/^HTTP\/1\.0 405 /);
    const query = encodeDns(queryOf('a.test'));
    expect(exchange(world, 53, Uint8Array.of(0, query.length, ...query))).toHaveLength(2 + query.length + 16);
    expect(bytesEqual(exchange(world, 7, pattern(5_000)), pattern(5_000))).toBe(true);
    expect(exchange(world, 9, pattern(5_000))).toHaveLength(0);
    world.sim.runFor(60 * SECOND);
    const services = world.sim.lan.inspect().gateway?.services;
    expect(services).toMatchObject({
      http: { statuses: { 200: 1, 405: 1 }, connections: 0 },
      dnsTcp: { answered: 1 },
      echo: { ends: { closed: 1 } },
      discard: { ends: { closed: 1 } },
    });
    expect(services).not.toHaveProperty('tftp');
  });

  test('what is not asked for is closed, and says so', () => {
    const world = guest({ echo: {} });
    const opened = world.sockets.tcpConnect({ address: GATEWAY, port: 80 });
    world.sim.runFor(SECOND);
    expect(opened.ok && opened.value.established()).toEqual({ ok: false, error: 'refused' });
  });
});
