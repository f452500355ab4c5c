import { type Ipv4Address, ipv4FromU32, MAC_BROADCAST, MAC_ZERO, type MacAddress, writeU16 } from '@nexus-net/sansio';
import {
  ETHERTYPE,
  encodeArp,
  encodeDns,
  encodeEthernet,
  encodeIcmpv4,
  encodeIgmp,
  encodeIpv4,
  encodeUdp,
  type Icmpv4Message,
  IP_PROTOCOL,
} from '@nexus-net/wire';
import type { FuzzScript } from '../../../sansio/test/support/fuzz.js';

/** The first three may be ours; then gateways, neighbours, hosts elsewhere, and those that nobody may have. */
export const ADDRESSES: readonly Ipv4Address[] = [
  0x0a00020f, 0x0a000210, 0x0a090010, 0x0a000202, 0x0a000209, 0x0a000203, 0x0a090001, 0xc0a80001, 0, 0xffffffff, 0x0a0002ff,
  0x0a000200, 0xe0000001, 0x7f000001, 0xf0000001, 0x0a000211,
].map(ipv4FromU32);

export const OUR_MAC: MacAddress = 0x525400123456 as MacAddress;
const MACS: readonly MacAddress[] = [
  OUR_MAC,
  MAC_BROADCAST,
  0x525400000002 as MacAddress,
  0x525400000009 as MacAddress,
  0x5255_0a00_0202 as MacAddress,
  MAC_ZERO,
  0x01005e000001 as MacAddress,
];

export function drawAddress(script: FuzzScript): Ipv4Address {
  return script.pick(ADDRESSES);
}

export function drawMac(script: FuzzScript): MacAddress {
  return script.pick(MACS);
}

/** A frame of the script's choice: the whole of it, or its fields; sometimes with octets changed and its end missing. */
export function drawFrame(script: FuzzScript): Uint8Array {
  const kind = script.u8();
  if (kind % 8 === 7) return script.take(script.u8());
  const destination = script.pick([OUR_MAC, MAC_BROADCAST, script.pick(MACS)]);
  const source = MACS[2 + (script.u8() % 3)] as MacAddress;
  const isArp = kind % 8 < 2;
  const payload = isArp ? drawArp(script, source) : drawIpv4(script, kind % 8);
  const isTagged = (kind & 8) !== 0;
  const etherType = isArp ? ETHERTYPE.arp : ETHERTYPE.ipv4;
  const frame = encodeEthernet(
    isTagged
      ? { destination, source, etherType: ETHERTYPE.vlan, payload: tagged(script, etherType, payload) }
      : { destination, source, etherType, payload },
  );
  if ((kind & 0xf0) !== 0xf0) return frame;
  for (let count = script.u8() % 4; count > 0; count--) frame[script.u16() % frame.length] = script.u8();
  return frame.subarray(0, frame.length - (script.u8() % 32));
}

function tagged(script: FuzzScript, etherType: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + payload.length);
  writeU16(bytes, 0, script.u8() % 2 === 0 ? 0 : script.u16());
  writeU16(bytes, 2, etherType);
  bytes.set(payload, 4);
  return bytes;
}

function drawArp(script: FuzzScript, source: MacAddress): Uint8Array {
  const bits = script.u8();
  return encodeArp({
    operation: 1 + (bits & 1),
    senderMac: (bits & 2) === 0 ? source : drawMac(script),
    senderIp: drawAddress(script),
    targetMac: (bits & 4) === 0 ? OUR_MAC : drawMac(script),
    targetIp: drawAddress(script),
  });
}

function drawIpv4(script: FuzzScript, kind: number): Uint8Array {
  const source = drawAddress(script);
  const destination = drawAddress(script);
  const common = { source, destination, ttl: 64 };
  switch (kind) {
    case 2:
      return encodeIpv4({ ...common, protocol: IP_PROTOCOL.icmp, payload: encodeIcmpv4(drawIcmp(script)) });
    case 3: {
      const protocol = script.u8();
      const payload = script.take(script.u8() % 40);
      const igmp = { type: 'query', maxResponseCode: payload[0] ?? 0, group: drawAddress(script) } as const;
      return protocol === IP_PROTOCOL.igmp
        ? encodeIpv4({ ...common, protocol, payload: encodeIgmp(igmp) })
        : encodeIpv4({ ...common, protocol, payload });
    }
    case 4: {
      const fragment = { moreFragments: script.u8() % 2 === 0, fragmentOffset: 8 * (script.u8() % 4) };
      return encodeIpv4({ ...common, ...fragment, protocol: IP_PROTOCOL.udp, payload: script.take(script.u8() % 40) });
    }
    default: {
      const ports = script.pick([
        [4000, 7],
        [67, 68],
        [68, 67],
        [4000, 53],
        [53, 4000],
        [script.u16(), script.u16()],
      ]);
      const [sourcePort, destinationPort] = ports as [number, number];
      const isDns = sourcePort === 53 || destinationPort === 53;
      const payload = isDns ? drawDns(script) : script.take(script.u8() % 40);
      const datagram = encodeUdp({ sourcePort, destinationPort, payload }, { source, destination });
      return encodeIpv4({ ...common, protocol: IP_PROTOCOL.udp, payload: datagram });
    }
  }
}

function drawIcmp(script: FuzzScript): Icmpv4Message {
  const bits = script.u8();
  const identifier = script.u8() % 3;
  const sequence = script.u8() % 3;
  if (bits % 8 < 3) return { type: 'echo-request', identifier, sequence, payload: script.take(script.u8() % 16) };
  if (bits % 8 < 5) return { type: 'echo-reply', identifier, sequence, payload: script.take(script.u8() % 16) };
  if (bits % 8 === 7)
    return {
      type: 'other',
      icmpType: script.u8(),
      code: script.u8(),
      rest: Uint8Array.from([...script.take(script.u8() % 16), 0, 0, 0, 0]),
    };
  // About a packet that may have been ours: an echo request or a datagram of port 7.
  const about = { source: drawAddress(script), destination: drawAddress(script) };
  const original =
    (bits & 8) === 0
      ? encodeIpv4({
          ...about,
          protocol: IP_PROTOCOL.icmp,
          payload: encodeIcmpv4({ type: 'echo-request', identifier, sequence, payload: new Uint8Array(0) }),
        })
      : encodeIpv4({
          ...about,
          protocol: IP_PROTOCOL.udp,
          payload: encodeUdp({ sourcePort: 7, destinationPort: 4000, payload: new Uint8Array(0) }, about),
        });
  const cut = original.subarray(0, original.length - (script.u8() % 4 === 0 ? script.u8() % 30 : 0));
  if (bits % 8 === 5) return { type: 'destination-unreachable', code: script.u8() % 5, nextHopMtu: 0, original: cut };
  return { type: 'time-exceeded', code: 0, original: cut };
}

function drawDns(script: FuzzScript): Uint8Array {
  const bits = script.u8();
  if ((bits & 1) !== 0) return script.take(script.u8() % 64);
  const question = { name: script.pick(['localhost', 'a.example', 'A.Example', '.']), type: script.pick([1, 28, 255]), class: 1 };
  return encodeDns({
    id: script.u8() % 3,
    response: (bits & 2) !== 0,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: (bits >>> 2) % 6,
    questions: (bits & 64) === 0 ? [question] : [],
    answers: (bits & 128) === 0 ? [] : [{ ...question, type: 1, ttl: script.u8(), data: script.take(4) }],
    authorities: [],
    additionals: [],
  });
}
