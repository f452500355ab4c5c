import { Buffer } from 'node:buffer';
import { toHex, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type Capture, decodeCapture, decodePcap, encodePcap, PcapWriter } from '../src/index.js';
import { FileBuilder, join, ORDERS } from './support/capture-files.js';

const LE = new FileBuilder('little');
const ONE = Uint8Array.of(1, 2, 3);
const TWO = Uint8Array.of(4, 5);

function read(...parts: readonly Uint8Array[]): Capture {
  const result = decodeCapture(join(...parts));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe.each(ORDERS)('fault/H11 %s-endian', (order) => {
  const file = new FileBuilder(order);

  test.each([
    ['microseconds', 0xa1b2c3d4, 0, 7_000n],
    ['nanoseconds', 0xa1b23c4d, 0, 7n],
    ['Kuznetzov, microseconds', 0xa1b2cd34, 8, 7_000n],
  ])('%s', (_, magic, extra, ns) => {
    const capture = read(
      file.pcapHeader({ magic, snapLength: 96, linkType: 113 }),
      file.record({ seconds: 1_700_000_000, fraction: 7, data: ONE, original: 1_500, extra }),
      file.record({ seconds: 0xffff_ffff, fraction: 0, data: TWO, extra }),
    );
    expect(capture).toEqual({
      format: 'pcap',
      interfaces: [{ linkType: 113, snapLength: 96 }],
      packets: [
        {
          at: 1_700_000_000_000 + Number(ns) / 1e6,
          timestampNs: 1_700_000_000_000_000_000n + ns,
          interfaceId: 0,
          originalLength: 1_500,
          bytes: ONE,
        },
        { at: 4_294_967_295_000, timestampNs: 4_294_967_295_000_000_000n, interfaceId: 0, originalLength: 2, bytes: TWO },
      ],
    });
  });
});

test('a fraction of a second and more is carried into the seconds', () => {
  const capture = read(LE.pcapHeader(), LE.record({ seconds: 5, fraction: 2_500_000, data: ONE }));
  expect(capture.packets[0]?.timestampNs).toBe(7_500_000_000n);
});

test('the high half of the link type says how long the FCS is, not what the link is', () => {
  expect(read(LE.pcapHeader({ linkType: 0x24000001 })).interfaces[0]?.linkType).toBe(1);
});

test('a file with no packets, and packets with no octets', () => {
  expect(read(LE.pcapHeader({ snapLength: 0 }))).toEqual({
    format: 'pcap',
    interfaces: [{ linkType: 1, snapLength: 0 }],
    packets: [],
  });
  expect(read(LE.pcapHeader({ snapLength: 0 }), LE.record({ original: 60 })).packets).toMatchObject([
    { originalLength: 60, bytes: new Uint8Array(0) },
  ]);
});

test('packets are views into the file', () => {
  const bytes = join(LE.pcapHeader(), LE.record({ data: ONE }));
  const result = decodePcap(bytes);
  bytes[40] = 99;
  expect(result).toMatchObject({ ok: true, value: { packets: [{ bytes: Uint8Array.of(99, 2, 3) }] } });
});

describe('fault/H11 not a capture', () => {
  test.each([
    ['empty', new Uint8Array(0), 'unknown-format'],
    ['three octets', Uint8Array.of(0xa1, 0xb2, 0xc3), 'unknown-format'],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), 'unknown-format'],
    ['a header cut short', LE.pcapHeader().subarray(0, 23), 'truncated'],
    ['version 1', LE.pcapHeader({ major: 1 }), 'unsupported-version'],
    ['version 3', LE.pcapHeader({ major: 3 }), 'unsupported-version'],
  ])('%s', (_, bytes, error) => {
    expect(decodeCapture(bytes)).toEqual({ ok: false, error });
  });

  test('decodePcap takes no pcapng', () => {
    expect(decodePcap(join(LE.section(), LE.interface()))).toEqual({ ok: false, error: 'unknown-format' });
  });
});

