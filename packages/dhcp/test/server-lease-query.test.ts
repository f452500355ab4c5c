import { type Ipv4Address, parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { DHCP_MESSAGE_TYPE, type DhcpServerOptions, messageType } from '../src/index.js';
import { A, type Ask, B, C, codes, dotted, FIRST, number, option, type Reply, SERVER, ServerLab } from './support/server-lab.js';

const ip = parseIpv4;
const ACCESS = ip('10.0.2.254');
const ID = Uint8Array.of(0, 1, 2, 3);

function lab(options: Partial<DhcpServerOptions> = {}): ServerLab {
  return new ServerLab({ leaseQuery: 'every-relay', ...options });
}

/** A query without hardware address, unless `ask` has one. */
function query(server: ServerLab, ask: Ask): Reply | string {
  return server.ask({ type: 'leaseQuery', giaddr: ACCESS, hlen: 0, htype: 0, chaddr: new Uint8Array(16), ...ask });
}

function byAddress(server: ServerLab, address: Ipv4Address, ask: Ask = {}): Reply {
  return answered(query(server, { ciaddr: address, ...ask }));
}

const BY_MAC: Ask = { chaddr: Uint8Array.of(2, 0, 0, 0, 0, 10, ...new Uint8Array(10)), hlen: 6, htype: 1 };

function answered(reply: Reply | string): Reply {
  if (typeof reply === 'string') throw new Error(`no answer: ${reply}`);
  return reply;
}

function type({ message }: Reply): string | undefined {
  return Object.entries(DHCP_MESSAGE_TYPE).find(([, value]) => value === messageType(message))?.[0];
}

describe('LEASEQUERY', () => {
  test('dhcp/S74 by address: active, to giaddr, with what is left of the times', () => {
    const server = lab();
    server.lease(A);
    server.advance(100_500);
    const reply = byAddress(server, FIRST, { xid: 77 });
    expect([type(reply), reply.to, reply.message.xid]).toEqual(['leaseActive', '10.0.2.254:67', 77]);
    expect(reply.message).toMatchObject({ ciaddr: FIRST, yiaddr: 0, siaddr: 0, giaddr: ACCESS, htype: 1, hlen: 6, hops: 0 });
    expect([...reply.message.chaddr.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0, 10]);
    expect(codes(reply)).toEqual([53, 54, 51, 58, 59, 91]);
    expect([54, 51, 58, 59, 91].map((code) => number(reply, code))).toEqual([SERVER, 499, 199, 424, 100]);
    expect(server.events.at(-1)).toEqual({ type: 'lease-query', at: 100_500, giaddr: ACCESS, answer: 'active' });
  });

  test('dhcp/S74 by address: served but free, offered or out of use is unassigned; not served is unknown', () => {
    const server = lab({ reservations: [{ mac: C, address: ip('10.0.2.200') }] });
    server.discover(A);
    server.decline(B, server.lease(B));
    for (const address of ['10.0.2.15', '10.0.2.16', '10.0.2.17', '10.0.2.200']) {
      const reply = byAddress(server, ip(address));
      expect([type(reply), dotted(reply.message.ciaddr), codes(reply)]).toEqual(['leaseUnassigned', address, [53, 54]]);
    }
    for (const address of ['10.0.2.99', '192.0.2.1']) expect(type(byAddress(server, ip(address)))).toBe('leaseUnknown');
  });

  test('dhcp/S74 by MAC: the newest lease, and all of its addresses', () => {
    const server = lab();
    expect(type(answered(query(server, BY_MAC)))).toBe('leaseUnknown');
    server.lease(A);
    const one = answered(query(server, BY_MAC));
    expect([type(one), one.message.ciaddr, option(one, 92)]).toEqual(['leaseActive', FIRST, undefined]);
    server.advance(10_000);
    server.lease(A, { clientId: ID });
    const two = answered(query(server, BY_MAC));
    expect([two.message.ciaddr, option(two, 61)]).toEqual([ip('10.0.2.16'), ID]);
    expect(option(two, 92)).toEqual(Uint8Array.of(10, 0, 2, 16, 10, 0, 2, 15));
    server.release(A, ip('10.0.2.16'), { clientId: ID });
    expect(answered(query(server, BY_MAC)).message.ciaddr).toBe(FIRST);
  });

  test('dhcp/S74 by client identifier', () => {
    const server = lab();
    server.lease(A, { clientId: ID });
    const reply = answered(query(server, { clientId: ID }));
    expect([type(reply), reply.message.ciaddr]).toEqual(['leaseActive', FIRST]);
    expect([...reply.message.chaddr.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0, 10]);
    expect(type(answered(query(server, { clientId: Uint8Array.of(9, 9) })))).toBe('leaseUnknown');
    expect(type(answered(query(server, { clientId: ID, ciaddr: ip('10.0.2.17') })))).toBe('leaseUnassigned'); // ciaddr counts
  });

  test('dhcp/S74 option 82 as the relay sent it, also after a renewal past the relay; other options as asked', () => {
    const remote = {
      prefix: parsePrefix('10.9.0.0/24'),
      pool: { first: ip('10.9.0.10'), last: ip('10.9.0.20') },
      routers: [ip('10.9.0.1')],
    };
    const server = lab({ remoteSubnets: [remote] });
    const information = Uint8Array.of(1, 1, 7, 2, 1, 8);
    const address = server.lease(A, { giaddr: ip('10.9.0.1'), more: [{ code: 82, value: information }] });
    server.advance(300_000);
    server.renew(A, address);
    const reply = byAddress(server, address, { asked: [3, 6, 1] });
    expect(option(reply, 82)).toEqual(information);
    expect(codes(reply)).toEqual([53, 54, 51, 58, 59, 91, 82, 1, 3]);
    expect(number(reply, 51)).toBe(600);
  });

  test('dhcp/S74 nobody else is told: no giaddr, a giaddr that is not of the list, or not configured at all', () => {
    const server = lab({ leaseQuery: [ACCESS] });
    server.lease(A);
    expect(query(server, { ciaddr: FIRST, giaddr: ip('0.0.0.0') })).toBe('lease-query-refused');
    expect(query(server, { ciaddr: FIRST, giaddr: ip('10.0.2.253') })).toBe('lease-query-refused');
    expect(type(byAddress(server, FIRST))).toBe('leaseActive');
    expect(query(lab({ leaseQuery: 'off' }), { ciaddr: FIRST })).toBe('lease-query-refused');
    expect(query(lab({ leaseQuery: [] }), { ciaddr: FIRST })).toBe('lease-query-refused');
    expect(query(server, {})).toBe('lease-query-for-nothing');
  });

  test('dhcp/S94 a clock that stepped back gives no negative times, and a lease for ever has none', () => {
    const server = lab({ leaseMsMax: Number.POSITIVE_INFINITY });
    server.now = 1_000_000;
    server.lease(A, { leaseSeconds: 0xffffffff });
    server.lease(B);
    server.now = 0;
    const forEver = byAddress(server, FIRST);
    expect([number(forEver, 51), codes(forEver)]).toEqual([0xffffffff, [53, 54, 51, 91]]);
    const reply = byAddress(server, ip('10.0.2.16'));
    expect([51, 58, 59, 91].map((code) => number(reply, code))).toEqual([600, 300, 525, 0]);
    server.now = 1_599_999;
    expect(number(byAddress(server, ip('10.0.2.16')), 51)).toBe(1);
    expect(codes(byAddress(server, ip('10.0.2.16')))).toEqual([53, 54, 51, 91]); // T1 and T2 are over
  });

  test('a lease of an earlier run is known without its times of use', () => {
    const record = {
      address: FIRST,
      htype: 1,
      hardware: Uint8Array.of(2, 0, 0, 0, 0, 10),
      state: 'leased' as const,
      until: 600_000,
      revision: 1,
    };
    const server = lab({ restored: [record] });
    expect(codes(byAddress(server, FIRST))).toEqual([53, 54, 51]);
    expect(type(answered(query(server, BY_MAC)))).toBe('leaseActive');
  });

  test('asking changes nothing', () => {
    const server = lab();
    server.lease(A);
    const before = JSON.stringify(server.server.inspect().subnets);
    byAddress(server, FIRST);
    query(server, BY_MAC);
    query(server, { clientId: ID });
    byAddress(server, ip('10.0.2.17'));
    expect(JSON.stringify(server.server.inspect().subnets)).toBe(before);
    expect(server.server.inspect()).toMatchObject({
      received: { 'lease-query': 4 },
      sent: { 'lease-active': 2, 'lease-unknown': 1, 'lease-unassigned': 1 },
    });
  });
});
