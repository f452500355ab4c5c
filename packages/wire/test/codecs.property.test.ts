import { type Ipv4Address, ipv4 as ipv4Address, ok, readU16, writeU16 } from '@nexus-net/sansio';
import {
  decodeArp,
  decodeDns,
  decodeEthernet,
  decodeIcmpv4,
  decodeIgmp,
  decodeIpv4,
  decodeTcp,
  decodeUdp,
  dissect,
  ETHERTYPE,
  encodeArp,
  encodeDns,
  encodeEthernet,
  encodeIcmpv4,
  encodeIgmp,
  encodeIpv4,
  encodeTcp,
  encodeUdp,
  encodeUdpFrame,
  IP_PROTOCOL,
  type Ipv4Packet,
  internetChecksum,
  pseudoHeaderSum,
  type TcpSegment,
  type UdpDatagram,
} from '@nexus-net/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectBroken } from '../../sansio/test/support/planted.js';
import { runs } from '../../sansio/test/support/runs.js';
import * as any from './support/arbitraries.js';
import { type Codec, canonicalLaw, roundTripLaw, totalLaw } from './support/laws.js';

const PSEUDO = { source: ipv4Address(10, 0, 2, 15), destination: ipv4Address(10, 0, 2, 2) };
const ETHERNET = { decode: decodeEthernet, encode: encodeEthernet };
const ARP = { decode: decodeArp, encode: encodeArp };
const IPV4: Codec<Ipv4Packet> = { decode: decodeIpv4, encode: encodeIpv4 };
const ICMP = { decode: decodeIcmpv4, encode: encodeIcmpv4 };
const IGMP = { decode: decodeIgmp, encode: encodeIgmp };
const UDP: Codec<UdpDatagram> = { decode: (bytes) => decodeUdp(bytes, PSEUDO), encode: (value) => encodeUdp(value, PSEUDO) };
const TCP: Codec<TcpSegment> = { decode: (bytes) => decodeTcp(bytes, PSEUDO), encode: (value) => encodeTcp(value, PSEUDO) };
const DNS = { decode: decodeDns, encode: encodeDns };
const IGNORE = { checksum: 'ignore' } as const;

describe('decode(encode(value)) = value', () => {
  test('property: Ethernet', () => roundTripLaw(ETHERNET, any.ethernet));
  test('property: ARP', () => roundTripLaw(ARP, any.arp));
  test('property: IPv4', () => roundTripLaw(IPV4, any.ipv4));
  test('property: ICMP', () => roundTripLaw(ICMP, any.icmp));
  test('property: IGMP', () => roundTripLaw(IGMP, any.igmp));
  test('property: UDP', () => roundTripLaw(UDP, any.udp));
  test('property: TCP', () => roundTripLaw(TCP, any.tcp));
  test('property: DNS', () => roundTripLaw(DNS, any.dns));

  test('property IPv4 catches a planted bug: the fragment offset is written in octets', () => {
    const encode = (packet: Ipv4Packet): Uint8Array => {
      const bytes = encodeIpv4(packet);
      writeU16(bytes, 6, (readU16(bytes, 6) & 0xe000) | (packet.fragmentOffset & 0x1fff));
      writeU16(bytes, 10, 0);
      writeU16(bytes, 10, internetChecksum(bytes.subarray(0, 20 + packet.options.length)));
      return bytes;
    };
    expectBroken(() => roundTripLaw({ ...IPV4, encode }, any.ipv4));
  });
  test('property UDP catches a planted bug: the checksum leaves out the destination address', () => {
    const encode = (value: UdpDatagram): Uint8Array => encodeUdp(value, { ...PSEUDO, destination: 0 as Ipv4Address });
    expectBroken(() => roundTripLaw({ ...UDP, encode }, any.udp));
  });
  test('property TCP catches a planted bug: sequence numbers are signed', () => {
    const decode: typeof TCP.decode = (bytes) => {
      const segment = TCP.decode(bytes);
      return segment.ok ? ok({ ...segment.value, sequence: segment.value.sequence | 0 }) : segment;
    };
    expectBroken(() => roundTripLaw({ ...TCP, decode }, any.tcp));
  });
  test('property DNS catches a planted bug: names lose their case', () => {
    const encode: typeof encodeDns = (message) =>
      encodeDns({ ...message, questions: message.questions.map((q) => ({ ...q, name: q.name.toLowerCase() })) });
    expectBroken(() => roundTripLaw({ ...DNS, encode }, any.dns));
  });
});

