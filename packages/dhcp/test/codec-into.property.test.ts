import { toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import { type DhcpFitOptions, type DhcpMessage, dhcpMessage, encodeDhcpMessage, fitDhcpMessage } from '../src/index.js';
import { MESSAGE } from './support/codec-arbitraries.js';

type Encode = (message: DhcpMessage, options: Partial<DhcpFitOptions>) => Uint8Array;

const MARK = 0x5a;
const CASES: fc.Arbitrary<{ message: DhcpMessage; offset: number; lengthMin: number; lengthMax: number }> = fc.record({
  message: MESSAGE,
  offset: fc.nat(40),
  lengthMin: fc.constantFrom(0, 300, 548),
  lengthMax: fc.integer({ min: 260, max: 700 }),
});

/** A message written into a buffer is octet for octet the one in an array of its own, lies where it was asked for, and nothing else changes. */
function law(encode: Encode): fc.IRawProperty<unknown, false> {
  return fc.property(CASES, ({ message, offset, lengthMin, lengthMax }) => {
    for (const options of [{ lengthMin }, { lengthMin, lengthMax }]) {
      const alone = encode(message, options);
      const into = new Uint8Array(offset + alone.length + 9).fill(MARK);
      const written = encode(message, { ...options, into, offset });
      expect(toHex(written)).toBe(toHex(alone));
      expect([written.buffer === into.buffer, written.byteOffset]).toEqual([true, offset]);
      const outside = [...into.subarray(0, offset), ...into.subarray(offset + alone.length)];
      expect(outside.every((octet) => octet === MARK)).toBe(true);
      const small = new Uint8Array(offset + alone.length - 1);
      expect(() => encode(message, { ...options, into: small, offset })).toThrow('no room');
    }
  });
}

const encode: Encode = (message, { lengthMax, ...options }) =>
  lengthMax === undefined ? encodeDhcpMessage(message, options) : fitDhcpMessage(message, { ...options, lengthMax }).bytes;

property<Encode>('a message is the same in a buffer of the caller as in one of its own, at any offset', {
  law,
  real: encode,
  count: 40,
  planted: {
    'the offset is forgotten': (message, { into, ...rest }) =>
      encode(message, into === undefined ? rest : { ...rest, into, offset: 0 }),
    'the octet behind it is cleared': (message, options) => {
      const written = encode(message, options);
      if (options.into !== undefined) options.into[written.byteOffset + written.length] = 0;
      return written;
    },
  },
});

test('offset is 0 by default; a buffer that holds not even the fixed fields is refused', () => {
  const message = dhcpMessage({ op: 1, xid: 7, chaddr: new Uint8Array(6) });
  const into = new Uint8Array(300);
  expect(encodeDhcpMessage(message, { into })).toEqual(encodeDhcpMessage(message));
  expect(() => encodeDhcpMessage(message, { into: new Uint8Array(240), lengthMin: 0 })).toThrow('no room');
  expect(() => encodeDhcpMessage(message, { into: new Uint8Array(300), offset: 1 })).toThrow('no room');
});
