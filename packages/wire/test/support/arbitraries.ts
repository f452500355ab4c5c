import { type Ipv4Address, ipv4FromU32, type MacAddress } from '@nexus-net/sansio';
import type {
  ArpPacket,
  DnsMessage,
  DnsRecord,
  EthernetFrame,
  Icmpv4Message,
  IgmpMessage,
  Ipv4Packet,
  PseudoHeader,
  TcpOption,
  TcpSegment,
  UdpDatagram,
} from '@nexus-net/wire';
import { DNS_TYPE, encodeDnsName } from '@nexus-net/wire';
import fc from 'fast-check';

/** Plain objects: the null prototype that fast-check gives otherwise makes deep equality fail. */
function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** An integer of `count` bits, with the ends of the range more often than chance. */
const bits = (count: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** count - 1 });
export const u8: fc.Arbitrary<number> = bits(8);
export const u16: fc.Arbitrary<number> = bits(16);
export const u32: fc.Arbitrary<number> = bits(32);
export const address: fc.Arbitrary<Ipv4Address> = u32.map(ipv4FromU32);
export const mac: fc.Arbitrary<MacAddress> = bits(48) as fc.Arbitrary<MacAddress>;
export const pseudo: fc.Arbitrary<PseudoHeader> = record({ source: address, destination: address });

/** Octets; runs of 0x00 and 0xff are frequent, because checksums are special there. */
export const octets = (maxLength: number, minLength = 0): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ minLength, maxLength }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(0, 0xff), fc.integer({ min: minLength, max: maxLength }))
        .map(([octet, length]) => new Uint8Array(length).fill(octet)),
    },
  );

export const ethernet: fc.Arbitrary<EthernetFrame> = record({
  destination: mac,
  source: mac,
  etherType: u16,
  payload: octets(40),
});

export const arp: fc.Arbitrary<ArpPacket> = record({
  operation: u16,
  senderMac: mac,
  senderIp: address,
  targetMac: mac,
  targetIp: address,
});

export const ipv4: fc.Arbitrary<Ipv4Packet> = record({
  trafficClass: u8,
  identification: u16,
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: bits(13).map((units) => units * 8),
  ttl: u8,
  protocol: u8,
  source: address,
  destination: address,
  options: fc.integer({ min: 0, max: 10 }).chain((words) => octets(4 * words, 4 * words)),
  payload: octets(40),
});

export const icmp: fc.Arbitrary<Icmpv4Message> = fc.oneof(
  record({
    type: fc.constantFrom('echo-request' as const, 'echo-reply' as const),
    identifier: u16,
    sequence: u16,
    payload: octets(40),
  }),
  record({ type: fc.constant('destination-unreachable' as const), code: u8, nextHopMtu: u16, original: octets(40) }),
  record({ type: fc.constant('time-exceeded' as const), code: u8, original: octets(40) }),
  record({
    type: fc.constant('other' as const),
    icmpType: fc.constantFrom(4, 5, 12, 13, 42, 255),
    code: u8,
    rest: octets(40, 4),
  }),
);

export const igmp: fc.Arbitrary<IgmpMessage> = fc.oneof(
  record({ type: fc.constant('query' as const), maxResponseCode: u8, group: address }),
  record({
    type: fc.constant('query' as const),
    maxResponseCode: u8,
    group: address,
    v3: record({
      suppress: fc.boolean(),
      robustness: bits(3),
      intervalCode: u8,
      sources: fc.array(address, { maxLength: 4 }),
    }),
  }),
  record({ type: fc.constant('report' as const), version: fc.constantFrom(1 as const, 2 as const), group: address }),
  record({ type: fc.constant('leave' as const), group: address }),
  record({
    type: fc.constant('report-v3' as const),
    records: fc.array(record({ recordType: u8, group: address, sources: fc.array(address, { maxLength: 3 }) }), {
      maxLength: 3,
    }),
  }),
  record({ type: fc.constant('other' as const), igmpType: fc.constantFrom(0, 0x13, 0xff), code: u8, rest: octets(20, 4) }),
);

export const udp: fc.Arbitrary<UdpDatagram> = record({ sourcePort: u16, destinationPort: u16, payload: octets(40) });

