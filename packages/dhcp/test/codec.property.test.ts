import { bytesEqual, concatBytes, ok, toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { expect } from 'vitest';
import { guarded } from '../../sansio/test/support/fuzz.js';
import { property } from '../../sansio/test/support/law.js';
import {
  type DhcpMessage,
  type DhcpOption,
  decodeDhcpMessage,
  decodeDhcpWire,
  encodeDhcpMessage,
  encodeDhcpWire,
  fitDhcpMessage,
  messageType,
  optionValue,
  SHAPES,
  type Shape,
  type ShapeName,
} from '../src/index.js';
import { MESSAGE, SHAPE_VALUES, TYPED } from './support/codec-arbitraries.js';

/** Where a message is changed: in its first fields, about the cookie and the first options, anywhere. */
const PLACE: fc.Arbitrary<number> = fc.oneof(fc.nat(12), fc.integer({ min: 236, max: 260 }), fc.nat(700));

/** Octets near a message: a real one with some octets changed, inserted, cut off or put behind it; and noise. */
const OCTETS: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        message: MESSAGE,
        lengthMin: fc.constantFrom(0, 300),
        lengthMax: fc.integer({ min: 270, max: 500 }),
        changes: fc.array(fc.tuple(PLACE, fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 52, 53, 255, 1, 2, 3))), {
          maxLength: 6,
        }),
        length: fc.nat(900),
        tail: fc.uint8Array({ maxLength: 20 }),
      })
      .map(({ message, lengthMin, lengthMax, changes, length, tail }) => {
        const whole =
          lengthMin > 0 ? encodeDhcpMessage(message, { lengthMin }) : fitDhcpMessage(message, { lengthMax, lengthMin }).bytes;
        for (const [at, octet] of changes) if (at < whole.length) whole[at] = octet;
        return length < 700 ? concatBytes([whole, tail]) : whole.subarray(0, length % whole.length);
      }),
  },
);

type Decode = typeof decodeDhcpMessage;
type Encode = typeof encodeDhcpMessage;

property<Decode>('decode returns for any octets, and reads none outside of them', {
  law: (decode) =>
    fc.property(OCTETS, (octets) => {
      const message = decode(guarded(octets), { borrow: true });
      if (!message.ok) return;
      for (const { value } of message.value.options) value.forEach(() => {});
      expect(message.value.sname.length + message.value.file.length + message.value.chaddr.length).toBe(208);
    }),
  real: decodeDhcpMessage,
  planted: {
    'looks at the octet behind the last': (octets, options) => {
      if (octets[octets.length] === 255) return { ok: false, error: 'truncated' };
      return decodeDhcpMessage(octets, options);
    },
    'throws on a bad cookie': (octets, options) => {
      const decoded = decodeDhcpMessage(octets, options);
      if (!decoded.ok && decoded.error === 'bad-cookie') throw new Error('not DHCP');
      return decoded;
    },
  },
});

property<{ readonly decode: Decode; readonly encode: Encode }>('decode(encode(m)) = m', {
  law: ({ decode, encode }) =>
    fc.property(MESSAGE, (message) => {
      const decoded = decode(encode(message));
      if (!decoded.ok) throw new Error(decoded.error);
      expect(plain(decoded.value)).toEqual(plain(message));
      expect(decoded.value.anomalies).toEqual((message.flags & 0x7fff) === 0 ? [] : ['reserved-flags']);
    }),
  real: { decode: decodeDhcpMessage, encode: encodeDhcpMessage },
  planted: {
    'sorts the options': {
      decode: decodeDhcpMessage,
      encode: (message) => encodeDhcpMessage({ ...message, options: [...message.options].sort((a, b) => a.code - b.code) }),
    },
    'cuts long values': {
      decode: decodeDhcpMessage,
      encode: (message) =>
        encodeDhcpMessage({
          ...message,
          options: message.options.map(({ code, value }) => ({ code, value: value.subarray(0, 255) })),
        }),
    },
    'forgets the padding of chaddr': {
      decode: decodeDhcpMessage,
      encode: (message) =>
        encodeDhcpMessage({ ...message, chaddr: message.chaddr.map((octet, i) => (i < message.hlen ? octet : 0)) }),
    },
    'reads the last part of a split option': { decode: lastWins, encode: encodeDhcpMessage },
  },
});

