import { type DhcpMessage, decodeDhcpMessage, dhcpMessageTypeName } from '@nexus-net/dhcp';
import { formatIpv4, formatMac, IPV4_ANY, type Ipv4Address, MAC_BROADCAST, type MacAddress } from '@nexus-net/sansio';
import {
  ARP_REPLY,
  ARP_REQUEST,
  type Dissection,
  DNS_RCODE,
  DNS_TYPE,
  type DnsMessage,
  type Icmpv4Message,
  type UdpDatagram,
} from '@nexus-net/wire';

/** One line about a frame, for traces and live output: who to whom, then the innermost layer that could be read. */
export function summarizeFrame(layers: Dissection): string {
  const problem = layers.problem === undefined ? '' : ` [${layers.problem.layer}: ${layers.problem.error}]`;
  return `${describe(layers)}${problem}`;
}

function describe(layers: Dissection): string {
  const { ethernet, arp, ipv4 } = layers;
  if (ethernet === undefined) return 'frame';
  if (arp !== undefined) {
    const asked = `${formatIpv4(arp.targetIp)}`;
    const sender = formatIpv4(arp.senderIp);
    if (arp.operation === ARP_REPLY) return `ARP ${sender} is at ${formatMac(arp.senderMac)}`;
    if (arp.operation !== ARP_REQUEST) return `ARP operation ${arp.operation}`;
    if (arp.senderIp === IPV4_ANY) return `ARP probe ${asked}`;
    return arp.senderIp === arp.targetIp ? `ARP announce ${sender}` : `ARP who has ${asked}? tell ${sender}`;
  }
  if (ipv4 === undefined) {
    const type = ethernet.etherType.toString(16).padStart(4, '0');
    return `${macName(ethernet.source)} > ${macName(ethernet.destination)} type ${type}`;
  }
  const ends = { source: formatIpv4(ipv4.source), destination: formatIpv4(ipv4.destination) };
  if (layers.icmp !== undefined) return `${ends.source} > ${ends.destination} ${describeIcmp(layers.icmp)}`;
  if (layers.udp !== undefined) return `${describeUdp(ends, layers.udp)} ${describeDatagram(layers, layers.udp)}`;
  if (layers.tcp !== undefined) {
    const { sourcePort, destinationPort, payload } = layers.tcp;
    return `${ends.source}:${sourcePort} > ${ends.destination}:${destinationPort} TCP ${payload.length} octets`;
  }
  const fragment = ipv4.moreFragments || ipv4.fragmentOffset > 0 ? ` fragment at ${ipv4.fragmentOffset}` : '';
  return `${ends.source} > ${ends.destination} IP protocol ${ipv4.protocol}${fragment}`;
}

function describeIcmp(icmp: Icmpv4Message): string {
  switch (icmp.type) {
    case 'echo-request':
    case 'echo-reply':
      return `ICMP ${icmp.type} id ${hex(icmp.identifier)} seq ${icmp.sequence}`;
    case 'destination-unreachable':
    case 'time-exceeded':
      return `ICMP ${icmp.type} code ${icmp.code}`;
    case 'other':
      return `ICMP type ${icmp.icmpType} code ${icmp.code}`;
  }
}

function describeUdp(ends: { readonly source: string; readonly destination: string }, udp: UdpDatagram): string {
  return `${ends.source}:${udp.sourcePort} > ${ends.destination}:${udp.destinationPort}`;
}

function describeDatagram({ dns }: Dissection, udp: UdpDatagram): string {
  if (dns !== undefined) return describeDns(dns);
  if (DHCP_PORTS.has(udp.sourcePort) || DHCP_PORTS.has(udp.destinationPort)) {
    const message = decodeDhcpMessage(udp.payload);
    return message.ok ? describeDhcp(message.value) : `DHCP? ${message.error}`;
  }
  return `UDP ${udp.payload.length} octets`;
}

function describeDhcp(message: DhcpMessage): string {
  const type = message.options.find(({ code }) => code === MESSAGE_TYPE_OPTION)?.value[0];
  const name = type === undefined ? 'BOOTP' : (dhcpMessageTypeName(type) ?? `type ${type}`).toUpperCase();
  const xid = message.xid.toString(16).padStart(8, '0');
  return `DHCP ${name} xid ${xid}${given('yiaddr', message.yiaddr)}${given('ciaddr', message.ciaddr)}`;
}

function describeDns(dns: DnsMessage): string {
  const [question] = dns.questions;
  const asked = question === undefined ? 'nothing' : `${nameOf(DNS_TYPE, question.type)} ${question.name}`;
  if (!dns.response) return `DNS ${hex(dns.id)} ${asked}?`;
  return `DNS ${hex(dns.id)} ${asked}: ${nameOf(DNS_RCODE, dns.responseCode)}, ${dns.answers.length} answers`;
}

function given(name: string, address: Ipv4Address): string {
  return address === IPV4_ANY ? '' : ` ${name} ${formatIpv4(address)}`;
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, code]) => code === value)?.[0] ?? String(value);
}

function macName(mac: MacAddress): string {
  return mac === MAC_BROADCAST ? 'broadcast' : formatMac(mac);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

const DHCP_PORTS: ReadonlySet<number> = new Set([67, 68]);
const MESSAGE_TYPE_OPTION = 53;
