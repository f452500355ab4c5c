import { expect, test } from 'vitest';
import { OPTIONS, type OptionRow, optionName, RELAY_OPTIONS, SHAPES } from '../src/index.js';
import { SHAPE_VALUES } from './support/codec-arbitraries.js';
import { renderOptions } from './support/options-doc.js';

const rows = Object.entries<OptionRow>(OPTIONS);
const relayRows = Object.entries<OptionRow>(RELAY_OPTIONS);

test('docs/dhcp-options.md is the generated text', async () => {
  await expect(renderOptions()).toMatchFileSnapshot('../../../docs/dhcp-options.md');
});

test('each code stands once, in ascending order, and finds its name', () => {
  for (const table of [rows, relayRows]) {
    const codes = table.map(([, { code }]) => code);
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
    expect(codes.every((code) => Number.isInteger(code) && code >= 1 && code <= 254)).toBe(true);
  }
  for (const [name, { code }] of rows) expect(optionName(code)).toBe(name);
});

test('the options that everybody relies on have the codes of the RFCs', () => {
  // Typed by hand from RFC 2132, 3046, 3203, 3361, 3397, 3442, 4039, 4702, 5859, 6704, 8910 and 8925.
  const wanted: readonly (readonly [keyof typeof OPTIONS, number])[] = [
    ['subnetMask', 1],
    ['timeOffset', 2],
    ['routers', 3],
    ['dnsServers', 6],
    ['hostName', 12],
    ['domainName', 15],
    ['interfaceMtu', 26],
    ['broadcastAddress', 28],
    ['staticRoutes', 33],
    ['ntpServers', 42],
    ['vendorSpecific', 43],
    ['requestedAddress', 50],
    ['leaseTime', 51],
    ['overload', 52],
    ['messageType', 53],
    ['serverIdentifier', 54],
    ['parameterRequestList', 55],
    ['message', 56],
    ['maxMessageSize', 57],
    ['renewalTime', 58],
    ['rebindingTime', 59],
    ['vendorClass', 60],
    ['clientIdentifier', 61],
    ['tftpServerName', 66],
    ['bootFileName', 67],
    ['userClass', 77],
    ['rapidCommit', 80],
    ['clientFqdn', 81],
    ['relayAgent', 82],
    ['authentication', 90],
    ['clientArchitectures', 93],
    ['clientInterface', 94],
    ['machineId', 97],
    ['posixTimeZone', 100],
    ['tzdbTimeZone', 101],
    ['ipv6OnlyPreferred', 108],
    ['captivePortal', 114],
    ['autoConfigure', 116],
    ['subnetSelection', 118],
    ['domainSearch', 119],
    ['sipServers', 120],
    ['classlessRoutes', 121],
    ['vendorIdentifyingClass', 124],
    ['vendorIdentifyingOptions', 125],
    ['forceRenewNonce', 145],
    ['tftpServerAddresses', 150],
    ['encryptedResolvers', 162],
    ['microsoftClasslessRoutes', 249],
  ];
  for (const [name, code] of wanted) expect([name, OPTIONS[name].code]).toEqual([name, code]);
  const relay: readonly (readonly [keyof typeof RELAY_OPTIONS, number])[] = [
    ['circuitId', 1],
    ['remoteId', 2],
    ['linkSelection', 5],
    ['subscriberId', 6],
    ['vendorSpecific', 9],
    ['flags', 10],
    ['serverIdentifierOverride', 11],
    ['relayId', 12],
    ['sourcePort', 19],
    ['virtualSubnetSelection', 151],
    ['virtualSubnetSelectionControl', 152],
  ];
  for (const [name, code] of relay) expect([name, RELAY_OPTIONS[name].code]).toEqual([name, code]);
});

test('all of RFC 2132 is there', () => {
  const codes = new Set(rows.map(([, { code }]) => code));
  expect(Array.from({ length: 76 }, (_, i) => i + 1).filter((code) => !codes.has(code))).toEqual([]);
});

test('each shape is used by a row, and has values for the laws', () => {
  const used = new Set([...rows, ...relayRows].map(([, { shape }]) => shape));
  expect([...used].sort()).toEqual(Object.keys(SHAPES).sort());
  expect(Object.keys(SHAPE_VALUES).sort()).toEqual(Object.keys(SHAPES).sort());
});