describe('encode(decode(bytes)) = bytes, where the format leaves nothing open', () => {
  // A one's complement zero has two spellings: a field of 0xffff can be right where the encoder writes 0.
  const zeroAs = (at: number) => (bytes: Uint8Array) => {
    const copy = bytes.slice();
    if (readU16(copy, at) === 0xffff) writeU16(copy, at, 0);
    return copy;
  };
  const ipv4Canonical = (bytes: Uint8Array, packet: Ipv4Packet): Uint8Array =>
    zeroAs(10)(bytes.subarray(0, 20 + packet.options.length + packet.payload.length));

  test('property: Ethernet', () => canonicalLaw(ETHERNET, any.ethernet));
  test('property: ARP', () => canonicalLaw(ARP, any.arp, (bytes) => bytes.subarray(0, 28)));
  test('property: IPv4', () => canonicalLaw(withFixedIpv4Checksum(IPV4), any.ipv4, ipv4Canonical));
  test('property: ICMP', () =>
    canonicalLaw({ ...ICMP, decode: (bytes) => decodeIcmpv4(fixed(bytes, 2)) }, any.icmp, (bytes, message) => {
      const copy = fixed(bytes, 2);
      if (message.type === 'destination-unreachable') writeU16(copy, 4, 0);
      if (message.type === 'time-exceeded') copy.fill(0, 4, 8);
      return fixed(copy, 2);
    }));

  test('property: UDP', () =>
    canonicalLaw(UDP_ANY_CHECKSUM, any.udp, (bytes) => withChecksum(bytes.subarray(0, readU16(bytes, 4)), 17, 6)));
  test('property: TCP', () => canonicalLaw(TCP_ANY_CHECKSUM, any.tcp, tcpCanonical));

  test('property TCP catches a planted bug: options that cannot be read are dropped', () => {
    const decode: typeof TCP.decode = (bytes) => {
      const segment = TCP_ANY_CHECKSUM.decode(bytes);
      if (!segment.ok) return segment;
      return ok({ ...segment.value, options: segment.value.options.filter(({ type }) => type !== 'malformed') });
    };
    expectBroken(() => canonicalLaw({ ...TCP, decode }, any.tcp, tcpCanonical));
  });
  test('property IPv4 catches a planted bug: link padding becomes payload', () => {
    const decode: typeof IPV4.decode = (bytes) => {
      const packet = decodeIpv4(bytes);
      return packet.ok ? ok({ ...packet.value, payload: bytes.subarray(20 + packet.value.options.length) }) : packet;
    };
    expectBroken(() => canonicalLaw(withFixedIpv4Checksum({ ...IPV4, decode }), any.ipv4, ipv4Canonical));
  });
});

describe('total: any bytes give a value or a label, and nothing outside them is read', () => {
  test('property: Ethernet', () => totalLaw(decodeEthernet, any.ethernet.map(encodeEthernet)));
  test('property: ARP', () => totalLaw(decodeArp, any.arp.map(encodeArp)));
  test('property: IPv4', () => totalLaw((bytes) => decodeIpv4(bytes, IGNORE), any.ipv4.map(encodeIpv4)));
  test('property: ICMP', () => totalLaw((bytes) => decodeIcmpv4(bytes, IGNORE), any.icmp.map(encodeIcmpv4)));
  test('property: IGMP', () => totalLaw((bytes) => decodeIgmp(bytes, IGNORE), any.igmp.map(encodeIgmp)));
  test('property: UDP', () => totalLaw((bytes) => decodeUdp(bytes, PSEUDO, IGNORE), any.udp.map(UDP.encode)));
  test('property: TCP', () => totalLaw((bytes) => decodeTcp(bytes, PSEUDO, IGNORE), any.tcp.map(TCP.encode)));
  test('property: DNS', () => totalLaw(decodeDns, any.dns.map(encodeDns)));
  test('property: the dissector', () => totalLaw(dissect, frames));

  test('property total catches a planted bug: a length field of UDP is believed', () => {
    const decode = (bytes: Uint8Array): unknown =>
      bytes.length < 8 ? 'truncated' : new Uint8Array(bytes.buffer, bytes.byteOffset + 8, Math.min(readU16(bytes, 4), 40) % 32);
    expectBroken(() => totalLaw(decode, any.udp.map(UDP.encode)));
  });
  test('property total catches a planted bug: the decoder throws for short input', () => {
    const decode = (bytes: Uint8Array): unknown => (bytes[13] as number).toString();
    expectBroken(() => totalLaw(decode, any.ethernet.map(encodeEthernet)));
  });
});

