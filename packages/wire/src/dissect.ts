import { type Millis, readU16 } from '@nexus-net/sansio';
import { type ArpPacket, decodeArp } from './arp.js';
import { internetChecksum } from './checksum.js';
import { type DnsMessage, decodeDns } from './dns.js';
import { decodeEthernet, ETHERTYPE, type EthernetFrame } from './ethernet.js';
import { decodeIcmpv4, type Icmpv4Message } from './icmpv4.js';
import { decodeIgmp, type IgmpMessage } from './igmp.js';
import { decodeIpv4, IP_PROTOCOL, type Ipv4Packet, ipv4ChecksumGood } from './ipv4.js';
import { Ipv4Reassembler, type ReassemblyLimits, type ReassemblySnapshot } from './ipv4-reassembly.js';
import { decodeTcp, type TcpSegment, tcpChecksumState } from './tcp.js';
import { decodeUdp, type UdpDatagram, udpChecksumState } from './udp.js';

/** A layer that {@link dissect} reads. */
export type DissectionLayer = 'ethernet' | 'arp' | 'ipv4' | 'icmp' | 'igmp' | 'udp' | 'tcp' | 'dns';

/**
 * What a frame holds, layer by layer, as views of it. A layer is present where its fields could be read, which does not mean
 * that its receiver accepts it: see `problem`.
 */
export interface Dissection {
  readonly ethernet?: EthernetFrame;
  /** VLAN ids of the tags, outermost first, 0..4095 (IEEE 802.1Q). */
  readonly vlans?: readonly number[];
  readonly arp?: ArpPacket;
  readonly ipv4?: Ipv4Packet;
  /** The whole datagram, where `ipv4` is the fragment that made it whole: the layers above are read from it. */
  readonly reassembled?: Ipv4Packet;
  readonly icmp?: Icmpv4Message;
  readonly igmp?: IgmpMessage;
  readonly udp?: UdpDatagram;
  readonly tcp?: TcpSegment;
  /** Of UDP datagrams from or to port 53. */
  readonly dns?: DnsMessage;
  /**
   * The first thing that was wrong. `error` is a label of that layer's decoder, or `partial-checksum`: the pseudo-header's sum
   * alone, as captures hold it that were taken before the sender's network card filled the checksum in.
   */
  readonly problem?: { readonly layer: DissectionLayer; readonly error: string };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const VLAN_TAG_LENGTH = 4;
/** More nested tags than any network stacks; the rest is left undecoded. */
const VLAN_COUNT_MAX = 8;
const DNS_PORT = 53;

/**
 * Reads all layers of an Ethernet frame in one pass. Total: never throws, never reads outside `frame`. IPv6, 802.3 with LLC
 * and every other protocol are left undecoded without a problem; fragments stop after `ipv4`, unless a {@link FrameDissector}
 * joins them. A layer with a bad checksum is
 * shown and named in `problem`, and nothing above it is read.
 */
export function dissect(frame: Uint8Array): Dissection {
  return dissectFrame(frame, undefined);
}

/**
 * Reads frame after frame of a segment as {@link dissect} does, and joins fragments: the one that makes a datagram whole shows
 * the layers of the whole. Bounded as {@link Ipv4Reassembler} is.
 */
export class FrameDissector {
  readonly #reassembler: Ipv4Reassembler;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(limits: Partial<ReassemblyLimits> = {}) {
    this.#reassembler = new Ipv4Reassembler(limits);
  }

