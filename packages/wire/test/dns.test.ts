import { concatBytes, fromHex, toHex, UsageError } from '@nexus-net/sansio';
import { DNS_RCODE, DNS_TYPE, type DnsMessage, decodeDns, encodeDns, encodeDnsName, readDnsName } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { linearLaw } from './support/dns-hostile.js';

const QUERY: DnsMessage = {
  id: 0x1234,
  response: false,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: false,
  responseCode: DNS_RCODE.noError,
  questions: [{ name: 'localhost', type: DNS_TYPE.a, class: 1 }],
  answers: [],
  authorities: [],
  additionals: [],
};

test('a query for localhost', () => {
  const bytes = fromHex('1234 0100 0001 0000 0000 0000 09 6c6f63616c686f7374 00 0001 0001');
  expect(decodeDns(bytes)).toEqual({ ok: true, value: QUERY });
  expect(encodeDns(QUERY)).toEqual(bytes);
});

test('every flag has its own bit', () => {
  const flags = (part: Partial<DnsMessage>): string =>
    toHex(encodeDns({ ...QUERY, recursionDesired: false, questions: [], ...part }).subarray(2, 4));
  expect(flags({ response: true })).toBe('8000');
  expect(flags({ opcode: 15 })).toBe('7800');
  expect(flags({ authoritative: true })).toBe('0400');
  expect(flags({ truncated: true })).toBe('0200');
  expect(flags({ recursionDesired: true })).toBe('0100');
  expect(flags({ recursionAvailable: true })).toBe('0080');
  expect(flags({ responseCode: DNS_RCODE.nxDomain })).toBe('0003');
});

describe('name compression', () => {
  // RFC 1035 §4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40 as FOO and a pointer, ARPA as a pointer to 26, the root.
  const RFC = new Uint8Array(93);
  RFC.set(fromHex('01 46 03 495349 04 41525041 00'), 20);
  RFC.set(fromHex('03 464f4f c014'), 40);
  RFC.set(fromHex('c01a'), 64);

  test('the example of RFC 1035 §4.1.4', () => {
    expect(readDnsName(RFC, 20)).toEqual({ ok: true, value: { name: 'F.ISI.ARPA', end: 32 } });
    expect(readDnsName(RFC, 40)).toEqual({ ok: true, value: { name: 'FOO.F.ISI.ARPA', end: 46 } });
    expect(readDnsName(RFC, 64)).toEqual({ ok: true, value: { name: 'ARPA', end: 66 } });
    expect(readDnsName(RFC, 92)).toEqual({ ok: true, value: { name: '.', end: 93 } });
  });

  test('an answer points at its question, and at its suffixes', () => {
    const bytes = encodeDns({
      ...QUERY,
      response: true,
      questions: [{ name: 'www.example.com', type: DNS_TYPE.a, class: 1 }],
      answers: [
        { name: 'www.example.com', type: DNS_TYPE.cname, class: 1, ttl: 60, data: encodeDnsName('web.example.com') },
        { name: 'web.example.com', type: DNS_TYPE.a, class: 1, ttl: 60, data: Uint8Array.of(10, 0, 2, 2) },
      ],
    });
    expect(toHex(bytes.subarray(12))).toBe(
      [
        '03777777076578616d706c6503636f6d0000010001', // at 12; example.com at 16
        'c00c000500010000003c0006',
        '03776562c010', // at 45
        'c02d000100010000003c00040a000202',
      ].join(''),
    );
    const decoded = decodeDns(bytes);
    expect(decoded.ok && decoded.value.answers[0]?.data).toEqual(encodeDnsName('web.example.com'));
  });

  test('suffixes beyond offset 16383 are written out', () => {
    const filler = { name: '.', type: DNS_TYPE.txt, class: 1, ttl: 0, data: new Uint8Array(16400) };
    const late = { name: 'late.example', type: DNS_TYPE.a, class: 1, ttl: 0, data: new Uint8Array(4) };
    const message = { ...QUERY, answers: [filler, late, late] };
    expect(decodeDns(encodeDns(message))).toEqual({ ok: true, value: message });
  });

  test('targets of SRV are read compressed but written in full (RFC 2782)', () => {
    const data = concatBytes([fromHex('0000 0000 0050'), encodeDnsName('example.com')]);
    const record = { name: 'example.com', type: DNS_TYPE.srv, class: 1, ttl: 0, data };
    const bytes = encodeDns({ ...QUERY, questions: [], answers: [record] });
    expect(toHex(bytes)).toContain(toHex(data));
    const compressed = concatBytes([
      fromHex('1234 0100 0000 0001 0000 0000 07 6578616d706c65 03 636f6d 00 0021 0001 00000000 0008 0000 0000 0050 c00c'),
    ]);
    expect(decodeDns(compressed)).toMatchObject({ ok: true, value: { answers: [{ data }] } });
  });

  test.each([
    ['to itself', 'c00c', 'bad-name'],
    ['forwards', 'c00e 00', 'bad-name'],
    ['into the name it is in', '0161 c00c', 'bad-name'],
    ['cut in half', 'c0', 'truncated'],
  ])('a pointer %s', (_, name, error) => {
    expect(readDnsName(concatBytes([new Uint8Array(12), fromHex(name)]), 12)).toEqual({ ok: false, error });
  });

  test('two pointers to each other end', () => {
    const bytes = concatBytes([new Uint8Array(12), fromHex('c00e c00c')]);
    expect(readDnsName(bytes, 14)).toEqual({ ok: false, error: 'bad-name' });
  });

  test('reserved label types are refused', () => {
    for (const first of ['40', '80', 'bf'])
      expect(readDnsName(fromHex(`${first} 00 00`), 0)).toEqual({ ok: false, error: 'bad-name' });
  });
});

