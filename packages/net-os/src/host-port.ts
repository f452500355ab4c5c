import type { Entropy, MacAddress } from '@nexus-net/sansio';
import type { ArpPacket } from '@nexus-net/wire';
import type { HostEvent } from './host-event.js';
import type { LimitLabel } from './labels.js';

/** What the parts of a host may do to the whole: the parts hold state and decide, the host sends and tells. */
export interface HostPort {
  readonly mac: MacAddress;
  readonly entropy: Entropy;
  /** Sends an ARP packet of ours; broadcast unless `to` is given. */
  sendArp(packet: ArpPacket, to?: MacAddress): void;
  /** Sends an IPv4 packet, already encoded, to a known MAC. */
  sendIpv4(packet: Uint8Array, to: MacAddress): boolean;
  emit(event: HostEvent): boolean;
  count(label: LimitLabel): void;
}
