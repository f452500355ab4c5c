import { type MacAddress, parseIpv4, parsePrefix, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type DhcpClientClass, type DhcpOption, DhcpServer, type DhcpServerOptions } from '../src/index.js';
import { A, type Ask, B, C, codes, FIRST, kind, LAB_OPTIONS, option, SERVER, ServerLab } from './support/server-lab.js';

const ip = parseIpv4;
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const vendor = (text: string): Ask => ({ more: [{ code: 60, value: ascii(text) }] });

const PXE: DhcpClientClass = {
  name: 'pxe',
  match: { vendorClass: { startsWith: 'PXEClient' } },
  options: [
    { code: 67, value: ascii('boot.efi') },
    { code: 15, value: ascii('boot.example') },
  ],
};
const PHONES: DhcpClientClass = { name: 'phones', match: { vendorClass: { equals: 'phone' } } };
const PRINTERS: DhcpClientClass = { name: 'printers', match: { vendorClass: { startsWith: 'print' } }, deny: true };
const CLASSES = { classes: [PXE, PHONES, PRINTERS] };
const POOLS: Partial<DhcpServerOptions> = {
  ...CLASSES,
  pool: [
    { first: FIRST, last: ip('10.0.2.16') },
    { first: ip('10.0.2.100'), last: ip('10.0.2.101'), forClass: 'phones' },
  ],
};

describe('classes', () => {
  test('options of the class are instead of and besides those of the network', () => {
    const lab = new ServerLab(CLASSES);
    const offer = lab.discover(A, vendor('PXEClient:Arch:00007'));
    expect(option(offer, 67)).toEqual(ascii('boot.efi'));
    expect(option(offer, 15)).toEqual(ascii('boot.example'));
    expect(codes(offer)).toContain(3);
    const asked = lab.discover(B, { ...vendor('PXEClient'), asked: [67, 1] });
    expect(codes(asked)).toEqual([53, 54, 51, 58, 59, 1, 67]);
    const other = lab.discover(C, vendor('PXEclient'));
    expect([option(other, 67), option(other, 15)]).toEqual([undefined, ascii('lab.example')]);
  });

  test('of two classes with one code the first one counts', () => {
    const options = (text: string): readonly DhcpOption[] => [{ code: 67, value: ascii(text) }];
    const one: DhcpClientClass = { name: 'one', match: { vendorClass: { startsWith: 'v' } }, options: options('one') };
    const two: DhcpClientClass = {
      name: 'two',
      match: { vendorClass: { equals: 'vendor' } },
      options: [...options('two'), { code: 66, value: ascii('tftp') }],
    };
    const offer = new ServerLab({ classes: [one, two] }).discover(A, vendor('vendor'));
    expect([option(offer, 67), option(offer, 66)]).toEqual([ascii('one'), ascii('tftp')]);
  });

  test('a denied class gets no answer to anything, but may give back', () => {
    const lab = new ServerLab(CLASSES);
    expect(lab.ask({ mac: A, ...vendor('printer') })).toBe('denied');
    expect(lab.select(A, FIRST, vendor('printer'))).toBe('denied');
    expect(lab.ask({ type: 'inform', ciaddr: FIRST, ...vendor('printer') })).toBe('denied');
    expect(lab.server.inspect().counts.bindings).toBe(0);
    const address = lab.lease(B);
    lab.release(B, address, vendor('printer'));
    expect(lab.types()).toContain('released');
    expect(lab.bindings()).toEqual([`10.0.2.15 released`]);
  });

  test('by user class: one of several, bare text, text that looks counted', () => {
    const classes: DhcpClientClass[] = [
      { name: 'lab', match: { userClass: { equals: 'lab' } }, options: [{ code: 67, value: ascii('l') }] },
    ];
    const matches = (value: Uint8Array): boolean =>
      option(new ServerLab({ classes }).discover(A, { more: [{ code: 77, value }] }), 67) !== undefined;
    expect(matches(Uint8Array.of(1, 0x78, 3, ...ascii('lab')))).toBe(true);
    expect(matches(ascii('lab'))).toBe(true);
    expect(matches(Uint8Array.of(4, ...ascii('labs')))).toBe(false);
    expect(matches(new Uint8Array(0))).toBe(false);
  });

  test('by the port of a relay; what a client says of itself does not count', () => {
    const classes: DhcpClientClass[] = [
      {
        name: 'floor',
        match: { circuitId: { startsWith: Uint8Array.of(7) }, remoteId: { equals: 'sw1' } },
        options: [{ code: 67, value: ascii('f') }],
      },
    ];
    const remote = { prefix: parsePrefix('10.9.0.0/24'), pool: { first: ip('10.9.0.10'), last: ip('10.9.0.20') } };
    const lab = new ServerLab({ classes, remoteSubnets: [remote] });
    const port = (circuit: number, end: string, giaddr = '10.9.0.1'): Ask => ({
      giaddr: ip(giaddr),
      more: [{ code: 82, value: Uint8Array.of(1, 2, circuit, 1, 2, end.length, ...ascii(end)) }],
    });
    expect(option(lab.discover(A, port(7, 'sw1')), 67)).toEqual(ascii('f'));
    expect(option(lab.discover(A, port(7, 'sw2')), 67)).toBeUndefined();
    expect(option(lab.discover(A, port(8, 'sw1')), 67)).toBeUndefined();
    expect(option(lab.discover(A, port(7, 'sw1', '0.0.0.0')), 67)).toBeUndefined();
  });
});

