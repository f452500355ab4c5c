import { fromHex, ipv4, toHex, UsageError } from '@nexus-net/sansio';
import { decodeTcp, encodeTcp, type TcpOption, type TcpSegment } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';

const PSEUDO = { source: ipv4(10, 1, 0, 2), destination: ipv4(10, 1, 0, 1) };
const IGNORE = { checksum: 'ignore' } as const;
const NO_FLAGS = { fin: false, syn: false, rst: false, psh: false, ack: false, urg: false, ece: false, cwr: false };
const SYN: TcpSegment = {
  sourcePort: 40000,
  destinationPort: 80,
  sequence: 1000,
  acknowledgment: 0,
  flags: { ...NO_FLAGS, syn: true },
  window: 65535,
  urgentPointer: 0,
  options: [{ type: 'mss', octets: 1460 }, { type: 'nop' }, { type: 'window-scale', shift: 15 }],
  payload: new Uint8Array(0),
};
const SYN_BYTES = fromHex('9c40 0050 000003e8 00000000 7002 ffff cf93 0000 020405b4 01 03030f');

test('a SYN with MSS and window scale', () => {
  expect(decodeTcp(SYN_BYTES, PSEUDO)).toEqual({ ok: true, value: SYN });
  expect(toHex(encodeTcp(SYN, PSEUDO))).toBe(toHex(SYN_BYTES));
});

test.each(['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'] as const)('the flag %s has its own bit', (flag) => {
  const bytes = encodeTcp({ ...SYN, options: [], flags: { ...NO_FLAGS, [flag]: true } }, PSEUDO);
  expect(bytes[13]).toBe({ fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 }[flag]);
  expect(decodeTcp(bytes, PSEUDO)).toMatchObject({ ok: true, value: { flags: { ...NO_FLAGS, [flag]: true } } });
});

describe('options', () => {
  const withOptions = (hex: string): readonly TcpOption[] | string => {
    const area = fromHex(hex);
    const bytes = new Uint8Array(20 + area.length);
    bytes[12] = (bytes.length / 4) << 4;
    bytes.set(area, 20);
    const decoded = decodeTcp(bytes, PSEUDO, IGNORE);
    return decoded.ok ? decoded.value.options : decoded.error;
  };

  test('all known kinds', () => {
    expect(withOptions('0402 080a 00000001 fffffffe 01 01 050a 0000000a 00000014 0000')).toEqual([
      { type: 'sack-permitted' },
      { type: 'timestamps', value: 1, echo: 0xfffffffe },
      { type: 'nop' },
      { type: 'nop' },
      { type: 'sack', blocks: [{ left: 10, right: 20 }] },
    ]);
  });
  test('end-of-options ends them', () => {
    expect(withOptions('01 00 0402')).toEqual([{ type: 'nop' }]);
  });
  test('an unknown kind, and a known kind of unknown length, are kept', () => {
    expect(withOptions('fd04 1234 02 03 07 00')).toEqual([
      { type: 'other', kind: 0xfd, value: Uint8Array.of(0x12, 0x34) },
      { type: 'other', kind: 2, value: Uint8Array.of(7) },
    ]);
  });
  test.each([
    ['a length of 0', '0402 02 00', 2],
    ['a length of 1', '0402 02 01', 2],
    ['a length past the header', '01 01 02 ff', 2],
    ['a length one octet past the header', '01 01 02 03', 2],
    ['a kind without a length', '01 01 01 02', 1],
  ])('%s: the rest is malformed, what came before stays (RFC 9293 MUST-7)', (_, hex, rest) => {
    const options = withOptions(hex) as readonly TcpOption[];
    expect(options.at(-1)).toEqual({ type: 'malformed', rest: fromHex(hex).subarray(-rest) });
    expect(options.length).toBeGreaterThan(1);
    expect(encodeTcp({ ...SYN, options }, PSEUDO).subarray(20)).toEqual(fromHex(hex));
  });
});

test.each([
  ['truncated', SYN_BYTES.subarray(0, 19)],
  ['bad-header-length', SYN_BYTES.with(12, 0x40)],
  ['bad-header-length', SYN_BYTES.with(12, 0xf0)],
  ['bad-checksum', SYN_BYTES.with(7, 0xe9)],
] as const)('%s', (error, bytes) => {
  expect(decodeTcp(bytes, PSEUDO)).toEqual({ ok: false, error });
});

test.each<[string, Partial<TcpSegment>]>([
  ['41 octets of options', { options: Array.from({ length: 41 }, () => ({ type: 'nop' })) }],
  ['a negative sequence number', { sequence: -1 }],
  ['a window of 65536', { window: 65536 }],
  ['a SACK without blocks', { options: [{ type: 'sack', blocks: [] }] }],
  ['an unknown option of kind 1', { options: [{ type: 'other', kind: 1, value: new Uint8Array(0) }] }],
])('%s is the caller’s mistake', (_, bad) => {
  expect(() => encodeTcp({ ...SYN, ...bad }, PSEUDO)).toThrow(UsageError);
});
