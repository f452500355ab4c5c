import { isDeepStrictEqual } from 'node:util';
import { bytesEqual } from '@nexus-net/sansio';
import fc from 'fast-check';
import { octets } from '../../sansio/test/support/arbitraries.js';
import { property } from '../../sansio/test/support/law.js';
import { anyText } from '../../sansio/test/support/text.js';
import {
  type Capture,
  type CapturedPacket,
  type CaptureInterface,
  decodeCapture,
  encodePcap,
  encodePcapng,
  millisOfNanoseconds,
  type PacketToWrite,
} from '../src/index.js';
import { FileBuilder, join, ORDERS } from './support/capture-files.js';

const U32 = { min: 0, max: 0xffff_ffff };
const text = anyText({ maxLength: 12 });

function packets({ interfaces, nsMax }: { readonly interfaces: number; readonly nsMax: bigint }): fc.Arbitrary<CapturedPacket[]> {
  const fields = fc.record(
    {
      timestampNs: fc.bigInt({ min: 0n, max: nsMax }),
      interfaceId: fc.nat({ max: interfaces - 1 }),
      originalLength: fc.integer(U32),
      bytes: octets,
      comment: text,
      flags: fc.integer(U32),
    },
    { requiredKeys: ['timestampNs', 'interfaceId', 'originalLength', 'bytes'], noNullPrototype: true },
  );
  return fc.array(
    fields.map((packet) => ({ at: millisOfNanoseconds(packet.timestampNs), ...packet })),
    { maxLength: 6 },
  );
}

const described: fc.Arbitrary<CaptureInterface> = fc.record(
  { linkType: fc.integer({ min: 0, max: 0xffff }), snapLength: fc.integer(U32), name: text, description: text },
  { requiredKeys: ['linkType', 'snapLength'], noNullPrototype: true },
);

const pcapngContents = fc.array(described, { minLength: 1, maxLength: 4 }).chain((interfaces) =>
  fc.record({
    interfaces: fc.constant(interfaces),
    packets: packets({ interfaces: interfaces.length, nsMax: 2n ** 64n - 1n }),
  }),
);

type EncodePcapng = typeof encodePcapng;

/** The writer with every packet changed before it is written. */
function changing(change: (packet: PacketToWrite) => PacketToWrite): EncodePcapng {
  return ({ packets: given, ...options }) => encodePcapng({ ...options, packets: given.map(change) });
}

property('pcapng: decode(encode(capture)) = capture, to the nanosecond', {
  law: (encode: EncodePcapng) =>
    fc.property(pcapngContents, (contents) =>
      isDeepStrictEqual(decodeCapture(encode(contents)), { ok: true, value: { format: 'pcapng', ...contents } }),
    ),
  real: encodePcapng,
  planted: {
    'microseconds only': changing((packet) => ({ ...packet, timestampNs: ((packet.timestampNs ?? 0n) / 1_000n) * 1_000n })),
    'the time goes through milliseconds': changing(({ timestampNs, ...packet }) => ({
      ...packet,
      at: millisOfNanoseconds(timestampNs as bigint),
    })),
    'the original length is forgotten': changing((packet) => ({ ...packet, originalLength: packet.bytes.length })),
    'empty comments are left out': changing(({ comment, ...packet }) => (comment ? { ...packet, comment } : packet)),
    'all packets on the first interface': changing((packet) => ({ ...packet, interfaceId: 0 })),
    'octets are cut to a multiple of 4': changing((packet) => ({
      ...packet,
      bytes: packet.bytes.subarray(0, packet.bytes.length & ~3),
    })),
    'flags are signed': changing(({ flags, ...packet }) =>
      flags === undefined ? packet : { ...packet, flags: flags & 0x7fff_ffff },
    ),
  },
});

