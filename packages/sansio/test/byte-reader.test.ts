import { describe, expect, test } from 'vitest';
import { ByteReader, fromHex, toHex } from '../src/index.js';

test('reads fields in order', () => {
  const reader = new ByteReader(fromHex('01 0203 04050607 0809 0a 0b0c'));
  expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([0x01, 0x0203, 0x04050607]);
  expect(toHex(reader.take(2))).toBe('0809');
  reader.skip(1);
  expect([reader.offset, reader.remaining]).toEqual([10, 2]);
  expect(toHex(reader.rest())).toBe('0b0c');
  expect([reader.offset, reader.remaining, reader.overrun]).toEqual([12, 0, false]);
});

test('views are of the bytes that were given', () => {
  const bytes = fromHex('0102');
  const view = new ByteReader(bytes).take(1);
  bytes[0] = 9;
  expect(view[0]).toBe(9);
});

test('nothing left is no overrun as long as nothing is asked for', () => {
  const reader = new ByteReader(new Uint8Array(0));
  reader.skip(0);
  expect(reader.take(0).length).toBe(0);
  expect(reader.rest().length).toBe(0);
  expect(reader.overrun).toBe(false);
});

describe('past the end', () => {
  const three = fromHex('aabbcc');

  test.each<[string, number, (reader: ByteReader) => unknown, unknown]>([
    ['u8', 3, (reader) => reader.u8(), 0],
    ['u16', 2, (reader) => reader.u16(), 0],
    ['u32', 0, (reader) => reader.u32(), 0],
    ['take', 0, (reader) => reader.take(4).length, 0],
    ['skip', 0, (reader) => reader.skip(4), undefined],
  ])('%s gives nothing, and the reader says so from then on', (_, skipped, read, expected) => {
    const reader = new ByteReader(three);
    reader.skip(skipped);
    expect(read(reader)).toBe(expected);
    expect(reader.overrun).toBe(true);
    reader.skip(0);
    expect(reader.overrun).toBe(true);
  });

  test('the failed read moves nothing: a shorter one still works', () => {
    const reader = new ByteReader(three);
    reader.u32();
    expect([reader.offset, reader.u16(), reader.u8()]).toEqual([0, 0xaabb, 0xcc]);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('a length of %s is an overrun', (length) => {
    const reader = new ByteReader(three);
    expect(reader.take(length).length).toBe(0);
    expect([reader.overrun, reader.offset]).toEqual([true, 0]);
  });
});
