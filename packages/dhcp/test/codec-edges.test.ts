import { fromHex, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  authenticationInput,
  checkOption,
  type DecodedDhcpWire,
  type DhcpOption,
  decodeDhcpWire,
  dhcpMessage,
  encodeDhcpMessage,
  encodeDhcpWire,
  fitDhcpMessage,
  option,
  optionValue,
  signDhcpMessage,
} from '../src/index.js';
import { decode, filled, raw, typed } from './support/codec.js';

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

describe('text', () => {
  const hex = (text: string): string => toHex(new TextEncoder().encode(text));

  test('a name has at most 253 characters: 255 octets with its length octets (RFC 1035 §2.3.4)', () => {
    const name = (last: number): string => [63, 63, 63, last].map((length) => 'a'.repeat(length)).join('.');
    expect(typed('hostName', hex(name(61)))).toBe(name(61));
    expect(typed('hostName', hex(name(62)))).toBe('bad-name');
    expect(toHex(option('hostName', name(61)).value)).toBe(hex(name(61)));
    expect(() => option('hostName', name(62))).toThrow('not a host name');
  });

  test.each([
    ['the last C0 control', '\x1f', false],
    ['a space', ' ', true],
    ['a tilde', '~', true],
    ['DEL', '\x7f', false],
    ['the first C1 control', '\x80', false],
    ['the last C1 control', '\x9f', false],
    ['a space that does not break', '\xa0', true],
    ['what comes before the surrogates', '\ud7ff', true],
    ['what comes after the surrogates', '\ue000', true],
    ['a byte order mark', '\ufeff', true],
    ['a character of four octets', '\u{1f427}', true],
  ])('%s in text', (_, character, good) => {
    const text = `a${character}b`;
    expect(typed('message', hex(text))).toBe(good ? text : 'bad-value');
    if (good) expect(toHex(option('message', text).value)).toBe(hex(text));
    else expect(() => option('message', text)).toThrow('text');
  });

  test.each(['\ud800', '\udbff', '\udc00', '\udfff'])('half of a surrogate pair is no text, %j', (half) => {
    expect(() => option('message', `a${half}b`)).toThrow('text');
  });

  test.each(['80', '61ff', 'c3', 'eda080', 'c080'])('fault/D06 octets that are no UTF-8 are no text, %s', (octets) => {
    expect(typed('message', octets)).toBe('bad-value');
  });

  test('a byte order mark at the beginning stays, so that reading and writing give the same octets', () => {
    expect(typed('message', 'efbbbf61')).toBe('\ufeffa');
  });

  test('octets without a shape are at least one, both ways', () => {
    expect(typed('isns', '')).toBe('empty');
    expect(typed('isns', '00')).toEqual(fromHex('00'));
    expect(() => option('isns', new Uint8Array(0))).toThrow('at least one octet');
    expect(option('isns', fromHex('00')).value).toEqual(fromHex('00'));
  });
});

describe('authentication', () => {
  /** An ACK that a relay passes on, with option 90 before option 82. */
  const relayed = (protocol: string): Uint8Array => {
    const option90 = `5a1c${protocol}0100${'00'.repeat(7)}0102${'00'.repeat(16)}`;
    return raw({ options: `350105${option90}5203010161ff`, set: { 3: 1, 24: 10, 27: 1 } });
  };

  test('signing changes the code and nothing else: hops, giaddr and option 82 stay, though they are not signed', () => {
    const octets = relayed('03');
    const code = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i);
    const signed = signDhcpMessage(octets, () => code);
    const at = 240 + 3 + 2 + 12; // behind option 53, the header of option 90, and its fields before the code
    const expected = octets.slice();
    expected.set(code, at);
    expect(toHex(signed)).toBe(toHex(expected));
  });

  test('what is signed has no hops, no giaddr, no option 82 and no code (RFC 3118 §3)', () => {
    const signed: Uint8Array[] = [];
    signDhcpMessage(relayed('03'), (message) => {
      signed.push(message);
      return new Uint8Array(16);
    });
    const expected = raw({ options: `350105${toHex(relayed('03').subarray(243, 243 + 30))}ff` });
    expect(signed.map(toHex)).toEqual([toHex(expected)]);
  });

  test('a digest in a protocol other than 3 is none that we know', () => {
    expect(authenticationInput(relayed('02'))).toEqual({ ok: false, error: 'unknown-protocol' });
    expect(authenticationInput(relayed('03')).ok).toBe(true);
  });
});

