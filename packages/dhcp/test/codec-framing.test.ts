import { readFileSync } from 'node:fs';
import { concatBytes, fromHex, parseIpv4, parseMac, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  clientMac,
  DHCP_ANOMALIES,
  decodeDhcpMessage,
  decodeDhcpWire,
  dhcpMessage,
  dhcpMessageTypeName,
  encodeDhcpMessage,
  encodeDhcpWire,
  MESSAGE_LENGTH_MAX,
  messageType,
  option,
  optionValue,
  readOption,
  wantsBroadcast,
} from '../src/index.js';
import { check, decode, filled, hexOf, list, raw, refusal, withOptions } from './support/codec.js';

describe('header', () => {
  test('dhcp/A01 each length below the cookie is refused, 236 octets as BOOTP without vendor area', () => {
    const whole = raw();
    const labels = new Set<string>();
    for (let length = 0; length < 240; length++) {
      if (length !== 236) labels.add(refusal(whole.subarray(0, length)));
    }
    expect([...labels]).toEqual(['truncated']);
    expect(refusal(whole.subarray(0, 236))).toBe('bootp');
  });

  test('dhcp/A02 240 octets are a message without options and without a type', () => {
    const message = decode(raw({ options: '' }));
    expect(message.options.length).toBe(0);
    expect(messageType(message)).toBeUndefined();
    expect(message.anomalies).toEqual(['missing-message-type', 'missing-end']);
  });

  test('dhcp/A03 another cookie is not DHCP', () => {
    for (const cookie of ['63825364', '01020304', '00000000']) expect(refusal(raw({ cookie }))).toBe('bad-cookie');
  });

  test('dhcp/A05 an operation other than request and reply is refused', () => {
    for (const op of [0, 3, 255]) expect(refusal(raw({ set: { 0: op } }))).toBe('bad-op');
    for (const op of [1, 2]) expect(decode(raw({ set: { 0: op } })).op).toBe(op);
  });

  test('fault/D14 dhcp/A07 hlen up to 16 is read, more is refused', () => {
    expect(decode(raw({ set: { 2: 16 } })).hlen).toBe(16);
    for (const hlen of [17, 255]) expect(refusal(raw({ set: { 2: hlen } }))).toBe('bad-hlen');
  });

  test('dhcp/A08 InfiniBand: hlen 0, htype 32, broadcast, with a client identifier', () => {
    const message = decode(raw({ options: '3501013d03010203ff', set: { 0: 1, 1: 32, 2: 0, 10: 0x80 } }));
    expect([message.htype, message.hlen, wantsBroadcast(message)]).toEqual([32, 0, true]);
    expect(readOption(message, 'clientIdentifier')).toEqual({ form: 'typed', type: 1, id: fromHex('0203') });
    expect(decode(encodeDhcpMessage(message))).toMatchObject({ htype: 32, hlen: 0, flags: 0x8000 });
  });

  test('dhcp/A12 dhcp/A13 octets of chaddr behind hlen are kept as they came', () => {
    const message = decode(raw({ set: { 34: 0xaa, 43: 0xbb } }));
    expect(toHex(message.chaddr)).toBe('525400123456aa0000000000000000bb');
    expect(clientMac(message)).toBe(0x525400123456);
    expect(toHex(decode(encodeDhcpMessage(message)).chaddr)).toBe(toHex(message.chaddr));
  });

  test('dhcp/A14 any number of hops is read', () => {
    for (const hops of [16, 17, 200, 255]) expect(decode(raw({ set: { 3: hops } })).hops).toBe(hops);
  });

  test('dhcp/A15 only bit 15 is the broadcast flag, the others are kept and listed', () => {
    const flags = (high: number, low: number) => decode(raw({ set: { 10: high, 11: low } }));
    expect(flags(0x7f, 0xff)).toMatchObject({ flags: 0x7fff, anomalies: ['reserved-flags'] });
    expect(wantsBroadcast(flags(0x7f, 0xff))).toBe(false);
    expect(flags(0x80, 0)).toMatchObject({ flags: 0x8000, anomalies: [] });
    expect(wantsBroadcast(flags(0xff, 0xff))).toBe(true);
    expect(decode(encodeDhcpMessage(flags(0x7f, 0xff))).flags).toBe(0x7fff);
  });

  test('dhcp/A16 secs is a number of 16 bit, nothing else', () => {
    expect(decode(raw({ set: { 8: 0xff, 9: 0xff } })).secs).toBe(65_535);
    expect(decode(raw({ set: { 8: 1, 9: 0 } })).secs).toBe(256);
    expect(() => encodeDhcpMessage({ ...withOptions([]), secs: 65_536 })).toThrow('16');
  });

  test('every fixed field, from octets and back', () => {
    const octets = raw({ file: '2f626f6f74', sname: '7366' });
    for (let i = 3; i < 28; i++) octets[i] = 0x80 + i;
    octets[10] = 0;
    octets[11] = 0;
    const message = decode(octets);
    expect(message).toMatchObject({ op: 2, htype: 1, hlen: 6, hops: 0x83, xid: 0x84858687, secs: 0x8889, flags: 0 });
    expect(message).toMatchObject({ ciaddr: 0x8c8d8e8f, yiaddr: 0x90919293, siaddr: 0x94959697, giaddr: 0x98999a9b });
    expect(toHex(message.sname.subarray(0, 3))).toBe('736600');
    expect(toHex(message.file.subarray(0, 6))).toBe('2f626f6f7400');
    expect(encodeDhcpMessage(message).subarray(0, octets.length)).toEqual(octets);
  });
});

