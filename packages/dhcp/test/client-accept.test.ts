import { IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { ADDRESS, boundLab, ClientLab, LEASE_S, type Patch, S, SERVER, u32 } from './support/client-lab.js';

const ip = parseIpv4;
const selecting = (): ClientLab => new ClientLab().start();

/** OFFER with `patch`: dropped under `label`, and a good OFFER is taken afterwards. */
function expectDropped(patch: Patch, label: string): void {
  const lab = selecting().receive('offer', patch);
  expect(lab.state).toBe('selecting');
  expect(lab.sent).toHaveLength(1);
  expect(lab.counters).toEqual({ [label]: 1 });
  expect(lab.eventsOf('rejected')).toEqual([{ type: 'rejected', label, at: 0 }]);
  expect(lab.receive('offer').state).toBe('requesting');
}

describe('is it a reply to us?', () => {
  test.each<[string, Patch, string]>([
    ['dhcp/K01 another xid', { xid: 99 }, 'wrong-xid'],
    ['dhcp/K02 chaddr of another client', { chaddr: Uint8Array.of(2, 0, 0, 0, 0, 1) }, 'wrong-chaddr'],
    ['dhcp/A05 dhcp/A06 op 1', { op: 1 }, 'not-a-reply'],
    ['dhcp/A10 htype 6', { htype: 6 }, 'wrong-htype'],
    ['dhcp/A11 hlen 0', { hlen: 0 }, 'wrong-hlen'],
    ['dhcp/A07 hlen 16', { hlen: 16 }, 'wrong-hlen'],
    ['not to port 68', { to: { address: ADDRESS, port: 69 } }, 'wrong-port'],
    ['dhcp/A34 message type 200', { options: { 53: [200] } }, 'unexpected-type'],
    ['message type REQUEST', { options: { 53: [3] } }, 'unexpected-type'],
    ['dhcp/A31 message type of two octets', { options: { 53: [2, 2] } }, 'bad-message-type'],
    ['dhcp/A01 a truncated message', { raw: (payload) => payload.subarray(0, 239) }, 'truncated'],
    ['dhcp/K03 no server identifier', { options: { 54: undefined } }, 'no-server-id'],
    ['a server identifier of three octets', { options: { 54: [10, 0, 2] } }, 'no-server-id'],
    ['dhcp/K05 server identifier 0.0.0.0', { options: { 54: u32(0) } }, 'bad-server-id'],
    ['server identifier 255.255.255.255', { options: { 54: u32(0xffffffff) } }, 'bad-server-id'],
  ])('%s', (_, patch, label) => expectDropped(patch, label));

  test('dhcp/K04 an ACK without server identifier is dropped; the REQUEST is repeated', () => {
    const lab = selecting()
      .receive('offer')
      .receive('ack', { options: { 54: undefined } });
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'no-server-id': 1 });
    expect(lab.runTo(4 * S).receive('ack').state).toBe('bound');
  });

  test.each<[string, Patch]>([
    ['dhcp/K06 a server identifier other than the source address', { from: { address: ip('10.0.9.9'), port: 67 } }],
    ['dhcp/K51 source port 1067: RFC 2131 fixes the port that a reply goes to', { from: { address: SERVER, port: 1067 } }],
    ['dhcp/K53 to the broadcast address though the flag was 0', { to: { address: IPV4_BROADCAST, port: 68 } }],
    ['dhcp/K55 to an address that is not yiaddr', { to: { address: ip('10.0.2.200'), port: 68 } }],
    ['dhcp/K57 garbage in flags, secs and hops', { flags: 0x7fff, secs: 0xffff, hops: 200 }],
    ['dhcp/K58 option 82', { options: { 82: [1, 2, 3, 4] } }],
    ['dhcp/K61 option 108 that nobody asked for', { options: { 108: u32(400) } }],
    ['dhcp/A13 garbage behind the six octets of chaddr', { raw: (payload) => payload.fill(0xee, 34, 44) }],
    ['dhcp/A38 a reply of less than 300 octets', { raw: (payload) => payload.subarray(0, 280) }],
    [
      'dhcp/A39 a reply padded to 1400 octets',
      { raw: (payload) => Uint8Array.from({ length: 1400 }, (_, i) => payload[i] ?? 0) },
    ],
    ['dhcp/C02 option 3 of five octets counts as absent', { options: { 3: [10, 0, 2, 2, 10] } }],
  ])('%s is accepted', (_, patch) => {
    const lab = selecting().acquire(patch);
    expect(lab.lease).toMatchObject({ address: ADDRESS, server: SERVER });
    expect(lab.counters).toEqual({});
  });

  test('dhcp/K06 renewal goes to the server identifier, not to where the datagrams came from', () => {
    const lab = boundLab({}, { from: { address: ip('10.0.9.9'), port: 67 } }).runTo(1800 * S);
    expect(lab.last.datagram.destination).toEqual({ address: SERVER, port: 67 });
  });
});

