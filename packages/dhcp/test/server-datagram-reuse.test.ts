import { type Datagram, parseIpv4, toHex } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { DhcpServer, type DhcpServerOptions } from '../src/index.js';
import { A, type Ask, B, datagramOf, FIRST, LAB_OPTIONS, SERVER } from './support/server-lab.js';

const SECOND = parseIpv4('10.0.2.16');
const RELAY = parseIpv4('10.0.2.254');
const information = (...octets: number[]): Uint8Array => Uint8Array.of(1, octets.length, ...octets, 5, 4, 10, 0, 2, 0);

/** Two clients behind a relay, one on the wire: every octet that the server keeps of a message is in one of these. */
const ASKS: readonly Ask[] = [
  { type: 'discover', mac: A, xid: 1, giaddr: RELAY, more: [{ code: 82, value: information(7, 8, 9) }], asked: [3, 6, 15] },
  {
    type: 'request',
    mac: A,
    xid: 1,
    giaddr: RELAY,
    requested: FIRST,
    server: SERVER,
    more: [{ code: 82, value: information(7, 8, 9) }],
  },
  {
    type: 'request',
    mac: A,
    xid: 1,
    giaddr: RELAY,
    requested: FIRST,
    server: SERVER,
    more: [{ code: 82, value: information(7, 8, 9) }],
  },
  { type: 'discover', mac: B, xid: 2, clientId: Uint8Array.of(0, 1, 2, 3), asked: [15, 1] },
  { type: 'discover', mac: B, xid: 3, clientId: Uint8Array.of(0, 1, 2, 3), asked: [6] },
  {
    type: 'request',
    mac: B,
    xid: 3,
    clientId: Uint8Array.of(0, 1, 2, 3),
    asked: [6, 3],
    requested: SECOND,
    server: SERVER,
  },
  { type: 'leaseQuery', giaddr: RELAY, ciaddr: FIRST, hlen: 0, htype: 0, chaddr: new Uint8Array(16), xid: 4 },
];

/**
 * What the server sends and stores when all answers, of probes and of the store, come `late` messages later. `receive` is how a caller
 * hands the octets over.
 */
function run(
  options: Partial<DhcpServerOptions>,
  late: number,
  receive: (server: DhcpServer, datagram: Datagram) => void,
): string[] {
  const server = new DhcpServer({ ...LAB_OPTIONS, ...options });
  const seen: string[] = [];
  const answers: (() => void)[][] = [];
  const drain = (): void => {
    for (let e = server.pollEvent(); e !== undefined; e = server.pollEvent()) {
      const event = e;
      seen.push(JSON.stringify(event));
      if (event.type === 'store') answers.at(-1)?.push(() => server.confirmStored(0, event.id));
      if (event.type === 'probe') answers.at(-1)?.push(() => server.probeResult(0, event.id, 'free'));
    }
    for (let t = server.pollTransmit(); t !== undefined; t = server.pollTransmit()) seen.push(toHex(t.payload));
  };
  for (const ask of [...ASKS, ...Array.from({ length: late }, (): Ask => ({ type: 'none', mac: A }))]) {
    answers.push([]);
    receive(server, datagramOf(ask));
    drain();
    if (answers.length <= late) continue;
    for (const answer of answers.at(-1 - late) ?? []) answer();
    drain();
  }
  return seen;
}

test.each<[string, Partial<DhcpServerOptions>, number]>([
  ['an ACK at once', { leaseQuery: 'every-relay' }, 0],
  ['an ACK when the store confirms', { durability: 'confirmed', leaseQuery: 'every-relay' }, 2],
  ['an OFFER when the probe has ended', { conflictCheck: {}, leaseQuery: 'every-relay' }, 2],
])('the caller reuses the buffer of a datagram as soon as it is handed over: %s', (_name, options, late) => {
  const kept = run(options, late, (server, datagram) => server.handleDatagram(0, datagram));
  const buffer = Buffer.alloc(2048); // as a socket hands them out: slice() of one is a view
  const reused = run(options, late, (server, datagram) => {
    buffer.set(datagram.payload);
    server.handleDatagram(0, { ...datagram, payload: buffer.subarray(0, datagram.payload.length) });
    buffer.fill(0xaa);
  });
  expect(kept.some((line) => line.startsWith('02'))).toBe(true);
  expect(reused).toEqual(kept);
});

test('a reply that the caller overwrites changes no other one', () => {
  const server = new DhcpServer(LAB_OPTIONS);
  for (const mac of [A, B]) server.handleDatagram(0, datagramOf({ type: 'discover', mac }));
  const first = server.pollTransmit()?.payload;
  const second = server.pollTransmit()?.payload;
  const before = toHex(second ?? new Uint8Array());
  first?.fill(0xff);
  server.handleDatagram(0, datagramOf({ type: 'discover', mac: A }));
  const third = toHex(server.pollTransmit()?.payload ?? new Uint8Array());
  expect(toHex(second ?? new Uint8Array())).toBe(before);
  expect([before.slice(0, 8), third.slice(0, 8)]).toEqual(['02010600', '02010600']);
  expect(before).toContain('638253633501023604');
  expect(third).toContain('638253633501023604');
});
