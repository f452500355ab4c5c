import { createHmac } from 'node:crypto';
import { concatBytes, fromHex, parseIpv4, parsePrefix, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  authenticationInput,
  type ClientFqdn,
  checkRelayOption,
  DOMAIN_NAMES_MAX,
  decodeCounted,
  decodeSubOptions,
  duidType,
  encodeCounted,
  encodeDhcpMessage,
  encodeSubOptions,
  isHostName,
  malformedOptions,
  type OptionName,
  option,
  optionName,
  type RelayOptionName,
  readOption,
  readRelayOption,
  relayOption,
  SHAPES,
  signDhcpMessage,
} from '../src/index.js';
import { check, decode, filled, list, raw, typed, withOptions } from './support/codec.js';

const ip = parseIpv4;
const name = (text: string) =>
  text
    .split('.')
    .map((label) => label.length.toString(16).padStart(2, '0') + toHex(new TextEncoder().encode(label)))
    .join('');

describe('addresses and numbers', () => {
  test('dhcp/C01 dhcp/K11 dhcp/K12 dhcp/K13 a mask has four octets and contiguous ones, at least one', () => {
    for (const hex of ['ffffff', 'ffffff0000']) expect(typed('subnetMask', hex)).toBe('bad-length');
    for (const hex of ['ff00ff00', '00000000', '00ffffff']) expect(typed('subnetMask', hex)).toBe('bad-value');
    expect(typed('subnetMask', 'fffffffe')).toBe(0xfffffffe);
    expect(typed('subnetMask', 'ffffffff')).toBe(0xffffffff);
    expect(() => option('subnetMask', ip('255.0.255.0'))).toThrow('contiguous');
  });

  test('dhcp/C02 dhcp/C05 sizes that are no addresses', () => {
    expect(typed('routers', '0a0000010a')).toBe('bad-length');
    expect(typed('requestedAddress', '0a0000')).toBe('bad-length');
    expect(typed('requestedAddress', '')).toBe('empty');
  });

  test('dhcp/C03 any number of servers', () => {
    const many = Array.from({ length: 400 }, (_, i) => ip(`10.0.${i >> 8}.${i & 255}`)).filter((one) => one !== 0);
    const message = decode(encodeDhcpMessage(withOptions([option('dnsServers', many)])));
    expect(readOption(message, 'dnsServers')).toEqual(many);
  });

  test('dhcp/C04 0.0.0.0 is nobody', () => {
    expect(typed('dnsServers', '0a00000100000000')).toEqual([ip('10.0.0.1')]);
    expect(typed('dnsServers', '00000000')).toBe('empty');
    expect(typed('mobileIpHomeAgents', '')).toEqual([]);
    expect(typed('mobileIpHomeAgents', '00')).toBe('bad-length');
    expect(() => option('dnsServers', [ip('0.0.0.0')])).toThrow('not a host');
    expect(() => option('dnsServers', [])).toThrow('not empty');
  });

  test('fault/D23 dhcp/C06 dhcp/C07 a request list of nothing is absent; each code counts once', () => {
    expect(typed('parameterRequestList', '')).toBe('empty');
    expect(typed('parameterRequestList', '030303010106')).toEqual([3, 1, 6]);
    expect(typed('parameterRequestList', '79'.repeat(255))).toEqual([121]);
    expect(() => option('parameterRequestList', [3, 3])).toThrow('once');
    expect(() => option('parameterRequestList', [])).toThrow('not empty');
    expect(() => option('parameterRequestList', [256])).toThrow('255');
  });

  test('dhcp/C09 the order of a request list is kept', () => {
    expect(typed('parameterRequestList', '0179032106')).toEqual([1, 121, 3, 33, 6]);
  });

  test('dhcp/C36 dhcp/C39 dhcp/C47 exact lengths', () => {
    const wrong: readonly (readonly [OptionName, string])[] = [
      ['ipv6OnlyPreferred', '0000012c00'],
      ['ipv6OnlyPreferred', '012c'],
      ['autoConfigure', '0000'],
      ['rapidCommit', '00'],
      ['authentication', '01010000000000000000'],
      ['subnetSelection', '0a0000'],
      ['leaseTime', '000e10'],
      ['interfaceMtu', '05dc00'],
      ['timeOffset', '00'],
      ['messageType', '0101'],
      ['defaultTtl', '0101'],
      ['pathMtuPlateaus', '0044 00'],
      ['clientInterface', '0102'],
      ['machineId', '00112233'],
      ['portParameters', '0000'],
    ];
    for (const [option, hex] of wrong) expect([option, typed(option, hex)]).toEqual([option, 'bad-length']);
    expect(typed('forceRenewNonce', '')).toBe('empty');
    expect(typed('ipv6OnlyPreferred', '0000012c')).toBe(300);
    expect(typed('rapidCommit', '')).toBe(true);
    const sub = (code: string, hex: string) =>
      decode(
        raw({
          options: `35010152${((hex.length >> 1) + 2).toString(16).padStart(2, '0')}${code}${(hex.length >> 1).toString(16).padStart(2, '0')}${hex}ff`,
        }),
      );
    const cases: readonly (readonly [RelayOptionName, string, string, string])[] = [
      ['linkSelection', '05', '0a0000', 'bad-length'],
      ['serverIdentifierOverride', '0b', '0a00000100', 'bad-length'],
      ['relayId', '0c', '', 'empty'],
      ['sourcePort', '13', '00', 'bad-length'],
      ['virtualSubnetSelection', '97', '01', 'bad-length'],
      ['virtualSubnetSelection', '97', 'ff00', 'bad-length'],
      ['virtualSubnetSelectionControl', '98', '00', 'bad-length'],
    ];
    for (const [name, code, hex, error] of cases)
      expect([name, checkRelayOption(sub(code, hex), name)]).toEqual([name, { ok: false, error }]);
    expect(readRelayOption(sub('05', '0a000000'), 'linkSelection')).toBe(ip('10.0.0.0'));
    expect(readRelayOption(sub('13', ''), 'sourcePort')).toBe(true);
    expect(readRelayOption(sub('97', 'ff'), 'virtualSubnetSelection')).toEqual({ type: 255, info: new Uint8Array(0) });
  });

  test('dhcp/C45 numbers below what the RFC allows', () => {
    for (const hex of ['0000', '0043']) expect(typed('interfaceMtu', hex)).toBe('bad-value');
    expect(typed('interfaceMtu', '0044')).toBe(68);
    expect(typed('maxDatagramReassembly', '023f')).toBe('bad-value');
    expect(typed('defaultTtl', '00')).toBe('bad-value');
    expect(typed('pathMtuPlateaus', '00440043')).toBe('bad-value');
    expect(typed('netbiosNodeType', '03')).toBe('bad-value');
    expect(typed('ipForwarding', '02')).toBe('bad-value');
    expect(typed('staticRoutes', '000000000a000001')).toBe('bad-value');
    expect(typed('staticRoutes', '0a000000')).toBe('bad-length');
    expect(typed('policyFilters', '')).toBe('empty');
    expect(typed('portParameters', '10000000')).toBe('bad-value');
    expect(() => option('interfaceMtu', 67)).toThrow('68');
    expect(() => option('netbiosNodeType', 3)).toThrow('1, 2, 4 or 8');
    expect(() => option('staticRoutes', [{ destination: ip('0.0.0.0'), router: ip('10.0.0.1') }])).toThrow('default route');
  });

  test('for ever is Infinity, both ways, and only all ones', () => {
    expect(typed('leaseTime', 'ffffffff')).toBe(Number.POSITIVE_INFINITY);
    expect(typed('leaseTime', 'fffffffe')).toBe(0xfffffffe);
    expect(typed('leaseTime', '80000000')).toBe(0x80000000);
    expect(toHex(option('leaseTime', Number.POSITIVE_INFINITY).value)).toBe('ffffffff');
    expect(() => option('leaseTime', 0xffffffff)).toThrow('4294967294');
    expect(() => option('leaseTime', -1)).toThrow();
    expect(() => option('leaseTime', Number.NaN)).toThrow();
  });

  test('negative offsets from UTC', () => {
    expect(typed('timeOffset', 'ffffffff')).toBe(-1);
    expect(toHex(option('timeOffset', -3600).value)).toBe('fffff1f0');
  });
});