describe('framing of options', () => {
  test('dhcp/A17 PAD behind END to any length is nothing', () => {
    for (const length of [548, 1400]) {
      const message = decode(concatBytes([raw({ options: '35010236040a000001ff' }), new Uint8Array(length - 250)]));
      expect(list(message)).toEqual([
        [53, '02'],
        [54, '0a000001'],
      ]);
      expect(message.anomalies).toEqual([]);
    }
  });

  test('dhcp/A18 what stands behind END is never read', () => {
    const message = decode(raw({ options: '350102ff330400000001' }));
    expect(list(message)).toEqual([[53, '02']]);
    expect(message.anomalies).toEqual(['data-after-end']);
  });

  test('fault/D07 dhcp/A19 dhcp/A21 no END, and the datagram ends with the last option', () => {
    const octets = raw({ options: '35010236040a000001' });
    expect(decode(octets)).toMatchObject({ anomalies: ['missing-end'] });
    expect(hexOf(decode(octets), 54)).toBe('0a000001');
    expect(refusal(octets, { strict: true })).toBe('missing-end');
    expect(refusal(octets, { strict: ['truncated-option'] })).toBe('decoded');
  });

  test('dhcp/A20 no END, padded with zeros', () => {
    const message = decode(raw({ options: '350102000000' }));
    expect(list(message)).toEqual([[53, '02']]);
    expect(message.anomalies).toEqual(['missing-end']);
  });

  test('dhcp/A22 a code as the last octet ends the message; what was before is kept', () => {
    const message = decode(raw({ options: '35010236040a0000010c' }));
    expect(list(message)).toEqual([
      [53, '02'],
      [54, '0a000001'],
    ]);
    expect(message.anomalies).toEqual(['missing-end', 'truncated-option']);
  });

  test('fault/D07 dhcp/A23 dhcp/A24 so does a length that runs past the end', () => {
    const octets = raw({ options: '35010236040a0000010c056162' });
    expect(list(decode(octets))).toEqual([
      [53, '02'],
      [54, '0a000001'],
    ]);
    expect(decode(octets).anomalies).toEqual(['missing-end', 'truncated-option']);
    expect(refusal(octets, { strict: ['truncated-option'] })).toBe('truncated-option');
  });

  test('dhcp/A25 PAD before, between and behind options', () => {
    const message = decode(raw({ options: '00003501020000000c0161000000ff0000' }));
    expect(list(message)).toEqual([
      [53, '02'],
      [12, '61'],
    ]);
    expect(message.anomalies).toEqual([]);
  });

  test('dhcp/A26 an unknown option without octets is kept', () => {
    const message = decode(raw({ options: '350102e000ff' }));
    expect(list(message)).toEqual([
      [53, '02'],
      [224, ''],
    ]);
    expect(list(decode(encodeDhcpMessage(message)))).toEqual([
      [53, '02'],
      [224, ''],
    ]);
  });

  test('dhcp/A27 dhcp/A28 dhcp/A29 a name or list of nothing counts as absent, the message does not', () => {
    const message = decode(raw({ options: '3501020c000f0006000300330400000e10ff' }));
    for (const name of ['hostName', 'domainName', 'dnsServers', 'routers'] as const) {
      expect(readOption(message, name)).toBeUndefined();
      expect(check(message, name)).toBe('empty');
    }
    expect(readOption(message, 'leaseTime')).toBe(3600);
  });

  test('dhcp/A30 a message without a type is read as such', () => {
    const octets = raw({ options: '0c0161ff' });
    expect(messageType(decode(octets))).toBeUndefined();
    expect(refusal(octets, { strict: true })).toBe('missing-message-type');
  });

  test('dhcp/A31 a type of no octet or of two is refused', () => {
    for (const options of ['3500ff', '35020101ff']) expect(refusal(raw({ options }))).toBe('bad-message-type');
  });

  test('dhcp/A32 the type may stand anywhere', () => {
    for (const options of ['3501050c0161ff', '0c01613501050f0161ff', '0c0161350105ff'])
      expect(messageType(decode(raw({ options })))).toBe(5);
  });

  test('dhcp/A33 two types are one of two octets, and refused, across areas as well', () => {
    expect(refusal(raw({ options: '350101350103ff' }))).toBe('bad-message-type');
    expect(refusal(raw({ options: '350101340101ff', file: '350103ff' }))).toBe('bad-message-type');
  });

  test('dhcp/A34 unknown types are read, and have no name', () => {
    for (const type of [0, 19, 255]) {
      const message = decode(raw({ options: `3501${type.toString(16).padStart(2, '0')}ff` }));
      expect(messageType(message)).toBe(type);
      expect(dhcpMessageTypeName(type)).toBeUndefined();
    }
    expect(dhcpMessageTypeName(9)).toBe('forceRenew');
  });

  test('dhcp/A38 dhcp/A39 a reply has any length', () => {
    for (const length of [268, 299, 300, 548, 1400, 1500]) {
      const octets = concatBytes([raw(), new Uint8Array(length - 244)]);
      expect(messageType(decode(octets))).toBe(2);
    }
  });

  test('dhcp/A40 more than a UDP datagram holds is refused before anything is read', () => {
    expect(refusal(new Uint8Array(MESSAGE_LENGTH_MAX + 1))).toBe('too-long');
    expect(refusal(concatBytes([raw(), new Uint8Array(MESSAGE_LENGTH_MAX - 244)]))).toBe('decoded');
  });

  test('every anomaly is reachable, alone or with its like, and refused when asked', () => {
    const samples: Record<(typeof DHCP_ANOMALIES)[number], Uint8Array> = {
      'missing-message-type': raw({ options: 'ff' }),
      'missing-end': raw({ options: '350102' }),
      'truncated-option': raw({ options: '3501020c' }),
      'data-after-end': raw({ options: '350102ff01' }),
      'bad-overload': raw({ options: '350102340100ff' }),
      'repeated-overload': raw({ options: '350102340101340101ff', file: 'ff' }),
      'nested-overload': raw({ options: '350102340101ff', file: '340103ff' }),
      'missing-end-in-field': raw({ options: '350102340101ff' }),
      'truncated-option-in-field': raw({ options: '350102340102ff', sname: '0cff' }),
      'data-after-end-in-field': raw({ options: '350102340101ff', file: 'ff01' }),
      'reserved-flags': raw({ set: { 11: 1 } }),
    };
    expect(Object.keys(samples)).toEqual([...DHCP_ANOMALIES]);
    for (const [anomaly, octets] of Object.entries(samples)) {
      expect(decode(octets).anomalies).toContain(anomaly);
      expect(refusal(octets, { strict: [anomaly as never] })).toBe(anomaly);
      expect(refusal(octets, { strict: [] })).toBe('decoded');
    }
    expect(refusal(raw(), { strict: true })).toBe('decoded');
  });
});

