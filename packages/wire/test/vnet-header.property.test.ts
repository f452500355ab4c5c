import { ipv4FromU32 } from '@nexus-net/sansio';
import fc from 'fast-check';
import { ipv4Address, macAddress, octets } from '../../sansio/test/support/arbitraries.js';
import { property } from '../../sansio/test/support/law.js';
import { detectVnetHeader, encodeUdpFrame, type VnetPacket } from '../src/index.js';
import { join } from './support/capture-files.js';
import { arpFrame, frame, header, ipv6Frame, packet } from './support/vnet-frames.js';

const udpFrame = fc
  .tuple(macAddress, macAddress, ipv4Address, ipv4Address, fc.nat({ max: 0xffff }), octets, fc.nat({ max: 255 }))
  .map(([source, destination, from, to, port, payload, ttl]) =>
    encodeUdpFrame({
      link: { source, destination },
      datagram: { source: { address: from, port }, destination: { address: ipv4FromU32(to), port }, payload },
      ttl,
    }),
  );
const anyFrame = fc.oneof(udpFrame, fc.constantFrom(arpFrame(), ipv6Frame(), frame(0x88b5), frame(0x1234)));
const fields = fc.record({
  flags: fc.nat({ max: 7 }),
  gsoType: fc.constantFrom(0, 1, 3, 4, 5, 0x81),
  checksumStart: fc.nat({ max: 64 }),
  checksumOffset: fc.constantFrom(0, 6, 16),
  buffers: fc.nat({ max: 16 }),
});

type Detect = typeof detectVnetHeader;

property('the header that was put before the frames is found', {
  law: (detect: Detect) =>
    fc.property(
      fc.constantFrom(0 as const, 10 as const, 12 as const),
      fc.array(fc.tuple(anyFrame, fields), { minLength: 1, maxLength: 12 }),
      udpFrame,
      fields,
      (length: 0 | 10 | 12, others, checked, checkedFields) => {
        const capture = [...others, [checked, checkedFields] as const].map(([bytes, each]) =>
          packet(join(header(length, each), bytes)),
        );
        return detect(capture) === length;
      },
    ),
  real: detectVnetHeader,
  planted: {
    'never a header': (): 0 => 0,
    '10 is enough for all': (packets): 0 | 10 => (detectVnetHeader(packets) === 0 ? 0 : 10),
    'only the first octets are looked at': ([first]): 0 | 12 => ((first as VnetPacket).bytes[1] === 0 ? 12 : 0),
    'the first packet decides': (packets) => detectVnetHeader(packets.slice(0, 1)),
  },
});

/** Octets without those that start the EtherTypes of packets that can be checked. */
const noise = fc.oneof(
  fc
    .uint8Array({ maxLength: 90 })
    .map((bytes) => bytes.map((octet) => ([0x08, 0x81, 0x86, 0x88].includes(octet) ? 0xff : octet))),
  fc.nat({ max: 90 }).map((length) => new Uint8Array(length)),
);

property('any packets have an answer, and none is found in noise', {
  law: (detect: Detect) => fc.property(fc.array(noise.map(packet), { maxLength: 10 }), (packets) => detect(packets) === 0),
  real: detectVnetHeader,
  planted: {
    'zeros are a header': (packets) => (packets.some(({ bytes }) => bytes.length > 24 && bytes[0] === 0) ? 10 : 0),
    'throws for short packets': (packets) => {
      if (packets.some(({ bytes }) => bytes.length < 14)) throw new RangeError('too short');
      return 0;
    },
  },
});