describe('identifiers', () => {
  test('fault/D14 dhcp/C12 dhcp/C13 a client identifier has two octets or more', () => {
    expect(typed('clientIdentifier', '')).toBe('empty');
    expect(typed('clientIdentifier', '05')).toBe('bad-length');
  });

  test('dhcp/C14 one of 255 octets', () => {
    const octets = filled(255, 0);
    const message = decode(encodeDhcpMessage(withOptions([{ code: 61, value: octets }])));
    expect(message.options.get(61)).toEqual(octets);
    expect(readOption(message, 'clientIdentifier')).toEqual({ form: 'typed', type: 0, id: octets.subarray(1) });
  });

  test('dhcp/C15 IAID and DUID; too short for both, it is opaque', () => {
    const id = typed('clientIdentifier', 'ff00000001000300 0102aabbccddee');
    expect(id).toEqual({ form: 'duid', iaid: 1, duid: fromHex('0003000102aabbccddee') });
    expect(duidType(fromHex('0003000102aabbccddee'))).toBe(3);
    expect(typed('clientIdentifier', 'ff000000010003')).toEqual({ form: 'typed', type: 255, id: fromHex('000000010003') });
    expect(() => option('clientIdentifier', { form: 'duid', iaid: 1, duid: fromHex('0003') })).toThrow('DUID');
    expect(() => option('clientIdentifier', { form: 'typed', type: 1, id: new Uint8Array(0) })).toThrow('at least one');
  });

  test('dhcp/C16 an identifier of type and address is its own key, apart from chaddr', () => {
    expect(option('clientIdentifier', { form: 'typed', type: 1, id: fromHex('525400123456') }).value).toEqual(
      fromHex('01525400123456'),
    );
  });

  test('dhcp/C17 counted user classes, and raw ones', () => {
    expect(typed('userClass', '0569505845310361 6263')).toEqual({
      form: 'classes',
      classes: [fromHex('6950584531'), fromHex('616263')],
    });
    expect(typed('userClass', '69505845')).toEqual({ form: 'raw', data: fromHex('69505845') });
    expect(typed('userClass', '00')).toEqual({ form: 'raw', data: fromHex('00') });
    expect(typed('userClass', '')).toBe('empty');
    expect(() => option('userClass', { form: 'raw', data: new Uint8Array(0) })).toThrow();
    expect(() => option('userClass', { form: 'classes', classes: [] })).toThrow();
  });
});

