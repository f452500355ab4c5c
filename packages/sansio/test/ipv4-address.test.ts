import { describe, expect, test } from 'vitest';
import {
  formatIpv4,
  IPV4_ANY,
  IPV4_BROADCAST,
  IPV4_LOOPBACK,
  ipv4,
  ipv4FromU32,
  isIpv4Loopback,
  isIpv4Multicast,
  isIpv4Unicast,
  parseIpv4,
  tryParseIpv4,
  UsageError,
} from '../src/index.js';

describe('text', () => {
  test('dotted text and the number are two forms of one address', () => {
    expect(parseIpv4('10.0.2.15')).toBe(0x0a00020f);
    expect(formatIpv4(ipv4(10, 0, 2, 15))).toBe('10.0.2.15');
    expect(formatIpv4(IPV4_ANY)).toBe('0.0.0.0');
    expect(formatIpv4(IPV4_BROADCAST)).toBe('255.255.255.255');
    expect(formatIpv4(IPV4_LOOPBACK)).toBe('127.0.0.1');
  });

  test.each([
    ['empty', ''],
    ['three octets', '10.0.2'],
    ['five octets', '10.0.2.15.1'],
    ['octet above 255', '10.0.2.256'],
    ['four digits', '10.0.2.0015'],
    ['leading zero: octal to some systems', '10.0.2.015'],
    ['hexadecimal', '0x0a.0.2.15'],
    ['one number', '167772687'],
    ['sign', '+10.0.2.15'],
    ['white space before', ' 10.0.2.15'],
    ['line feed behind', '10.0.2.15\n'],
    ['digits of another script', '١٠.0.2.15'],
    ['with a length', '10.0.2.0/24'],
  ])('refuses %s', (_, text) => {
    expect(tryParseIpv4(text)).toBeUndefined();
    expect(() => parseIpv4(text)).toThrow(UsageError);
  });
});

test('octets out of range are the mistake of the caller', () => {
  for (const octet of [-1, 256, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => ipv4(octet, 0, 0, 0)).toThrow(UsageError);
    expect(() => ipv4(0, 0, 0, octet)).toThrow(UsageError);
  }
});

test('address arithmetic wraps at both ends', () => {
  expect(ipv4FromU32(0xffffffff + 1)).toBe(IPV4_ANY);
  expect(ipv4FromU32(-1)).toBe(IPV4_BROADCAST);
});

test.each([
  //             multicast loopback unicast
  ['0.0.0.0', false, false, false],
  ['0.255.255.255', false, false, false],
  ['1.0.0.0', false, false, true],
  ['10.0.2.2', false, false, true],
  ['126.255.255.255', false, false, true],
  ['127.0.0.0', false, true, false],
  ['127.255.255.255', false, true, false],
  ['128.0.0.0', false, false, true],
  ['169.254.1.1', false, false, true],
  ['223.255.255.255', false, false, true],
  ['224.0.0.0', true, false, false],
  ['239.255.255.255', true, false, false],
  ['240.0.0.0', false, false, false],
  ['255.255.255.255', false, false, false],
])('%s: multicast %s, loopback %s, may be owned %s', (text, multicast, loopback, unicast) => {
  const address = parseIpv4(text);
  expect([isIpv4Multicast(address), isIpv4Loopback(address), isIpv4Unicast(address)]).toEqual([multicast, loopback, unicast]);
});
