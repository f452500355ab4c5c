import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DhcpLeaseRecord, DhcpServerTransmit } from '@nexus-net/dhcp';
import { IPV4_LOOPBACK, type MacAddress, parseIpv4, parsePrefix, UsageError } from '@nexus-net/sansio';
import { afterEach, describe, expect, test } from 'vitest';
import { A, type Ask, B, datagramOf, FIRST, LAB_OPTIONS, readReply, SERVER } from '../../dhcp/test/support/server-lab.js';
import {
  DhcpServerDriver,
  type DhcpServerDriverEvent,
  type DhcpServerDriverOptions,
  DhcpUdpServer,
  type DhcpUdpServerOptions,
  epochClock,
  JournalLeaseStore,
  type LeaseStore,
  LeaseStoreError,
  type Settled,
} from '../src/index.js';
import { row } from './support/lease-records.js';
import { ManualTime } from './support/manual-time.js';

const RELAY = parseIpv4('127.0.0.5');
const FAR = parseIpv4('203.0.113.1');

/** A store that stores when it is told to. */
class HandStore implements LeaseStore {
  readonly waiting: { readonly record: DhcpLeaseRecord; readonly settled: Settled }[] = [];
  readonly #rows: DhcpLeaseRecord[];
  constructor(rows: DhcpLeaseRecord[] = []) {
    this.#rows = rows;
  }
  rows(): DhcpLeaseRecord[] {
    return this.#rows;
  }
  append(record: DhcpLeaseRecord, settled: Settled): void {
    this.waiting.push({ record, settled });
  }
  settle(error?: LeaseStoreError): void {
    this.waiting.shift()?.settled(error);
  }
  async flush(): Promise<void> {}
  async compact(): Promise<void> {}
  async close(): Promise<void> {}
  inspect(): ReturnType<LeaseStore['inspect']> {
    throw new Error('not asked for');
  }
}

interface Lab {
  readonly driver: DhcpServerDriver;
  readonly time: ManualTime;
  readonly replies: string[];
  readonly events: DhcpServerDriverEvent[];
  say(ask: Ask): string[];
}

function lab(options: Partial<DhcpServerDriverOptions> = {}): Lab {
  const time = new ManualTime(1_000);
  const replies: string[] = [];
  const events: DhcpServerDriverEvent[] = [];
  const heard = (reply: DhcpServerTransmit): void => void replies.push(readReply(reply).type);
  const driver = new DhcpServerDriver({
    server: LAB_OPTIONS,
    transmit: heard,
    event: (event) => events.push(event),
    clock: time,
    timers: time,
    ...options,
  });
  const say = (ask: Ask): string[] => {
    const before = replies.length;
    driver.handleDatagram(datagramOf({ mac: A, ...ask }));
    return replies.slice(before);
  };
  return { driver, time, replies, events, say };
}

const SELECT: Ask = { type: 'request', requested: FIRST, server: SERVER };

describe('a server with a store', () => {
  test('the ACK leaves when the record is durable, not before', () => {
    const store = new HandStore();
    const { say, replies, events } = lab({ store });
    expect(say({ type: 'discover' })).toEqual(['offer']);
    expect(say(SELECT)).toEqual([]);
    expect(store.waiting.map(({ record }) => record)).toMatchObject([{ address: FIRST, state: 'leased', until: 601_000 }]);
    store.settle();
    expect(replies).toEqual(['offer', 'ack']);
    expect(events.map(({ type }) => type)).toEqual(['offered', 'leased']); // the errands to the store are not for the application
  });

  test('a record that could not be stored brings no ACK; the client may ask again', () => {
    const store = new HandStore();
    const { driver, say, replies } = lab({ store });
    say({ type: 'discover' });
    say(SELECT);
    store.settle(new LeaseStoreError('disk-full', 'for the test'));
    expect(replies).toEqual(['offer']);
    expect(driver.drive((server) => server.inspect().rejects)).toEqual({ 'store-failed': 1 });
    say(SELECT);
    store.settle();
    expect(replies).toEqual(['offer', 'ack']);
  });

  test('what the store has is leased from the start', () => {
    const held = row(0, { address: FIRST, until: 50_000, revision: 41 });
    const store = new HandStore([held]);
    const { driver, say, time } = lab({ store });
    expect(say({ type: 'request', mac: B, requested: FIRST })).toEqual(['nak']);
    expect(driver.drive((server) => server.inspect().restore)).toMatchObject({ restored: 1, skipped: 0 });
    time.advanceTo(50_000); // its end needs no datagram
    expect(driver.drive((server) => server.inspect().subnets[0]?.bindings)).toMatchObject([{ state: 'expired' }]);
    say({ type: 'request', mac: B, requested: FIRST });
    expect(store.waiting.map(({ record }) => record.revision)).toEqual([42]);
  });

  test('a store that answers after the end changes nothing', () => {
    const store = new HandStore();
    const { driver, say, replies } = lab({ store });
    say({ type: 'discover' });
    say(SELECT);
    driver.close();
    expect(driver.closed).toBe(true);
    store.settle();
    expect(replies).toEqual(['offer']);
    expect(() => say({ type: 'discover' })).toThrow(UsageError);
  });
});

test('without a store an ACK waits for nothing', () => {
  const { say } = lab();
  expect(say({ type: 'discover' })).toEqual(['offer']);
  expect(say(SELECT)).toEqual(['ack']);
});

test('the epoch clock tells the time since 1970 and goes forward', () => {
  const before = epochClock.now();
  expect(Math.abs(before - Date.now())).toBeLessThan(60_000);
  expect(epochClock.now()).toBeGreaterThanOrEqual(before);
});

