import type { Entropy, MacAddress, Millis } from '@nexus-net/sansio';
import type { ArpPacket } from '@nexus-net/wire';
import type { HostEvent } from './host-event.js';
import type { LimitLabel } from './labels.js';
import type { TcpLimitLabel } from './tcp/tcp-labels.js';

/** What the parts of a host may do to the whole: the parts hold state and decide, the host sends and tells. */
export interface HostPort {
  readonly mac: MacAddress;
  readonly entropy: Entropy;
  /** Sends an ARP packet of ours; broadcast unless `to` is given. */
  sendArp(packet: ArpPacket, to?: MacAddress): void;
  /**
   * Sends an IPv4 packet to a known MAC: one frame, or its fragments, of which all or none are queued. The frames are whole but for
   * their Ethernet header, and belong to the host from here on.
   */
  sendPacket(frames: Uint8Array | readonly Uint8Array[], to: MacAddress): boolean;
  /** Sends an IPv4 packet, in a frame without Ethernet header, to ourselves. */
  loopBack(now: Millis, frame: Uint8Array): boolean;
  emit(event: HostEvent): boolean;
  count(label: LimitLabel | TcpLimitLabel): void;
}
