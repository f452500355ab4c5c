import { concatBytes, ipv4, type MacAddress, writeU16, writeU32 } from '@nexus-net/sansio';
import { dissect, encodeEthernet, encodeIpv4, encodeTcp, pseudoHeaderSum } from '@nexus-net/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { property } from '../../../sansio/test/support/law.js';
import { framesOf } from '../../src/runtime/coalesced-frames.js';

const PSEUDO = { source: ipv4(10, 42, 0, 11), destination: ipv4(10, 42, 0, 10) };

function frameOf(payload: Uint8Array, { sequence = 1_000, fin = false, identification = 7 } = {}): Uint8Array {
  const tcp = encodeTcp(
    {
      sourcePort: 34_568,
      destinationPort: 40_000,
      sequence,
      acknowledgment: 99,
      flags: { fin, syn: false, rst: false, psh: true, ack: true, urg: false, ece: false, cwr: false },
      window: 500,
      urgentPointer: 0,
      options: [{ type: 'nop' }, { type: 'nop' }, { type: 'timestamps', value: 5, echo: 6 }],
      payload,
    },
    PSEUDO,
  );
  const packet = encodeIpv4({ ...PSEUDO, protocol: 6, identification, ttl: 64, payload: tcp, dontFragment: true });
  return encodeEthernet({ destination: 1 as MacAddress, source: 2 as MacAddress, etherType: 0x0800, payload: packet });
}

function header(kind: number, { flags = 0, each = 0, start = 0, field = 0 } = {}): Uint8Array {
  return Uint8Array.of(flags, kind, 66, 0, each & 0xff, each >>> 8, start, 0, field, 0);
}

/** What Linux makes of segments that came behind each other: the sum of the pseudo-header where the checksum belongs. */
function coalesced(payload: Uint8Array, each: number, fin = false): Uint8Array {
  const frame = frameOf(payload, { fin });
  const length = frame.length - 34;
  let sum = pseudoHeaderSum(PSEUDO, { protocol: 6, length });
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  writeU16(frame, 34 + 16, sum);
  return concatBytes([header(1, { flags: 1, each, start: 34, field: 16 }), frame]);
}

describe('what a macvtap device gives', () => {
  test('a frame is itself', () => {
    const frame = frameOf(Uint8Array.of(1, 2, 3));
    expect(framesOf(concatBytes([header(0), frame]))).toEqual([frame]);
  });

  test('a checksum that is left undone is done', () => {
    const [frame] = framesOf(coalesced(Uint8Array.of(1, 2, 3), 0).map((octet, i) => (i === 1 ? 0 : octet))) ?? [];
    expect(frame).toEqual(frameOf(Uint8Array.of(1, 2, 3)));
  });

  test('segments that were put together are what they were on the cable; the last one has PSH and FIN', () => {
    const payload = Uint8Array.from({ length: 3_000 }, (_, i) => i % 251);
    const frames = framesOf(coalesced(payload, 1_448, true)) ?? [];
    const segments = frames.map((frame) => dissect(frame).tcp);
    expect(segments.map((tcp) => [tcp?.sequence, tcp?.payload.length, tcp?.flags.psh, tcp?.flags.fin])).toEqual([
      [1_000, 1_448, false, false],
      [2_448, 1_448, false, false],
      [3_896, 104, true, true],
    ]);
    expect(frames.map((frame) => dissect(frame).ipv4?.identification)).toEqual([7, 8, 9]);
    expect(frames.at(-1)).toEqual(frameOf(payload.subarray(2_896), { sequence: 3_896, fin: true, identification: 9 }));
  });

  test('another way of putting together, or too little, is refused', () => {
    const frame = frameOf(Uint8Array.of(1));
    for (const kind of [3, 4, 5]) expect(framesOf(concatBytes([header(kind, { each: 10 }), frame]))).toBeUndefined();
    expect(framesOf(concatBytes([header(1, { each: 0 }), frame]))).toBeUndefined();
    expect(framesOf(new Uint8Array(10))).toBeUndefined();
    expect(framesOf(concatBytes([header(0, { flags: 1, start: 250, field: 16 }), frame]))).toBeUndefined();
  });
});

property<typeof framesOf>('octets and order of what was put together stay, and every checksum is right', {
  law: (split) =>
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 100, max: 1_460 }), (length, each) => {
      const payload = Uint8Array.from({ length }, (_, i) => (i * 7) % 251);
      const frames = split(coalesced(payload, each)) ?? [];
      const segments = frames.map((frame) => dissect(frame).tcp);
      if (segments.some((tcp) => tcp === undefined || tcp.payload.length > each)) return false;
      const joined = concatBytes(segments.map((tcp) => tcp?.payload ?? new Uint8Array(0)));
      const isWhole = joined.length === payload.length && joined.every((octet, i) => octet === payload[i]);
      const isInOrder = segments.every((tcp, i) => tcp?.sequence === 1_000 + i * each);
      return isWhole && isInOrder && frames.every((frame) => dissect(frame).problem === undefined);
    }),
  real: framesOf,
  planted: {
    'takes it for one frame': (packet) => framesOf(packet.map((octet, i) => (i === 1 ? 0 : octet))),
    'keeps the first sequence number': (packet) =>
      framesOf(packet)?.map((frame) => {
        const copy = frame.slice();
        writeU32(copy, 38, 1_000);
        return copy;
      }),
  },
  count: 60,
});