describe('names as text', () => {
  const text = (hex: string): string | undefined => {
    const read = readDnsName(fromHex(hex), 0);
    return read.ok ? read.value.name : undefined;
  };

  test.each([
    ['a dot inside a label', '03 612e62 00', 'a\\.b'],
    ['a backslash', '03 615c62 00', 'a\\\\b'],
    ['space, zero, 255', '03 2000ff 00', '\\032\\000\\255'],
    ['digits after an escape', '02 0031 00', '\\0001'],
    ['case is kept', '03 576555 01 58 00', 'WeU.X'],
  ])('%s', (_, hex, name) => {
    expect(text(hex)).toBe(name);
    expect(encodeDnsName(name)).toEqual(fromHex(hex));
  });

  test('other spellings that mean the same', () => {
    expect(encodeDnsName('a.')).toEqual(encodeDnsName('a'));
    expect(encodeDnsName('')).toEqual(encodeDnsName('.'));
    expect(encodeDnsName('\\097\\b')).toEqual(encodeDnsName('ab'));
  });

  test('the limits: 63 octets a label, 255 a name', () => {
    const label = 'x'.repeat(63);
    const longest = `${label}.${label}.${label}.${'x'.repeat(61)}`;
    expect(encodeDnsName(longest).length).toBe(255);
    expect(text(toHex(encodeDnsName(longest)))).toBe(longest);
    expect(() => encodeDnsName(`${longest}x`)).toThrow(UsageError);
    expect(readDnsName(concatBytes([fromHex('01 78'), encodeDnsName(longest)]), 0)).toEqual({ ok: false, error: 'bad-name' });
    // A compressed name counts with all that it points to.
    const question = { name: longest, type: 1, class: 1 };
    expect(() => encodeDns({ ...QUERY, questions: [question, { ...question, name: `x.${longest}` }] })).toThrow(UsageError);
  });

  test.each(['a..b', '.a', `${'x'.repeat(64)}`, 'a\\', 'a\\25', 'a\\256', 'ä'])('%s is the caller’s mistake', (name) => {
    expect(() => encodeDnsName(name)).toThrow(UsageError);
  });
});

describe('refused', () => {
  const HEAD = '1234 8180 0001 0001 0000 0000 0161 00 0001 0001';
  test.each([
    ['truncated', 'no whole header', '1234 0100 0001 0000 0000 00'],
    ['truncated', 'data past the end', `${HEAD} c00c 0001 0001 00000000 0005 0a000202`],
    ['truncated', 'a name that takes the octets of the fixed fields', '0000 0000 0001 0000 0000 0000 03 616263 00'],
    ['bad-count', 'counts that nothing can hold', '1234 0201 0330 0f02 0300 91c8 00'],
    ['bad-name', 'a question that points forwards', '0000 0000 0001 0000 0000 0000 c00e 0001 0001'],
    ['bad-data', 'a CNAME longer than its name', `${HEAD} c00c 0005 0001 00000000 0003 c00c 00`],
    ['bad-data', 'a CNAME whose name ends after it', `${HEAD} c00c 0005 0001 00000000 0002 0161 00`],
    ['bad-data', 'an MX of one octet', `${HEAD} c00c 000f 0001 00000000 0001 00`],
    ['bad-data', 'a SOA without its numbers', `${HEAD} c00c 0006 0001 00000000 0004 c00c c00c`],
  ])('%s: %s', (error, _, hex) => {
    expect(decodeDns(fromHex(hex))).toEqual({ ok: false, error });
  });

  test('a record without data is kept: RFC 2136 §2.4 has such', () => {
    const decoded = decodeDns(fromHex(`${HEAD} c00c 0005 00ff 00000000 0000`));
    expect(decoded).toMatchObject({ ok: true, value: { answers: [{ data: new Uint8Array(0) }] } });
  });

  test('a message above 65535 octets is the caller’s mistake', () => {
    const record = { name: '.', type: DNS_TYPE.txt, class: 1, ttl: 0, data: new Uint8Array(65500) };
    expect(() => encodeDns({ ...QUERY, answers: [record, record] })).toThrow(UsageError);
  });
});

test('property: hostile names cost time linear in the message', () => linearLaw(decodeDns));

test('property linear catches a planted bug: any number of pointers is followed', () => {
  const decode = (bytes: Uint8Array): unknown => {
    const count = (bytes[6] as number) * 256 + (bytes[7] as number);
    for (let i = 0; i < count; i++) {
      let at = bytes.length - 2;
      while ((bytes[at] as number) >= 0xc0) at = (((bytes[at] as number) & 0x3f) << 8) | (bytes[at + 1] as number);
    }
    return count;
  };
  expect(() => linearLaw(decode)).toThrow();
});
