import { describe, expect, test } from 'vitest';
import {
  formatIpv4,
  formatPrefix,
  IPV4_ANY,
  IPV4_BROADCAST,
  isHostAddress,
  maskLength,
  parseIpv4,
  parsePrefix,
  prefixBroadcast,
  prefixContains,
  prefixLength,
  prefixMask,
  prefixNetwork,
  prefixOf,
  tryParsePrefix,
  UsageError,
} from '../src/index.js';

test.each([
  ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
  ['128.0.0.0/1', '128.0.0.0', '255.255.255.255'],
  ['10.0.2.0/24', '255.255.255.0', '10.0.2.255'],
  ['10.0.2.128/25', '255.255.255.128', '10.0.2.255'],
  ['10.0.2.4/31', '255.255.255.254', '10.0.2.5'],
  ['255.255.255.255/32', '255.255.255.255', '255.255.255.255'],
])('%s has mask %s and broadcast %s', (text, mask, broadcast) => {
  const prefix = parsePrefix(text);
  expect(formatPrefix(prefix)).toBe(text);
  expect(formatIpv4(prefixMask(prefix))).toBe(mask);
  expect(formatIpv4(prefixBroadcast(prefix))).toBe(broadcast);
  expect(maskLength(parseIpv4(mask))).toBe(prefixLength(prefix));
});

describe('text', () => {
  test.each([
    ['host bits', '10.0.2.15/24'],
    ['no length', '10.0.2.0'],
    ['length 33', '10.0.2.0/33'],
    ['length with a leading zero', '10.0.2.0/08'],
    ['empty length', '10.0.2.0/'],
    ['negative length', '10.0.2.0/-1'],
    ['bad address', '10.0.256.0/24'],
    ['netmask for a length', '10.0.2.0/255.255.255.0'],
    ['line feed behind', '10.0.2.0/24\n'],
  ])('refuses %s', (_, text) => {
    expect(tryParsePrefix(text)).toBeUndefined();
    expect(() => parsePrefix(text)).toThrow(UsageError);
  });
});

test('a length out of range is the mistake of the caller', () => {
  for (const length of [-1, 33, 24.5, Number.NaN]) expect(() => prefixOf(IPV4_ANY, length)).toThrow(UsageError);
});

test('equal networks are the same number, whatever host they were made of', () => {
  const a = prefixOf(parseIpv4('192.168.7.1'), 24);
  const b = prefixOf(parseIpv4('192.168.7.254'), 24);
  expect(a).toBe(b);
  expect(new Map([[a, 'net']]).get(b)).toBe('net');
  expect(prefixOf(parseIpv4('192.168.7.0'), 25)).not.toBe(a);
  expect(formatIpv4(prefixNetwork(a))).toBe('192.168.7.0');
});

test.each([
  ['10.0.2.0/24', '10.0.2.0', false],
  ['10.0.2.0/24', '10.0.2.1', true],
  ['10.0.2.0/24', '10.0.2.254', true],
  ['10.0.2.0/24', '10.0.2.255', false],
  ['10.0.2.0/24', '10.0.3.1', false],
  ['10.0.2.0/30', '10.0.2.3', false],
  ['10.0.2.4/31', '10.0.2.4', true],
  ['10.0.2.4/31', '10.0.2.5', true],
  ['10.0.2.4/31', '10.0.2.6', false],
  ['10.0.2.4/32', '10.0.2.4', true],
])('in %s, %s is a host: %s', (prefix, address, host) => {
  expect(isHostAddress(parsePrefix(prefix), parseIpv4(address))).toBe(host);
});

test('netmasks with holes have no length', () => {
  expect(maskLength(IPV4_ANY)).toBe(0);
  expect(maskLength(IPV4_BROADCAST)).toBe(32);
  for (const mask of ['255.0.255.0', '0.0.0.1', '255.255.255.253', '127.255.255.255'])
    expect(maskLength(parseIpv4(mask))).toBeUndefined();
});

test('the whole address space is one prefix', () => {
  expect(prefixContains(parsePrefix('0.0.0.0/0'), IPV4_BROADCAST)).toBe(true);
  expect(prefixContains(parsePrefix('128.0.0.0/1'), parseIpv4('127.255.255.255'))).toBe(false);
});