describe('can the address be ours?', () => {
  test.each<[string, string, string]>([
    ['dhcp/K07', '0.0.0.0', 'bad-address'],
    ['dhcp/K08', '255.255.255.255', 'bad-address'],
    ['dhcp/K08b', '224.0.0.5', 'bad-address'],
    ['dhcp/K08c', '127.0.0.5', 'bad-address'],
    ['class E', '240.0.0.1', 'bad-address'],
    ['dhcp/K09 the broadcast address of its subnet', '10.0.2.255', 'address-not-a-host'],
    ['dhcp/K09 the network address', '10.0.2.0', 'address-not-a-host'],
    ['dhcp/K09b the address of the server', '10.0.2.2', 'address-of-server'],
  ])('fault/D11 %s yiaddr %s is dropped in OFFER and ACK', (_, address, label) => {
    expectDropped({ yiaddr: ip(address) }, label);
    const lab = selecting()
      .receive('offer')
      .receive('ack', { yiaddr: ip(address) });
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ [label]: 1 });
  });

  test('dhcp/K62 yiaddr 0 with option 116 that nobody asked for is dropped like any', () => {
    expectDropped({ yiaddr: IPV4_ANY, options: { 116: [0] } }, 'bad-address');
  });

  test('dhcp/K09b a server that offers its own address costs the retransmissions of DISCOVER and no more', () => {
    const lab = selecting();
    for (let i = 0; i < 60; i++) lab.receive('offer', { yiaddr: SERVER }).runFor(S);
    expect(lab.sentLog()).toEqual(['discover@0', 'discover@4', 'discover@12', 'discover@28', 'discover@60']);
  });

  test.each([31, 32])('dhcp/K13 a mask of /%d is accepted as given', (length) => {
    const lab = boundLab({}, { options: { 1: u32(length === 32 ? 0xffffffff : 0xfffffffe) } });
    expect(lab.lease.prefixLength).toBe(length);
  });

  test.each<[string, readonly number[] | undefined]>([
    ['dhcp/K10 missing', undefined],
    ['dhcp/K11 with a hole', [255, 0, 255, 0]],
    ['dhcp/K12 all zero', [0, 0, 0, 0]],
    ['dhcp/C01 of three octets', [255, 255, 255]],
    ['dhcp/C01 of five octets', [255, 255, 255, 0, 0]],
  ])('the mask is %s: rejected by default, else the documented fallback', (_, mask) => {
    const patch: Patch = { options: { 1: mask } };
    expectDropped(patch, 'no-subnet-mask');
    expect(boundLab({ missingMask: 'host' }, patch).lease.prefixLength).toBe(32);
    expect(boundLab({ missingMask: 'classful' }, patch).lease.prefixLength).toBe(8);
  });

  test.each<[string, number]>([
    ['172.16.0.5', 16],
    ['192.168.7.5', 24],
  ])('the classful fallback for %s is /%d', (address, length) => {
    const lab = boundLab({ missingMask: 'classful' }, { yiaddr: ip(address), options: { 1: undefined } });
    expect(lab.lease.prefixLength).toBe(length);
  });
});

