import { expect, test } from 'vitest';
import { ByteWriter, fromHex, toHex, UsageError } from '../src/index.js';

test('writes fields in order', () => {
  const writer = new ByteWriter(16);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u32(0xfffefdfc);
  writer.bytes(fromHex('0809'));
  writer.zeros(2);
  expect([writer.offset, writer.remaining, writer.overflow]).toEqual([11, 5, false]);
  expect(toHex(writer.finish())).toBe('010203fffefdfc08090000');
});

test('a full writer is not an overflow', () => {
  const writer = new ByteWriter(2);
  writer.u16(1);
  writer.zeros(0);
  writer.bytes(new Uint8Array(0));
  expect([writer.remaining, writer.overflow]).toEqual([0, false]);
});

test.each<[string, number, (writer: ByteWriter) => void]>([
  ['u8', 3, (writer) => writer.u8(1)],
  ['u16', 2, (writer) => writer.u16(1)],
  ['u32', 0, (writer) => writer.u32(1)],
  ['bytes', 0, (writer) => writer.bytes(fromHex('01020304'))],
  ['zeros', 0, (writer) => writer.zeros(4)],
])('%s that does not fit writes nothing, and the writer says so from then on', (_, before, write) => {
  const writer = new ByteWriter(3);
  writer.zeros(before);
  write(writer);
  expect([writer.overflow, writer.offset]).toEqual([true, before]);
  writer.zeros(writer.remaining);
  expect([writer.overflow, toHex(writer.finish())]).toEqual([true, '000000']);
});

test('a bad capacity or length is the mistake of the caller', () => {
  for (const length of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new ByteWriter(length)).toThrow(UsageError);
    expect(() => new ByteWriter(4).zeros(length)).toThrow(UsageError);
  }
});