property('pcap: decode(encode(capture)) = capture, to the nanosecond', {
  law: (encode: typeof encodePcap) =>
    fc.property(
      described,
      packets({ interfaces: 1, nsMax: 0xffff_ffffn * 1_000_000_000n }),
      ({ linkType, snapLength }, withComments) => {
        const plain = withComments.map(({ comment: _comment, flags: _flags, ...packet }) => packet);
        return isDeepStrictEqual(decodeCapture(encode({ linkType, snapLength, packets: withComments })), {
          ok: true,
          value: { format: 'pcap', interfaces: [{ linkType, snapLength }], packets: plain },
        });
      },
    ),
  real: encodePcap,
  planted: {
    'the last packet is lost': ({ packets: given, ...options }) => encodePcap({ ...options, packets: given.slice(0, -1) }),
    'signed seconds': ({ packets: given, ...options }) =>
      encodePcap({
        ...options,
        packets: given.map((packet) => ({ ...packet, timestampNs: (packet.timestampNs ?? 0n) & 0x1fff_ffff_ffff_ffffn })),
      }),
    'one link type for all': ({ packets: given, ...options }) => encodePcap({ ...options, linkType: 1, packets: given }),
  },
});

/** Files by another writer: both formats, both orders, several sections, the odd block. */
const foreignFile: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.constantFrom(...ORDERS), fc.boolean(), fc.array(octets, { maxLength: 6 }), fc.nat({ max: 255 }))
  .map(([order, ng, datas, resolution]): Uint8Array => {
    const file = new FileBuilder(order);
    if (!ng) return join(file.pcapHeader(), ...datas.map((data, seconds) => file.record({ seconds, data })));
    const options = [file.option(9, Uint8Array.of(resolution)), file.option(14, file.s64(-5n)), file.option(0, '')];
    const section = [file.section(), file.interface({ options }), file.interface({ snapLength: 7 })];
    const blocks = datas.map(
      (data, i) =>
        [
          file.enhanced({ ticks: 12_345_678n, data, options: [file.option(1, 'note'), file.option(2, file.u32(1))] }),
          file.obsolete({ interfaceId: 1, ticks: 9n, data }),
          join(file.block(5, data.subarray(0, data.length & ~3)), file.simple({ data })),
        ][i % 3] as Uint8Array,
    );
    return join(...section, ...blocks, ...section, ...blocks);
  });

/** Some octets of it replaced, mostly by values that make bad lengths. */
const damagedFile: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    foreignFile,
    fc.array(fc.tuple(fc.nat({ max: 400 }), fc.oneof(fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff), fc.nat({ max: 255 }))), {
      maxLength: 6,
    }),
  )
  .map(([bytes, changes]) => {
    const damaged: Uint8Array = Uint8Array.from(bytes);
    for (const [at, value] of changes) damaged[at] = value;
    return damaged;
  });

type Decode = typeof decodeCapture;

/** Some place where the file's packets were lost or made up. */
function isSound(capture: Capture, file: Uint8Array): boolean {
  const inFile = capture.packets.every(
    ({ bytes }) => bytes.buffer === file.buffer && bytes.byteOffset + bytes.length <= file.byteOffset + file.length,
  );
  const captured = capture.packets.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const known = capture.packets.every(({ interfaceId }) => capture.interfaces[interfaceId] !== undefined);
  const { end } = capture;
  const endIsTrue =
    end === undefined || (end.afterPacket === capture.packets.length && end.offset < file.length && end.offset > 0);
  return inFile && captured <= file.length && capture.packets.length * 12 <= file.length && known && endIsTrue;
}

/** The decoder with its outcome changed. */
function breaking(change: (capture: Capture, file: Uint8Array) => Capture): Decode {
  return (file, options) => {
    const result = decodeCapture(file, options);
    return result.ok ? { ok: true, value: change(result.value, file) } : result;
  };
}

