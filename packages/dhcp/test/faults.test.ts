import { parseIpv4 } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { SHAPES } from '../src/options/shapes.js';
import { ClientLab, OTHER_SERVER, S } from './support/client-lab.js';
import { A, B, kind, type Reply, ServerLab } from './support/server-lab.js';

const ip = parseIpv4;
const FACTOR = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1');

describe('a flood', () => {
  const pool = { first: ip('10.0.2.20'), last: ip('10.0.2.59') };

  test('fault/D01 of DISCOVERs from made-up clients: leases stay, offers are bounded and end soon, then an honest client is served', () => {
    const lab = new ServerLab({ pool, offerCountMax: 30, bindingCountMax: 64 });
    const address = lab.lease(A);
    const count = FACTOR > 1 ? 100_000 : 300;
    for (let i = 0; i < count; i++) lab.discover((0x021000000000 + i) as never);
    expect(lab.server.inspect().counts).toMatchObject({ leased: 1, offered: 30 });
    expect(lab.server.inspect().counts.bindings).toBeLessThanOrEqual(64);
    expect(kind(lab.renew(A, address))).toBe('ack');
    lab.advance(60_000);
    expect(lab.server.inspect().counts.offered).toBe(0);
    expect(lab.lease(B)).not.toBe(address);
  });

  test('fault/D18 of DISCOVERs from one client: one offer, and at its end one lease', () => {
    const lab = new ServerLab({ pool });
    const offers = new Set(Array.from({ length: 100 }, () => lab.discover(A).message.yiaddr));
    expect(offers.size).toBe(1);
    expect(lab.lease(A)).toBe([...offers][0]);
    expect(lab.bindings()).toEqual(['10.0.2.20 leased']);
  });
});

describe('two servers answer', () => {
  test('fault/D02 whichever OFFER was taken: only the ACK of its server, for our exchange and our address, binds', () => {
    for (const chosen of ['ours', 'theirs'] as const) {
      const rogue = { from: { address: OTHER_SERVER, port: 67 }, options: { 54: octets(OTHER_SERVER) } };
      const [first, other] = chosen === 'ours' ? [{}, rogue] : [rogue, {}];
      const lab = new ClientLab().start().receive('offer', first).receive('offer', other);
      expect(lab.counters).toEqual({ 'unexpected-type': 1 }); // that there is another one is counted
      lab.receive('ack', other);
      lab.receive('ack', { ...first, xid: 99 });
      lab.receive('ack', { ...first, chaddr: Uint8Array.of(2, 0, 0, 0, 0, 1) });
      expect(lab.state).toBe('requesting');
      expect(lab.counters).toMatchObject({ 'wrong-server': 1, 'wrong-xid': 1, 'wrong-chaddr': 1 });
      expect(lab.receive('ack', first).state).toBe('bound');
    }
  });
});

describe('options made to loop', () => {
  test('fault/D09 routes of no octets, pointers that point at each other: read once, in bounded pieces', () => {
    for (const length of [1, 4, 5, 255, 2_000])
      for (const octet of [0, 1, 0x20, 0xc0, 0xff]) {
        const value = new Uint8Array(length).fill(octet);
        const routes = SHAPES.classlessRoutes.decode(value);
        expect(routes.ok ? routes.value.length : 0).toBeLessThanOrEqual(length / 5);
        expect(SHAPES.domainNames.decode(value).ok).toBe(false);
      }
  });
});

describe('a server used against others', () => {
  const forged = [
    ['a renewal of an address that is not ours to give', { type: 'request', ciaddr: ip('192.0.2.7') }],
    ['an INFORM of a network that is not served', { type: 'inform', ciaddr: ip('192.0.2.7') }],
    ['an INFORM by a relay that nobody knows', { type: 'inform', ciaddr: ip('192.0.2.7'), giaddr: ip('192.0.2.1') }],
  ] as const;

  test.each(forged)('fault/D24 %s: nothing goes there', (_, ask) => {
    const lab = new ServerLab();
    expect(lab.send({ mac: A, source: ask.ciaddr, ...ask }).filter(({ to }) => to.startsWith('192.'))).toEqual([]);
  });

  test('fault/D24 an answer is one, and no larger than what every client takes', () => {
    const more = Array.from({ length: 30 }, (_, i) => ({ code: 224 + (i % 20), value: new Uint8Array(100).fill(i) }));
    const lab = new ServerLab({ options: more.slice(0, 20) });
    const asked = Array.from({ length: 20 }, (_, i) => 224 + i);
    const replies: Reply[] = lab.send({ type: 'inform', mac: A, ciaddr: ip('10.0.2.77'), source: ip('10.0.2.77'), asked });
    expect(replies).toHaveLength(1);
    expect(replies[0]?.transmit.payload.length).toBeLessThanOrEqual(548);
  });
});

describe('a clock', () => {
  test('fault/D22 that jumps over T1, T2 and the end in RENEWING ends the lease; one that steps back gives nothing', () => {
    const lab = new ClientLab()
      .start()
      .receive('offer')
      .receive('ack')
      .runTo(1_800 * S);
    expect(lab.state).toBe('renewing');
    lab.run((client) => void client.handleTimeout(0));
    expect(lab.state).toBe('renewing');
    lab.run((client) => void client.handleTimeout(100_000 * S));
    expect(lab.client.lease).toBeUndefined();
    lab.run((client) => void client.handleTimeout(0));
    expect(lab.client.lease).toBeUndefined();
  });
});

function octets(address: number): number[] {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
}
