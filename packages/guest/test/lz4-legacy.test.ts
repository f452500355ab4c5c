import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vmlinuxOf } from '../src/image/bz-image.js';
import { decodeLz4Legacy } from '../src/image/lz4-legacy.js';

const MAGIC = [0x02, 0x21, 0x4c, 0x18];
const le32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const stream = (...blocks: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from([...MAGIC, ...blocks.flatMap((block) => [...le32(block.length), ...block])]);
const text = (bytes: Uint8Array, max = 1000): unknown => {
  const result = decodeLz4Legacy(bytes, max);
  return result.ok ? Buffer.from(result.value).toString('latin1') : result.error;
};
const ascii = (of: string): number[] => [...Buffer.from(of, 'latin1')];

describe('a legacy LZ4 stream', () => {
  test('literals, then a copy of four of them, then literals', () => {
    // token: 5 literals, match of 4 + 0 from 5 back; then 2 literals
    expect(text(stream([0x50, ...ascii('abcde'), 5, 0, 0x20, ...ascii('yz')]))).toBe('abcdeabcdyz');
  });

  test('a copy that overlaps itself repeats a pattern', () => {
    expect(text(stream([0x26, ...ascii('ab'), 2, 0, 0x10, ...ascii('!')]))).toBe(`ab${'ab'.repeat(5)}!`);
  });

  test('lengths beyond 14 go on in further octets', () => {
    const literals = 'x'.repeat(15 + 255 + 3);
    expect(text(stream([0xf0, 255, 3, ...ascii(literals)]))).toBe(literals);
  });

  test('several blocks follow each other, and none reaches back into the one before', () => {
    expect(text(stream([0x20, ...ascii('ab')], [0x20, ...ascii('cd')]))).toBe('abcd');
    expect(text(stream([0x20, ...ascii('ab')], [0x10, ...ascii('c'), 2, 0]))).toBe('bad-offset');
  });

  test.each([
    ['no magic number', Uint8Array.of(1, 2, 3, 4, 5), 'no-magic'],
    ['nothing', new Uint8Array(0), 'no-magic'],
    ['a block that is cut', stream([0x50, 1]).subarray(0, 9), 'truncated'],
    ['literals that are cut', stream([0x50, 1]), 'truncated'],
    ['an offset that is cut', stream([0x10, 1, 1]), 'truncated'],
    ['an offset of zero', stream([0x10, 1, 0, 0]), 'bad-offset'],
    ['a length that never ends', stream([0xf0, 255, 255]), 'truncated'],
  ])('%s', (_what, bytes, error) => {
    expect(text(bytes)).toBe(error);
  });

  test('no more octets than allowed', () => {
    expect(text(stream([0x50, ...ascii('abcde')]), 4)).toBe('block-too-long');
    expect(text(stream([0x1f, ...ascii('a'), 1, 0, 255, 255, 0, 0x00]), 100)).toBe('block-too-long');
  });

  test('property: any octets give a value or an error, and never more than allowed', () => {
    const law = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const result = decodeLz4Legacy(Uint8Array.from([...MAGIC, ...bytes]), 500);
      if (result.ok) expect(result.value.length).toBeLessThanOrEqual(500);
      else expect(['truncated', 'bad-offset', 'block-too-long']).toContain(result.error);
    });
    fc.assert(law);
  });
});

describe('a kernel for x86', () => {
  const payload = [...stream([0x50, ...ascii('\x7fELF!')]), ...le32(5)];
  const image = (): Uint8Array => {
    const bytes = new Uint8Array(1024 + payload.length);
    bytes[0x1f1] = 1; // one sector of set-up code, so the rest begins at 1024
    bytes.set(ascii('HdrS'), 0x202);
    bytes.set([0x08, 0x02], 0x206);
    bytes.set(le32(0), 0x248);
    bytes.set(le32(payload.length), 0x24c);
    bytes.set(payload, 1024);
    return bytes;
  };

  test('its payload is unpacked', () => {
    const result = vmlinuxOf(image());
    expect(result.ok && Buffer.from(result.value).toString('latin1')).toBe('\x7fELF!');
  });

  test.each([
    ['no header', (bytes: Uint8Array) => bytes.fill(0, 0x202, 0x206), 'no-boot-header'],
    ['a protocol before 2.08', (bytes: Uint8Array) => bytes.fill(0, 0x206, 0x207), 'no-boot-header'],
    ['a payload past the end', (bytes: Uint8Array) => bytes.fill(255, 0x24c, 0x250), 'no-payload'],
    ['a payload packed otherwise', (bytes: Uint8Array) => bytes.fill(0, 1024, 1028), 'no-magic'],
    ['an absurd size', (bytes: Uint8Array) => bytes.fill(255, bytes.length - 4), 'block-too-long'],
  ])('%s is refused', (_what, damage, error) => {
    expect(vmlinuxOf(damage(image()))).toEqual({ ok: false, error });
  });
});