property<{ readonly decode: typeof decodeDhcpWire; readonly encode: typeof encodeDhcpWire }>(
  'the wire form gives the octets back, and means the same',
  {
    law: ({ decode, encode }) =>
      fc.property(OCTETS, (octets) => {
        const wire = decode(octets);
        const message = decodeDhcpMessage(octets);
        expect(wire.ok).toBe(message.ok);
        if (!wire.ok || !message.ok) return;
        expect(toHex(encode(wire.value.form))).toBe(toHex(octets));
        expect(plain(wire.value.message)).toEqual(plain(message.value));
        // What the items say, joined by hand, is what the message says.
        const { options, fileOptions = [], snameOptions = [] } = wire.value.form;
        const joined = new Map<number, string>();
        for (const item of [...options, ...fileOptions, ...snameOptions])
          if (item.type === 'option' && item.code !== 52)
            joined.set(item.code, (joined.get(item.code) ?? '') + toHex(item.value));
        expect(message.value.options.map(({ code, value }) => [code, toHex(value)])).toEqual([...joined]);
      }),
    real: { decode: decodeDhcpWire, encode: encodeDhcpWire },
    planted: {
      'drops PAD': {
        decode: decodeDhcpWire,
        encode: (form) => encodeDhcpWire({ ...form, options: form.options.filter(({ type }) => type !== 'pad') }),
      },
      'drops what stands behind END': {
        decode: decodeDhcpWire,
        encode: (form) => encodeDhcpWire({ ...form, options: form.options.filter(({ type }) => type !== 'unread') }),
      },
      'zeroes a lent field': {
        decode: decodeDhcpWire,
        encode: (form) => encodeDhcpWire(form.fileOptions === undefined ? { ...form, file: new Uint8Array(128) } : form),
      },
    },
  },
);

property<Decode>('encode and decode again change nothing, for any octets that are a message', {
  law: (decode) =>
    fc.property(OCTETS, (octets) => {
      const once = decode(octets);
      if (!once.ok) return;
      const twice = decode(encodeDhcpMessage(once.value));
      expect(twice.ok && plain(twice.value)).toEqual(plain(once.value));
    }),
  real: decodeDhcpMessage,
  planted: {
    'keeps option 52 in the list': altered((options, octets) => {
      const wire = decodeDhcpWire(octets);
      const lent = wire.ok ? (wire.value.form.fileOptions ?? wire.value.form.snameOptions) : undefined;
      return lent === undefined ? options : [...options, { code: 52, value: Uint8Array.of(1) }];
    }),
    'lists PAD': altered((options, octets) =>
      octets[octets.length - 1] === 0 ? [...options, { code: 0, value: new Uint8Array(0) }] : options,
    ),
  },
});

/** Parts of options over the three areas, and what RFC 3396 makes of them. */
const PARTS = fc.record({
  options: fc.array(part(3), { maxLength: 12 }),
  file: fc.array(part(3), { maxLength: 6 }),
  sname: fc.array(part(2), { maxLength: 4 }),
});

property<Decode>('parts of an option are joined: options, then file, then sname', {
  law: (decode) =>
    fc.property(PARTS, ({ options, file, sname }) => {
      const octets = new Uint8Array(240 + 200);
      octets.set(encodeDhcpMessage({ ...EMPTY, options: [] }, { lengthMin: 0 }));
      octets.set(area([{ code: 53, value: Uint8Array.of(5) }, { code: 52, value: Uint8Array.of(3) }, ...options]), 240);
      octets.set(area(file), 108);
      octets.set(area(sname), 44);
      const joined = new Map([[53, '05']]);
      for (const { code, value } of [...options, ...file, ...sname]) joined.set(code, (joined.get(code) ?? '') + toHex(value));
      const decoded = decode(octets);
      expect(decoded.ok && decoded.value.options.map(({ code, value }) => [code, toHex(value)])).toEqual([...joined]);
    }),
  real: decodeDhcpMessage,
  planted: {
    'the last part wins': lastWins,
    'sname before file': (octets) => {
      // Where each field says what the other did, only their order differs.
      const swapped = octets.slice();
      const [sname, file] = [octets.subarray(44, 108), octets.subarray(108, 172)];
      swapped.set(file, 44);
      swapped.set(sname, 108);
      return decodeDhcpMessage(swapped);
    },
  },
});