const tcpOption: fc.Arbitrary<TcpOption> = fc.oneof(
  fc.constant({ type: 'nop' } as const),
  record({ type: fc.constant('mss' as const), octets: u16 }),
  record({ type: fc.constant('window-scale' as const), shift: u8 }),
  fc.constant({ type: 'sack-permitted' } as const),
  record({
    type: fc.constant('sack' as const),
    blocks: fc.array(record({ left: u32, right: u32 }), { minLength: 1, maxLength: 2 }),
  }),
  record({ type: fc.constant('timestamps' as const), value: u32, echo: u32 }),
  record({ type: fc.constant('other' as const), kind: fc.integer({ min: 20, max: 255 }), value: octets(6) }),
);

export const tcp: fc.Arbitrary<TcpSegment> = record({
  sourcePort: u16,
  destinationPort: u16,
  sequence: u32,
  acknowledgment: u32,
  flags: record({
    fin: fc.boolean(),
    syn: fc.boolean(),
    rst: fc.boolean(),
    psh: fc.boolean(),
    ack: fc.boolean(),
    urg: fc.boolean(),
    ece: fc.boolean(),
    cwr: fc.boolean(),
  }),
  window: u16,
  urgentPointer: u16,
  options: fc.array(tcpOption, { maxLength: 4 }).filter((options) => optionOctets(options) <= 40),
  payload: octets(40),
});

function optionOctets(options: readonly TcpOption[]): number {
  let length = 0;
  for (const option of options) {
    if (option.type === 'sack') length += 2 + 8 * option.blocks.length;
    else if (option.type === 'other') length += 2 + option.value.length;
    else length += { nop: 1, mss: 4, 'window-scale': 3, 'sack-permitted': 2, timestamps: 10, malformed: 0 }[option.type];
  }
  return length;
}

/** One label as text: mostly a few letters, so that names share suffixes; sometimes any octets, written as the decoder writes them. */
const label: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'www', 'WWW', 'example', 'com', 'x'.repeat(63)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 12 }).map(presentation) },
);

export const dnsName: fc.Arbitrary<string> = fc
  .array(label, { maxLength: 5 })
  .map((labels) => (labels.length === 0 ? '.' : labels.join('.')))
  .filter((name) => wireLength(name) <= 255);

function wireLength(name: string): number {
  return name.replaceAll(/\\(?:\d{3}|.)/g, 'x').length + 2;
}

/** The text form of a label, written again here so that the test does not believe the codec. */
function presentation(octetsOfLabel: Uint8Array): string {
  let text = '';
  for (const octet of octetsOfLabel) {
    const character = String.fromCharCode(octet);
    if (character === '.' || character === '\\') text += `\\${character}`;
    else if (octet > 32 && octet < 127) text += character;
    else text += `\\${`00${octet}`.slice(-3)}`;
  }
  return text;
}

const nameData: fc.Arbitrary<Uint8Array> = dnsName.map(encodeDnsName);
const fields = { name: dnsName, class: u16, ttl: u32 };
const dnsRecord: fc.Arbitrary<DnsRecord> = fc.oneof(
  record({ ...fields, type: fc.constantFrom(DNS_TYPE.a, DNS_TYPE.txt, DNS_TYPE.opt, 65280), data: octets(20) }),
  record({ ...fields, type: fc.constantFrom(DNS_TYPE.ns, DNS_TYPE.cname, DNS_TYPE.ptr), data: nameData }),
  record({ ...fields, type: fc.constant(DNS_TYPE.mx), data: nameData.map((name) => Uint8Array.of(0, 10, ...name)) }),
  record({
    ...fields,
    type: fc.constant(DNS_TYPE.srv),
    data: nameData.map((name) => Uint8Array.of(0, 1, 0, 2, 0, 80, ...name)),
  }),
  record({
    ...fields,
    type: fc.constant(DNS_TYPE.soa),
    data: fc.tuple(nameData, nameData, octets(20, 20)).map(([m, r, rest]) => Uint8Array.of(...m, ...r, ...rest)),
  }),
);

export const dns: fc.Arbitrary<DnsMessage> = record({
  id: u16,
  response: fc.boolean(),
  opcode: bits(4),
  authoritative: fc.boolean(),
  truncated: fc.boolean(),
  recursionDesired: fc.boolean(),
  recursionAvailable: fc.boolean(),
  responseCode: bits(4),
  questions: fc.array(record({ name: dnsName, type: u16, class: u16 }), { maxLength: 2 }),
  answers: fc.array(dnsRecord, { maxLength: 3 }),
  authorities: fc.array(dnsRecord, { maxLength: 2 }),
  additionals: fc.array(dnsRecord, { maxLength: 2 }),
});