describe('encoding', () => {
  test('dhcp/A35 dhcp/A42 values of 255, 256 and 510 octets: no chunk above 255, no empty last one', () => {
    const headers = (length: number) => {
      const wire = decodeDhcpWire(encodeDhcpMessage(withOptions([{ code: 43, value: filled(length) }])));
      return wire.ok ? wire.value.form.options.flatMap((item) => (item.type === 'option' ? [item.value.length] : [])) : [];
    };
    expect(headers(0)).toEqual([0]);
    expect(headers(255)).toEqual([255]);
    expect(headers(256)).toEqual([255, 1]);
    expect(headers(510)).toEqual([255, 255]);
    expect(headers(511)).toEqual([255, 255, 1]);
    for (const length of [256, 600, 64_000]) {
      const message = decode(encodeDhcpMessage(withOptions([{ code: 43, value: filled(length) }])));
      expect(optionValue(message.options, 43)).toEqual(filled(length));
    }
  });

  test('dhcp/A37 a message has 300 octets or more', () => {
    const message = withOptions([option('messageType', 1)]);
    const octets = encodeDhcpMessage(message);
    expect(octets.length).toBe(300);
    expect(toHex(octets.subarray(240, 246))).toBe('350101ff0000');
    expect(encodeDhcpMessage(message, { lengthMin: 0 }).length).toBe(244);
    expect(encodeDhcpMessage(message, { lengthMin: 548 }).length).toBe(548);
    expect(encodeDhcpMessage(withOptions([{ code: 43, value: filled(100) }])).length).toBe(343);
  });

  test('padding shows nothing of an earlier message', () => {
    encodeDhcpMessage(withOptions([{ code: 43, value: filled(200, 0xee) }]));
    const octets = encodeDhcpMessage(withOptions([option('messageType', 1)]));
    expect(octets.subarray(244).every((octet) => octet === 0)).toBe(true);
  });

  test('dhcp/A41 a rich ACK without padding is read whole', () => {
    const options = Array.from({ length: 30 }, (_, i) => ({ code: i + 60, value: filled(3, i) }));
    const octets = encodeDhcpMessage(withOptions([option('messageType', 5), ...options]), { lengthMin: 0 });
    expect(octets.length).toBe(240 + 3 + 30 * 5 + 1);
    expect(decode(octets).options.length).toBe(31);
  });

  test('what no message can hold is refused', () => {
    const bad = (change: object) => () => encodeDhcpMessage({ ...withOptions([]), ...change });
    for (const code of [0, 52, 255, 256, -1, 1.5]) expect(bad({ options: [{ code, value: filled(1) }] })).toThrow('1..254');
    for (const field of ['op', 'htype', 'hlen', 'hops']) expect(bad({ [field]: 256 })).toThrow('0..255');
    expect(bad({ hlen: 17 })).toThrow('0..16');
    expect(bad({ xid: 2 ** 32 })).toThrow('32');
    expect(bad({ xid: -1 })).toThrow('32');
    expect(bad({ flags: 65_536 })).toThrow('16');
    expect(bad({ chaddr: filled(6) })).toThrow('chaddr');
    expect(bad({ sname: filled(63) })).toThrow('sname');
    expect(bad({ file: filled(129) })).toThrow('file');
    expect(bad({ options: [{ code: 43, value: filled(65_000) }] })).toThrow('65507');
    expect(() => encodeDhcpMessage(withOptions([]), { lengthMin: 65_508 })).toThrow('65507');
    expect(() => dhcpMessage({ op: 1, xid: 1, chaddr: filled(17) })).toThrow('16 octets');
  });

  test('the largest message', () => {
    const value = filled(MESSAGE_LENGTH_MAX - 241 - 2 * 254);
    expect(encodeDhcpMessage(withOptions([{ code: 43, value }])).length).toBe(MESSAGE_LENGTH_MAX);
    expect(() => encodeDhcpMessage(withOptions([{ code: 43, value: filled(value.length + 1) }]))).toThrow('65507');
  });

  test('fields that nobody names are zero, and shorter ones are padded', () => {
    const message = dhcpMessage({ op: 1, xid: 7, chaddr: 0x525400123456 as never, file: fromHex('61') });
    expect(message).toMatchObject({ htype: 1, hlen: 6, hops: 0, secs: 0, flags: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0 });
    expect([message.chaddr.length, message.sname.length, message.file.length]).toEqual([16, 64, 128]);
    expect(toHex(message.chaddr)).toBe('52540012345600000000000000000000');
    expect(dhcpMessage({ op: 1, xid: 7, chaddr: fromHex('0102') }).hlen).toBe(2);
    expect(dhcpMessage({ op: 1, xid: 7, chaddr: new Uint8Array(16), htype: 32, hlen: 0 }).hlen).toBe(0);
  });
});