describe('lease time', () => {
  const acked = (options: Record<number, Uint8Array | undefined>): ClientLab => selecting().acquire({ options });

  test('dhcp/K14 missing in the OFFER: not usable', () => {
    expectDropped({ options: { 51: undefined } }, 'no-lease-time');
    expectDropped({ options: { 51: [0, 0, 1] } }, 'no-lease-time');
  });

  test('fault/D10 dhcp/K16 zero: not usable, and no loop', () => {
    expectDropped({ options: { 51: u32(0) } }, 'zero-lease-time');
    const lab = selecting()
      .receive('offer')
      .receive('ack', { options: { 51: u32(0) } });
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'zero-lease-time': 1 });
  });

  test('fault/D10 dhcp/K19 dhcp/L47 infinite: no timer at all', () => {
    const lab = acked({ 51: u32(0xffffffff), 58: u32(10), 59: u32(20) });
    expect(lab.lease).toMatchObject({ leaseMs: Infinity, renewAt: Infinity, rebindAt: Infinity, expiresAt: Infinity });
    expect(lab.client.nextTimeout()).toBe(Infinity);
    lab.jumpTo(1e15);
    expect(lab.state).toBe('bound');
    expect(lab.sent).toHaveLength(2);
  });

  test.each([0x7fffffff, 0x80000000, 0xfffffffe])('dhcp/K20 %d s is just long', (leaseS) => {
    const lab = acked({ 51: u32(leaseS) });
    expect(lab.lease).toMatchObject({
      leaseMs: leaseS * S,
      renewAt: leaseS * 500,
      rebindAt: leaseS * 875,
      expiresAt: leaseS * S,
    });
  });

  test.each<[string, number | undefined, number | undefined, number, number, number]>([
    ['none given', undefined, undefined, 1800, 3150, 0],
    ['both given', 1000, 2000, 1000, 2000, 0],
    ['fault/D10 dhcp/K21 T1 > T2', 3000, 1000, 1800, 3150, 1],
    ['dhcp/K22 T1 = T2', 1000, 1000, 1800, 3150, 1],
    ['dhcp/K23 T2 > lease', 1000, 4000, 1800, 3150, 1],
    ['dhcp/K23 T2 = lease', 1000, 3600, 1800, 3150, 1],
    ['dhcp/K24 T1 = 0', 0, 3000, 1800, 3000, 1],
    ['T2 = 0', 1000, 0, 1000, 3150, 1],
    ['dhcp/K25 T1 = T2 = 0', 0, 0, 1800, 3150, 1],
    ['dhcp/K26 only T1, early', 100, undefined, 100, 3150, 0],
    ['dhcp/K26 only T1, late: three quarters of the rest', 3400, undefined, 3400, 3550, 0],
    ['only T1, behind the end', 4000, undefined, 1800, 3150, 1],
    ['dhcp/K27 only T2, late', undefined, 3000, 1800, 3000, 0],
    ['dhcp/K27 only T2, early: T1 = T2', undefined, 1200, 1200, 1200, 0],
    ['only T2, behind the end', undefined, 4000, 1800, 3150, 1],
    ['dhcp/K28 T1 = T2 = for ever, of a finite lease', 0xffffffff, 0xffffffff, 1800, 3150, 1],
  ])('%s', (_, t1, t2, renewS, rebindS, repaired) => {
    const lab = acked({
      ...(t1 === undefined ? {} : { 58: u32(t1) }),
      ...(t2 === undefined ? {} : { 59: u32(t2) }),
    });
    expect(lab.lease).toMatchObject({ renewAt: renewS * S, rebindAt: rebindS * S, expiresAt: LEASE_S * S });
    expect(lab.counter('lease-times-repaired')).toBe(repaired);
  });

  test('dhcp/K27 with T1 = T2 there is no RENEWING', () => {
    const lab = acked({ 59: u32(1200) }).runTo(1200 * S);
    expect(lab.state).toBe('rebinding');
  });

  test('dhcp/L44 a longer lease is cut to the configured maximum, with times to match', () => {
    const lab = boundLab({ leaseMsMax: 600 * S }, { options: { 58: u32(1000), 59: u32(2000) } });
    expect(lab.lease).toMatchObject({ leaseMs: 600 * S, renewAt: 300 * S, rebindAt: 525 * S, expiresAt: 600 * S });
    expect(boundLab({ leaseMsMax: 600 * S }, { options: { 51: u32(0xffffffff) } }).lease.expiresAt).toBe(600 * S);
  });

  test('an ACK that comes after the end of its own lease is dropped', () => {
    const lab = selecting()
      .receive('offer')
      .runTo(3 * S)
      .receive('ack', { options: { 51: u32(2) } });
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'expired-on-arrival': 1 });
  });

  test('dhcp/B18 two lease times, joined to eight octets, are none', () => {
    expectDropped({ options: { 51: [...u32(3600), ...u32(3600)] } }, 'no-lease-time');
  });
});

