import { DHCP_MESSAGE_TYPE, dhcpMessage, encodeDhcpMessage } from '@nexus-net/dhcp';
import { type Ipv4Address, ipv4, MAC_BROADCAST, type MacAddress, parseMac } from '@nexus-net/sansio';
import {
  ARP_REQUEST,
  DNS_CLASS,
  DNS_TYPE,
  ETHERTYPE,
  encodeArp,
  encodeDns,
  encodeEthernet,
  encodeIcmpv4,
  encodeIpv4,
  encodeTcp,
  encodeUdpFrame,
  IP_PROTOCOL,
} from '@nexus-net/wire';
import { ACK_30 } from './messages.js';

export const MAC_A: MacAddress = parseMac('52:54:00:00:00:0a');
export const MAC_B: MacAddress = parseMac('52:54:00:00:00:0b');
const A: Ipv4Address = ipv4(10, 0, 2, 20);
const B: Ipv4Address = ipv4(10, 0, 2, 21);

/** Ethernet, IPv4 and UDP headers. */
const UDP_OVERHEAD = 14 + 20 + 8;

/** A UDP frame from A to B (or back) of that many octets in all, without FCS. */
export function udpFrame(
  octets: number,
  { back = false, port = 5000 }: { readonly back?: boolean; readonly port?: number } = {},
): Uint8Array {
  const payload = new Uint8Array(octets - UDP_OVERHEAD).map((_, i) => i);
  const [link, ip] = back ? [{ source: MAC_B, destination: MAC_A }, [B, A] as const] : [AB, [A, B] as const];
  return encodeUdpFrame({
    link,
    datagram: { source: { address: ip[0], port }, destination: { address: ip[1], port }, payload },
  });
}

const AB = { source: MAC_A, destination: MAC_B };

export function arpFrame(): Uint8Array {
  const payload = encodeArp({ operation: ARP_REQUEST, senderMac: MAC_A, senderIp: A, targetMac: 0 as MacAddress, targetIp: B });
  return encodeEthernet({ source: MAC_A, destination: MAC_BROADCAST, etherType: ETHERTYPE.arp, payload });
}

export function echoFrame(): Uint8Array {
  const payload = encodeIcmpv4({ type: 'echo-request', identifier: 7, sequence: 1, payload: new Uint8Array(56) });
  const packet = encodeIpv4({ protocol: IP_PROTOCOL.icmp, source: A, destination: B, payload });
  return encodeEthernet({ ...AB, etherType: ETHERTYPE.ipv4, payload: packet });
}

export function tcpFrame(octets: number): Uint8Array {
  const segment = encodeTcp(
    {
      sourcePort: 5000,
      destinationPort: 80,
      sequence: 1,
      acknowledgment: 2,
      flags: { fin: false, syn: false, rst: false, psh: true, ack: true, urg: false, ece: false, cwr: false },
      window: 65_535,
      urgentPointer: 0,
      options: [],
      payload: new Uint8Array(octets - 54),
    },
    { source: A, destination: B },
  );
  const packet = encodeIpv4({ protocol: IP_PROTOCOL.tcp, source: A, destination: B, payload: segment });
  return encodeEthernet({ ...AB, etherType: ETHERTYPE.ipv4, payload: packet });
}

export function dnsFrame(): Uint8Array {
  const payload = encodeDns({
    id: 0x4242,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: 0,
    questions: [{ name: 'gateway.lab.example', type: DNS_TYPE.a, class: DNS_CLASS.in }],
    answers: [],
    authorities: [],
    additionals: [],
  });
  return encodeUdpFrame({
    link: AB,
    datagram: { source: { address: A, port: 40_000 }, destination: { address: B, port: 53 }, payload },
  });
}

/** The DISCOVER of A, and an ACK of thirty options to it. */
export function dhcpFrames(): { readonly discover: Uint8Array; readonly ack: Uint8Array } {
  const options = [{ code: 53, value: Uint8Array.of(DHCP_MESSAGE_TYPE.discover) }];
  const any = { address: ipv4(0, 0, 0, 0), port: 68 };
  const all = { address: ipv4(255, 255, 255, 255), port: 67 };
  const payload = encodeDhcpMessage(dhcpMessage({ op: 1, xid: 1, chaddr: MAC_A, options }));
  return {
    discover: encodeUdpFrame({
      link: { source: MAC_A, destination: MAC_BROADCAST },
      datagram: { source: any, destination: all, payload },
    }),
    ack: encodeUdpFrame({
      link: { source: MAC_B, destination: MAC_A },
      datagram: { source: { address: B, port: 67 }, destination: { address: A, port: 68 }, payload: ACK_30.bytes },
    }),
  };
}
