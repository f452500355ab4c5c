import { err, ok, readU16, readU32, requireArgument, writeU16, writeU32 } from '@nexus-net/sansio';
import type { Shape } from './shape.js';

/** No octets: being there is the value. */
export const presence: Shape<true> = {
  layout: 'no octets',
  decode: (octets) => (octets.length === 0 ? ok(true) : err('bad-length')),
  encode: () => new Uint8Array(0),
};

export const flag: Shape<boolean> = {
  layout: '1 octet, 0 or 1',
  decode(octets) {
    if (octets.length !== 1) return lengthError(octets);
    const value = octets[0]!;
    return value > 1 ? err('bad-value') : ok(value === 1);
  },
  encode: (value) => Uint8Array.of(value ? 1 : 0),
};

export const u8: Shape<number> = u8Where('1 octet', () => true);
/** Times to live and the like, where 0 would stop all traffic (RFC 2132 §4.5, §6.1). */
export const positiveU8: Shape<number> = u8Where('1 octet, 1..255', (value) => value > 0);
/** RFC 2132 §8.7: B-, P-, M- or H-node. */
export const netbiosNodeType: Shape<number> = u8Where('1 octet: 1, 2, 4 or 8', (value) => [1, 2, 4, 8].includes(value));

export const u16: Shape<number> = u16Where('2 octets', 0);
/** RFC 2132 §5.1, §4.4: no network carries less. */
export const mtu: Shape<number> = u16Where('2 octets, at least 68', 68);
/** RFC 2132 §4.4: what a host must reassemble. */
export const reassemblySize: Shape<number> = u16Where('2 octets, at least 576', 576);

export const u32: Shape<number> = {
  layout: '4 octets',
  decode: (octets) => (octets.length === 4 ? ok(readU32(octets, 0)) : lengthError(octets)),
  encode(value) {
    requireWhole(value, 0, 0xffffffff);
    return u32Octets(value);
  },
};

export const i32: Shape<number> = {
  layout: "4 octets, two's complement",
  decode: (octets) => (octets.length === 4 ? ok(readU32(octets, 0) | 0) : lengthError(octets)),
  encode(value) {
    requireWhole(value, -0x80000000, 0x7fffffff);
    return u32Octets(value);
  },
};

/** Seconds; 0xffffffff is for ever (RFC 2131 §3.3) and reads as `Infinity`. */
export const seconds: Shape<number> = {
  layout: '4 octets, seconds; all ones is for ever',
  decode(octets) {
    if (octets.length !== 4) return lengthError(octets);
    const value = readU32(octets, 0);
    return ok(value === 0xffffffff ? Number.POSITIVE_INFINITY : value);
  },
  encode(value) {
    if (value === Number.POSITIVE_INFINITY) return u32Octets(0xffffffff);
    requireWhole(value, 0, 0xfffffffe);
    return u32Octets(value);
  },
};

export const u8List: Shape<readonly number[]> = {
  layout: '1 octet each, at least one',
  decode: (octets) => (octets.length === 0 ? err('empty') : ok(Array.from(octets))),
  encode(values) {
    requireArgument(values.length > 0, 'the list is not empty');
    for (const value of values) requireWhole(value, 0, 0xff);
    return Uint8Array.from(values);
  },
};

/** Option codes in order of preference, each once: a list that repeats one code 255 times asks for one option. */
export const codes: Shape<readonly number[]> = {
  layout: '1 octet each, at least one; repeated ones are read once',
  decode: (octets) => (octets.length === 0 ? err('empty') : ok(Array.from(new Set(octets)))),
  encode(values) {
    requireArgument(new Set(values).size === values.length, 'each code stands once in the list');
    return u8List.encode(values);
  },
};

export const u16List: Shape<readonly number[]> = u16ListWhere('2 octets each, at least one', 0);
/** RFC 2132 §4.7: ascending is asked of the sender and not needed by the reader. */
export const mtuList: Shape<readonly number[]> = u16ListWhere('2 octets each, at least one, each at least 68', 68);

export function requireWhole(value: number, min: number, max: number): void {
  requireArgument(Number.isInteger(value) && value >= min && value <= max, `a whole number from ${min} to ${max}`);
}

export function lengthError(octets: Uint8Array): { readonly ok: false; readonly error: 'empty' | 'bad-length' } {
  return err(octets.length === 0 ? 'empty' : 'bad-length');
}

export function u32Octets(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  writeU32(octets, 0, value);
  return octets;
}

function u8Where(layout: string, allows: (value: number) => boolean): Shape<number> {
  return {
    layout,
    decode(octets) {
      if (octets.length !== 1) return lengthError(octets);
      const value = octets[0]!;
      return allows(value) ? ok(value) : err('bad-value');
    },
    encode(value) {
      requireWhole(value, 0, 0xff);
      requireArgument(allows(value), layout);
      return Uint8Array.of(value);
    },
  };
}

function u16Where(layout: string, min: number): Shape<number> {
  return {
    layout,
    decode(octets) {
      if (octets.length !== 2) return lengthError(octets);
      const value = readU16(octets, 0);
      return value < min ? err('bad-value') : ok(value);
    },
    encode(value) {
      requireWhole(value, min, 0xffff);
      return Uint8Array.of(value >>> 8, value);
    },
  };
}

function u16ListWhere(layout: string, min: number): Shape<readonly number[]> {
  return {
    layout,
    decode(octets) {
      if (octets.length === 0 || octets.length % 2 !== 0) return lengthError(octets);
      const values: number[] = [];
      for (let at = 0; at < octets.length; at += 2) values.push(readU16(octets, at));
      return values.some((value) => value < min) ? err('bad-value') : ok(values);
    },
    encode(values) {
      requireArgument(values.length > 0, 'the list is not empty');
      const octets = new Uint8Array(2 * values.length);
      values.forEach((value, i) => {
        requireWhole(value, min, 0xffff);
        writeU16(octets, 2 * i, value);
      });
      return octets;
    },
  };
}
