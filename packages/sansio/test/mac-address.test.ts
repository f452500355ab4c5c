import { expect, test } from 'vitest';
import {
  formatMac,
  isMacGroup,
  MAC_BROADCAST,
  MAC_ZERO,
  macToBytes,
  parseMac,
  readMac,
  tryParseMac,
  UsageError,
  writeMac,
} from '../src/index.js';

test('text, octets and the number are forms of one address', () => {
  const mac = parseMac('52:54:00:12:34:56');
  expect(mac).toBe(0x525400123456);
  expect(formatMac(mac)).toBe('52:54:00:12:34:56');
  expect(macToBytes(mac)).toEqual(Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56));
  expect(parseMac('52-54-00-AB-CD-EF')).toBe(0x525400abcdef);
  expect(formatMac(MAC_ZERO)).toBe('00:00:00:00:00:00');
  expect(formatMac(MAC_BROADCAST)).toBe('ff:ff:ff:ff:ff:ff');
});

test.each([
  ['empty', ''],
  ['five octets', '52:54:00:12:34'],
  ['seven octets', '52:54:00:12:34:56:78'],
  ['one digit', '52:54:0:12:34:56'],
  ['mixed separators', '52:54-00:12:34:56'],
  ['no separators', '525400123456'],
  ['dots', '5254.0012.3456'],
  ['letter g', '52:54:00:12:34:5g'],
  ['line feed behind', '52:54:00:12:34:56\n'],
])('refuses %s', (_, text) => {
  expect(tryParseMac(text)).toBeUndefined();
  expect(() => parseMac(text)).toThrow(UsageError);
});

test('the group bit is the lowest of the first octet', () => {
  expect(isMacGroup(MAC_BROADCAST)).toBe(true);
  expect(isMacGroup(parseMac('01:00:5e:00:00:01'))).toBe(true);
  expect(isMacGroup(parseMac('33:33:00:00:00:01'))).toBe(true);
  expect(isMacGroup(parseMac('52:55:0a:00:02:02'))).toBe(false);
  expect(isMacGroup(parseMac('fe:ff:ff:ff:ff:ff'))).toBe(false);
  expect(isMacGroup(MAC_ZERO)).toBe(false);
});

test('reads and writes at an offset and touches nothing else', () => {
  const bytes = new Uint8Array(10).fill(0xee);
  writeMac(bytes, 2, parseMac('80:00:00:00:00:01'));
  expect(bytes).toEqual(Uint8Array.of(0xee, 0xee, 0x80, 0, 0, 0, 0, 1, 0xee, 0xee));
  expect(readMac(bytes, 2)).toBe(0x800000000001);
});

test('octets past the end read as zero', () => {
  expect(readMac(Uint8Array.of(0x52, 0x54), 0)).toBe(0x525400000000);
  expect(readMac(Uint8Array.of(1), 1)).toBe(MAC_ZERO);
  for (let length = 0; length <= 6; length++)
    expect(readMac(new Uint8Array(length).fill(0xff), 0)).toBe(Number.parseInt('ff'.repeat(length).padEnd(12, '0'), 16));
});
