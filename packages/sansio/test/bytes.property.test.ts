import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { bytesEqual, concatBytes, fromHex, readU16, readU32, toHex, writeU16, writeU32 } from '../src/index.js';
import { octets } from './support/arbitraries.js';
import { property } from './support/law.js';

interface Integers {
  readonly readU16: typeof readU16;
  readonly readU32: typeof readU32;
  readonly writeU16: typeof writeU16;
  readonly writeU32: typeof writeU32;
}
const real: Integers = { readU16, readU32, writeU16, writeU32 };

property('integers are those of the runtime, big-endian', {
  law: (codec: Integers) =>
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.nat({ max: 4 }), fc.integer(), (bytes, offset, value) => {
      const expected = Buffer.from(bytes);
      const readsAlike =
        codec.readU16(bytes, offset) === expected.readUInt16BE(offset) &&
        codec.readU32(bytes, offset) === expected.readUInt32BE(offset);
      codec.writeU16(bytes, 0, value);
      codec.writeU32(bytes, offset, value);
      expected.writeUInt16BE(value & 0xffff, 0);
      expected.writeUInt32BE(value >>> 0, offset);
      return readsAlike && expected.equals(bytes);
    }),
  real,
  planted: {
    'signed u32': { ...real, readU32: (bytes, offset) => readU32(bytes, offset) | 0 },
    'little-endian u16': {
      ...real,
      readU16: (bytes, offset) => ((readU16(bytes, offset) << 8) | (readU16(bytes, offset) >>> 8)) & 0xffff,
    },
    'u32 written as two swapped halves': {
      ...real,
      writeU32: (bytes, offset, value) => {
        writeU16(bytes, offset, value);
        writeU16(bytes, offset + 2, value >>> 16);
      },
    },
  },
});

property('toHex is the hexadecimal of the runtime, and fromHex its inverse', {
  law: (codec: { readonly to: typeof toHex; readonly from: typeof fromHex }) =>
    fc.property(octets, (bytes) => {
      const text = codec.to(bytes);
      return text === Buffer.from(bytes).toString('hex') && bytesEqual(codec.from(text), bytes);
    }),
  real: { to: toHex, from: fromHex },
  planted: {
    'no leading zero': { to: (bytes) => Array.from(bytes, (octet) => octet.toString(16)).join(''), from: fromHex },
    'decimal digits': {
      to: toHex,
      from: (text) => Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 10)),
    },
  },
});

property('the concatenation has all octets of all parts in order', {
  law: (concat: typeof concatBytes) =>
    fc.property(fc.array(octets, { maxLength: 6 }), (parts) => Buffer.concat(parts).equals(concat(parts))),
  real: concatBytes,
  planted: {
    'parts overlap by one': (parts) => {
      const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let offset = 0;
      for (const part of parts) {
        whole.set(part, offset);
        offset += Math.max(0, part.length - 1);
      }
      return whole;
    },
    backwards: (parts) => concatBytes([...parts].reverse()),
  },
});

property('octets are equal when their hexadecimal is', {
  law: (equal: typeof bytesEqual) =>
    fc.property(octets, octets, fc.nat({ max: 40 }), (a, b, at) => {
      const changed = Uint8Array.from(a, (octet, i) => (i === at ? octet ^ 1 : octet));
      const tail = concatBytes([a, Uint8Array.of(0)]);
      return [a.slice(), b, changed, tail].every((other) => equal(a, other) === (toHex(a) === toHex(other)));
    }),
  real: bytesEqual,
  planted: {
    'compares a prefix': (a, b) => bytesEqual(a.subarray(0, b.length), b.subarray(0, a.length)),
    'ignores the first octet': (a, b) => a.length === b.length && bytesEqual(a.subarray(1), b.subarray(1)),
  },
});
