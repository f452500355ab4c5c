import { Buffer } from 'node:buffer';
import { ipv4, parseIpv4, parseMac } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  decodeUdp,
  detectVnetHeader,
  encodeUdpFrame,
  stripVnetHeader,
  stripVnetHeaders,
  type VnetHeaderLength,
  type VnetPacket,
} from '../src/index.js';
import { join } from './support/capture-files.js';
import { arpFrame, frame, GATEWAY, GUEST, header, ipv6Frame, packet, vlanFrame } from './support/vnet-frames.js';

const udp = encodeUdpFrame({
  link: { source: GUEST, destination: GATEWAY },
  datagram: {
    source: { address: ipv4(10, 0, 2, 15), port: 68 },
    destination: { address: ipv4(10, 0, 2, 2), port: 67 },
    payload: new Uint8Array(21).fill(3),
  },
});
const frames: Readonly<Record<string, Uint8Array>> = {
  arp: arpFrame(),
  udp,
  ipv6: ipv6Frame(),
  vlan: vlanFrame(arpFrame(), 1),
  'two vlans': vlanFrame(arpFrame(), 2),
};

describe.each([0, 10, 12] as const)('a header of %i octets', (length) => {
  test.each(Object.entries(frames))('is seen before one %s frame, and taken off', (_, bytes) => {
    const captured = packet(join(header(length), bytes));
    expect(detectVnetHeader([captured])).toBe(length);
    expect(stripVnetHeader(captured, length)).toEqual({ bytes, originalLength: bytes.length });
  });

  test('is seen before a whole capture with frames that tell nothing', () => {
    const unknown = [frame(0x88b5), frame(0x88cc), frame(0x1234), frame(0x0027), Uint8Array.of(1, 2, 3)];
    const capture = [...Object.values(frames), ...unknown].map((bytes) => packet(join(header(length), bytes)));
    expect(detectVnetHeader(capture)).toBe(length);
  });

  test('is seen where only the start of each frame was captured', () => {
    const cut = join(header(length), udp).subarray(0, length + 40);
    expect(detectVnetHeader([{ bytes: cut, originalLength: length + udp.length }])).toBe(length);
  });
});

describe('no header', () => {
  test.each<[string, readonly VnetPacket[]]>([
    ['no packets', []],
    ['packets of no octets', [packet(new Uint8Array(0))]],
    ['zeros', [packet(new Uint8Array(100))]],
    ['frames of unknown kinds only', [packet(frame(0x88b5)), packet(frame(0x1234)), packet(frame(0x0027))]],
    ['loopback: addresses of zeros', [packet(join(new Uint8Array(12), udp.subarray(12)))]],
    // A group address whose octets would be sane flags and GSO type, before an EtherType in just the wrong place.
    ['a multicast frame', [packet(join(Uint8Array.of(1, 0, 0x5e, 0, 0, 1), udp.subarray(6)))]],
    ['a header without any frame that can be checked', [packet(join(header(10), frame(0x88b5)))]],
    ['a header with flags that nobody sets', [packet(join(header(10, { flags: 8 }), udp))]],
    ['a header with a GSO type that nobody sets', [packet(join(header(10, { gsoType: 2 }), udp))]],
    ['a header with too many buffers', [packet(join(header(12, { buffers: 1_025 }), udp))]],
  ])('%s', (_, capture) => {
    expect(detectVnetHeader(capture)).toBe(0);
    expect(stripVnetHeaders(capture)).toBe(capture);
  });
});

test('sane headers of all kinds count as such', () => {
  for (const gsoType of [0, 1, 3, 4, 5, 0x81, 0x84])
    for (const flags of [0, 1, 2, 4, 7])
      expect(detectVnetHeader([packet(join(header(12, { flags, gsoType, buffers: 3 }), udp))])).toBe(12);
});

test('one frame that looks like another length does not outvote the rest', () => {
  const odd = packet(join(header(10), arpFrame()));
  const capture = [odd, ...Object.values(frames).map((bytes) => packet(join(header(12), bytes)))];
  expect(detectVnetHeader(capture)).toBe(12);
});