property<typeof fitDhcpMessage>('fitting keeps the limit, and loses nothing without naming it', {
  law: (fit) =>
    fc.property(
      MESSAGE,
      fc.integer({ min: 260, max: 700 }),
      fc.constantFrom('never', 'free-fields'),
      (message, lengthMax, overload) => {
        const fitted = fit(message, { lengthMax, overload });
        expect(fitted.bytes.length).toBeLessThanOrEqual(lengthMax);
        const decoded = decodeDhcpMessage(fitted.bytes, {
          strict: ['missing-end', 'truncated-option', 'missing-end-in-field', 'data-after-end'],
        });
        if (!decoded.ok) throw new Error(decoded.error);
        const all = [...decoded.value.options, ...fitted.dropped];
        expect(sorted(all)).toEqual(sorted(message.options));
        expect(messageType(decoded.value)).toBe(messageType(message));
        if (fitted.overload === 0) {
          const dropped = new Set(fitted.dropped);
          const kept = [...message.options].filter((option) => !dropped.has(option));
          expect(plain(decoded.value)).toEqual(plain({ ...message, options: kept }));
        } else expect(overload).toBe('free-fields');
      },
    ),
  real: fitDhcpMessage,
  planted: {
    'cuts the message off': (message, options) => {
      const bytes = encodeDhcpMessage(message).subarray(0, options.lengthMax);
      return { bytes, dropped: [], overload: 0 };
    },
    'drops without a word': (message, options) => ({ ...fitDhcpMessage(message, options), dropped: [] }),
    'forgets END': (message, options) => fitDhcpMessage(message, { ...options, lengthMax: options.lengthMax + 1 }),
    'lends a field where nobody may': (message, options) => fitDhcpMessage(message, { ...options, overload: 'free-fields' }),
  },
});

type Shapes = (shape: ShapeName) => Shape<unknown>;
const shapes: Shapes = (shape) => SHAPES[shape] as unknown as Shape<unknown>;
/** One shape written or read in another way. */
function spoiled(name: ShapeName, change: Partial<Shape<never>>): Shapes {
  return (shape) => (shape === name ? { ...shapes(name), ...(change as Partial<Shape<unknown>>) } : shapes(shape));
}

property<Shapes>('each typed value is the same after writing and reading, for every row of the tables', {
  count: 400,
  law: (shapes) =>
    fc.property(TYPED, ([shape, value]) => {
      const octets = shapes(shape).encode(value);
      expect(shapes(shape).decode(octets)).toEqual(ok(value));
      expect(toHex(octets)).toBe(toHex(SHAPES[shape].encode(value as never)));
    }),
  real: shapes,
  planted: {
    'a list without its last address': spoiled('addresses', {
      encode: (list: readonly number[]) => SHAPES.addresses.encode(list.slice(0, -1).concat(1) as never),
    } as never),
    'an endless lease of 136 years': spoiled('seconds', {
      encode: (value: number) => SHAPES.u32.encode(Math.min(value, 0xfffffffe)),
    } as never),
    'text in Latin-1': spoiled('text', { encode: (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0)) } as never),
  },
});