describe('client FQDN', () => {
  const fqdn: ClientFqdn = {
    serverUpdates: true,
    overridden: false,
    noUpdates: false,
    encoding: 'wire',
    resultCodes: [0, 0],
    name: 'host.lab.example',
    qualified: true,
  };

  test('dhcp/C18 both encodings, with and without the root', () => {
    expect(typed('clientFqdn', `050000${name('host.lab.example')}00`)).toEqual(fqdn);
    expect(typed('clientFqdn', `050000${name('host')}`)).toEqual({ ...fqdn, name: 'host', qualified: false });
    expect(typed('clientFqdn', `01ffff${toHex(new TextEncoder().encode('host.lab.'))}`)).toEqual({
      ...fqdn,
      encoding: 'ascii',
      resultCodes: [255, 255],
      name: 'host.lab',
    });
    expect(typed('clientFqdn', '01000068 00')).toEqual({
      ...fqdn,
      encoding: 'ascii',
      name: 'h',
      qualified: false,
    });
    expect(typed('clientFqdn', '020000')).toEqual({
      ...fqdn,
      serverUpdates: false,
      overridden: true,
      encoding: 'ascii',
      name: '',
      qualified: false,
    });
    expect(typed('clientFqdn', 'f40000')).toEqual({ ...fqdn, serverUpdates: false, name: '', qualified: false });
  });

  test('written as they are read', () => {
    const hex = (value: ClientFqdn) => toHex(option('clientFqdn', value).value);
    expect(hex(fqdn)).toBe(`050000${name('host.lab.example')}00`);
    expect(hex({ ...fqdn, name: 'h', qualified: false })).toBe('0500000168');
    expect(hex({ ...fqdn, encoding: 'ascii', name: 'h' })).toBe('010000682e');
    expect(hex({ ...fqdn, encoding: 'ascii', name: 'h', qualified: false, resultCodes: [255, 255] })).toBe('01ffff68');
    expect(hex({ ...fqdn, serverUpdates: false, noUpdates: true, overridden: true, name: '', qualified: false })).toBe('0e0000');
  });

  test('dhcp/C19 N and S together', () => {
    expect(typed('clientFqdn', '0d000004686f7374')).toBe('bad-value');
    expect(() => option('clientFqdn', { ...fqdn, noUpdates: true })).toThrow('exclude');
  });

  test('dhcp/C20 too short, a label of 64, an empty label, more than a name', () => {
    expect(typed('clientFqdn', '0500')).toBe('bad-length');
    expect(typed('clientFqdn', `05000040${'61'.repeat(64)}`)).toBe('bad-name');
    expect(typed('clientFqdn', '0500000000')).toBe('bad-name');
    expect(typed('clientFqdn', '05000000')).toBe('bad-name');
    expect(typed('clientFqdn', `050000${name('a')}00${name('b')}`)).toBe('bad-name');
    expect(typed('clientFqdn', '0500000561')).toBe('bad-name');
    expect(typed('clientFqdn', `050000${name('a'.repeat(63)).repeat(4)}`)).toBe('bad-name');
    expect(typed('clientFqdn', `010000${toHex(new TextEncoder().encode('.lab'))}`)).toBe('bad-name');
    expect(typed('clientFqdn', '0100002e')).toBe('bad-name');
    expect(typed('clientFqdn', '010000610062')).toBe('bad-name');
    expect(typed('clientFqdn', `010000${'61'.repeat(64)}`)).toBe('bad-name');
    expect(() => option('clientFqdn', { ...fqdn, name: '' })).toThrow('root');
    expect(() => option('clientFqdn', { ...fqdn, encoding: 'ascii', name: '' })).toThrow('ASCII');
    expect(() => option('clientFqdn', { ...fqdn, encoding: 'ascii', name: 'a b' })).toThrow('ASCII');
  });
});

