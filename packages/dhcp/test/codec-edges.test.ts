import { fromHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type DecodedDhcpWire, decodeDhcpWire, encodeDhcpWire } from '../src/index.js';
import { filled, raw } from './support/codec.js';

function wire(octets: Uint8Array, options?: Parameters<typeof decodeDhcpWire>[1]): DecodedDhcpWire {
  const decoded = decodeDhcpWire(octets, options);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

describe('wire form', () => {
  test('is the caller’s own: what becomes of the datagram later does not change it', () => {
    const octets = raw({ options: '350102e00101ff' });
    const { form, message } = wire(octets);
    octets.fill(0xee);
    expect(form.options).toContainEqual({ type: 'option', code: 224, value: fromHex('01') });
    expect(message.options.get(224)).toEqual(fromHex('01'));
  });

  test('is copied once, for the form and the meaning together', () => {
    const { form, message } = wire(raw({ options: '350102e00101ff' }));
    const item = form.options.find((each) => each.type === 'option' && each.code === 224);
    expect(item?.type === 'option' && item.value.buffer === message.options.get(224)?.buffer).toBe(true);
  });

  test('borrowed, it is a view of the datagram', () => {
    const octets = raw({ options: '350102e00101ff' });
    const { form, message } = wire(octets, { borrow: true });
    octets[octets.length - 2] = 0x42; // the octet of option 224
    expect(form.options).toContainEqual({ type: 'option', code: 224, value: fromHex('42') });
    expect(message.options.get(224)).toEqual(fromHex('42'));
  });

  test('the last option may be empty and end with its area', () => {
    const octets = raw({ options: '3501015000' });
    const { form } = wire(octets);
    expect(form.options.at(-1)).toEqual({ type: 'option', code: 80, value: new Uint8Array(0) });
    expect(encodeDhcpWire(form)).toEqual(octets);
  });

  test('an option 52 that is not one octet lends no field', () => {
    const { form, message } = wire(raw({ options: '35010234020101ff', file: '0f0161ff' }));
    expect(form.fileOptions).toBeUndefined();
    expect(form.snameOptions).toBeUndefined();
    expect(message.anomalies).toEqual(['bad-overload']);
  });

  test('a message of 65507 octets, the most that UDP carries, is written; one more is refused', () => {
    const { form } = wire(raw());
    const unread = (length: number): ReturnType<typeof encodeDhcpWire> =>
      encodeDhcpWire({ ...form, options: [{ type: 'unread', octets: filled(length) }] });
    expect(unread(65_507 - 240)).toHaveLength(65_507);
    expect(() => unread(65_508 - 240)).toThrow('65507');
  });
});