test('a capture that starts before the driver: 10 octets first, 12 after', () => {
  const unknown = join(header(12), frame(0x88b5));
  const capture = [
    packet(join(header(10), ipv6Frame())),
    packet(join(header(10), arpFrame())),
    ...[udp, arpFrame(), udp].map((bytes) => packet(join(header(12), bytes))),
    packet(unknown),
  ];
  expect(stripVnetHeaders(capture)).toEqual(
    [ipv6Frame(), arpFrame(), udp, arpFrame(), udp, frame(0x88b5)].map((bytes) => packet(bytes)),
  );
});

test('a capture that ends before the driver has said anything: 10 octets, once 12', () => {
  const capture = [udp, arpFrame(), udp].map((bytes) => packet(join(header(10), bytes)));
  expect(stripVnetHeaders([...capture, packet(join(header(12), udp))])).toEqual([udp, arpFrame(), udp, udp].map(packet));
});

describe('taking off', () => {
  test('keeps the other fields, and is a view', () => {
    const captured = { ...packet(join(header(10), udp)), at: 5, comment: 'kept' };
    const stripped = stripVnetHeader(captured, 10);
    expect(stripped).toEqual({ bytes: udp, originalLength: udp.length, at: 5, comment: 'kept' });
    expect(stripped.bytes.buffer).toBe(captured.bytes.buffer);
    expect(stripVnetHeader(captured, 0)).toBe(captured);
  });

  test('a packet shorter than its header is empty', () => {
    expect(stripVnetHeader(packet(Uint8Array.of(1, 2)), 12)).toEqual({ bytes: new Uint8Array(0), originalLength: 0 });
  });
});

describe('a checksum that was left to the network card', () => {
  const pseudo = { source: parseIpv4('10.0.2.15'), destination: parseIpv4('10.0.2.2') };
  /** The checksum field as Linux leaves it: the sum of the pseudo-header, not complemented. */
  function partial(): Uint8Array {
    const bytes = udp.slice();
    const sum = 0x0a00 + 0x020f + 0x0a00 + 0x0202 + 17 + (udp.length - 34);
    bytes[40] = sum >>> 8;
    bytes[41] = sum;
    return bytes;
  }
  const asked = { flags: 1, checksumStart: 34, checksumOffset: 6 };

  test.each<VnetHeaderLength>([10, 12])('is completed in a copy (header of %i)', (length) => {
    const captured = packet(Buffer.from(join(header(length, asked), partial()))); // its `slice` would not copy
    const before = Uint8Array.from(captured.bytes);
    const stripped = stripVnetHeader(captured, length);
    expect(stripped.bytes).toEqual(udp);
    expect(decodeUdp(stripped.bytes.subarray(34), pseudo).ok).toBe(true);
    expect(Uint8Array.from(captured.bytes)).toEqual(before);
  });

  test('that comes out as 0 is written as 0xffff', () => {
    const bytes = udp.slice();
    bytes.fill(0, 34);
    bytes[40] = 0xff;
    bytes[41] = 0xff;
    expect([...stripVnetHeader(packet(join(header(10, asked), bytes)), 10).bytes.subarray(40, 42)]).toEqual([0xff, 0xff]);
  });

  test.each([
    ['is not asked for', { ...asked, flags: 0 }],
    ['is past the end', { ...asked, checksumStart: udp.length, checksumOffset: 0 }],
    ['is past the end by one', { ...asked, checksumStart: udp.length - 1, checksumOffset: 0 }],
    ['is absurdly far', { ...asked, checksumStart: 0xffff, checksumOffset: 0xffff }],
  ])('stays where it %s', (_, fields) => {
    expect(stripVnetHeader(packet(join(header(10, fields), partial())), 10).bytes).toEqual(partial());
  });

  test('stays where the frame is cut: its octets are not all there', () => {
    const whole = join(header(10, asked), partial());
    const cut = { bytes: whole.subarray(0, whole.length - 1), originalLength: whole.length };
    expect(stripVnetHeader(cut, 10).bytes).toEqual(partial().subarray(0, -1));
  });
});

test('the addresses are those that the frames are made with', () => {
  expect([GUEST, GATEWAY]).toEqual([parseMac('52:54:00:12:34:56'), parseMac('52:55:0a:00:02:02')]);
});
