import { describe, expect, test } from 'vitest';
import { type DescribedValue, type DhcpOption, describeDhcpMessage, describeOption } from '../src/index.js';
import { decode, raw } from './support/codec.js';

/** An option as octets: code, length, value in hexadecimal. */
const octets = (code: number, hex: string): string =>
  [code, hex.length / 2].map((octet) => octet.toString(16).padStart(2, '0')).join('') + hex;

function described(options: string, parts: Parameters<typeof raw>[0] = {}): ReturnType<typeof describeDhcpMessage> {
  return describeDhcpMessage(decode(raw({ ...parts, options })));
}

describe('a message', () => {
  test('the fields in wire order, as people write them (RFC 2131 figure 1)', () => {
    const set = { 0: 1, 3: 2, 8: 1, 9: 2, 10: 0x80, 12: 10, 15: 1, 16: 10, 19: 2, 20: 10, 23: 3, 24: 10, 27: 4 };
    const { fields } = described('350101ff', { set, sname: '626f6f74', file: '2f7066e92078' });
    expect(Object.entries(fields)).toEqual([
      ['op', 1],
      ['htype', 1],
      ['hlen', 6],
      ['hops', 2],
      ['xid', 'deadbeef'],
      ['secs', 258],
      ['flags', '8000'],
      ['broadcast', true],
      ['ciaddr', '10.0.0.1'],
      ['yiaddr', '10.0.0.2'],
      ['siaddr', '10.0.0.3'],
      ['giaddr', '10.0.0.4'],
      ['chaddr', '525400123456'],
      ['sname', 'boot'],
      ['file', '/pf\\xe9 x'],
    ]);
  });

  test('xid and flags keep their leading zeros; chaddr is as long as hlen says', () => {
    const { fields } = described('350101ff', { set: { 2: 2, 4: 0, 5: 0, 6: 0, 7: 10 } });
    expect(fields).toMatchObject({ xid: '0000000a', flags: '0000', broadcast: false, chaddr: '5254', sname: '', file: '' });
  });

  test('fault/D06 text ends at the first NUL; what is outside of printable ASCII is escaped with two digits', () => {
    const { fields } = described('350101ff', { sname: '1f207e7f00616263', file: '610a' });
    expect(fields).toMatchObject({ sname: '\\x1f ~\\x7f', file: 'a\\x0a' });
  });

  test('a field without NUL is text up to its end', () => {
    expect(described('350101ff', { sname: '61'.repeat(64) }).fields).toMatchObject({ sname: 'a'.repeat(64) });
  });

  test.each([
    ['350101ff', 'discover'],
    ['350109ff', 'forceRenew'],
    ['3501c8ff', 'type 200'],
  ])('%s is of type %s', (options, type) => {
    expect(described(options).type).toBe(type);
  });

  test('without option 53 there is no type, and the anomaly is told', () => {
    const description = described('ff');
    expect('type' in description).toBe(false);
    expect(description.anomalies).toEqual(['missing-message-type']);
  });

  test('all options in the order of the message', () => {
    const { options, anomalies } = described(`350102${octets(54, '0a000202')}${octets(224, 'beef')}${octets(51, '000e10')}ff`);
    expect(options).toEqual([
      { code: 53, name: 'messageType', value: 2 },
      { code: 54, name: 'serverIdentifier', value: '10.0.2.2' },
      { code: 224, value: 'beef' },
      { code: 51, name: 'leaseTime', value: '000e10', error: 'bad-length' },
    ]);
    expect(anomalies).toEqual([]);
  });
});

describe('an option', () => {
  const value = (code: number, hex: string): DescribedValue => {
    const option: DhcpOption = { code, value: Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)) };
    return describeOption(option).value;
  };

  test.each<[string, number, string, DescribedValue]>([
    ['a mask', 1, 'ffffff00', '255.255.255.0'],
    ['an address', 28, '0a0002ff', '10.0.2.255'],
    ['addresses', 3, '0a0002020a000203', ['10.0.2.2', '10.0.2.3']],
    ['no address', 68, '', []],
    ['an address of a list that may be empty', 68, '0a000001', ['10.0.0.1']],
    ['sets of addresses', 158, '040a000001040a000002', [['10.0.0.1'], ['10.0.0.2']]],
    ['a number that is no address', 26, '05dc', 1500],
    ['numbers that are no addresses', 25, '004405dc', [68, 1500]],
    ['seconds', 51, '00000e10', 3600],
    ['an endless time, which JSON cannot hold as a number', 51, 'ffffffff', 'infinite'],
    ['text', 12, '686f7374', 'host'],
    ['a flag', 19, '01', true],
    ['a flag that is not set', 19, '00', false],
    ['presence', 80, '', true],
    ['octets', 83, '0102', '0102'],
    ['a filter', 21, '0a000000ff000000', [{ destination: '10.0.0.0', mask: '255.0.0.0' }]],
    ['a classful route', 33, '0a0000010a000002', [{ destination: '10.0.0.1', router: '10.0.0.2' }]],
    ['a classless route', 121, '180a01020a000202', [{ prefix: '10.1.2.0/24', router: '10.0.2.2' }]],
    ['directory agents', 78, '010a000001', { mandatory: true, addresses: ['10.0.0.1'] }],
    ['SIP servers by address', 120, '010a000001', { form: 'addresses', addresses: ['10.0.0.1'] }],
    ['SIP servers by name', 120, '00036e657400', { form: 'names', names: ['net'] }],
    [
      'a choice of resolvers',
      146,
      '000a0000010a000002036e657400',
      { preference: 0, primary: '10.0.0.1', secondary: '10.0.0.2', domains: ['net'] },
    ],
    ['numbers in a composite value', 159, '06080000', { offset: 6, psidLength: 8, psid: 0 }],
    ['sub-options', 82, '010400020003', [{ code: 1, value: '00020003' }]],
  ])('%s', (_, code, hex, expected) => {
    expect(value(code, hex)).toEqual(expected);
  });

  test('octets that are not of the shape of the option are shown as they are, with the reason', () => {
    expect(describeOption({ code: 1, value: Uint8Array.of(255, 0, 255, 0) })).toEqual({
      code: 1,
      name: 'subnetMask',
      value: 'ff00ff00',
      error: 'bad-value',
    });
  });

  test('a code without a row has no name', () => {
    expect(describeOption({ code: 224, value: new Uint8Array(0) })).toEqual({ code: 224, value: '' });
  });

  test('what is described is what JSON gives back', () => {
    const described = describeDhcpMessage(
      decode(raw({ options: `350102${octets(51, 'ffffffff')}${octets(121, '180a01020a000202')}ff` })),
    );
    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
  });
});
