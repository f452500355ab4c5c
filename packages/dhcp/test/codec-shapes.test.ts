import { fromHex, parseIpv4, parsePrefix, toHex, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { decodeSubOptions, encodeSubOptions, type OptionName, type OptionValue, option } from '../src/index.js';
import { filled, typed } from './support/codec.js';

// Values and octets side by side, written by hand from the RFC of each option: read and written, at the edges of what is allowed.

type Case = { readonly [N in OptionName]: readonly [about: string, name: N, hex: string, value: OptionValue<N>] }[OptionName];

const hex = (text: string): string => toHex(new TextEncoder().encode(text));
const a = parseIpv4('10.0.0.1');
const b = parseIpv4('10.0.0.2');
const repeat = (octet: string, count: number): string => octet.repeat(count);

const BOTH_WAYS: readonly Case[] = [
  ['a filter (RFC 2132 §4.3)', 'policyFilters', '0a000001ffffff00', [{ destination: a, mask: parseIpv4('255.255.255.0') }]],
  [
    'two classful routes (RFC 2132 §5.8)',
    'staticRoutes',
    '0a0000010a0000020a0000020a000001',
    [
      { destination: a, router: b },
      { destination: b, router: a },
    ],
  ],
  [
    'authentication without information (RFC 3118 §2)',
    'authentication',
    '010203a0a1a2a3a4a5a6a7',
    { protocol: 1, algorithm: 2, replayMethod: 3, replay: fromHex('a0a1a2a3a4a5a6a7'), information: new Uint8Array(0) },
  ],
  ['the shortest typed identifier', 'clientIdentifier', '0001', { form: 'typed', type: 0, id: fromHex('01') }],
  [
    'the shortest DUID (RFC 4361 §6.1)',
    'clientIdentifier',
    'ff00000001000301',
    { form: 'duid', iaid: 1, duid: fromHex('000301') },
  ],
  [
    'type 255 with too few octets for a DUID',
    'clientIdentifier',
    'ff000000010003',
    { form: 'typed', type: 255, id: fromHex('000000010003') },
  ],
  ['an interface (RFC 4578 §2.2)', 'clientInterface', '01020a', { type: 1, major: 2, minor: 10 }],
  ['a UUID (RFC 4578 §2.3)', 'machineId', `00${repeat('ab', 16)}`, { type: 0, id: filled(16, 0xab) }],
  ['another machine identifier, one octet', 'machineId', '01ab', { type: 1, id: fromHex('ab') }],
  ['a VPN by name (RFC 6607 §3.1)', 'subnetSelector', '0061', { type: 0, info: fromHex('61') }],
  ['a VPN id', 'subnetSelector', `01${repeat('02', 7)}`, { type: 1, info: filled(7, 2) }],
  ['the global network', 'subnetSelector', 'ff', { type: 255, info: new Uint8Array(0) }],
  ['a VPN of a type to come', 'subnetSelector', '02', { type: 2, info: new Uint8Array(0) }],
  ['a VPN of a type to come, with octets', 'subnetSelector', '02ab', { type: 2, info: fromHex('ab') }],
  ['the largest port parameters (RFC 7618 §9)', 'portParameters', '0f10ffff', { offset: 15, psidLength: 16, psid: 0xffff }],
  ['an empty partial name in ASCII (RFC 4702 §2.3.1)', 'clientFqdn', '000000', fqdn({ encoding: 'ascii' })],
  ['an empty partial name (RFC 4702 §2.3)', 'clientFqdn', '040000', fqdn({})],
  ['the longest label in ASCII', 'clientFqdn', `000000${repeat('61', 63)}`, fqdn({ encoding: 'ascii', name: 'a'.repeat(63) })],
  ['the longest label', 'clientFqdn', `0400003f${repeat('61', 63)}`, fqdn({ name: 'a'.repeat(63) })],
  [
    'the longest partial name: 255 octets with the root that is to come',
    'clientFqdn',
    `040000${wireLabels(61)}`,
    fqdn({ name: labels(61) }),
  ],
  ['the longest name in ASCII', 'clientFqdn', `000000${hex(labels(61))}`, fqdn({ encoding: 'ascii', name: labels(61) })],
  ['the longest name of a list', 'domainSearch', `${wireLabels(61)}00`, [labels(61)]],
  ['a control character in a label (RFC 1035 §5.1)', 'domainSearch', '037f612000', ['\\127a\\032']],
  ['labels whose octets look alike in decimal', 'domainSearch', '0101011700017b00', ['\\001.\\023', '{']],
  ['the MTU that every network carries', 'interfaceMtu', '0044', 68],
  ['what every host reassembles', 'maxDatagramReassembly', '0240', 576],
  ['the smallest of the time offsets', 'timeOffset', '80000000', -0x80000000],
  ['the largest of the time offsets', 'timeOffset', '7fffffff', 0x7fffffff],
  ['the longest lease that ends', 'leaseTime', 'fffffffe', 0xfffffffe],
  ['a lease for ever (RFC 2131 §3.3)', 'leaseTime', 'ffffffff', Number.POSITIVE_INFINITY],
  ['the smallest time to live', 'defaultTtl', '01', 1],
  ['the largest time to live', 'defaultTtl', 'ff', 255],
  ['processor architectures (RFC 4578 §2.1)', 'clientArchitectures', '00000007ffff', [0, 7, 0xffff]],
  ['the smallest MTU of a list', 'pathMtuPlateaus', '0044', [68]],
  ['octets of a list', 'forceRenewNonce', '00ff', [0, 255]],
  ['a default route (RFC 3442)', 'classlessRoutes', '000a000001', [{ prefix: parsePrefix('0.0.0.0/0'), router: a }]],
  ['a host route', 'classlessRoutes', '200a0000020a000001', [{ prefix: parsePrefix('10.0.0.2/32'), router: a }]],
  ['a route of 25 bits', 'classlessRoutes', '190a0000800a000001', [{ prefix: parsePrefix('10.0.0.128/25'), router: a }]],
  ['a route of 24 bits', 'classlessRoutes', '180a00000a000001', [{ prefix: parsePrefix('10.0.0.0/24'), router: a }]],
  ['SIP servers by name (RFC 3361 §3.1)', 'sipServers', '00016100016200', { form: 'names', names: ['a', 'b'] }],
  ['SIP servers by address (RFC 3361 §3.2)', 'sipServers', '010a0000010a000002', { form: 'addresses', addresses: [a, b] }],
  ['no directory agent (RFC 2610 §3)', 'directoryAgents', '01', { mandatory: true, addresses: [] }],
  ['a directory agent', 'directoryAgents', '000a000001', { mandatory: false, addresses: [a] }],
  ['a scope (RFC 2610 §4)', 'serviceScope', '0161', { mandatory: true, scopes: 'a' }],
  ['a scope that is not mandatory', 'serviceScope', '0061', { mandatory: false, scopes: 'a' }],
  [
    'a choice of resolvers of low preference (RFC 6731 §4.3)',
    'resolverSelection',
    '030a0000010a000002016100',
    { preference: 3, primary: a, secondary: b, domains: ['a'] },
  ],
  [
    'a resolver by name alone (RFC 9463 §3.1.6)',
    'encryptedResolvers',
    '0006000103016100',
    [{ priority: 1, name: 'a', addresses: [], parameters: new Uint8Array(0) }],
  ],
  [
    'two resolvers, one with parameters',
    'encryptedResolvers',
    '000d000103016100040a000001abcd000b000203016200040a000002',
    [
      { priority: 1, name: 'a', addresses: [a], parameters: fromHex('abcd') },
      { priority: 2, name: 'b', addresses: [b], parameters: new Uint8Array(0) },
    ],
  ],
  ['sets of addresses (RFC 7291 §4)', 'pcpServers', '040a000001080a0000010a000002', [[a], [a, b]]],
  ['URIs (RFC 8572 §8.1)', 'bootstrapServers', '00016100026263', ['a', 'bc']],
  ['a URI longer than 255 octets', 'bootstrapServers', `0100${repeat('61', 256)}`, ['a'.repeat(256)]],
  ['a status with text (RFC 6926 §6.2.2)', 'leaseQueryStatus', '0361', { code: 3, message: 'a' }],
  ['a status without text', 'leaseQueryStatus', '00', { code: 0, message: '' }],
  ['an empty option of a vendor', 'vendorSpecific', '0100', [{ code: 1, value: new Uint8Array(0) }]],
  [
    'the largest code that a vendor may use, and the smallest',
    'vendorSpecific',
    'fe01aa0100',
    [
      { code: 254, value: fromHex('aa') },
      { code: 1, value: new Uint8Array(0) },
    ],
  ],
  [
    'sub-options 0 and 255, which are neither PAD nor END in option 82',
    'relayAgent',
    '0001aaff0100',
    [
      { code: 0, value: fromHex('aa') },
      { code: 255, value: fromHex('00') },
    ],
  ],
  ['data of a vendor (RFC 3925 §3)', 'vendorIdentifyingOptions', '0000000902abcd', [{ enterprise: 9, data: fromHex('abcd') }]],
  ['a vendor without data', 'vendorIdentifyingOptions', '0000000900', [{ enterprise: 9, data: new Uint8Array(0) }]],
  [
    '255 octets of a vendor are one piece',
    'vendorIdentifyingOptions',
    `00000009ff${repeat('61', 255)}`,
    [{ enterprise: 9, data: filled(255) }],
  ],
  [
    '256 octets of a vendor are two',
    'vendorIdentifyingOptions',
    `00000009ff${repeat('61', 255)}000000090161`,
    [{ enterprise: 9, data: filled(256) }],
  ],
  [
    '510 octets of a vendor are two, and no empty third',
    'vendorIdentifyingOptions',
    `00000009ff${repeat('61', 255)}00000009ff${repeat('61', 255)}`,
    [{ enterprise: 9, data: filled(510) }],
  ],
  [
    'two vendors',
    'vendorIdentifyingOptions',
    '0000000101aaffffffff01bb',
    [
      { enterprise: 1, data: fromHex('aa') },
      { enterprise: 0xffffffff, data: fromHex('bb') },
    ],
  ],
  ['classes (RFC 3004 §4)', 'userClass', '01aa02bbcc', { form: 'classes', classes: [fromHex('aa'), fromHex('bbcc')] }],
  ['a class of 255 octets', 'userClass', `ff${repeat('61', 255)}`, { form: 'classes', classes: [filled(255)] }],
  ['an empty class behind another one, which is none', 'userClass', '01aa00', { form: 'raw', data: fromHex('01aa00') }],
  ['a class without its length', 'userClass', hex('iPXE'), { form: 'raw', data: fromHex(hex('iPXE')) }],
];

test.each(BOTH_WAYS)('%s is read and written', (_, name, octets, value) => {
  expect(typed(name, octets)).toEqual(value);
  expect(toHex(option(name, value as never).value)).toBe(octets);
});

/** Octets that are no value of the option: `name`, `hex`, label. */
const UNREADABLE: readonly (readonly [OptionName, string, string])[] = [
  ['policyFilters', '', 'empty'],
  ['policyFilters', '0a000001', 'bad-length'],
  ['staticRoutes', '', 'empty'],
  ['staticRoutes', '000000000a000001', 'bad-value'],
  ['authentication', '010203a0a1a2a3a4a5a6', 'bad-length'],
  ['clientIdentifier', '01', 'bad-length'],
  ['clientIdentifier', '', 'empty'],
  ['clientInterface', '0102', 'bad-length'],
  ['machineId', '00', 'bad-length'],
  ['machineId', `00${repeat('ab', 15)}`, 'bad-length'],
  ['subnetSelector', '00', 'bad-length'],
  ['subnetSelector', `01${repeat('02', 6)}`, 'bad-length'],
  ['subnetSelector', 'ff00', 'bad-length'],
  ['portParameters', '10000000', 'bad-value'],
  ['portParameters', '00110000', 'bad-value'],
  ['clientFqdn', '0000', 'bad-length'],
  ['clientFqdn', '0000002e', 'bad-name'],
  ['clientFqdn', `000000${repeat('61', 64)}`, 'bad-name'],
  ['clientFqdn', `000000${hex(labels(62))}`, 'bad-name'],
  ['clientFqdn', `04000040${repeat('61', 64)}`, 'bad-name'],
  ['clientFqdn', `040000${wireLabels(62)}`, 'bad-name'],
  ['clientFqdn', '090000', 'bad-value'],
  ['domainSearch', `${wireLabels(62)}00`, 'bad-name'],
  ['domainSearch', '03666f6f00c0', 'bad-name'],
  ['domainSearch', '00', 'bad-name'],
  ['interfaceMtu', '0043', 'bad-value'],
  ['maxDatagramReassembly', '023f', 'bad-value'],
  ['defaultTtl', '00', 'bad-value'],
  ['netbiosNodeType', '03', 'bad-value'],
  ['pathMtuPlateaus', '00440043', 'bad-value'],
  ['clientArchitectures', '000000', 'bad-length'],
  ['classlessRoutes', '210a0000020a000001', 'bad-value'],
  ['classlessRoutes', '180a00000a0000', 'bad-length'],
  ['sipServers', '00', 'bad-length'],
  ['sipServers', '020a000001', 'bad-value'],
  ['directoryAgents', '020a000001', 'bad-value'],
  ['directoryAgents', '010a0000', 'bad-length'],
  ['serviceScope', '01', 'bad-length'],
  ['serviceScope', '0261', 'bad-value'],
  ['serviceScope', '010a', 'bad-value'],
  ['resolverSelection', '000a0000010a000002', 'bad-length'],
  ['resolverSelection', '000a0000010a00000201', 'bad-name'],
  ['encryptedResolvers', '00020001', 'bad-length'],
  ['encryptedResolvers', '0005000103016100', 'bad-length'],
  ['encryptedResolvers', '0007000103016100', 'bad-length'],
  ['encryptedResolvers', '00', 'bad-length'],
  ['encryptedResolvers', '00020001ff', 'bad-length'],
  ['encryptedResolvers', '0003000100', 'empty'],
  ['encryptedResolvers', '00060001030161000002', 'bad-length'],
  ['encryptedResolvers', '000700010301610000', 'bad-length'],
  ['encryptedResolvers', '000a000103016100030a0000', 'bad-length'],
  ['encryptedResolvers', '000b0001030161000400000000', 'bad-value'],
  ['encryptedResolvers', '000b000103016100080a000001', 'bad-length'],
  ['pcpServers', '', 'empty'],
  ['pcpServers', '040a0000', 'bad-length'],
  ['pcpServers', '030a0000', 'bad-length'],
  ['bootstrapServers', '', 'empty'],
  ['bootstrapServers', '00', 'bad-length'],
  ['bootstrapServers', '000261', 'bad-length'],
  ['bootstrapServers', '0000', 'empty'],
  ['leaseQueryStatus', '', 'empty'],
  ['leaseQueryStatus', '000a', 'bad-value'],
  ['vendorSpecific', '0000', 'empty'],
  ['vendorSpecific', '01', 'bad-length'],
  ['vendorSpecific', '0102aa', 'bad-length'],
  ['relayAgent', '', 'empty'],
  ['relayAgent', '01', 'bad-length'],
  ['relayAgent', '0102aa', 'bad-length'],
  ['vendorIdentifyingOptions', '', 'empty'],
  ['vendorIdentifyingOptions', '00000009', 'bad-length'],
  ['vendorIdentifyingOptions', '0000000902ab', 'bad-length'],
  ['userClass', '', 'empty'],
];

test.each(UNREADABLE)('%s: %s is %s', (name, octets, label) => {
  expect(typed(name, octets)).toBe(label);
});

type Refused = { readonly [N in OptionName]: readonly [name: N, about: string, value: OptionValue<N>] }[OptionName];

const authentication = { protocol: 1, algorithm: 1, replayMethod: 0, replay: new Uint8Array(8), information: new Uint8Array(0) };
const resolver = { priority: 1, name: 'a', addresses: [a], parameters: new Uint8Array(0) };

const UNWRITABLE: readonly Refused[] = [
  ['policyFilters', 'no filter', []],
  ['staticRoutes', 'no route', []],
  [
    'staticRoutes',
    'a default route behind another one',
    [
      { destination: a, router: b },
      { destination: parseIpv4('0.0.0.0'), router: b },
    ],
  ],
  ['authentication', 'a protocol of nine bits', { ...authentication, protocol: 256 }],
  ['authentication', 'an algorithm of nine bits', { ...authentication, algorithm: 256 }],
  ['authentication', 'a method of nine bits', { ...authentication, replayMethod: 256 }],
  ['authentication', 'a short replay value', { ...authentication, replay: new Uint8Array(7) }],
  ['clientIdentifier', 'a DUID of two octets', { form: 'duid', iaid: 1, duid: fromHex('0003') }],
  ['clientIdentifier', 'an IAID of 33 bits', { form: 'duid', iaid: 2 ** 32, duid: fromHex('000301') }],
  ['clientIdentifier', 'nothing behind the type', { form: 'typed', type: 1, id: new Uint8Array(0) }],
  ['clientIdentifier', 'a type of nine bits', { form: 'typed', type: 256, id: fromHex('00') }],
  ['clientInterface', 'a type of nine bits', { type: 256, major: 0, minor: 0 }],
  ['clientInterface', 'a version of nine bits', { type: 0, major: 0, minor: 256 }],
  ['machineId', 'a UUID of 15 octets', { type: 0, id: filled(15) }],
  ['machineId', 'a UUID of 17 octets', { type: 0, id: filled(17) }],
  ['machineId', 'nothing behind the type', { type: 1, id: new Uint8Array(0) }],
  ['subnetSelector', 'an empty name', { type: 0, info: new Uint8Array(0) }],
  ['subnetSelector', 'a VPN id of 8 octets', { type: 1, info: filled(8) }],
  ['subnetSelector', 'something about the global network', { type: 255, info: filled(1) }],
  ['portParameters', 'an offset of 16', { offset: 16, psidLength: 0, psid: 0 }],
  ['portParameters', 'a length of 17', { offset: 0, psidLength: 17, psid: 0 }],
  ['clientFqdn', 'the root in ASCII', fqdn({ encoding: 'ascii', qualified: true })],
  ['clientFqdn', 'the root', fqdn({ qualified: true })],
  ['clientFqdn', 'a label of 64 in ASCII', fqdn({ encoding: 'ascii', name: 'a'.repeat(64) })],
  ['clientFqdn', 'a name of 254 in ASCII', fqdn({ encoding: 'ascii', name: labels(62) })],
  ['clientFqdn', 'a result code of nine bits', fqdn({ name: 'a', resultCodes: [0, 256] })],
  ['domainSearch', 'no name', []],
  ['domainSearch', '257 names', Array.from({ length: 257 }, () => 'a')],
  ['domainSearch', 'the root', ['']],
  ['domainSearch', 'a name of 256 octets', [labels(62)]],
  ['domainSearch', 'a backslash at the end', ['a\\']],
  ['domainSearch', 'a backslash before two digits', ['a\\12']],
  ['domainSearch', 'a backslash before two digits and a letter', ['a\\12b']],
  ['domainSearch', 'an octet of 256', ['\\256']],
  ['interfaceMtu', 'less than 68', 67],
  ['pathMtuPlateaus', 'less than 68 in a list', [68, 67]],
  ['clientArchitectures', 'no architecture', []],
  ['clientArchitectures', '17 bits', [0x10000]],
  ['forceRenewNonce', 'no number', []],
  ['forceRenewNonce', 'nine bits', [256]],
  ['parameterRequestList', 'a code twice', [1, 3, 1]],
  ['timeOffset', '32 bits without a sign', 0x80000000],
  ['leaseTime', '136 years, which is for ever', 0xffffffff],
  ['defaultTtl', '0', 0],
  ['netbiosNodeType', '3', 3],
  ['classlessRoutes', 'no route', []],
  ['sipServers', 'no name', { form: 'names', names: [] }],
  ['sipServers', 'no address', { form: 'addresses', addresses: [] }],
  ['serviceScope', 'no scope', { mandatory: true, scopes: '' }],
  ['resolverSelection', 'a preference of 4', { preference: 4, primary: a, secondary: b, domains: ['a'] }],
  ['encryptedResolvers', 'no resolver', []],
  ['encryptedResolvers', 'a priority of 17 bits', [{ ...resolver, priority: 0x10000 }]],
  ['encryptedResolvers', 'parameters without an address', [{ ...resolver, addresses: [], parameters: fromHex('00') }]],
  ['encryptedResolvers', 'more than its length can say', [{ ...resolver, parameters: filled(0xffff) }]],
  ['pcpServers', 'no server', []],
  ['pcpServers', 'a server without an address', [[]]],
  ['bootstrapServers', 'no server', []],
  ['bootstrapServers', 'a URI of 65536 octets', ['a'.repeat(0x10000)]],
  ['leaseQueryStatus', 'a code of nine bits', { code: 256, message: '' }],
  [
    'vendorSpecific',
    'PAD behind another code',
    [
      { code: 1, value: fromHex('00') },
      { code: 0, value: fromHex('00') },
    ],
  ],
  [
    'vendorSpecific',
    'END behind another code',
    [
      { code: 1, value: fromHex('00') },
      { code: 255, value: fromHex('00') },
    ],
  ],
  ['vendorSpecific', 'no option', []],
  ['relayAgent', 'a sub-option of 256 octets', [{ code: 1, value: filled(256) }]],
  ['relayAgent', 'a code of nine bits', [{ code: 256, value: filled(1) }]],
  ['vendorIdentifyingOptions', 'no vendor', []],
  [
    'vendorIdentifyingOptions',
    'a vendor twice',
    [
      { enterprise: 1, data: filled(1) },
      { enterprise: 1, data: filled(1) },
    ],
  ],
  ['vendorIdentifyingOptions', 'an enterprise of 33 bits', [{ enterprise: 2 ** 32, data: filled(1) }]],
  ['userClass', 'no class', { form: 'classes', classes: [] }],
  ['userClass', 'an empty class behind another one', { form: 'classes', classes: [filled(1), new Uint8Array(0)] }],
  ['userClass', 'a class of 256 octets', { form: 'classes', classes: [filled(256)] }],
  ['userClass', 'nothing', { form: 'raw', data: new Uint8Array(0) }],
];

test.each(UNWRITABLE)('%s cannot be %s', (name, _, value) => {
  expect(() => option(name, value as never)).toThrow(UsageError);
});

describe('what is longer than a table', () => {
  test('255 octets fit in a sub-option, and are read again', () => {
    const list = [{ code: 1, value: filled(255) }];
    expect(decodeSubOptions(encodeSubOptions(list))).toEqual({ ok: true, value: list });
  });

  test('256 names fit in one option, 257 are refused', () => {
    const names = (count: number): string => '016100'.repeat(count);
    expect(typed('domainSearch', names(256))).toHaveLength(256);
    expect(typed('domainSearch', names(257))).toBe('bad-length');
    const many = Array.from({ length: 256 }, () => 'a');
    expect(typed('domainSearch', toHex(option('domainSearch', many).value))).toEqual(many);
  });

  test('127 pointers in a row are followed, one more is a bomb', () => {
    const chain = (pointers: number): string => {
      let octets = '016100';
      for (let i = 0, target = 0; i < pointers; i++) {
        octets += (0xc000 | target).toString(16);
        target = 3 + 2 * i;
      }
      return octets;
    };
    expect(typed('domainSearch', chain(127))).toEqual(Array.from({ length: 128 }, () => 'a'));
    expect(typed('domainSearch', chain(128))).toBe('bad-name');
  });

  /** 64 names of 255 octets, no two with the same end. */
  const label = (i: number, length: number): string => String(i).padStart(length, 'x');
  const long = Array.from({ length: 64 }, (_, i) => [63, 63, 63, 61].map((length, j) => label(4 * i + j, length)).join('.'));

  test('a name at offset 16384 is out of reach of a pointer, which has 14 bits (RFC 1035 §4.1.4)', () => {
    const names = [...long, label(1000, 62), 'far', 'far'];
    const octets = option('domainSearch', names).value;
    expect(toHex(octets.subarray(16_384))).toBe('03666172000366617200');
    expect(typed('domainSearch', toHex(octets))).toEqual(names);
  });

  test('a name at offset 16383, just within reach, is not written twice', () => {
    const names = [...long, label(1000, 61), 'far', 'far'];
    const octets = option('domainSearch', names).value;
    expect(toHex(octets.subarray(16_383))).toBe('0366617200ffff');
    expect(typed('domainSearch', toHex(octets))).toEqual(names);
  });
});

function fqdn(value: Partial<OptionValue<'clientFqdn'>>): OptionValue<'clientFqdn'> {
  return {
    serverUpdates: false,
    overridden: false,
    noUpdates: false,
    encoding: 'wire',
    resultCodes: [0, 0],
    name: '',
    qualified: false,
    ...value,
  };
}

/** Three labels of 63 and a last one: 253 characters with 61, the most that a name has. */
function labels(last: number): string {
  return [63, 63, 63, last].map((length) => 'a'.repeat(length)).join('.');
}

function wireLabels(last: number): string {
  return [63, 63, 63, last].map((length) => length.toString(16).padStart(2, '0') + '61'.repeat(length)).join('');
}