describe('ownership', () => {
  test('a message stays true when the caller reuses its buffer, unless it was borrowed', () => {
    const octets = raw({ options: '3501020c0161ff' });
    const [kept, borrowed] = [decode(octets), decode(octets, { borrow: true })];
    octets.fill(0x7a);
    expect(hexOf(kept, 12)).toBe('61');
    expect(hexOf(borrowed, 12)).toMatch(/^7a/);
  });

  test('a Buffer goes in, plain arrays come out', () => {
    const message = decode(Buffer.from(raw({ options: '3501020c0161ff' })));
    expect(message.chaddr.constructor).toBe(Uint8Array);
    expect(optionValue(message.options, 12)?.constructor).toBe(Uint8Array);
  });
});

describe('the list of options', () => {
  const message = decode(raw({ options: '3501020c01610f0162ff' }));

  test('is lazy and behaves like an array', () => {
    const { options } = message;
    expect(options.length).toBe(3);
    expect(options.get(12)).toEqual(fromHex('61'));
    expect(options.get(13)).toBeUndefined();
    expect(options.at(-1)?.code).toBe(15);
    expect(options.find(({ code }) => code === 12)?.value).toEqual(fromHex('61'));
    expect(options.filter(({ code }) => code > 12).length).toBe(2);
    expect(options.some(({ code }) => code === 99)).toBe(false);
    expect([...options].map(({ code }) => code)).toEqual([53, 12, 15]);
    expect(options.toArray()).toBe(options.toArray());
  });

  test('is encoded as it is, as an array, and as anything iterable of its kind', () => {
    const octets = encodeDhcpMessage(message);
    const array = [...message.options];
    const other = Object.assign(Object.create(null), {
      length: 3,
      [Symbol.iterator]: () => array[Symbol.iterator](),
    }) as typeof message.options;
    expect(encodeDhcpMessage({ ...message, options: array })).toEqual(octets);
    expect(encodeDhcpMessage({ ...message, options: other })).toEqual(octets);
    expect(optionValue(array, 12)).toEqual(fromHex('61'));
    expect(optionValue(array, 13)).toBeUndefined();
  });
});