describe('checksums', () => {
  test('property: the fast sum equals the definition', () => checksumLaw(internetChecksum));
  test('property checksum catches a planted bug: one carry is folded, not all', () => {
    expectBroken(() => checksumLaw((bytes) => ~onceFolded(bytes) & 0xffff));
  });
  test('property checksum catches a planted bug: a last odd octet counts as the low one', () => {
    const buggy = (bytes: Uint8Array): number =>
      bytes.length % 2 === 0
        ? internetChecksum(bytes)
        : internetChecksum(Uint8Array.of(...bytes.subarray(0, -1), 0, bytes.at(-1) as number));
    expectBroken(() => checksumLaw(buggy));
  });

  test('property: one flipped bit is noticed', () => flippedBitLaw(decodeUdp));
  test('property flipped bit catches a planted bug: the payload is not summed', () => {
    const decode: typeof decodeUdp = (bytes, pseudo) => decodeUdp(bytes, pseudo, IGNORE);
    expectBroken(() => flippedBitLaw(decode));
  });
});

const datagram = fc.record({
  source: fc.record({ address: any.address, port: any.u16 }),
  destination: fc.record({ address: any.address, port: any.u16 }),
  payload: any.octets(40),
});

test('property: a whole frame of a datagram is the same as its layers put together', () => {
  fc.assert(
    fc.property(any.mac, any.mac, datagram, (source, destination, sent) => {
      const pseudo = { source: sent.source.address, destination: sent.destination.address };
      const udp = encodeUdp(
        { sourcePort: sent.source.port, destinationPort: sent.destination.port, payload: sent.payload },
        pseudo,
      );
      const packet = encodeIpv4({ protocol: IP_PROTOCOL.udp, ...pseudo, payload: udp });
      const frame = encodeEthernet({ source, destination, etherType: ETHERTYPE.ipv4, payload: packet });
      expect(encodeUdpFrame({ link: { source, destination }, datagram: sent })).toStrictEqual(frame);
    }),
    { numRuns: runs(50) },
  );
});

/** Frames of every protocol that the dissector knows, checksums right. */
const packets: fc.Arbitrary<Ipv4Packet> = fc
  .tuple(any.ipv4, any.icmp, any.igmp, any.udp, any.tcp, any.dns, fc.integer({ min: 0, max: 4 }))
  .map(([packet, icmp, igmp, udp, tcp, dns, which]) => {
    const whole = { ...packet, moreFragments: false, fragmentOffset: 0 };
    const query = { ...udp, destinationPort: 53, payload: encodeDns(dns) };
    const protocol = [1, 2, 17, 6, 17][which] as number;
    const payload = [encodeIcmpv4(icmp), encodeIgmp(igmp), encodeUdp(udp, whole), encodeTcp(tcp, whole), encodeUdp(query, whole)][
      which
    ];
    return { ...whole, protocol, payload: payload as Uint8Array };
  });
const frames: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    any.ethernet,
    fc.oneof({ weight: 6, arbitrary: packets.map(encodeIpv4) }, any.arp.map(encodeArp)),
    fc.integer({ min: 0, max: 2 }),
  )
  .map(([frame, payload, tags]) => {
    const inner = payload.length === 28 ? ETHERTYPE.arp : ETHERTYPE.ipv4;
    const tag = Uint8Array.of(0, 5, inner >>> 8, inner & 0xff);
    if (tags === 0) return encodeEthernet({ ...frame, etherType: ETHERTYPE.vlan, payload: Uint8Array.of(...tag, ...payload) });
    return encodeEthernet({ ...frame, etherType: inner, payload });
  });