describe('fault/H11 a file that ends early', () => {
  const good = join(LE.pcapHeader(), LE.record({ data: ONE }));

  test.each([
    ['in the first field', LE.record({}).subarray(0, 1), 'truncated'],
    ['in a record header', LE.record({ data: TWO }).subarray(0, 15), 'truncated'],
    ['in a packet', LE.record({ data: TWO, captured: 3 }), 'truncated'],
    ['before the first octet of a packet', LE.record({ captured: 1 }), 'truncated'],
    ['at an absurd length', LE.record({ captured: 0xffff_ffff }), 'bad-capture-length'],
    ['at a length just above the limit, octets and all', LE.record({ data: new Uint8Array(262_145) }), 'bad-capture-length'],
  ])('%s: the packets before it are there', (_, tail, error) => {
    const capture = read(good, tail);
    expect(capture.packets.length).toBe(1);
    expect(capture.end).toEqual({ error, afterPacket: 1, offset: good.length });
  });

  test('the limit is an option', () => {
    const big = join(good, LE.record({ data: new Uint8Array(262_144) }));
    expect(read(big)).toMatchObject({ packets: { length: 2 } });
    expect(decodeCapture(big, { packetOctetsMax: 2 })).toMatchObject({
      value: { packets: [], end: { error: 'bad-capture-length', afterPacket: 0, offset: 24 } },
    });
    for (const packetOctetsMax of [-1, Number.NaN]) expect(() => decodeCapture(big, { packetOctetsMax })).toThrow(UsageError);
  });
});

test('a Buffer may be given; what comes back is none', () => {
  const capture = decodeCapture(Buffer.from(join(LE.pcapHeader(), LE.record({ data: ONE }))));
  expect(capture).toMatchObject({ ok: true, value: { packets: [{ bytes: ONE }] } });
  expect(capture.ok && Buffer.isBuffer(capture.value.packets[0]?.bytes)).toBe(false);
});

describe('writing', () => {
  test('little-endian with nanoseconds, octet for octet', () => {
    const writer = new PcapWriter({ linkType: 1, snapLength: 96 });
    expect(toHex(writer.header())).toBe('4d3cb2a1' + '0200' + '0400' + '0000000000000000' + '60000000' + '01000000');
    expect(toHex(writer.packet({ timestampNs: 1_000_000_002n, bytes: ONE, originalLength: 256 }))).toBe(
      '01000000' + '02000000' + '03000000' + '00010000' + '010203',
    );
  });

  test('the pieces are the whole', () => {
    const packets = [
      { at: 1, bytes: ONE },
      { at: 2.5, bytes: TWO },
    ];
    const writer = new PcapWriter();
    expect(join(writer.header(), ...packets.map((packet) => writer.packet(packet)))).toEqual(encodePcap({ packets }));
    expect(read(encodePcap({ packets })).packets.map(({ timestampNs }) => timestampNs)).toEqual([1_000_000n, 2_500_000n]);
  });

  test('a header that was handed out is not shared', () => {
    const writer = new PcapWriter();
    writer.header().fill(0);
    expect(decodeCapture(writer.header()).ok).toBe(true);
  });

  test.each([
    ['a time before 1970', { at: -1, bytes: ONE }],
    ['a time after 2106', { timestampNs: 2n ** 32n * 1_000_000_000n, bytes: ONE }],
    ['no time', { at: Number.NaN, bytes: ONE }],
    ['another interface', { at: 0, interfaceId: 1, bytes: ONE }],
    ['an original length below 0', { at: 0, bytes: ONE, originalLength: -1 }],
    ['an original length above 32 bits', { at: 0, bytes: ONE, originalLength: 2 ** 32 }],
    ['more octets than readers accept', { at: 0, bytes: new Uint8Array(262_145) }],
  ])('%s is the mistake of the caller', (_, packet) => {
    expect(() => new PcapWriter().packet(packet)).toThrow(UsageError);
  });

  test.each([{ linkType: -1 }, { linkType: 65_536 }, { linkType: 0.5 }, { snapLength: -1 }, { snapLength: 2 ** 32 }])(
    'a header with %o is the mistake of the caller',
    (options) => {
      expect(() => new PcapWriter(options)).toThrow(UsageError);
    },
  );
});