describe('domain names', () => {
  test('dhcp/C21 a pointer to an earlier name', () => {
    expect(typed('domainSearch', '036c6162076578616d706c650004636f7270c000')).toEqual(['lab.example', 'corp.lab.example']);
  });

  test('fault/D09 dhcp/C22 a pointer to itself, and a loop', () => {
    for (const hex of ['c000', '036c6162c000', '0161c0020162c000']) expect(typed('domainSearch', hex)).toBe('bad-name');
  });

  test('dhcp/C23 a pointer forward', () => {
    expect(typed('domainSearch', 'c002036c616200')).toBe('bad-name');
    expect(typed('domainSearch', '0161c004036c616200')).toBe('bad-name');
  });

  test('dhcp/C24 a pointer past the end, and half a pointer', () => {
    for (const hex of ['0161c0ff', '0161ffff', '0161c0']) expect(typed('domainSearch', hex)).toBe('bad-name');
  });

  test('dhcp/C25 a name that ends in a pointer to a name that ends in one', () => {
    expect(typed('domainSearch', `${name('example')}00${name('lab')}c000${name('corp')}c009`)).toEqual([
      'example',
      'lab.example',
      'corp.lab.example',
    ]);
  });

  test('dhcp/C26 a label of 64 octets or more', () => {
    for (const length of ['40', '80', 'bf']) expect(typed('domainSearch', `${length}${'61'.repeat(0xbf)}00`)).toBe('bad-name');
    expect(typed('domainSearch', `3f${'61'.repeat(63)}00`)).toEqual(['a'.repeat(63)]);
  });

  test('dhcp/C27 a name of more than 255 octets', () => {
    const label = name('a'.repeat(63));
    expect(typed('domainSearch', `${label.repeat(3)}${name('a'.repeat(61))}00`)).toEqual([
      `${`${'a'.repeat(63)}.`.repeat(3)}${'a'.repeat(61)}`,
    ]);
    expect(typed('domainSearch', `${label.repeat(3)}${name('a'.repeat(62))}00`)).toBe('bad-name');
    expect(typed('domainSearch', `${label.repeat(2)}00${label.repeat(2)}c000`)).toBe('bad-name');
  });

  test('dhcp/C28 pointers count from the start of the whole value', () => {
    const message = decode(raw({ options: '3501057709036c616207657861 6d77096c650004636f7270c000ff' }));
    expect(readOption(message, 'domainSearch')).toEqual(undefined);
    const whole = decode(raw({ options: '350105770a036c6162076578616d70770a6c650004636f7270c000ff' }));
    expect(readOption(whole, 'domainSearch')).toEqual(['lab.example', 'corp.lab.example']);
  });

  test('cut off, empty, the root, no compression where none is allowed', () => {
    expect(typed('domainSearch', '')).toBe('empty');
    expect(typed('domainSearch', '03 6c61')).toBe('bad-name');
    expect(typed('domainSearch', '036c6162')).toBe('bad-name');
    expect(typed('domainSearch', '00')).toBe('bad-name');
    expect(typed('bcmcsNames', '036c6162000161c000')).toBe('bad-name');
    expect(typed('lostServer', '036c616200')).toBe('lab');
    expect(typed('lostServer', '036c61620000')).toBe('bad-length');
    expect(typed('lostServer', '00')).toBe('bad-name');
    expect(typed('lostServer', '')).toBe('empty');
  });

  test('octets that are no letters read as \\DDD, and write as they were', () => {
    const hex = '0761002e5c20ff2d00';
    expect(typed('domainSearch', hex)).toEqual(['a\\000\\046\\092\\032\\255-']);
    expect(toHex(option('domainSearch', ['a\\000\\046\\092\\032\\255-']).value)).toBe(hex);
    expect(toHex(option('domainSearch', ['a\\.b']).value)).toBe('03612e6200');
  });

  test('names are compressed, suffix by suffix', () => {
    expect(toHex(option('domainSearch', ['lab.example', 'corp.lab.example', 'example', 'lab.example']).value)).toBe(
      '036c6162076578616d706c650004636f7270c000c004c000',
    );
    expect(toHex(option('bcmcsNames', ['lab', 'lab']).value)).toBe('036c616200036c616200');
  });

  test('beyond what a pointer reaches, names are written out', () => {
    const names = Array.from({ length: 250 }, (_, i) => `n${i}.${'x'.repeat(60)}.${'y'.repeat(60)}${i}`);
    const twice = [...names, names[249] as string, names[0] as string];
    const octets = option('domainSearch', twice).value;
    expect(octets.length).toBeGreaterThan(0x4000);
    expect(typed('domainSearch', toHex(octets))).toEqual(twice);
    expect(toHex(octets.subarray(-2))).toBe('c000');
  });

  test('what is no name is refused', () => {
    for (const bad of ['', '.', 'a..b', 'a.', 'a'.repeat(64), `${'a'.repeat(63)}.`.repeat(4).slice(0, -1), 'a\\', 'ü€'])
      expect(() => option('domainSearch', [bad])).toThrow();
    expect(() => option('domainSearch', [])).toThrow('names');
  });

  test('a bomb of pointers is bounded', () => {
    expect(typed('domainSearch', `016100${'c000'.repeat(DOMAIN_NAMES_MAX - 1)}`)).toHaveLength(DOMAIN_NAMES_MAX);
    expect(typed('domainSearch', `016100${'c000'.repeat(DOMAIN_NAMES_MAX)}`)).toBe('bad-length');
    // Each pointer goes to the one before: a chain longer than any name has labels.
    const chain = Array.from({ length: 200 }, (_, i) => (0xc000 + (i === 0 ? 0 : 1 + 2 * i)).toString(16)).join('');
    expect(typed('domainSearch', `016100${chain}`)).toBe('bad-name');
  });
});