/** Damage is interesting only behind the checksum, so it is made right again before decoding. */
function withFixedIpv4Checksum(codec: Codec<Ipv4Packet>): Codec<Ipv4Packet> {
  return {
    ...codec,
    decode: (bytes) => {
      if (bytes.length < 20 || ((bytes[0] as number) & 0x0f) * 4 > bytes.length) return codec.decode(bytes);
      bytes[6] = (bytes[6] as number) & 0x7f; // the reserved bit is not kept
      writeU16(bytes, 10, 0);
      writeU16(bytes, 10, internetChecksum(bytes.subarray(0, ((bytes[0] as number) & 0x0f) * 4)));
      return codec.decode(bytes);
    },
  };
}

const UDP_ANY_CHECKSUM: Codec<UdpDatagram> = { ...UDP, decode: (bytes) => decodeUdp(bytes, PSEUDO, IGNORE) };
const TCP_ANY_CHECKSUM: Codec<TcpSegment> = { ...TCP, decode: (bytes) => decodeTcp(bytes, PSEUDO, IGNORE) };

/** Reserved bits are not kept, nor is anything behind an end-of-options octet. */
function tcpCanonical(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const end = ((copy[12] as number) >>> 4) * 4;
  copy[12] = (copy[12] as number) & 0xf0;
  let at = 20;
  while (at < end && copy[at] !== 0) {
    const length = copy[at] === 1 ? 1 : at + 1 < end ? (copy[at + 1] as number) : 0;
    if (length === 0 || (length === 1 && copy[at] !== 1) || at + length > end) return withChecksum(copy, 6, 16);
    at += length;
  }
  // What is left is zeros; the encoder writes no more of them than it needs.
  const kept = Math.ceil(at / 4) * 4;
  copy.fill(0, at, end);
  copy[12] = (kept / 4) << 4;
  const whole = new Uint8Array(kept + copy.length - end);
  whole.set(copy.subarray(0, kept));
  whole.set(copy.subarray(end), kept);
  return withChecksum(whole, 6, 16);
}

/** The transport checksum at `at`, made right. */
function withChecksum(bytes: Uint8Array, protocol: number, at: number): Uint8Array {
  const copy = bytes.slice();
  writeU16(copy, at, 0);
  const checksum = internetChecksum(copy, pseudoHeaderSum(PSEUDO, { protocol, length: copy.length }));
  writeU16(copy, at, checksum === 0 && protocol === 17 ? 0xffff : checksum);
  return copy;
}

function fixed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  if (copy.length < 8) return copy;
  writeU16(copy, at, 0);
  writeU16(copy, at, internetChecksum(copy));
  return copy;
}

/** RFC 1071 §1 word by word, the carry added at once each time. */
function checksumLaw(checksum: (bytes: Uint8Array) => number): void {
  const long = fc
    .tuple(fc.integer({ min: 60_000, max: 65_535 }), any.u8)
    .map(([length, octet]) => new Uint8Array(length).fill(octet));
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: any.octets(70) }, { weight: 1, arbitrary: long }), (bytes) => {
      let sum = 0;
      for (let i = 0; i < bytes.length; i += 2) {
        sum += (bytes[i] as number) * 256 + (bytes[i + 1] ?? 0);
        if (sum > 0xffff) sum -= 0xffff;
      }
      return checksum(bytes) === 0xffff - sum;
    }),
    { numRuns: runs(400) },
  );
}

function onceFolded(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += readU16(bytes, i);
  return (sum & 0xffff) + ((sum >>> 16) & 0xffff);
}

function flippedBitLaw(decode: typeof decodeUdp): void {
  fc.assert(
    fc.property(any.udp, any.pseudo, any.u16, (value, pseudo, bit) => {
      const bytes = encodeUdp(value, pseudo);
      const at = bit % (bytes.length * 8);
      bytes[at >>> 3] = (bytes[at >>> 3] as number) ^ (1 << (at & 7));
      fc.pre(readU16(bytes, 6) !== 0); // that would say that there is no checksum
      return !decode(bytes, pseudo).ok;
    }),
    { numRuns: runs(100) },
  );
}