property<Shapes>('reading any octets gives a label or a value that reads the same once written', {
  count: 400,
  law: (shapes) =>
    fc.property(fc.constantFrom(...(Object.keys(SHAPES) as ShapeName[])), NEAR, (shape, pick) => {
      const octets = pick(shape);
      const decoded = shapes(shape).decode(guarded(octets));
      if (!decoded.ok) return;
      const again = shapes(shape).decode(shapes(shape).encode(decoded.value));
      expect(again.ok).toBe(true);
      expect(JSON.stringify(again)).toBe(JSON.stringify(shapes(shape).decode(octets)));
    }),
  real: shapes,
  planted: {
    'the last octet is not read': (shape) => ({
      ...shapes(shape),
      decode: (octets) => shapes(shape).decode(octets.subarray(0, -1)),
    }),
    'the octet behind the last sub-option is read': spoiled('subOptions', {
      decode: (octets: Uint8Array) => (octets[octets.length] === 1 ? ok([]) : SHAPES.subOptions.decode(octets)),
    } as never),
  },
});

/** Octets of some value of a shape with one changed, one gone or one more; and noise. */
const NEAR: fc.Arbitrary<(shape: ShapeName) => Uint8Array> = fc
  .record({
    seed: fc.nat(),
    noise: fc.uint8Array({ maxLength: 24 }),
    how: fc.constantFrom('noise', 'change', 'cut', 'more', 'none'),
    at: fc.nat(200),
    octet: fc.nat(255),
  })
  .map(({ seed, noise, how, at, octet }) => (shape) => {
    if (how === 'noise') return noise;
    const [value] = fc.sample(SHAPE_VALUES[shape] as fc.Arbitrary<unknown>, { seed, numRuns: 1 });
    const octets = SHAPES[shape].encode(value as never).slice();
    if (how === 'cut') return octets.subarray(0, Math.max(0, octets.length - 1 - (at % 4)));
    if (how === 'more') return concatBytes([octets, Uint8Array.of(octet)]);
    if (how === 'change' && octets.length > 0) octets[at % octets.length] = octet;
    return octets;
  });

const EMPTY: DhcpMessage = {
  ...{ op: 2, htype: 1, hlen: 6, hops: 0, xid: 1, secs: 0, flags: 0 },
  ...({ ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0 } as never as Pick<DhcpMessage, 'ciaddr' | 'yiaddr' | 'siaddr' | 'giaddr'>),
  chaddr: new Uint8Array(16),
  sname: new Uint8Array(64),
  file: new Uint8Array(128),
  options: [],
};

function part(codes: number): fc.Arbitrary<DhcpOption> {
  return fc.record({ code: fc.integer({ min: 100, max: 99 + codes }), value: fc.uint8Array({ maxLength: 8 }) });
}

function area(options: readonly DhcpOption[]): Uint8Array {
  return concatBytes([...options.flatMap(({ code, value }) => [Uint8Array.of(code, value.length), value]), Uint8Array.of(255)]);
}

function plain({ options, ...fixed }: DhcpMessage & { readonly anomalies?: unknown }): unknown {
  const { anomalies: _, ...fields } = fixed;
  return { ...fields, options: options.map(({ code, value }) => [code, toHex(value)]) };
}

function sorted(options: Iterable<DhcpOption>): readonly string[] {
  return Array.from(options, ({ code, value }) => `${code} ${toHex(value)}`).sort();
}

/** A decoder that gives another list of options. */
function altered(change: (options: readonly DhcpOption[], octets: Uint8Array) => readonly DhcpOption[]): Decode {
  return (octets, options) => {
    const decoded = decodeDhcpMessage(octets, options);
    return decoded.ok ? ok({ ...decoded.value, options: change(decoded.value.options.toArray(), octets) as never }) : decoded;
  };
}

function lastWins(octets: Uint8Array): ReturnType<Decode> {
  const wire = decodeDhcpWire(octets);
  if (!wire.ok) return wire;
  const { form, message } = wire.value;
  const last = new Map<number, Uint8Array>();
  for (const item of [...form.options, ...(form.fileOptions ?? []), ...(form.snameOptions ?? [])])
    if (item.type === 'option' && item.code !== 52) last.set(item.code, item.value);
  return bytesEqual(optionValue(message.options, 53) ?? new Uint8Array(0), last.get(53) ?? new Uint8Array(0))
    ? ok({ ...message, options: Array.from(last, ([code, value]) => ({ code, value })) as never })
    : ok(message);
}