describe('wire form', () => {
  test('every item of a strange message, and back', () => {
    const octets = raw({ options: '000035010234010300ff1234', file: '0f016100ff9999', sname: '0cff' });
    const wire = decodeDhcpWire(octets);
    if (!wire.ok) throw new Error(wire.error);
    const { form } = wire.value;
    expect(form.options).toEqual([
      { type: 'pad', length: 2 },
      { type: 'option', code: 53, value: fromHex('02') },
      { type: 'option', code: 52, value: fromHex('03') },
      { type: 'pad', length: 1 },
      { type: 'end' },
      { type: 'unread', octets: fromHex('1234') },
    ]);
    expect(form.fileOptions?.slice(0, 3)).toEqual([
      { type: 'option', code: 15, value: fromHex('61') },
      { type: 'pad', length: 1 },
      { type: 'end' },
    ]);
    expect(form.snameOptions?.map(({ type }) => type)).toEqual(['unread']);
    expect(encodeDhcpWire(form)).toEqual(octets);
  });

  test('a relay changes what is its own, and nothing else', () => {
    const octets = raw({ options: '350101e00501020304050c0161e0020607ff00000000' });
    const wire = decodeDhcpWire(octets);
    if (!wire.ok) throw new Error(wire.error);
    const { form } = wire.value;
    const end = form.options.findIndex(({ type }) => type === 'end');
    const options = [
      ...form.options.slice(0, end),
      { type: 'option' as const, code: 82, value: fromHex('010161') },
      ...form.options.slice(end),
    ];
    const relayed = encodeDhcpWire({ ...form, hops: 1, giaddr: 0x0a000001 as never, options });
    expect(toHex(relayed.subarray(240))).toBe('350101e00501020304050c0161e00206075203010161ff00000000');
    expect(relayed[3]).toBe(1);
  });

  test('refuses what the decoder refuses, and items that are too large', () => {
    expect(decodeDhcpWire(new Uint8Array(10))).toEqual({ ok: false, error: 'truncated' });
    expect(decodeDhcpWire(raw({ options: '350102' }), { strict: true, borrow: true })).toEqual({
      ok: false,
      error: 'missing-end',
    });
    const wire = decodeDhcpWire(raw({ options: '350102340103ff', file: 'ff', sname: 'ff' }));
    if (!wire.ok) throw new Error(wire.error);
    const { form } = wire.value;
    const large = { type: 'unread' as const, octets: filled(129) };
    expect(() => encodeDhcpWire({ ...form, fileOptions: [large] })).toThrow('128');
    expect(() => encodeDhcpWire({ ...form, snameOptions: [large] })).toThrow('64');
    expect(() => encodeDhcpWire({ ...form, options: [{ type: 'unread', octets: filled(65_268) }] })).toThrow('65507');
    expect(() => encodeDhcpWire({ ...form, options: [{ type: 'option', code: 1, value: filled(256) }] })).toThrow('255');
  });
});

