import { concatBytes, formatIpv4, formatMac, fromHex, ipv4, parseIpv4, parseMac, writeU16 } from '@nexus-net/sansio';
import {
  DNS_TYPE,
  dissect,
  ETHERTYPE,
  encodeDns,
  encodeEthernet,
  encodeIgmp,
  encodeIpv4,
  encodeUdp,
  encodeUdpFrame,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import vectors from './vectors/frames.json' with { type: 'json' };

const REAL: Readonly<Record<string, string>> = vectors.real;
const real = (number: number): Uint8Array => fromHex(REAL[number] as string);
const SOURCE = { address: ipv4(10, 0, 2, 15), port: 40000 };
const DNS_SERVER = { address: ipv4(10, 0, 2, 3), port: 53 };
const LINK = { source: parseMac('52:54:00:12:34:56'), destination: parseMac('52:55:0a:00:02:02') };
const QUERY = encodeDns({
  id: 0x1234,
  response: false,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: false,
  responseCode: 0,
  questions: [{ name: 'localhost', type: DNS_TYPE.a, class: 1 }],
  answers: [],
  authorities: [],
  additionals: [],
});
const QUERY_FRAME = encodeUdpFrame({ link: LINK, datagram: { source: SOURCE, destination: DNS_SERVER, payload: QUERY } });

describe('frames of real programs', () => {
  test('a DISCOVER of dhclient', () => {
    const { ethernet, ipv4: packet, udp, problem } = dissect(real(1));
    expect(problem).toBeUndefined();
    expect(ethernet && formatMac(ethernet.destination)).toBe('ff:ff:ff:ff:ff:ff');
    expect(packet).toMatchObject({ ttl: 128, trafficClass: 16, identification: 0, source: 0, protocol: 17 });
    expect(udp).toMatchObject({ sourcePort: 68, destinationPort: 67 });
    expect(udp?.payload.length).toBe(300);
  });
  test('an ARP request of Linux', () => {
    const { arp } = dissect(real(2));
    expect(arp && [formatIpv4(arp.senderIp), formatIpv4(arp.targetIp), formatMac(arp.senderMac)]).toEqual([
      '10.77.0.1',
      '10.77.0.144',
      '02:5e:00:00:00:01',
    ]);
  });
  test('the echo request by which dnsmasq tries an address', () => {
    expect(dissect(real(5)).icmp).toMatchObject({ type: 'echo-request', identifier: 0x27ac, sequence: 0 });
  });
  test('a port unreachable of Linux quotes the datagram', () => {
    const { icmp } = dissect(real(16));
    expect(icmp).toMatchObject({ type: 'destination-unreachable', code: 3, nextHopMtu: 0 });
  });
  test('a reply of dnsmasq', () => {
    expect(dissect(real(6))).toMatchObject({
      udp: { sourcePort: 67, destinationPort: 68 },
      ipv4: { trafficClass: 0xc0, dontFragment: false },
    });
  });
});

describe('hostile frames get the label that they deserve, and no exception', () => {
  test.each(vectors.hostile)('$id $name', ({ frame, problem }) => {
    const found = dissect(fromHex(frame)).problem;
    expect(found === undefined ? null : `${found.layer}:${found.error}`).toBe(problem);
  });
});

describe('layers', () => {
  test('DNS on port 53', () => {
    expect(dissect(QUERY_FRAME)).toMatchObject({ dns: { id: 0x1234, questions: [{ name: 'localhost' }] } });
  });
  test('not on other ports', () => {
    const frame = encodeUdpFrame({
      link: LINK,
      datagram: { source: SOURCE, destination: { ...DNS_SERVER, port: 54 }, payload: QUERY },
    });
    expect(dissect(frame).dns).toBeUndefined();
    expect(dissect(frame).udp?.destinationPort).toBe(54);
  });
  test('broken DNS is a problem of that layer only', () => {
    const frame = encodeUdpFrame({
      link: LINK,
      datagram: { source: SOURCE, destination: DNS_SERVER, payload: QUERY.subarray(0, 20) },
    });
    const { dns, udp, problem } = dissect(frame);
    expect(problem).toEqual({ layer: 'dns', error: 'truncated' });
    expect([dns, udp?.destinationPort]).toEqual([undefined, 53]);
  });
  test('IGMP', () => {
    const group = parseIpv4('239.42.0.1');
    const payload = encodeIpv4({
      protocol: 2,
      ttl: 1,
      source: SOURCE.address,
      destination: group,
      payload: encodeIgmp({ type: 'report', version: 2, group }),
    });
    expect(dissect(encodeEthernet({ ...LINK, etherType: ETHERTYPE.ipv4, payload })).igmp).toEqual({
      type: 'report',
      version: 2,
      group,
    });
  });
  test('VLAN tags are taken off, outermost first', () => {
    const tagged = concatBytes([QUERY_FRAME.subarray(0, 12), fromHex('88a8 a00c 8100 0002'), QUERY_FRAME.subarray(12)]);
    expect(dissect(tagged)).toMatchObject({ vlans: [12, 2], dns: { id: 0x1234 } });
    expect(dissect(tagged.subarray(0, 17)).problem).toEqual({ layer: 'ethernet', error: 'truncated' });
    const nested = concatBytes([QUERY_FRAME.subarray(0, 12), ...Array(100).fill(fromHex('8100 0001')), QUERY_FRAME.subarray(12)]);
    expect(dissect(nested).vlans?.length).toBe(8);
    expect(dissect(nested).ipv4).toBeUndefined();
  });
  test.each([
    ['IPv6', '86dd 60000000'],
    ['802.3 with LLC', '0026 424203'],
    ['an unknown EtherType', '88cc 0207'],
  ])('%s stays undecoded without a problem', (_, rest) => {
    const layers = dissect(concatBytes([QUERY_FRAME.subarray(0, 12), fromHex(rest)]));
    expect(Object.keys(layers)).toEqual(['ethernet']);
  });
  test('an unknown protocol stops after ipv4', () => {
    const payload = encodeIpv4({
      protocol: 47,
      source: SOURCE.address,
      destination: DNS_SERVER.address,
      payload: new Uint8Array(4),
    });
    expect(Object.keys(dissect(encodeEthernet({ ...LINK, etherType: ETHERTYPE.ipv4, payload })))).toEqual(['ethernet', 'ipv4']);
  });
  test.each([
    { moreFragments: true, fragmentOffset: 0 },
    { moreFragments: false, fragmentOffset: 8 },
  ])('a fragment stops after ipv4: %o', (fragment) => {
    const payload = encodeIpv4({
      protocol: 17,
      source: SOURCE.address,
      destination: DNS_SERVER.address,
      payload: new Uint8Array(8),
      ...fragment,
    });
    expect(Object.keys(dissect(encodeEthernet({ ...LINK, etherType: ETHERTYPE.ipv4, payload })))).toEqual(['ethernet', 'ipv4']);
  });
});

describe('checksums', () => {
  test('a damaged datagram shows its ports, nothing above, and a problem', () => {
    const frame = QUERY_FRAME.slice();
    frame[frame.length - 1] = 9;
    const { udp, dns, problem } = dissect(frame);
    expect(problem).toEqual({ layer: 'udp', error: 'bad-checksum' });
    expect([udp?.sourcePort, dns]).toEqual([40000, undefined]);
  });
  test('a checksum left to the network card is a problem of its own, and the datagram is read', () => {
    const frame = QUERY_FRAME.slice();
    const length = frame.length - 34;
    const sum = 0x0a00 + 0x020f + 0x0a00 + 0x0203 + 17 + length;
    writeU16(frame, 40, sum);
    expect(dissect(frame)).toMatchObject({ problem: { layer: 'udp', error: 'partial-checksum' }, dns: { id: 0x1234 } });
  });
  test('a damaged IPv4 header is shown, and nothing above it', () => {
    const frame = QUERY_FRAME.slice();
    frame[22] = 63;
    const { ipv4: packet, udp, problem } = dissect(frame);
    expect(problem).toEqual({ layer: 'ipv4', error: 'bad-checksum' });
    expect([packet?.ttl, udp]).toEqual([63, undefined]);
  });
  test('a UDP checksum of zero is none, and no problem', () => {
    const pseudo = { source: SOURCE.address, destination: DNS_SERVER.address };
    const bytes = encodeUdp({ sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(1) }, pseudo);
    writeU16(bytes, 6, 0);
    const payload = encodeIpv4({ protocol: 17, ...pseudo, payload: bytes });
    expect(dissect(encodeEthernet({ ...LINK, etherType: ETHERTYPE.ipv4, payload })).problem).toBeUndefined();
  });
});