  dissect(now: Millis, frame: Uint8Array): Dissection {
    this.#now = Math.max(this.#now, now);
    return dissectFrame(frame, (packet, bytes) => {
      while (this.#reassembler.pollExpired(this.#now) !== undefined);
      const outcome = this.#reassembler.handleFragment(this.#now, packet, bytes);
      return outcome.type === 'complete' ? outcome.datagram.packet : outcome.type === 'refused' ? outcome.error : undefined;
    });
  }

  inspect(): ReassemblySnapshot {
    return this.#reassembler.inspect();
  }
}

/** The datagram that a fragment makes whole, the label of one that is refused, or nothing. */
type Join = ((fragment: Ipv4Packet, bytes: Uint8Array) => Ipv4Packet | string | undefined) | undefined;

function dissectFrame(frame: Uint8Array, join: Join): Dissection {
  const layers: Writable<Dissection> = {};
  const ethernet = decodeEthernet(frame);
  if (!ethernet.ok) return fail(layers, 'ethernet', ethernet.error);
  layers.ethernet = ethernet.value;
  let { etherType, payload } = ethernet.value;
  if (etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.serviceVlan) {
    const vlans: number[] = [];
    layers.vlans = vlans;
    while ((etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.serviceVlan) && vlans.length < VLAN_COUNT_MAX) {
      if (payload.length < VLAN_TAG_LENGTH) return fail(layers, 'ethernet', 'truncated');
      vlans.push(readU16(payload, 0) & 0x0fff);
      etherType = readU16(payload, 2);
      payload = payload.subarray(VLAN_TAG_LENGTH);
    }
  }
  if (etherType === ETHERTYPE.ipv4) return dissectIpv4(layers, payload, join);
  if (etherType === ETHERTYPE.arp) {
    const arp = decodeArp(payload);
    if (!arp.ok) return fail(layers, 'arp', arp.error);
    layers.arp = arp.value;
  }
  return layers;
}

const IGNORE = { checksum: 'ignore' } as const;

function dissectIpv4(layers: Writable<Dissection>, bytes: Uint8Array, join: Join): Dissection {
  const decoded = decodeIpv4(bytes, IGNORE);
  if (!decoded.ok) return fail(layers, 'ipv4', decoded.error);
  const packet = decoded.value;
  layers.ipv4 = packet;
  if (!ipv4ChecksumGood(bytes)) return fail(layers, 'ipv4', 'bad-checksum');
  if (!packet.moreFragments && packet.fragmentOffset === 0) return dissectTransport(layers, packet);
  const joined = join?.(packet, bytes);
  if (typeof joined === 'string') return fail(layers, 'ipv4', joined);
  if (joined === undefined) return layers;
  layers.reassembled = joined;
  return dissectTransport(layers, joined);
}

function dissectTransport(layers: Writable<Dissection>, packet: Ipv4Packet): Dissection {
  switch (packet.protocol) {
    case IP_PROTOCOL.udp:
      return dissectUdp(layers, packet);
    case IP_PROTOCOL.tcp: {
      const tcp = decodeTcp(packet.payload, packet, IGNORE);
      if (!tcp.ok) return fail(layers, 'tcp', tcp.error);
      layers.tcp = tcp.value;
      const state = tcpChecksumState(packet.payload, packet);
      return state === 'good' ? layers : fail(layers, 'tcp', state === 'partial' ? 'partial-checksum' : 'bad-checksum');
    }
    case IP_PROTOCOL.icmp: {
      const icmp = decodeIcmpv4(packet.payload, IGNORE);
      if (!icmp.ok) return fail(layers, 'icmp', icmp.error);
      layers.icmp = icmp.value;
      return internetChecksum(packet.payload) === 0 ? layers : fail(layers, 'icmp', 'bad-checksum');
    }
    case IP_PROTOCOL.igmp: {
      const igmp = decodeIgmp(packet.payload, IGNORE);
      if (!igmp.ok) return fail(layers, 'igmp', igmp.error);
      layers.igmp = igmp.value;
      return internetChecksum(packet.payload) === 0 ? layers : fail(layers, 'igmp', 'bad-checksum');
    }
    default:
      return layers;
  }
}

function dissectUdp(layers: Writable<Dissection>, packet: Ipv4Packet): Dissection {
  const udp = decodeUdp(packet.payload, packet, IGNORE);
  if (!udp.ok) return fail(layers, 'udp', udp.error);
  layers.udp = udp.value;
  const state = udpChecksumState(packet.payload, packet);
  if (state === 'bad') return fail(layers, 'udp', 'bad-checksum');
  if (state === 'partial') fail(layers, 'udp', 'partial-checksum'); // the sender's card fills it in: the rest is as sent
  if (udp.value.sourcePort === DNS_PORT || udp.value.destinationPort === DNS_PORT) {
    const dns = decodeDns(udp.value.payload);
    if (!dns.ok) return fail(layers, 'dns', dns.error);
    layers.dns = dns.value;
  }
  return layers;
}

function fail(layers: Writable<Dissection>, layer: DissectionLayer, error: string): Dissection {
  layers.problem ??= { layer, error };
  return layers;
}