describe('routes', () => {
  const route = (prefix: string, router: string) => ({ prefix: parsePrefix(prefix), router: ip(router) });

  test('dhcp/C29 dhcp/C30 one bad route makes the option bad, and option 3 applies', () => {
    const good = '180a00010a000001';
    for (const length of ['21', 'ff']) expect(typed('classlessRoutes', `${good}${length}0a0001020a000001`)).toBe('bad-value');
    for (let cut = 1; cut < 8; cut++) expect(typed('classlessRoutes', good + good.slice(0, 2 * cut))).toBe('bad-length');
    expect(typed('classlessRoutes', '')).toBe('empty');
    const message = decode(raw({ options: '35010503040a0000017907180a00010a0000ff' }));
    expect(readOption(message, 'classlessRoutes')).toBeUndefined();
    expect(readOption(message, 'routers')).toEqual([ip('10.0.0.1')]);
  });

  test('dhcp/C31 host bits are cleared', () => {
    expect(typed('classlessRoutes', '140a01ff0a000001')).toEqual([route('10.1.240.0/20', '10.0.0.1')]);
    expect(typed('classlessRoutes', '01ff0a000001')).toEqual([route('128.0.0.0/1', '10.0.0.1')]);
  });

  test.each([
    ['0.0.0.0/0', '00'],
    ['10.0.0.0/8', '080a'],
    ['10.128.0.0/9', '090a80'],
    ['10.1.0.0/16', '100a01'],
    ['10.1.128.0/17', '110a0180'],
    ['10.1.2.0/24', '180a0102'],
    ['10.1.2.128/25', '190a010280'],
    ['10.1.2.3/32', '200a010203'],
  ])('dhcp/C32 %s has only its significant octets', (prefix, hex) => {
    const routes = [route(prefix, '10.77.0.1')];
    expect(toHex(option('classlessRoutes', routes).value)).toBe(`${hex}0a4d0001`);
    expect(typed('classlessRoutes', `${hex}0a4d0001`)).toEqual(routes);
  });

  test('dhcp/C33 router 0.0.0.0 is on the link', () => {
    expect(typed('classlessRoutes', '20a9fea9fe00000000')).toEqual([route('169.254.169.254/32', '0.0.0.0')]);
  });

  test('dhcp/C34 option 249 has the same form', () => {
    expect(typed('microsoftClasslessRoutes', '100a580a4d00fe')).toEqual([route('10.88.0.0/16', '10.77.0.254')]);
  });
});

describe('text', () => {
  const hex = (text: string) => toHex(new TextEncoder().encode(text));

  test('dhcp/C35 time zones are opaque text', () => {
    expect(typed('posixTimeZone', hex('CET-1CEST,M3.5.0,M10.5.0/3'))).toBe('CET-1CEST,M3.5.0,M10.5.0/3');
    expect(typed('tzdbTimeZone', hex('Nowhere/At_All'))).toBe('Nowhere/At_All');
  });

  test('dhcp/C37 a captive portal', () => {
    for (const uri of ['https://portal.lab.example/api', 'urn:ietf:params:capport:unrestricted']) {
      expect(typed('captivePortal', hex(uri))).toBe(uri);
      expect(toHex(option('captivePortal', uri).value)).toBe(hex(uri));
    }
  });

  test('dhcp/C41 NULs at the end are cut off, those inside are not text', () => {
    expect(typed('domainName', `${hex('lab.example')}00`)).toBe('lab.example');
    expect(typed('hostName', `${hex('h')}0000`)).toBe('h');
    expect(typed('hostName', '00')).toBe('empty');
    expect(typed('hostName', '610062')).toBe('bad-value');
    expect(readOption(decode(raw({ options: '3501050f0361620 0ff' })), 'domainName')).toBe('ab');
  });

  test('dhcp/C42 names are names', () => {
    for (const bad of ["$(touch /tmp/pwn);a'b", 'a b', 'a;b', '-a', 'a-', 'a..b', '.a', '<script>', 'a/b', 'a'.repeat(64)]) {
      expect([bad, typed('hostName', hex(bad))]).toEqual([bad, 'bad-name']);
      expect(isHostName(bad)).toBe(false);
      expect(() => option('hostName', bad)).toThrow('not a host name');
    }
    for (const good of ['a', 'a-b', '_dmarc.lab', 'xn--bcher-kva', '10.0.0.1', `${'a'.repeat(63)}.b`])
      expect(typed('hostName', hex(good))).toBe(good);
    expect(typed('domainName', hex('lab.example.'))).toBe('lab.example');
    for (const control of ['61 0a', '61 1b 5b', '7f61']) {
      const octets = control;
      expect(typed('hostName', octets)).toBe('bad-value');
      expect(typed('bootFileName', octets)).toBe('bad-value');
    }
    for (const octets of ['61ff', 'c080', 'eda080', 'c285']) expect(typed('tftpServerName', octets)).toBe('bad-value');
    expect(typed('message', hex('größer'))).toBe('größer');
    expect(typed('message', 'efbbbf61')).toBe('\ufeffa');
    for (const bad of ['', 'a\nb', '\u0085', '\ud800']) expect(() => option('message', bad)).toThrow('text');
  });

  test('dhcp/C43 options 66 and 67 and the fields stand side by side', () => {
    const message = decode(raw({ options: '3501054201784301 79ff', sname: '61', file: '62' }));
    expect([readOption(message, 'tftpServerName'), readOption(message, 'bootFileName')]).toEqual(['x', 'y']);
    expect([message.sname[0], message.file[0]]).toEqual([0x61, 0x62]);
  });
});