describe('over UDP on loopback', () => {
  const open: { close(): unknown }[] = [];
  let folder = '';
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
    if (folder !== '') rmSync(folder, { recursive: true });
    folder = '';
  });

  const server: DhcpServerDriverOptions['server'] = {
    ...LAB_OPTIONS,
    address: IPV4_LOOPBACK,
    prefix: parsePrefix('127.0.0.0/8'),
    pool: { first: parseIpv4('127.0.1.1'), last: parseIpv4('127.0.1.200') },
    routers: [],
    dnsServers: [],
  };

  async function start(options: Partial<DhcpUdpServerOptions> = {}): Promise<DhcpUdpServer> {
    const started = await DhcpUdpServer.open({ server, port: 0, ...options });
    open.push(started);
    return started;
  }

  /** A relay at 127.0.0.5 that asks for answers to its own port (RFC 8357), and the next reply that it hears. */
  async function relay(): Promise<{ ask(port: number, ask: Ask, to?: string): Promise<string> }> {
    const socket: Socket = createSocket('udp4');
    open.push({ close: () => new Promise<void>((resolve) => socket.close(() => resolve())) });
    await new Promise<void>((resolve) => socket.bind({ address: '127.0.0.5', port: 0 }, resolve));
    const sourcePort = { code: 82, value: Uint8Array.of(1, 1, 7, 19, 0) };
    return {
      ask: (port, ask, to = '127.0.0.1') =>
        new Promise((resolve) => {
          socket.once('message', (payload) => {
            const destination = { address: IPV4_LOOPBACK, port: 67 };
            const { type, message } = readReply({ source: destination, destination, payload });
            resolve(`${type} ${message.yiaddr - server.address}`);
          });
          socket.send(datagramOf({ mac: A, giaddr: RELAY, more: [sourcePort], ...ask }).payload, port, to);
        }),
    };
  }

  const first = parseIpv4('127.0.1.1');
  const select: Ask = { type: 'request', requested: first, server: IPV4_LOOPBACK };

  test('a lease is in the journal when its ACK arrives, and a new process knows it', async () => {
    folder = mkdtempSync(join(tmpdir(), 'nexus-net-udp-'));
    const path = join(folder, 'leases');
    const store = await JournalLeaseStore.open({ path });
    open.push(store);
    const { port } = await start({ store });
    const asker = await relay();
    expect(await asker.ask(port, {})).toBe('offer 256');
    expect(await asker.ask(port, select)).toBe('ack 256');
    expect(store.rows()).toMatchObject([{ address: first, state: 'leased' }]);
    for (const each of open.splice(0).reverse()) await each.close();

    const again = await JournalLeaseStore.open({ path });
    open.push(again);
    const restarted = await start({ store: again });
    expect(restarted.drive((each) => each.inspect().counts.leased)).toBe(1);
    expect(await (await relay()).ask(restarted.port, { mac: B })).toBe('offer 257');
  });

  test('both sockets are heard: the one with the address and the one for broadcasts', async () => {
    const { port } = await start();
    const asker = await relay();
    expect(await asker.ask(port, {})).toBe('offer 256');
    expect(await asker.ask(port, {}, '127.0.0.9')).toBe('offer 256'); // not the server's address: only the other one hears it
    const lonely = await start({ broadcast: false });
    expect(await asker.ask(lonely.port, {})).toBe('offer 256');
  });

  test('a reply to a client goes to the port of clients, one above the server’s where nothing else is said', async () => {
    const client = createSocket('udp4');
    open.push({ close: () => new Promise<void>((resolve) => client.close(() => resolve())) });
    await new Promise<void>((resolve) => client.bind({ address: '127.0.1.1', port: 0 }, resolve));
    const { port } = await start({ clientPort: client.address().port });
    const heard = new Promise<Uint8Array>((resolve) => client.once('message', resolve));
    const renewal = datagramOf({ mac: A, type: 'request', ciaddr: first });
    client.send(renewal.payload, port, '127.0.0.1');
    const destination = { address: first, port: 68 };
    expect(readReply({ source: destination, destination, payload: await heard }).type).toBe('ack');
  });

  test('what can not be sent is counted', async () => {
    const limited = await start({ inFlightCountMax: 1 });
    const discover = (index: number): Ask => ({ mac: (0x020000000000 + index) as MacAddress, giaddr: RELAY });
    limited.drive((each, now) => {
      for (let i = 0; i < 3; i++) each.handleDatagram(now, datagramOf(discover(i)));
    });
    expect(limited.counters()).toEqual({ 'in-flight-limit': 2 });

    const remote = { prefix: parsePrefix('203.0.113.0/24'), pool: { first: FAR, last: FAR } };
    const refused = await start({ server: { ...server, remoteSubnets: [remote] } });
    const asker = await relay();
    refused.drive((each, now) => each.handleDatagram(now, datagramOf({ giaddr: FAR }))); // nothing leaves loopback
    expect(await asker.ask(refused.port, {})).toBe('offer 256');
    expect(refused.counters()).toEqual({ 'send-failed': 1 });
  });

  test('a taken port is refused, and closing gives it back', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(start({ port, broadcast: false })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await open.pop()?.close();
    await start({ port });
  });

  test.each<Partial<DhcpUdpServerOptions>>([{ port: -1 }, { port: 65_536 }, { clientPort: 0 }, { inFlightCountMax: 0 }])(
    'the options %o are refused',
    async (options) => {
      await expect(start(options)).rejects.toThrow(UsageError);
    },
  );

  test('where the server’s options contradict each other, the sockets are closed again', async () => {
    const { port } = await start();
    await open.pop()?.close();
    await expect(start({ port, server: { ...server, leaseMs: 1 } })).rejects.toThrow(UsageError);
    await start({ port });
  });
});
