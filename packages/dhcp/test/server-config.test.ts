import { parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { DhcpServer, type DhcpServerOptions } from '../src/index.js';
import { A, B, codes, FIRST, LAB_OPTIONS, number, option, SERVER, ServerLab } from './support/server-lab.js';

const ip = parseIpv4;
const S = 1_000;
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const make = (options: Partial<DhcpServerOptions>): DhcpServer => new DhcpServer({ ...LAB_OPTIONS, ...options });

test.each<[string, Partial<DhcpServerOptions>]>([
  ['an MTU of 576', { mtu: 576 }],
  ['an MTU of 65535', { mtu: 65_535 }],
  ['leases of a second, and no other', { leaseMsMin: S, leaseMs: S, leaseMsMax: S }],
  ['leases for ever', { leaseMs: Number.POSITIVE_INFINITY }],
  ['T1 just before T2', { renewFraction: 0.5, rebindFraction: 0.500001 }],
  ['offers of a second', { offerMs: S }],
  ['a quarantine of a second', { quarantineMs: S }],
  [
    'a pool of the whole network around the server',
    { pool: [{ first: ip('10.0.2.3'), last: ip('10.0.2.254') }], dnsServers: [] },
  ],
  ['a pool that ends before the server', { pool: { first: ip('10.0.2.1'), last: ip('10.0.2.1') } }],
  ['a pool that begins behind a name server', { pool: { first: ip('10.0.2.4'), last: ip('10.0.2.5') } }],
  [
    'two pools side by side',
    {
      pool: [
        { first: ip('10.0.2.20'), last: ip('10.0.2.29') },
        { first: ip('10.0.2.10'), last: ip('10.0.2.19') },
      ],
    },
  ],
  ['no pool', { pool: [] }],
  [
    'a limit of one of everything',
    { bindingCountMax: 1, offerCountMax: 1, quarantineCountMax: 1, commitCountMax: 1, transmitCountMax: 1, eventCountMax: 1 },
  ],
  ['no limit', { bindingCountMax: Number.POSITIVE_INFINITY, hardwareBindingCountMax: Number.POSITIVE_INFINITY }],
  ['a boot file of 127 octets', { bootFile: 'x'.repeat(127) }],
  ['a server name of 63 octets', { serverName: 'x'.repeat(63) }],
  ['one millisecond to probe', { conflictCheck: { probeMsMax: 1, probeCountMax: 1, candidateCountMax: 1 } }],
  ['a network next to ours behind a relay', { remoteSubnets: [{ prefix: parsePrefix('10.0.3.0/24') }] }],
  [
    'reservations at the ends of the network',
    {
      reservations: [
        { mac: A, address: ip('10.0.2.1') },
        { mac: B, address: ip('10.0.2.254') },
      ],
    },
  ],
])('%s is accepted', (_, options) => {
  expect(make(options).inspect().rejects).toEqual({});
});

test.each<[string, Partial<DhcpServerOptions>]>([
  ['an MTU of 575', { mtu: 575 }],
  ['an MTU of 65536', { mtu: 65_536 }],
  ['half an octet of MTU', { mtu: 1_500.5 }],
  ['leases of less than a second', { leaseMsMin: S - 1 }],
  ['a default below the shortest', { leaseMs: 10 * S, leaseMsMin: 11 * S }],
  ['a default above the longest', { leaseMs: 10 * S, leaseMsMax: 9 * S }],
  ['T1 at once', { renewFraction: 0 }],
  ['T1 at T2', { renewFraction: 0.5, rebindFraction: 0.5 }],
  ['T2 at the end', { rebindFraction: 1 }],
  ['offers of less than a second', { offerMs: S - 1 }],
  ['offers for ever', { offerMs: Number.POSITIVE_INFINITY }],
  ['a quarantine of less than a second', { quarantineMs: S - 1 }],
  ['a quarantine for ever', { quarantineMs: Number.POSITIVE_INFINITY }],
  ['the address of the network', { address: ip('10.0.2.0') }],
  ['the address of another network', { address: ip('10.0.3.2') }],
  ['a pool for a class that is not there', { pool: { first: FIRST, last: FIRST, forClass: 'x' } }],
  ['a pool that ends before it begins', { pool: { first: ip('10.0.2.16'), last: FIRST } }],
  ['a pool that begins with the network', { pool: { first: ip('10.0.2.0'), last: ip('10.0.2.1') } }],
  ['a pool that ends with the broadcast address', { pool: { first: ip('10.0.2.250'), last: ip('10.0.2.255') } }],
  ['a pool that ends at the server', { pool: { first: ip('10.0.2.1'), last: SERVER }, routers: [] }],
  ['a pool that begins at the server', { pool: { first: SERVER, last: SERVER }, routers: [] }],
  ['a pool that begins at a name server', { pool: { first: ip('10.0.2.3'), last: ip('10.0.2.4') } }],
  ['a pool that ends at a router', { pool: { first: ip('10.0.2.100'), last: ip('10.0.2.101') }, routers: [ip('10.0.2.101')] }],
  [
    'two pools with an address in common',
    {
      pool: [
        { first: ip('10.0.2.19'), last: ip('10.0.2.29') },
        { first: ip('10.0.2.10'), last: ip('10.0.2.19') },
      ],
    },
  ],
  ['a reservation for nobody', { reservations: [{ address: FIRST }] }],
  ['a reservation for two', { reservations: [{ address: FIRST, mac: A, clientId: ascii('x1') }] }],
  ['a reservation for the far end of no port', { reservations: [{ address: FIRST, mac: A, remoteId: ascii('x') }] }],
  ['a reservation of the server’s address', { reservations: [{ mac: A, address: SERVER }] }],
  ['a reservation of another network', { reservations: [{ mac: A, address: ip('10.0.3.1') }] }],
  [
    'two reservations of one address',
    {
      reservations: [
        { mac: A, address: FIRST },
        { mac: B, address: FIRST },
      ],
    },
  ],
  [
    'two reservations for one client',
    {
      reservations: [
        { mac: A, address: FIRST },
        { mac: A, address: ip('10.0.2.16') },
      ],
    },
  ],
  ['a network inside of ours', { remoteSubnets: [{ prefix: parsePrefix('10.0.2.128/25') }] }],
  ['a network around ours', { remoteSubnets: [{ prefix: parsePrefix('10.0.0.0/16') }] }],
  [
    'two remote networks that overlap',
    { remoteSubnets: [{ prefix: parsePrefix('10.4.0.0/16') }, { prefix: parsePrefix('10.4.7.0/24') }] },
  ],
  ['a limit of none', { bindingCountMax: 0 }],
  ['half a limit', { offerCountMax: 1.5 }],
  ['a limit that is no number', { commitCountMax: Number.NaN }],
  ['no time to probe', { conflictCheck: { probeMsMax: 0 } }],
  ['endless probing', { conflictCheck: { probeMsMax: Number.POSITIVE_INFINITY } }],
  ['no probes', { conflictCheck: { probeCountMax: 0 } }],
  ['no candidates', { conflictCheck: { candidateCountMax: 0 } }],
  ['a boot file of 128 octets', { bootFile: 'x'.repeat(128) }],
  ['a server name of 64 octets', { serverName: 'x'.repeat(64) }],
  ['a boot file that is not ASCII', { bootFile: 'ä' }],
  ['an option of code 0', { options: [{ code: 0, value: ascii('x') }] }],
  ['an option of code 255', { options: [{ code: 255, value: ascii('x') }] }],
  ['an option that is the server’s own', { options: [{ code: 54, value: ascii('xxxx') }] }],
])('%s is refused', (_, options) => {
  expect(() => make(options)).toThrow(expect.objectContaining({ name: 'UsageError' }));
});

describe('defaults', () => {
  const bare: DhcpServerOptions = {
    address: SERVER,
    prefix: parsePrefix('10.0.2.0/24'),
    pool: { first: FIRST, last: ip('10.0.2.18') },
  };
  const lab = (options: Partial<DhcpServerOptions> = {}): ServerLab => {
    const unset = { routers: [], dnsServers: [], domainName: '' };
    return new ServerLab({ ...unset, leaseMs: 3_600 * S, ...options });
  };

  test('a lease of an hour, T1 and T2 of RFC 2131 §4.4.5, the mask, the broadcast address and nothing else', () => {
    const server = new DhcpServer(bare);
    expect(server.inspect().subnets).toEqual([{ prefix: '10.0.2.0/24', bindings: [] }]);
    const offer = lab().discover(A);
    expect(codes(offer)).toEqual([53, 54, 51, 58, 59, 1, 28]);
    expect([51, 58, 59].map((code) => number(offer, code))).toEqual([3_600, 1_800, 3_150]);
    expect([option(offer, 1), option(offer, 28)]).toEqual([Uint8Array.of(255, 255, 255, 0), Uint8Array.of(10, 0, 2, 255)]);
    expect(offer.message).toMatchObject({ siaddr: 0 });
    expect(offer.message.file.every((octet) => octet === 0)).toBe(true);
    expect(offer.message.sname.every((octet) => octet === 0)).toBe(true);
  });

  test('a client may ask for a minute to a day', () => {
    const asks = (leaseSeconds: number): number | undefined => number(lab().discover(A, { leaseSeconds }), 51);
    expect([1, 59, 60, 61, 86_400, 86_401].map(asks)).toEqual([60, 60, 60, 61, 86_400, 86_400]);
  });

  test('a default below a minute is the shortest, one above a day the longest', () => {
    const asks = (leaseMs: number, leaseSeconds: number): number | undefined =>
      number(lab({ leaseMs }).discover(A, { leaseSeconds }), 51);
    expect([asks(30 * S, 1), asks(30 * S, 40)]).toEqual([30, 40]);
    expect(asks(100_000 * S, 200_000)).toBe(100_000);
  });

  test('sixteen addresses for one hardware address, then no more', () => {
    const server = lab({ pool: { first: FIRST, last: ip('10.0.2.60') } });
    for (let i = 0; i < 16; i++) server.lease(A, { clientId: Uint8Array.of(0, i, 1) });
    expect(server.ask({ mac: A, clientId: Uint8Array.of(0, 99, 1) })).toBe('hardware-quota');
  });

  test('no rapid commit, no lease query, and an answer for clients that nobody knows', () => {
    const server = lab();
    expect(server.discover(A, { more: [{ code: 80, value: new Uint8Array(0) }] }).type).toBe('offer');
    expect(server.ask({ type: 'leaseQuery', giaddr: ip('10.0.2.99'), ciaddr: FIRST })).toBe('lease-query-refused');
    const reply = server.reboot(B, ip('192.168.1.1'));
    expect(typeof reply === 'object' && reply.type).toBe('nak');
  });

  test('options of a network: the further ones win where they name the same code', () => {
    const offer = lab({
      domainName: 'lab.example',
      options: [
        { code: 15, value: ascii('other') },
        { code: 66, value: ascii('tftp') },
      ],
    }).discover(A);
    expect([option(offer, 15), option(offer, 66)]).toEqual([ascii('other'), ascii('tftp')]);
  });

  test('the next server, the boot file and the name of the server stand in their fields', () => {
    const { message } = lab({ nextServer: ip('10.0.2.9'), bootFile: 'boot', serverName: 'me' }).discover(A);
    expect(message.siaddr).toBe(ip('10.0.2.9'));
    expect([...message.file.subarray(0, 5)]).toEqual([...ascii('boot'), 0]);
    expect([...message.sname.subarray(0, 3)]).toEqual([...ascii('me'), 0]);
  });
});
