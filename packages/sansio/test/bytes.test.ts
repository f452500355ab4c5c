import { expect, test } from 'vitest';
import {
  bytesEqual,
  concatBytes,
  fromHex,
  readU8,
  readU16,
  readU32,
  toHex,
  UsageError,
  writeU16,
  writeU32,
} from '../src/index.js';

test('reads big-endian and unsigned', () => {
  const bytes = fromHex('ff fe fd fc fb');
  expect(readU8(bytes, 0)).toBe(0xff);
  expect(readU16(bytes, 0)).toBe(0xfffe);
  expect(readU32(bytes, 0)).toBe(0xfffefdfc);
  expect(readU32(bytes, 1)).toBe(0xfefdfcfb);
});

test('octets past the end read as zero', () => {
  const bytes = fromHex('ab');
  expect(readU8(bytes, 1)).toBe(0);
  expect(readU16(bytes, 0)).toBe(0xab00);
  expect(readU16(bytes, 1)).toBe(0);
  expect(readU32(bytes, 0)).toBe(0xab000000);
  expect(readU32(fromHex('abcd'), 0)).toBe(0xabcd0000);
  expect(readU32(fromHex('abcdef'), 0)).toBe(0xabcdef00);
  expect(readU32(bytes, 7)).toBe(0);
});

test('writes take the low bits and leave the neighbours alone', () => {
  const bytes = fromHex('eeeeeeeeeeeeeeee');
  writeU16(bytes, 1, 0x12345);
  writeU32(bytes, 4, -1);
  expect(toHex(bytes)).toBe('ee2345eeffffffff');
});

test('writes past the end are lost, not moved', () => {
  const bytes = new Uint8Array(3);
  writeU16(bytes, 2, 0x0102);
  writeU32(bytes, 3, 0x01020304);
  expect(toHex(bytes)).toBe('000001');
});

test('equal is about octets, not identity', () => {
  expect(bytesEqual(fromHex('0102'), fromHex('0102'))).toBe(true);
  expect(bytesEqual(fromHex(''), fromHex(''))).toBe(true);
  expect(bytesEqual(fromHex('0102'), fromHex('0103'))).toBe(false);
  expect(bytesEqual(fromHex('0102'), fromHex('010200'))).toBe(false);
});

test('the whole of several parts is a copy', () => {
  const part = fromHex('01');
  const whole = concatBytes([part, fromHex(''), fromHex('0203')]);
  part[0] = 9;
  expect(toHex(whole)).toBe('010203');
  expect(concatBytes([]).length).toBe(0);
});

test('hexadecimal text: lower case out, either case, colons and white space in', () => {
  expect(toHex(Uint8Array.of(0, 1, 0xab, 0xff))).toBe('0001abff');
  expect(fromHex('00:01 AB\n\tfF')).toEqual(Uint8Array.of(0, 1, 0xab, 0xff));
  expect(fromHex('')).toEqual(new Uint8Array(0));
});

test('text that is not hexadecimal is the mistake of the caller', () => {
  for (const text of ['0', '012', '0g', '0x12', '12,34', '-1']) expect(() => fromHex(text)).toThrow(UsageError);
});