describe('a message of one’s own', () => {
  const message = dhcpMessage({ op: 1, xid: 1, chaddr: new Uint8Array(6) });

  test('has no options where none are given', () => {
    expect(message.options).toEqual([]);
    expect(toHex(encodeDhcpMessage(message, { lengthMin: 0 }).subarray(236))).toBe('63825363ff');
  });

  test('may be padded up to what UDP carries, and no further', () => {
    expect(encodeDhcpMessage(message, { lengthMin: 65_507 })).toHaveLength(65_507);
    expect(() => encodeDhcpMessage(message, { lengthMin: 65_508 })).toThrow('65507');
  });
});

describe('the options of a decoded message', () => {
  const { options } = decode(raw({ options: '35010233040000000a3a03000001e000ff' }));

  test.each([0, 255, 52, 309])('there is no option %i', (code) => {
    expect(options.get(code)).toBeUndefined();
    expect(options.u32(code)).toBeUndefined();
    expect(optionValue(options, code)).toBeUndefined();
  });

  test('a number has four octets, neither three nor none', () => {
    expect([51, 58, 224].map((code) => options.u32(code))).toEqual([10, undefined, undefined]);
  });

  test('some and find stop at the first that fits', () => {
    expect(options.some(({ code }) => code === 51)).toBe(true);
    expect(options.some(({ code }) => code === 1)).toBe(false);
    expect(options.find(({ code }) => code > 53)?.code).toBe(58);
    expect(options.at(-1)?.code).toBe(224);
    expect(options.length).toBe(4);
  });

  test('an option that is not there is absent, one without octets is empty', () => {
    expect(checkOption(options, 'routers')).toEqual({ ok: false, error: 'absent' });
    expect(checkOption([{ code: 3, value: new Uint8Array(0) }], 'routers')).toEqual({ ok: false, error: 'empty' });
  });
});

describe('fitting', () => {
  const big = (code: number, length: number): DhcpOption => ({ code, value: filled(length) });
  const message = (options: readonly DhcpOption[], sname = ''): ReturnType<typeof dhcpMessage> =>
    dhcpMessage({ op: 2, xid: 1, chaddr: new Uint8Array(6), options, sname: fromHex(sname) });

  test('what fits to the octet goes as it is, without option 52', () => {
    const whole = message([big(224, 50), big(225, 50)]);
    const length = encodeDhcpMessage(whole, { lengthMin: 0 }).length;
    expect(length).toBe(240 + 52 + 52 + 1);
    const fitted = fitDhcpMessage(whole, { lengthMax: length });
    expect(fitted).toMatchObject({ overload: 0, dropped: [] });
    expect(toHex(fitted.bytes)).toBe(toHex(encodeDhcpMessage(whole, { lengthMin: 0 })));
    expect(fitDhcpMessage(whole, { lengthMax: length - 1 }).overload).toBe(1);
  });

  test('a limit of 65507 octets is the largest, 241 the smallest', () => {
    expect(fitDhcpMessage(message([]), { lengthMax: 65_507 }).bytes).toHaveLength(300);
    expect(fitDhcpMessage(message([]), { lengthMax: 241 }).bytes).toHaveLength(241);
    for (const lengthMax of [240, 65_508]) expect(() => fitDhcpMessage(message([]), { lengthMax })).toThrow('lengthMax');
  });

  test('an option to keep never goes to a field, whatever room there is', () => {
    const { dropped, overload } = fitDhcpMessage(message([big(61, 100)]), { lengthMax: 300 });
    expect(dropped.map(({ code }) => code)).toEqual([61]);
    expect(overload).toBe(0);
    expect(fitDhcpMessage(message([big(224, 100)]), { lengthMax: 300 })).toMatchObject({ overload: 1, dropped: [] });
  });

  test('a field that holds a name keeps it', () => {
    const named = message([big(224, 100)], '626f6f74');
    const { bytes, overload } = fitDhcpMessage(named, { lengthMax: 300 });
    expect(overload).toBe(1);
    expect(toHex(bytes.subarray(44, 44 + 64))).toBe(`626f6f74${'00'.repeat(60)}`);
  });

  test('no part of a split option is empty, also where an area has room for a header alone', () => {
    // Four octets are left for the first option: with END and option 52 that makes two for a part, a header without an octet.
    const { bytes, overload, dropped } = fitDhcpMessage(message([big(224, 130)]), { lengthMax: 240 + 1 + 3 + 2 });
    expect(dropped).toEqual([]);
    expect(overload).toBe(3);
    const { form } = wire(bytes);
    expect(form.options.map((item) => (item.type === 'option' ? item.code : item.type)).slice(0, 2)).toEqual([52, 'end']);
    const [file, sname] = [form.fileOptions, form.snameOptions].map((items) =>
      items?.flatMap((item) => (item.type === 'option' ? [item.value.length] : [])),
    );
    expect([file, sname]).toEqual([[125], [5]]);
  });
});
