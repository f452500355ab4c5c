import { Buffer } from 'node:buffer';
import { UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type Capture, decodeCapture, decodePcapng, encodePcapng, PcapngWriter } from '../src/index.js';
import { FileBuilder, join, ORDERS } from './support/capture-files.js';

const LE = new FileBuilder('little');
const BE = new FileBuilder('big');
const ONE = Uint8Array.of(1, 2, 3);
const TWO = Uint8Array.of(4, 5);

function read(...parts: readonly Uint8Array[]): Capture {
  const result = decodeCapture(join(...parts));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe.each(ORDERS)('fault/H11 %s-endian', (order) => {
  const file = new FileBuilder(order);

  test('interfaces and all three kinds of packet', () => {
    const capture = read(
      file.section({ options: [file.option(4, 'made by hand'), file.option(0, '')] }),
      file.interface({ snapLength: 2, options: [file.option(2, 'eth0'), file.option(3, 'the first'), file.option(0, '')] }),
      file.interface({ linkType: 101 }),
      file.enhanced({ interfaceId: 1, ticks: 1_700_000_000_000_007n, data: ONE, original: 1_500 }),
      file.obsolete({ interfaceId: 1, drops: 9, ticks: 2n ** 32n + 1n, data: TWO }),
      file.simple({ data: TWO, original: 60 }),
    );
    expect(capture).toEqual({
      format: 'pcapng',
      interfaces: [
        { linkType: 1, snapLength: 2, name: 'eth0', description: 'the first' },
        { linkType: 101, snapLength: 0 },
      ],
      packets: [
        { at: 1_700_000_000_000.007, timestampNs: 1_700_000_000_000_007_000n, interfaceId: 1, originalLength: 1_500, bytes: ONE },
        { at: 4_294_967.297, timestampNs: 4_294_967_297_000n, interfaceId: 1, originalLength: 2, bytes: TWO },
        { at: 0, timestampNs: 0n, interfaceId: 0, originalLength: 60, bytes: TWO },
      ],
    });
  });

  test.each<[string, number, bigint, bigint]>([
    ['seconds', 0, 3n, 3_000_000_000n],
    ['milliseconds', 3, 3n, 3_000_000n],
    ['microseconds', 6, 3n, 3_000n],
    ['nanoseconds', 9, 3n, 3n],
    ['picoseconds, cut to nanoseconds', 12, 2_999n, 2n],
    ['10^-127: nothing is left', 127, 2n ** 64n - 1n, 0n],
    ['10^0, all ticks', 0, 2n ** 64n - 1n, (2n ** 64n - 1n) * 1_000_000_000n],
    ['2^0', 0x80, 3n, 3_000_000_000n],
    ['2^-10', 0x8a, 1_024n + 512n, 1_500_000_000n],
    ['2^-32', 0xa0, (5n << 32n) | (1n << 31n), 5_500_000_000n],
    ['2^-127', 0xff, 2n ** 64n - 1n, 0n],
  ])('ticks of %s', (_, resolution, ticks, timestampNs) => {
    const capture = read(
      file.section(),
      file.interface({ options: [file.option(9, Uint8Array.of(resolution))] }),
      file.enhanced({ ticks }),
    );
    expect(capture.packets[0]?.timestampNs).toBe(timestampNs);
  });

  test.each<[bigint, bigint, number]>([
    [1_000n, 1_000_000_000_003n, 1_000_000.000003],
    [-1n, -999_999_997n, -999.999997],
  ])('an offset of %s seconds', (seconds, timestampNs, at) => {
    const capture = read(
      file.section(),
      file.interface({ options: [file.option(9, Uint8Array.of(9)), file.option(14, file.s64(seconds))] }),
      file.enhanced({ ticks: 3n }),
    );
    expect(capture.packets[0]).toMatchObject({ timestampNs, at });
  });

  test('comments and flags', () => {
    const capture = read(
      file.section(),
      file.interface(),
      file.enhanced({
        data: ONE,
        options: [file.option(1, 'größer'), file.option(2, file.u32(0x8000_0001)), file.option(1, 'second')],
      }),
      file.obsolete({ data: ONE, options: [file.option(1, '')] }),
      file.enhanced({ data: ONE, options: [file.option(0, ''), file.option(1, 'behind the end')] }),
    );
    expect(capture.packets.map(({ comment, flags }) => [comment, flags])).toEqual([
      ['größer\nsecond', 0x8000_0001],
      ['', undefined],
      [undefined, undefined],
    ]);
  });
});

test('each section has its own byte order and interfaces; ids count through the file', () => {
  const capture = read(
    LE.section(),
    LE.interface({ options: [LE.option(2, 'a')] }),
    LE.enhanced({ data: ONE }),
    BE.section(),
    BE.interface({ options: [BE.option(2, 'b'), BE.option(9, Uint8Array.of(9))] }),
    BE.interface({ options: [BE.option(2, 'c')] }),
    BE.enhanced({ interfaceId: 1, ticks: 1n, data: TWO }),
    BE.enhanced({ interfaceId: 0, ticks: 1n, data: TWO }),
    LE.section(),
    LE.interface({ options: [LE.option(2, 'd')] }),
    LE.simple({ data: ONE }),
  );
  expect(capture.packets.map((each) => [capture.interfaces[each.interfaceId]?.name, each.timestampNs])).toEqual([
    ['a', 0n],
    ['c', 1_000n],
    ['b', 1n],
    ['d', 0n],
  ]);
  expect(capture.end).toBeUndefined();
});

test('an interface may be described after packets of others', () => {
  const capture = read(LE.section(), LE.interface(), LE.enhanced(), LE.interface(), LE.enhanced({ interfaceId: 1 }));
  expect(capture.packets.map(({ interfaceId }) => interfaceId)).toEqual([0, 1]);
});

test('other blocks are skipped: names, statistics, secrets, custom, unknown', () => {
  const others = [4, 5, 10, 0xbad, 0x4000_0bad, 0x8000_0001, 0].map((type) => LE.block(type, new Uint8Array(8).fill(0xff)));
  expect(read(LE.section(), ...others, LE.interface(), ...others, LE.enhanced({ data: ONE }), ...others)).toMatchObject({
    packets: [{ bytes: ONE }],
  });
});

describe('options that make no sense are ignored, not the packet', () => {
  test.each([
    ['a length past the block', join(LE.u16(1), LE.u16(9), new Uint8Array(8))],
    ['flags of two octets', LE.option(2, Uint8Array.of(1, 2))],
    ['text that is no UTF-8', LE.option(988, Uint8Array.of(0xff))],
  ])('%s', (_, options) => {
    const packet = read(LE.section(), LE.interface(), LE.enhanced({ data: ONE, options: [options] })).packets[0];
    expect(packet).toEqual({ at: 0, timestampNs: 0n, interfaceId: 0, originalLength: 3, bytes: ONE });
  });

  test('an interface option of the wrong size', () => {
    const options = [LE.option(9, ''), LE.option(14, new Uint8Array(7).fill(1)), LE.option(14, new Uint8Array(0))];
    expect(read(LE.section(), LE.interface({ options }), LE.enhanced({ ticks: 1n })).packets[0]?.timestampNs).toBe(1_000n);
  });

  test('octets that are no UTF-8 become replacement characters; a byte-order mark stays', () => {
    const options = [LE.option(1, Uint8Array.of(0xff)), LE.option(1, '\ufeffx')];
    expect(read(LE.section(), LE.interface(), LE.enhanced({ options })).packets[0]?.comment).toBe('\ufffd\n\ufeffx');
  });
});

describe('fault/H11 simple packets: the captured length follows from the interface', () => {
  test.each([
    ['no limit', 0, 60, 60],
    ['a limit below', 40, 60, 40],
    ['a limit above', 100, 60, 60],
  ])('%s', (_, snapLength, original, captured) => {
    const data = new Uint8Array(captured).fill(7);
    const capture = read(LE.section(), LE.interface({ snapLength }), LE.simple({ data, original }));
    expect(capture.packets[0]).toMatchObject({ originalLength: original, bytes: data });
  });
});

describe('fault/H11 a file that ends early', () => {
  const good = join(LE.section(), LE.interface(), LE.enhanced({ data: ONE }));
  const lyingAtTheEnd = LE.enhanced({ data: ONE });
  lyingAtTheEnd[lyingAtTheEnd.length - 4] = 32;

  test.each([
    ['less than a block', new Uint8Array(11), 'truncated'],
    ['cut in a block', LE.enhanced({ data: ONE }).subarray(0, 35), 'truncated'],
    ['a block longer than the file', join(LE.u32(6), LE.u32(0xffff_fffc), new Uint8Array(40)), 'truncated'],
    ['a block of length 0', new Uint8Array(12), 'bad-block-length'],
    ['a block of length 8', join(LE.u32(6), LE.u32(8), LE.u32(8)), 'bad-block-length'],
    ['a length that is no multiple of 4', join(LE.u32(5), LE.u32(13), new Uint8Array(1), LE.u32(13)), 'bad-block-length'],
    ['two lengths that differ', lyingAtTheEnd, 'bad-block-length'],
    ['a section without its header', LE.block(0x0a0d0d0a, LE.u32(0x1a2b3c4d)), 'bad-block-length'],
    ['a section of unknown byte order', LE.section({ magic: 0x12345678 }), 'bad-byte-order'],
    ['a section of version 2', LE.section({ major: 2 }), 'unsupported-version'],
    ['an interface without its limit', LE.block(1, LE.u32(1)), 'bad-block-length'],
    ['an enhanced packet without its lengths', LE.block(6, new Uint8Array(16)), 'bad-block-length'],
    ['an obsolete packet without its lengths', LE.block(2, new Uint8Array(16)), 'bad-block-length'],
    ['a simple packet without its length', LE.block(3), 'bad-block-length'],
    ['an interface that is not described', LE.enhanced({ interfaceId: 1 }), 'unknown-interface'],
    ['an absurd interface', LE.enhanced({ interfaceId: 0xffff_ffff }), 'unknown-interface'],
    ['an absurd obsolete interface', LE.obsolete({ interfaceId: 0xffff }), 'unknown-interface'],
    ['more captured than the block holds', LE.enhanced({ data: ONE, captured: 5 }), 'bad-capture-length'],
    ['an absurd captured length', LE.enhanced({ captured: 0xffff_ffff }), 'bad-capture-length'],
    ['more than the limit', LE.enhanced({ data: new Uint8Array(262_145) }), 'bad-capture-length'],
    ['a simple packet that is longer than its block', LE.simple({ data: ONE, original: 5 }), 'bad-capture-length'],
    ['a simple packet above the limit', LE.simple({ data: new Uint8Array(262_145) }), 'bad-capture-length'],
  ])('%s: the packets before it are there', (_, tail, error) => {
    const capture = read(good, tail);
    expect(capture.packets.length).toBe(1);
    expect(capture.end).toEqual({ error, afterPacket: 1, offset: good.length });
  });

  test.each([
    ['in the first block', LE.section().subarray(0, 20), 'truncated'],
    ['with four octets', LE.section().subarray(0, 4), 'truncated'],
    ['of unknown byte order', LE.section({ magic: 1 }), 'bad-byte-order'],
    ['of version 2', BE.section({ major: 2 }), 'unsupported-version'],
  ])('a file that is cut or odd %s is nothing', (_, bytes, error) => {
    expect(decodeCapture(bytes)).toEqual({ ok: false, error });
  });

  test('a simple packet before any interface of its section', () => {
    expect(read(good, BE.section(), BE.simple({ data: ONE })).end?.error).toBe('unknown-interface');
  });

  test('decodePcapng takes no pcap, and no limit below 0', () => {
    expect(decodePcapng(LE.pcapHeader())).toEqual({ ok: false, error: 'unknown-format' });
    expect(() => decodePcapng(good, { packetOctetsMax: -1 })).toThrow(UsageError);
  });
});

test('the smallest blocks and options there are cost no more than their octets', () => {
  const blocks = join(LE.section(), LE.interface(), ...new Array<Uint8Array>(20_000).fill(LE.block(5)));
  expect(read(blocks).end).toBeUndefined();
  const options = new Array<Uint8Array>(20_000).fill(LE.option(1, ''));
  expect(read(LE.section(), LE.interface(), LE.enhanced({ options })).packets[0]?.comment).toBe('\n'.repeat(19_999));
});

test('a Buffer may be given; what comes back is none', () => {
  const capture = decodeCapture(Buffer.from(join(LE.section(), LE.interface(), LE.enhanced({ data: ONE }))));
  expect(capture).toMatchObject({ ok: true, value: { packets: [{ bytes: ONE }] } });
  expect(capture.ok && Buffer.isBuffer(capture.value.packets[0]?.bytes)).toBe(false);
});

describe('writing', () => {
  test('a section, its interfaces, packets with comments and flags', () => {
    const writer = new PcapngWriter({
      hardware: 'a wire',
      os: 'none',
      application: 'nexus-net',
      comment: 'on the file',
      interfaces: [{ name: 'guest' }, { name: 'gateway', description: 'the other end', linkType: 113, snapLength: 96 }],
    });
    const capture = read(
      writer.header(),
      writer.packet({ at: 1.5, bytes: ONE }),
      writer.packet({
        timestampNs: 1_700_000_000_123_456_789n,
        interfaceId: 1,
        bytes: TWO,
        originalLength: 60,
        comment: 'why',
        flags: 2,
      }),
    );
    expect(capture).toEqual({
      format: 'pcapng',
      interfaces: [
        { linkType: 1, snapLength: 0, name: 'guest' },
        { linkType: 113, snapLength: 96, name: 'gateway', description: 'the other end' },
      ],
      packets: [
        { at: 1.5, timestampNs: 1_500_000n, interfaceId: 0, originalLength: 3, bytes: ONE },
        {
          at: 1_700_000_000_123.4568,
          timestampNs: 1_700_000_000_123_456_789n,
          interfaceId: 1,
          originalLength: 60,
          bytes: TWO,
          comment: 'why',
          flags: 2,
        },
      ],
    });
  });

  test('the layout, octet for octet', () => {
    const writer = new PcapngWriter({ application: 'x', interfaces: [{ name: 'ab' }] });
    expect(writer.header()).toEqual(
      join(
        LE.section({ options: [LE.option(4, 'x'), LE.option(0, '')] }),
        LE.interface({ options: [LE.option(2, 'ab'), LE.option(9, Uint8Array.of(9)), LE.option(0, '')] }),
      ),
    );
    expect(writer.packet({ timestampNs: 2n ** 33n + 5n, bytes: ONE })).toEqual(LE.enhanced({ ticks: 2n ** 33n + 5n, data: ONE }));
    expect(writer.packet({ at: 0, bytes: ONE, comment: 'c' })).toEqual(
      LE.enhanced({ data: ONE, options: [LE.option(1, 'c'), LE.option(0, '')] }),
    );
    expect(new PcapngWriter({ interfaces: [] }).header()).toEqual(LE.section());
  });

  test('the pieces are the whole, and a header that was handed out is not shared', () => {
    const options = { interfaces: [{ name: 'a' }] };
    const packets = [
      { at: 1, bytes: ONE, comment: 'first' },
      { at: 2, bytes: TWO },
    ];
    const writer = new PcapngWriter(options);
    writer.header().fill(0);
    expect(join(writer.header(), ...packets.map((packet) => writer.packet(packet)))).toEqual(
      encodePcapng({ ...options, packets }),
    );
  });

  test('interfaces may be added while the file grows', () => {
    const writer = new PcapngWriter({ interfaces: [] });
    expect(() => writer.packet({ at: 0, bytes: ONE })).toThrow(UsageError);
    const pieces = [writer.header(), writer.addInterface({ name: 'late' }), writer.packet({ at: 0, bytes: ONE })];
    expect(writer.interfaceCount).toBe(1);
    expect(read(...pieces)).toMatchObject({ interfaces: [{ name: 'late' }], packets: [{ interfaceId: 0 }] });
  });

  test.each([
    ['just fits', 'x'.repeat(65_535), 'x'.repeat(65_535)],
    ['one too many', 'x'.repeat(65_536), `${'x'.repeat(65_532)}…`],
    ['a character across the cut', `x${'ü'.repeat(40_000)}`, `x${'ü'.repeat(32_765)}…`],
    ['a character of four octets across the cut', `x${'𝄞'.repeat(20_000)}`, `x${'𝄞'.repeat(16_382)}…`],
  ])('a comment that %s is cut between characters, and shows it', (_, comment, expected) => {
    const capture = read(encodePcapng({ interfaces: [{}], packets: [{ at: 0, bytes: ONE, comment }] }));
    expect(capture.packets[0]?.comment === expected).toBe(true);
  });

  test.each([
    ['an interface that is not described', { at: 0, interfaceId: 1, bytes: ONE }],
    ['an interface below 0', { at: 0, interfaceId: -1, bytes: ONE }],
    ['half an interface', { at: 0, interfaceId: 0.5, bytes: ONE }],
    ['a time before 1970', { at: -1, bytes: ONE }],
    ['a time after 2554', { timestampNs: 2n ** 64n, bytes: ONE }],
    ['no time', { at: Number.NaN, bytes: ONE }],
    ['an original length below 0', { at: 0, bytes: ONE, originalLength: -1 }],
    ['flags of 33 bits', { at: 0, bytes: ONE, flags: 2 ** 32 }],
    ['more octets than readers accept', { at: 0, bytes: new Uint8Array(262_145) }],
  ])('%s is the mistake of the caller', (_, packet) => {
    expect(() => new PcapngWriter({ interfaces: [{}] }).packet(packet)).toThrow(UsageError);
  });

  test.each([{ linkType: 65_536 }, { linkType: -1 }, { snapLength: 2 ** 32 }, { snapLength: 1.5 }])(
    'an interface with %o is the mistake of the caller',
    (wrong) => {
      expect(() => new PcapngWriter({ interfaces: [wrong] })).toThrow(UsageError);
      expect(() => new PcapngWriter({ interfaces: [] }).addInterface(wrong)).toThrow(UsageError);
    },
  );
});