describe('vendors and services', () => {
  test('dhcp/C38 enterprises: several in one option and in several, the same one continues', () => {
    const message = decode(raw({ options: '3501057d0e00000009026162000001370263 64 7d0700000009026566ff' }));
    expect(readOption(message, 'vendorIdentifyingOptions')).toEqual([
      { enterprise: 9, data: fromHex('61626566') },
      { enterprise: 0x137, data: fromHex('6364') },
    ]);
    const large = [
      { enterprise: 9, data: filled(600) },
      { enterprise: 10, data: new Uint8Array(0) },
    ];
    const octets = option('vendorIdentifyingClass', large).value;
    expect(octets.length).toBe(600 + 4 * 5);
    expect(typed('vendorIdentifyingClass', toHex(octets))).toEqual(large);
    expect(typed('vendorIdentifyingClass', '')).toBe('empty');
    for (const hex of ['00000009', '0000000902', '000000090261']) expect(typed('vendorIdentifyingClass', hex)).toBe('bad-length');
    expect(() => option('vendorIdentifyingClass', [large[1]!, large[1]!])).toThrow('once');
    expect(() => option('vendorIdentifyingClass', [])).toThrow('not empty');
  });

  test('dhcp/C44 several TFTP servers', () => {
    expect(typed('tftpServerAddresses', '0a0000010a000002')).toEqual([ip('10.0.0.1'), ip('10.0.0.2')]);
  });

  test('dhcp/C46 option 82: what cannot be read is there as octets', () => {
    for (const [hex, error] of [
      ['', 'empty'],
      ['01', 'bad-length'],
      ['01ff6162', 'bad-length'],
    ] as const) {
      const message = decode(raw({ options: `35010152${(hex.length >> 1).toString(16).padStart(2, '0')}${hex}ff` }));
      expect(check(message, 'relayAgent')).toBe(error);
      expect(checkRelayOption(message, 'circuitId')).toEqual({ ok: false, error });
      expect(list(decode(encodeDhcpMessage(message)))[1]).toEqual([82, hex]);
    }
    const empty = decode(raw({ options: '350101520201 00ff' }));
    expect(readOption(empty, 'relayAgent')).toEqual([{ code: 1, value: new Uint8Array(0) }]);
    expect(readRelayOption(empty, 'circuitId')).toBeUndefined();
    expect(checkRelayOption(empty, 'circuitId')).toEqual({ ok: false, error: 'empty' });
    expect(checkRelayOption(empty, 'remoteId')).toEqual({ ok: false, error: 'absent' });
    expect(checkRelayOption(decode(raw()), 'remoteId')).toEqual({ ok: false, error: 'absent' });
  });

  test('dhcp/C47 option 82 written sub-option by sub-option', () => {
    const relay = option('relayAgent', [
      relayOption('circuitId', fromHex('6531')),
      relayOption('linkSelection', ip('10.1.0.0')),
      relayOption('serverIdentifierOverride', ip('10.1.0.1')),
      relayOption('flags', 0x80),
      relayOption('sourcePort', true),
      relayOption('virtualSubnetSelectionControl', true),
    ]);
    expect(toHex(relay.value)).toBe('0102653105040a0100000b040a0100010a018013009800');
    expect(() => option('relayAgent', [])).toThrow('not empty');
    expect(() => option('relayAgent', [relayOption('circuitId', filled(256))])).toThrow('255');
  });

  test('dhcp/C48 codes that nobody knows survive, in their order', () => {
    const codes = [254, 224, 128, 135, 240, 130];
    const options = codes.map((code) => ({ code, value: filled(code % 7, code) }));
    const message = decode(encodeDhcpMessage(withOptions(options)));
    expect([...message.options]).toEqual(options);
    expect(codes.map(optionName)).toEqual(codes.map(() => undefined));
  });

  test('counted parts and sub-options by themselves', () => {
    expect(decodeCounted(fromHex('0161026262'))).toEqual({ ok: true, value: [fromHex('61'), fromHex('6262')] });
    expect(decodeCounted(fromHex('0261'))).toEqual({ ok: false, error: 'bad-length' });
    expect(toHex(encodeCounted([fromHex('61'), fromHex('')]))).toBe('016100');
    expect(() => encodeCounted([filled(256)])).toThrow('255');
    expect(decodeSubOptions(fromHex('0101610200'))).toEqual({
      ok: true,
      value: [
        { code: 1, value: fromHex('61') },
        { code: 2, value: fromHex('') },
      ],
    });
    expect(() => encodeSubOptions([{ code: 256, value: fromHex('') }])).toThrow('255');
    expect(() => option('vendorSpecific', [{ code: 255, value: fromHex('') }])).toThrow('PAD and END');
    for (const hex of ['01', '0102', '010261']) expect(typed('vendorSpecific', hex)).toBe('bad-length');
    for (const hex of ['', '00', 'ff']) expect(typed('vendorSpecific', hex)).toBe('empty');
  });

  test('SIP servers, service location, PCP servers, bootstrap servers, status', () => {
    expect(typed('sipServers', '00036c6162000161c000')).toEqual({ form: 'names', names: ['lab', 'a.lab'] });
    expect(typed('sipServers', '010a000001')).toEqual({ form: 'addresses', addresses: [ip('10.0.0.1')] });
    for (const [hex, error] of [
      ['', 'empty'],
      ['00', 'bad-length'],
      ['0200', 'bad-value'],
      ['010a', 'bad-length'],
      ['0005', 'bad-name'],
    ] as const)
      expect(typed('sipServers', hex)).toBe(error);
    expect(typed('directoryAgents', '010a000001')).toEqual({ mandatory: true, addresses: [ip('10.0.0.1')] });
    for (const [hex, error] of [
      ['', 'empty'],
      ['02', 'bad-value'],
      ['010a', 'bad-length'],
    ] as const)
      expect(typed('directoryAgents', hex)).toBe(error);
    expect(typed('serviceScope', '0061')).toEqual({ mandatory: false, scopes: 'a' });
    for (const [hex, error] of [
      ['', 'empty'],
      ['00', 'bad-length'],
      ['0261', 'bad-value'],
      ['000a', 'bad-value'],
    ] as const)
      expect(typed('serviceScope', hex)).toBe(error);
    expect(typed('pcpServers', '040a000001080a0000020a000003')).toEqual([[ip('10.0.0.1')], [ip('10.0.0.2'), ip('10.0.0.3')]]);
    for (const [hex, error] of [
      ['', 'empty'],
      ['04', 'bad-length'],
      ['00', 'empty'],
      ['0161', 'bad-length'],
    ] as const)
      expect(typed('pcpServers', hex)).toBe(error);
    expect(() => option('pcpServers', [])).toThrow('not empty');
    expect(typed('bootstrapServers', '0001610002 6262')).toEqual(['a', 'bb']);
    for (const [hex, error] of [
      ['', 'empty'],
      ['00', 'bad-length'],
      ['000261', 'bad-length'],
      ['0000', 'empty'],
    ] as const)
      expect(typed('bootstrapServers', hex)).toBe(error);
    expect(() => option('bootstrapServers', [])).toThrow('not empty');
    expect(typed('leaseQueryStatus', '01')).toEqual({ code: 1, message: '' });
    expect(typed('leaseQueryStatus', '0161')).toEqual({ code: 1, message: 'a' });
    for (const [hex, error] of [
      ['', 'empty'],
      ['010a', 'bad-value'],
    ] as const)
      expect(typed('leaseQueryStatus', hex)).toBe(error);
  });

  test('which resolver for which domains', () => {
    const value = { preference: 1, primary: ip('10.0.0.1'), secondary: ip('10.0.0.2'), domains: ['lab'] };
    expect(typed('resolverSelection', 'fd0a0000010a000002036c616200')).toEqual(value);
    expect(toHex(option('resolverSelection', value).value)).toBe('010a0000010a000002036c616200');
    for (const [hex, error] of [
      ['', 'empty'],
      ['010a0000010a000002', 'bad-length'],
      ['010a0000010a00000203', 'bad-name'],
    ] as const)
      expect(typed('resolverSelection', hex)).toBe(error);
  });

  test('encrypted resolvers, with addresses and with a name alone', () => {
    const adn = '05036c616200';
    const [first, second] = [`000f0001${adn}040a000001aabb`, `00080002${adn}`];
    const value = [
      { priority: 1, name: 'lab', addresses: [ip('10.0.0.1')], parameters: fromHex('aabb') },
      { priority: 2, name: 'lab', addresses: [], parameters: new Uint8Array(0) },
    ];
    expect(typed('encryptedResolvers', first + second)).toEqual(value);
    expect(toHex(option('encryptedResolvers', value).value)).toBe(first + second);
    const bad: readonly (readonly [string, string])[] = [
      ['', 'empty'],
      ['00', 'bad-length'],
      ['0002000100', 'bad-length'],
      [`0009${second.slice(4)}`, 'bad-length'],
      ['0003000109', 'bad-length'],
      ['0004000101aa', 'bad-name'],
      [`00090001${adn}00`, 'bad-length'],
      [`00090001${adn}04`, 'bad-length'],
      [`000c0001${adn}030a0000`, 'bad-length'],
      [`000d0001${adn}0400000000`, 'bad-value'],
    ];
    for (const [hex, error] of bad) expect([hex, typed('encryptedResolvers', hex)]).toEqual([hex, error]);
    expect(() => option('encryptedResolvers', [{ ...value[1]!, parameters: fromHex('aa') }])).toThrow('address');
    expect(() => option('encryptedResolvers', [])).toThrow('not empty');
  });
});

