import { type Ipv4Address, MAC_BROADCAST, MAC_ZERO, type MacAddress } from '@nexus-net/sansio';
import {
  ARP_REPLY,
  ARP_REQUEST,
  type ArpPacket,
  type Dissection,
  dissect,
  ETHERTYPE,
  encodeArp,
  encodeEthernet,
  encodeIcmpv4,
  encodeIpv4,
  encodeUdp,
  type Icmpv4Message,
  IP_PROTOCOL,
  type Ipv4Encodable,
} from '@nexus-net/wire';
import { OUR_IP, OUR_MAC, PEER_IP, PEER_MAC } from './wire.js';

/** A frame from the peer to us, unless said otherwise. */
export function frame(
  etherType: number,
  payload: Uint8Array,
  { source = PEER_MAC, destination = OUR_MAC }: { source?: MacAddress; destination?: MacAddress } = {},
): Uint8Array {
  return encodeEthernet({ source, destination, etherType, payload });
}

/** An ARP packet of the peer; a request for our address unless said otherwise. */
export function arp(packet: Partial<ArpPacket> = {}, destination: MacAddress = MAC_BROADCAST): Uint8Array {
  const whole: ArpPacket = {
    operation: ARP_REQUEST,
    senderMac: PEER_MAC,
    senderIp: PEER_IP,
    targetMac: MAC_ZERO,
    targetIp: OUR_IP,
    ...packet,
  };
  // The frame comes from the sender that the packet names, where a station can have that MAC.
  const station = (whole.senderMac / 2 ** 40) & 1 || whole.senderMac === MAC_ZERO ? PEER_MAC : whole.senderMac;
  return frame(ETHERTYPE.arp, encodeArp(whole), { source: station, destination });
}

export function arpReply(senderIp: Ipv4Address, senderMac: MacAddress, destination: MacAddress = OUR_MAC): Uint8Array {
  return arp({ operation: ARP_REPLY, senderIp, senderMac, targetIp: OUR_IP, targetMac: OUR_MAC }, destination);
}

/** A packet from the peer to us. */
export function ipv4(
  packet: Partial<Ipv4Encodable> & { payload: Uint8Array; protocol: number },
  destination?: MacAddress,
): Uint8Array {
  const bytes = encodeIpv4({ source: PEER_IP, destination: OUR_IP, ...packet });
  return frame(ETHERTYPE.ipv4, bytes, destination === undefined ? {} : { destination });
}

export function icmp(message: Icmpv4Message, packet: Partial<Ipv4Encodable> = {}, destination?: MacAddress): Uint8Array {
  return ipv4({ ...packet, protocol: IP_PROTOCOL.icmp, payload: encodeIcmpv4(message) }, destination);
}

export const ECHO: Icmpv4Message = {
  type: 'echo-request',
  identifier: 7,
  sequence: 9,
  payload: Uint8Array.of(1, 2, 3, 4, 5),
};

/** A datagram from port 4000 of the peer to port 7 of ours. */
export function udp({
  source = PEER_IP,
  sourcePort = 4_000,
  destination = OUR_IP,
  port = 7,
  payload = Uint8Array.of(1, 2, 3),
  link,
}: {
  source?: Ipv4Address;
  sourcePort?: number;
  destination?: Ipv4Address;
  port?: number;
  payload?: Uint8Array;
  link?: MacAddress;
} = {}): Uint8Array {
  const bytes = encodeUdp({ sourcePort, destinationPort: port, payload }, { source, destination });
  return ipv4({ source, destination, protocol: IP_PROTOCOL.udp, payload: bytes }, link);
}

export function dissectAll(frames: readonly Uint8Array[]): Dissection[] {
  return frames.map((bytes) => dissect(bytes));
}
