import { fromHex, ipv4, ok, parseIpv4, parseMac, toHex, UsageError } from '@nexus-net/sansio';
import {
  ARP_REQUEST,
  decodeArp,
  decodeEthernet,
  decodeIcmpv4,
  decodeIgmp,
  decodeIpv4,
  decodeUdp,
  ETHERTYPE,
  encodeArp,
  encodeEthernet,
  encodeIcmpv4,
  encodeIgmp,
  encodeIpv4,
  encodeUdp,
  IP_PROTOCOL,
  ipv4MulticastMac,
  udpChecksumState,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';

const A = ipv4(10, 0, 2, 15);
const B = ipv4(10, 0, 2, 2);
const PSEUDO = { source: A, destination: B };

describe('Ethernet', () => {
  const FRAME = fromHex('525500000002 525400123456 0806 0102');

  test('fields and payload', () => {
    const frame = {
      destination: parseMac('52:55:00:00:00:02'),
      source: parseMac('52:54:00:12:34:56'),
      etherType: ETHERTYPE.arp,
      payload: Uint8Array.of(1, 2),
    };
    expect(decodeEthernet(FRAME)).toEqual(ok(frame));
    expect(encodeEthernet(frame)).toEqual(FRAME);
  });
  test('the payload is a view, not a copy', () => {
    const decoded = decodeEthernet(FRAME);
    expect(decoded.ok && decoded.value.payload.buffer).toBe(FRAME.buffer);
  });
  test('13 octets are truncated, 14 are a frame without payload', () => {
    expect(decodeEthernet(FRAME.subarray(0, 13))).toEqual({ ok: false, error: 'truncated' });
    expect(decodeEthernet(FRAME.subarray(0, 14)).ok).toBe(true);
  });
  test('a multicast group maps to its low 23 bits (RFC 1112 §6.4)', () => {
    expect(ipv4MulticastMac(parseIpv4('224.0.0.251'))).toBe(parseMac('01:00:5e:00:00:fb'));
    expect(ipv4MulticastMac(parseIpv4('239.170.0.1'))).toBe(parseMac('01:00:5e:2a:00:01'));
  });
  test('an EtherType of more than 16 bits is the caller’s mistake', () => {
    expect(() =>
      encodeEthernet({
        destination: parseMac('02:00:00:00:00:01'),
        source: parseMac('02:00:00:00:00:02'),
        etherType: 0x10000,
        payload: new Uint8Array(0),
      }),
    ).toThrow(UsageError);
  });
});

describe('ARP', () => {
  const REQUEST = fromHex('0001 0800 06 04 0001 025e00000001 0a4d0001 000000000000 0a4d0090');

  test('a request', () => {
    const packet = {
      operation: ARP_REQUEST,
      senderMac: parseMac('02:5e:00:00:00:01'),
      senderIp: parseIpv4('10.77.0.1'),
      targetMac: parseMac('00:00:00:00:00:00'),
      targetIp: parseIpv4('10.77.0.144'),
    };
    expect(decodeArp(REQUEST)).toEqual(ok(packet));
    expect(encodeArp(packet)).toEqual(REQUEST);
  });
  test('link padding is ignored', () => {
    const padded = new Uint8Array(46);
    padded.set(REQUEST);
    expect(decodeArp(padded)).toEqual(decodeArp(REQUEST));
  });
  test('27 octets are truncated', () => {
    expect(decodeArp(REQUEST.subarray(0, 27))).toEqual({ ok: false, error: 'truncated' });
    expect(decodeArp(REQUEST.subarray(0, 7))).toEqual({ ok: false, error: 'truncated' });
  });
  test.each([
    ['hardware type 6', 1],
    ['protocol type 86dd', 2],
    ['hardware length 8', 4],
    ['protocol length 16', 5],
  ])('%s is unsupported', (_, at) => {
    const other = REQUEST.slice();
    other[at] = 0x86;
    expect(decodeArp(other)).toEqual({ ok: false, error: 'unsupported' });
  });
});

describe('IPv4', () => {
  const PACKET = fromHex('4500 0018 0813 4000 40 01 1da8 0a4d0001 0a4d0090 0800 f7ff');

  test('every field', () => {
    const decoded = decodeIpv4(fromHex('46b8 001a 1234 6003 05 ff 0b7b 0a00020f 0a000202 01010100 6869'), { checksum: 'ignore' });
    expect(decoded).toEqual(
      ok({
        trafficClass: 0xb8,
        identification: 0x1234,
        dontFragment: true,
        moreFragments: true,
        fragmentOffset: 24,
        ttl: 5,
        protocol: 255,
        source: A,
        destination: B,
        options: Uint8Array.of(1, 1, 1, 0),
        payload: Uint8Array.of(0x68, 0x69),
      }),
    );
  });
  test('defaults: TTL 64, no options, not a fragment', () => {
    const bytes = encodeIpv4({ protocol: IP_PROTOCOL.udp, source: A, destination: B, payload: Uint8Array.of(7) });
    expect(toHex(bytes)).toBe('4500001500000000401162c80a00020f0a00020207');
  });
  test('the payload ends at the total length, link padding is cut off', () => {
    const padded = new Uint8Array(46);
    padded.set(PACKET);
    const decoded = decodeIpv4(padded, { checksum: 'ignore' });
    expect(decoded.ok && decoded.value.payload.length).toBe(4);
  });
  test.each([
    ['truncated', 'fewer octets than a header', (b: Uint8Array) => b.subarray(0, 19)],
    ['truncated', 'a total length beyond the octets', (b: Uint8Array) => b.subarray(0, 23)],
    ['bad-version', 'version 6', (b: Uint8Array) => b.with(0, 0x65)],
    ['bad-header-length', 'IHL 4', (b: Uint8Array) => b.with(0, 0x44)],
    ['bad-header-length', 'IHL beyond the octets', (b: Uint8Array) => b.with(0, 0x4f)],
    ['bad-total-length', 'a total length below the header', (b: Uint8Array) => b.with(3, 19)],
    ['bad-checksum', 'a header changed on the way', (b: Uint8Array) => b.with(8, 63)],
  ] as const)('%s: %s', (error, _, damage) => {
    expect(decodeIpv4(damage(PACKET))).toEqual({ ok: false, error });
  });
  test.each([
    ['options of 3 octets', { options: new Uint8Array(3) }],
    ['options of 44 octets', { options: new Uint8Array(44) }],
    ['a fragment offset of 4', { fragmentOffset: 4 }],
    ['a TTL of 256', { ttl: 256 }],
    ['a protocol of -1', { protocol: -1 }],
    ['an identification of 65536', { identification: 65536 }],
    ['65516 octets of payload', { payload: new Uint8Array(65516) }],
  ])('%s is the caller’s mistake', (_, bad) => {
    expect(() => encodeIpv4({ protocol: 17, source: A, destination: B, payload: new Uint8Array(0), ...bad })).toThrow(UsageError);
  });
});

describe('ICMP', () => {
  test('echo request, bytes as iputils would send them', () => {
    const bytes = fromHex('0800 f7fd 0001 0001');
    const message = { type: 'echo-request', identifier: 1, sequence: 1, payload: new Uint8Array(0) } as const;
    expect(decodeIcmpv4(bytes)).toEqual(ok(message));
    expect(encodeIcmpv4(message)).toEqual(bytes);
  });
  test('fragmentation needed carries the next-hop MTU (RFC 1191 §4)', () => {
    const bytes = encodeIcmpv4({ type: 'destination-unreachable', code: 4, nextHopMtu: 1400, original: Uint8Array.of(0x45) });
    expect(toHex(bytes)).toBe('0304b2830000057845');
  });
  test('an echo with a code other than zero stays what it is', () => {
    const bytes = fromHex('0805 f7f8 0001 0001');
    const decoded = decodeIcmpv4(bytes);
    expect(decoded).toEqual(ok({ type: 'other', icmpType: 8, code: 5, rest: fromHex('0001 0001') }));
    expect(decoded.ok && encodeIcmpv4(decoded.value)).toEqual(bytes);
  });
  test('seven octets are truncated, a changed one is noticed', () => {
    expect(decodeIcmpv4(fromHex('0800 f7fd 0001 00'))).toEqual({ ok: false, error: 'truncated' });
    expect(decodeIcmpv4(fromHex('0800 f7fd 0001 0002'))).toEqual({ ok: false, error: 'bad-checksum' });
    expect(decodeIcmpv4(fromHex('0800 f7fd 0001 0002'), { checksum: 'ignore' }).ok).toBe(true);
  });
});

describe('UDP', () => {
  test('a checksum that comes out as zero is sent as ffff', () => {
    const plain = encodeUdp({ sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(0, 0) }, PSEUDO);
    const zero = encodeUdp({ sourcePort: 1, destinationPort: 2, payload: plain.slice(6, 8) }, PSEUDO);
    expect(toHex(zero.subarray(6, 8))).toBe('ffff');
    expect(decodeUdp(zero, PSEUDO).ok).toBe(true);
  });
  test('a checksum of zero was not computed and is accepted', () => {
    const bytes = fromHex('0044 0043 0009 0000 78');
    expect(decodeUdp(bytes, PSEUDO)).toEqual(ok({ sourcePort: 68, destinationPort: 67, payload: Uint8Array.of(0x78) }));
    expect(udpChecksumState(bytes, PSEUDO)).toBe('absent');
  });
  test.each([
    ['truncated', '0044 0043 0008 00'],
    ['bad-length', '0044 0043 0007 0000'],
    ['bad-length', '0044 0043 0009 0000'],
    ['bad-checksum', '0044 0043 0009 1111 78'],
  ])('%s: %s', (error, hex) => {
    expect(decodeUdp(fromHex(hex), PSEUDO)).toEqual({ ok: false, error });
  });
  test('a checksum left to the network card holds the sum of the pseudo-header', () => {
    const bytes = fromHex('0044 0043 0009 0000 78');
    const sum = 0x0a00 + 0x020f + 0x0a00 + 0x0202 + 17 + 9;
    bytes.set([sum >>> 8, sum & 0xff], 6);
    expect(udpChecksumState(bytes, PSEUDO)).toBe('partial');
    expect(decodeUdp(bytes, PSEUDO)).toEqual({ ok: false, error: 'bad-checksum' });
  });
  test('ports and payloads that do not fit are the caller’s mistake', () => {
    expect(() => encodeUdp({ sourcePort: 65536, destinationPort: 1, payload: new Uint8Array(0) }, PSEUDO)).toThrow(UsageError);
    expect(() => encodeUdp({ sourcePort: 1, destinationPort: 1, payload: new Uint8Array(65508) }, PSEUDO)).toThrow(UsageError);
  });
});

describe('IGMP', () => {
  test('a version 3 report that joins 239.42.0.1', () => {
    const message = {
      type: 'report-v3',
      records: [{ recordType: 4, group: parseIpv4('239.42.0.1'), sources: [] }],
    } as const;
    const bytes = fromHex('2200 ead2 0000 0001 04 00 0000 ef2a0001');
    expect(toHex(encodeIgmp(message))).toBe(toHex(bytes));
    expect(decodeIgmp(bytes)).toEqual(ok(message));
  });
  test('the length of a query tells the versions apart (RFC 3376 §7.1)', () => {
    const v2 = decodeIgmp(fromHex('1164 ee9b 00000000'));
    expect(v2).toEqual(ok({ type: 'query', maxResponseCode: 100, group: 0 }));
    const v3 = decodeIgmp(fromHex('1164 ec1e 00000000 02 7d 0000'));
    expect(v3).toEqual(
      ok({
        type: 'query',
        maxResponseCode: 100,
        group: 0,
        v3: { suppress: false, robustness: 2, intervalCode: 125, sources: [] },
      }),
    );
  });
  test.each([
    ['truncated', '1164 ee9b 000000'],
    ['bad-checksum', '1164 ee9c 00000000'],
    ['bad-count', '1164 ec1d 00000000 02 7d 0001'],
    ['bad-count', '2200 ddfe 0000 0001'],
    ['bad-count', '2200 ead0 0000 0001 04 00 0002 ef2a0001'],
  ])('%s: %s', (error, hex) => {
    expect(decodeIgmp(fromHex(hex))).toEqual({ ok: false, error });
  });
});