describe('authentication', () => {
  const key = new TextEncoder().encode('secret');
  const hmac = (message: Uint8Array) => Uint8Array.from(createHmac('md5', key).update(message).digest());
  const unsigned = (protocol: number, head: string, extra: string = '') => {
    const information = concatBytes([fromHex(head), new Uint8Array(16)]);
    const auth = option('authentication', {
      protocol,
      algorithm: 1,
      replayMethod: 0,
      replay: fromHex('0000000000000001'),
      information,
    });
    const message = withOptions([option('messageType', 5), auth, { code: 12, value: fromHex('61') }]);
    return concatBytes([encodeDhcpMessage(message, { lengthMin: 0 }), fromHex(extra)]);
  };

  test.each([
    ['delayed authentication', 1, '00000007', '00000007'],
    ['reconfigure key', 3, '02', undefined],
  ])('dhcp/C40 %s: signed and verified, also where a relay changed what is its own', (_, protocol, head, secretId) => {
    const signed = signDhcpMessage(unsigned(protocol, head), hmac);
    const verify = (octets: Uint8Array) => {
      const input = authenticationInput(octets);
      if (!input.ok) throw new Error(input.error);
      expect(input.value.secretId && toHex(input.value.secretId)).toBe(secretId);
      expect(input.value.option.protocol).toBe(protocol);
      return toHex(hmac(input.value.message)) === toHex(input.value.code);
    };
    expect(verify(signed)).toBe(true);
    const relayed = concatBytes([signed.subarray(0, -1), fromHex('5203010161ff')]);
    relayed[3] = 4;
    relayed.set(fromHex('0a090909'), 24);
    expect(verify(relayed)).toBe(true);
    for (const at of [0, 4, 16, 30, 50, 150, 242, signed.length - 2]) {
      const forged = signed.slice();
      forged[at] = forged[at]! ^ 1;
      const input = authenticationInput(forged);
      expect(input.ok && verify(forged)).toBe(false);
    }
  });

  test('no option 90, two of them, one of another kind', () => {
    expect(authenticationInput(raw())).toEqual({ ok: false, error: 'not-authenticated' });
    expect(authenticationInput(raw({ options: '3501055a0101ff' }))).toEqual({ ok: false, error: 'not-authenticated' });
    expect(authenticationInput(new Uint8Array(3))).toEqual({ ok: false, error: 'truncated' });
    const split = unsigned(1, '00000007');
    expect(authenticationInput(concatBytes([split.subarray(0, -1), fromHex('5a00ff')]))).toEqual({
      ok: false,
      error: 'not-authenticated',
    });
    for (const octets of [unsigned(0, '00000007'), unsigned(1, '07'), unsigned(3, '01'), unsigned(3, '0202')])
      expect(authenticationInput(octets)).toEqual({ ok: false, error: 'unknown-protocol' });
    const other = unsigned(1, '00000007');
    other[246] = 2; // the algorithm
    expect(authenticationInput(other)).toEqual({ ok: false, error: 'unknown-protocol' });
    expect(() => signDhcpMessage(raw(), hmac)).toThrow('option 90');
    expect(() => signDhcpMessage(unsigned(3, '02'), () => filled(20))).toThrow('16 octets');
    expect(() =>
      option('authentication', { protocol: 1, algorithm: 1, replayMethod: 0, replay: filled(7), information: filled(0) }),
    ).toThrow('8 octets');
  });
});

test('an option that counts as absent is named for reports', () => {
  const message = decode(raw({ options: '3501050c000104ff00ff00e00061330400000e10ff' }));
  expect(malformedOptions(message)).toEqual([
    { name: 'hostName', code: 12, error: 'empty' },
    { name: 'subnetMask', code: 1, error: 'bad-value' },
  ]);
  expect(malformedOptions(message.options)).toHaveLength(2);
  expect(() => option('overload', 1)).toThrow('encoder');
});

test('fault/D07 no octets are a value only where a shape says so', () => {
  const nothing = Object.entries(SHAPES).filter(([, shape]) => shape.decode(new Uint8Array(0)).ok);
  expect(nothing.map(([name]) => name)).toEqual(['addressesOrNone', 'presence']);
  const decided: boolean[] = [];
  for (const [name, shape] of Object.entries(SHAPES)) {
    const result = shape.decode(new Uint8Array(0));
    if (!result.ok) expect([name, result.error]).toEqual([name, 'empty']);
    for (let length = 1; length < 40; length++)
      for (const octet of [0, 1, 255]) decided.push(shape.decode(filled(length, octet)).ok);
  }
  expect(new Set(decided)).toEqual(new Set([true, false]));
});