property('any octets are read without a throw, and packets are views of them and no more', {
  law: (decode: Decode) =>
    fc.property(fc.oneof(damagedFile, octets), (file) => {
      const result = decode(file);
      return !result.ok || isSound(result.value, file);
    }),
  real: decodeCapture,
  planted: {
    'throws where the file is cut': breaking((capture) => {
      if (capture.end !== undefined) throw new Error(capture.end.error);
      return capture;
    }),
    'packets are copies, as long as they claim to be': breaking((capture) => ({
      ...capture,
      packets: capture.packets.map((packet) => ({ ...packet, bytes: new Uint8Array(packet.originalLength % 4_096) })),
    })),
    'packets of unknown interfaces': breaking((capture) => ({ ...capture, interfaces: capture.interfaces.slice(1) })),
    'the end counts one packet too many': breaking((capture) =>
      capture.end === undefined ? capture : { ...capture, end: { ...capture.end, afterPacket: capture.end.afterPacket + 1 } },
    ),
  },
  count: 400,
});

function samePackets(a: readonly CapturedPacket[], b: readonly CapturedPacket[]): boolean {
  return isDeepStrictEqual(a, b);
}

property('a file cut anywhere gives the packets that are whole, and says where it ends', {
  law: (decode: Decode) =>
    fc.property(foreignFile, fc.double({ min: 0, max: 1, noNaN: true }), (file, fraction) => {
      const whole = decodeCapture(file);
      if (!whole.ok) return false;
      const length = Math.floor(file.length * fraction);
      const cut = decode(file.slice(0, length));
      if (!cut.ok) return length < 28; // not even the header
      const { packets: got, end } = cut.value;
      if (!samePackets(got, whole.value.packets.slice(0, got.length))) return false;
      // What is left out does not fit: reading on from the reported place finds nothing whole before the cut.
      const next = decodeCapture(file.slice(0, length + 1));
      const resumed = next.ok ? next.value.packets.length : 0;
      const complete = end === undefined ? length : end.offset;
      const again = decodeCapture(file.slice(0, complete));
      return (
        complete <= length &&
        resumed - got.length <= 1 &&
        again.ok &&
        again.value.end === undefined &&
        samePackets(again.value.packets, got)
      );
    }),
  real: decodeCapture,
  planted: {
    'a cut file gives nothing': breaking((capture) => (capture.end === undefined ? capture : { ...capture, packets: [] })),
    'the last whole packet is lost': breaking((capture) =>
      capture.end === undefined ? capture : { ...capture, packets: capture.packets.slice(0, -1) },
    ),
    'the cut packet is given as far as it goes': breaking((capture, file) => {
      const last = capture.packets.at(-1);
      if (capture.end === undefined || last === undefined) return capture;
      return { ...capture, packets: [...capture.packets, { ...last, bytes: file.subarray(capture.end.offset) }] };
    }),
    'the cut is not told': breaking(({ end: _end, ...capture }) => capture),
  },
  count: 300,
});

property('a foreign file that is read, written and read again is the same to the nanosecond', {
  law: (encode: EncodePcapng) =>
    fc.property(foreignFile, (file) => {
      const first = decodeCapture(file);
      if (!first.ok) return false;
      const { interfaces, packets: given } = first.value;
      const writable = given.filter(({ timestampNs }) => timestampNs >= 0n && timestampNs < 2n ** 64n);
      const second = decodeCapture(encode({ interfaces, packets: writable }));
      return (
        second.ok &&
        isDeepStrictEqual(second.value.interfaces, interfaces) &&
        samePackets(second.value.packets, writable) &&
        second.value.packets.every((packet, i) => bytesEqual(packet.bytes, (writable[i] as CapturedPacket).bytes))
      );
    }),
  real: encodePcapng,
  planted: {
    'interfaces keep no names or limits': ({ interfaces, ...rest }) =>
      encodePcapng({ ...rest, interfaces: interfaces.map(({ linkType = 1 }) => ({ linkType })) }),
    'comments are lost': changing(({ comment: _comment, ...packet }) => packet),
  },
});