describe('ranges for a class', () => {
  test('its clients get those first, and then what is for everybody', () => {
    const lab = new ServerLab(POOLS);
    const addresses = [0, 1, 2].map((i) => lab.lease((A + 16 + i) as MacAddress, vendor('phone')));
    expect(addresses).toEqual([ip('10.0.2.100'), ip('10.0.2.101'), FIRST]);
  });

  test('others never do: not by pool, request or reboot', () => {
    const lab = new ServerLab(POOLS);
    expect(lab.discover(A, { requested: ip('10.0.2.100') }).message.yiaddr).toBe(FIRST);
    expect(kind(lab.reboot(B, ip('10.0.2.100')))).toBe('nak');
    lab.lease(A);
    lab.lease(B);
    expect(lab.ask({ mac: C })).toBe('pool-exhausted');
    expect(lab.discover(C, { ...vendor('phone'), requested: ip('10.0.2.101') }).message.yiaddr).toBe(ip('10.0.2.101'));
  });

  test('an expired address of a class is for that class again', () => {
    const lab = new ServerLab(POOLS);
    const phone = (i: number): MacAddress => (A + 16 + i) as MacAddress;
    for (const i of [0, 1]) lab.lease(phone(i), vendor('phone'));
    lab.advance(600_000);
    lab.lease(A);
    lab.lease(B);
    expect(lab.ask({ mac: C })).toBe('pool-exhausted');
    expect(lab.lease(phone(2), vendor('phone'))).toBe(ip('10.0.2.100'));
  });

  test('a lease that runs is renewed though the message does not show the class', () => {
    const lab = new ServerLab(POOLS);
    const address = lab.lease(A, vendor('phone'));
    expect(kind(lab.renew(A, address))).toBe('ack');
    lab.advance(600_000);
    expect(kind(lab.renew(A, address))).toBe('nak');
  });
});

describe('reservations by the port of a relay', () => {
  const GIADDR = ip('10.9.0.1');
  const RESERVED = ip('10.9.0.200');
  const remote = {
    prefix: parsePrefix('10.9.0.0/24'),
    pool: { first: ip('10.9.0.10'), last: ip('10.9.0.20') },
    reservations: [
      { address: RESERVED, circuitId: Uint8Array.of(7) },
      { address: ip('10.9.0.201'), circuitId: Uint8Array.of(7), remoteId: Uint8Array.of(5) },
      { address: ip('10.9.0.202'), mac: C },
    ],
  };
  const behind = (...value: number[]): Ask => ({ giaddr: GIADDR, more: [{ code: 82, value: Uint8Array.from(value) }] });
  const lab = (): ServerLab => new ServerLab({ remoteSubnets: [remote] });

  test('whoever is behind the port gets the address, with the remote end where that is named', () => {
    expect(lab().lease(A, behind(1, 1, 7))).toBe(RESERVED);
    expect(lab().lease(B, behind(1, 1, 7, 2, 1, 4))).toBe(RESERVED);
    expect(lab().lease(B, behind(1, 1, 7, 2, 1, 5))).toBe(ip('10.9.0.201'));
    expect(lab().lease(A, behind(1, 1, 8))).toBe(ip('10.9.0.10'));
    expect(lab().lease(C, behind(1, 1, 7))).toBe(ip('10.9.0.202')); // the reservation of the client itself counts more
  });

  test('one client at a time: a second one gets another address until the first lease ends', () => {
    const server = lab();
    server.lease(A, behind(1, 1, 7));
    expect(server.lease(B, behind(1, 1, 7))).toBe(ip('10.9.0.10'));
    server.release(A, RESERVED);
    expect(kind(server.rebind(B, ip('10.9.0.10'), behind(1, 1, 7)))).toBe('nak'); // now its own address waits
    expect(server.lease(B, behind(1, 1, 7))).toBe(RESERVED);
  });

  test('nobody else gets it, and a renewal past the relay keeps it', () => {
    const server = lab();
    expect(kind(server.select(B, RESERVED, { ...behind(1, 1, 8), requested: RESERVED }))).toBe('nak');
    server.lease(A, behind(1, 1, 7));
    server.advance(300_000);
    expect(kind(server.renew(A, RESERVED))).toBe('ack');
    expect(kind(server.renew(B, RESERVED))).toBe('nak');
  });

  test('option 82 without giaddr names no port', () => {
    const local = new ServerLab({ reservations: [{ address: ip('10.0.2.200'), circuitId: Uint8Array.of(7) }] });
    expect(local.discover(A, { more: [{ code: 82, value: Uint8Array.of(1, 1, 7) }] }).message.yiaddr).toBe(FIRST);
  });
});

const broken: [string, Partial<DhcpServerOptions>][] = [
  ['two classes of one name', { classes: [PXE, PXE] }],
  ['a class that matches nothing', { classes: [{ name: 'all', match: {} }] }],
  ['an option of the server itself', { classes: [{ ...PHONES, options: [{ code: 54, value: new Uint8Array(4) }] }] }],
  ['an option code 0', { classes: [{ ...PHONES, options: [{ code: 0, value: new Uint8Array(4) }] }] }],
  ['a range for no class', { pool: { first: FIRST, last: FIRST, forClass: 'ghosts' } }],
  ['a reservation for nobody', { reservations: [{ address: ip('10.0.2.200') }] }],
  ['a reservation for two', { reservations: [{ address: ip('10.0.2.200'), mac: A, circuitId: Uint8Array.of(7) }] }],
  ['a remote end without a port', { reservations: [{ address: ip('10.0.2.200'), mac: A, remoteId: Uint8Array.of(7) }] }],
];

test.each(broken)('refused: %s', (_name, options) => {
  expect(() => new DhcpServer({ ...LAB_OPTIONS, ...options })).toThrow(UsageError);
});

test('a class without an address of its own uses those of everybody', () => {
  expect(new ServerLab(CLASSES).lease(A, { ...vendor('phone'), server: SERVER })).toBe(FIRST);
});