test('decodeDhcpMessage does not change what it is given', () => {
  const octets = raw();
  const before = toHex(octets);
  decodeDhcpMessage(octets);
  expect(toHex(octets)).toBe(before);
});

test('the README names each label, and its example holds', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const section = readme.slice(readme.indexOf('## Codec'), readme.indexOf('## Client'));
  const errors = ['too-long', 'truncated', 'bootp', 'bad-op', 'bad-hlen', 'bad-cookie', 'bad-message-type', 'bad-overload-value'];
  const values = ['empty', 'bad-length', 'bad-value', 'bad-name', 'not-authenticated', 'unknown-protocol'];
  for (const label of [...errors, ...DHCP_ANOMALIES, ...values]) expect(section).toContain(`\`${label}\``);
  const octets = encodeDhcpMessage(
    dhcpMessage({
      op: 2,
      xid: 0x3903f326,
      chaddr: parseMac('52:54:00:12:34:56'),
      yiaddr: parseIpv4('10.0.2.15'),
      options: [option('messageType', 5), option('leaseTime', 3600), option('routers', [parseIpv4('10.0.2.2')])],
    }),
  );
  expect(messageType(decode(octets))).toBe(5);
  expect(readOption(decode(octets), 'routers')).toEqual([parseIpv4('10.0.2.2')]);
});
