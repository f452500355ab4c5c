import { fromHex, ipv4 } from '@nexus-net/sansio';
import { foldSum, internetChecksum, pseudoHeaderSum, sumWords } from '@nexus-net/wire';
import { expect, test } from 'vitest';

test('the example of RFC 1071 §3 sums to ddf2', () => {
  const bytes = fromHex('0001 f203 f4f5 f6f7');
  expect(foldSum(sumWords(bytes, { start: 0, end: 8, initial: 0 }))).toBe(0xddf2);
  expect(internetChecksum(bytes)).toBe(0x220d);
});

test('an odd last octet counts as if a zero followed', () => {
  expect(internetChecksum(fromHex('0001 f2'))).toBe(internetChecksum(fromHex('0001 f200')));
});

test('octets that hold their own checksum give zero', () => {
  expect(internetChecksum(fromHex('0001 f203 f4f5 f6f7 220d'))).toBe(0);
});

test('no octets at all give ffff', () => {
  expect(internetChecksum(new Uint8Array(0))).toBe(0xffff);
});

test('sums of ranges add up to the sum of the whole', () => {
  const bytes = fromHex('000102030405060708090a0b0c0d0e0f101112');
  const first = sumWords(bytes, { start: 0, end: 6, initial: 0 });
  expect(foldSum(sumWords(bytes, { start: 6, end: bytes.length, initial: first }))).toBe(~internetChecksum(bytes) & 0xffff);
});

test('the pseudo-header counts both addresses, the protocol and the length', () => {
  const pseudo = { source: ipv4(10, 0, 2, 15), destination: ipv4(255, 255, 255, 255) };
  expect(pseudoHeaderSum(pseudo, { protocol: 17, length: 308 })).toBe(0x0a00 + 0x020f + 0xffff + 0xffff + 17 + 308);
});