describe('what the lease says', () => {
  const route = (prefix: string, router: string): { readonly prefix: number; readonly router: Ipv4Address } => ({
    prefix: parsePrefix(prefix),
    router: ip(router),
  });

  test('option 3 gives default routes', () => {
    expect(boundLab().lease.routes).toEqual([route('0.0.0.0/0', '10.0.2.2')]);
  });

  test('dhcp/K63 option 121 with a default route: option 3 is ignored', () => {
    const { lease } = boundLab({}, { options: { 121: [0, 10, 0, 2, 7, 8, 172, 10, 0, 2, 8] } });
    expect(lease.routes).toEqual([route('0.0.0.0/0', '10.0.2.7'), route('172.0.0.0/8', '10.0.2.8')]);
    expect(lease.routers).toEqual([SERVER]);
  });

  test('dhcp/K64 option 121 without a default route: option 3 is ignored all the same', () => {
    expect(boundLab({}, { options: { 121: [8, 172, 10, 0, 2, 8] } }).lease.routes).toEqual([route('172.0.0.0/8', '10.0.2.8')]);
  });

  test('dhcp/C29 a malformed 121 is no 121: option 3 applies; 249 stands in where there is no 121', () => {
    expect(boundLab({}, { options: { 121: [33, 1, 2, 3, 4, 5, 10, 0, 2, 8] } }).lease.routes).toHaveLength(1);
    expect(boundLab({}, { options: { 249: [0, 10, 0, 2, 9] } }).lease.routes).toEqual([route('0.0.0.0/0', '10.0.2.9')]);
  });

  test('name, MTU and servers, without those that nobody can use', () => {
    const { lease } = boundLab({}, { options: { 6: [0, 0, 0, 0, 10, 0, 2, 3], 15: [0x61, 0x2e, 0x62, 0], 26: [5, 0xdc] } });
    expect(lease).toMatchObject({ dnsServers: [ip('10.0.2.3')], domainName: 'a.b', mtu: 1500 });
  });

  test('fault/D23 dhcp/C03 four hundred name servers over several options: the first 64 are taken over, all are kept', () => {
    const addresses = Array.from({ length: 400 }, (_, i) => [10, 1, i >> 8, i & 0xff]).flat();
    const { lease } = boundLab({}, { options: { 6: addresses } });
    expect(lease.dnsServers).toHaveLength(64);
    expect(lease.dnsServers[63]).toBe(ip('10.1.0.63'));
    expect(lease.options.find(({ code }) => code === 6)?.value).toHaveLength(1600);
  });

  test('fault/D05 dhcp/C42 dhcp/C45 a domain with a shell in it and an MTU of 67 count as absent', () => {
    const { lease } = boundLab({}, { options: { 15: Array.from('a;reboot', (c) => c.charCodeAt(0)), 26: [0, 67] } });
    expect(lease).toMatchObject({ domainName: undefined, mtu: undefined });
  });

  test('the options are kept as they came', () => {
    const { lease } = boundLab({}, { options: { 224: [1, 2, 3] } });
    expect(lease.options.find(({ code }) => code === 224)?.value).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('the octets handed in stay the caller’s: a lease does not change with them', () => {
    const lab = selecting().receive('offer');
    const payload = lab.reply('ack', { options: { 224: [1, 2, 3] } });
    lab.receiveBytes(payload);
    payload.fill(0xff);
    expect(lab.lease.options.find(({ code }) => code === 224)?.value).toEqual(Uint8Array.of(1, 2, 3));
  });
});
