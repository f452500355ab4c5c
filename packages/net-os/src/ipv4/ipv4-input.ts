import {
  err,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  isIpv4Loopback,
  isIpv4Multicast,
  isIpv4Unicast,
  type MacAddress,
  ok,
  type Result,
} from '@nexus-net/sansio';
import { decodeIpv4, IP_PROTOCOL, type Ipv4Packet } from '@nexus-net/wire';
import type { DropLabel } from '../labels.js';
import type { InterfaceTable } from './interface-table.js';
import { judgeOptions } from './ipv4-checks.js';

/** A packet that may go up, and what the layers above need to know of how it came. */
export interface Ipv4Arrival {
  readonly packet: Ipv4Packet;
  /** The packet's own octets, for the quote of an ICMP error. A view. */
  readonly bytes: Uint8Array;
  readonly linkSource: MacAddress;
  /**
   * `unicast`: to an address of ours in a frame to our MAC; only these may be answered with an error.
   * `broadcast`, `multicast`: to everybody, or to a group that we are in. `foreign`: for an address that isn't ours (yet); UDP
   * alone gets these, for DHCP.
   */
  readonly reach: 'unicast' | 'broadcast' | 'multicast' | 'foreign';
}

/** How a packet came in. */
export interface LinkArrival {
  readonly linkSource: MacAddress;
  /** Was the frame to our own MAC? */
  readonly toUs: boolean;
  /** It came from ourselves, and never was on the wire. */
  readonly local: boolean;
}

export interface Ipv4Membership {
  readonly table: InterfaceTable;
  /** Are we in this group? */
  readonly inGroup: (group: Ipv4Address) => boolean;
}

/** The input rules of a host that is not a router (RFC 1122 §3.2.1). */
export function admitIpv4(bytes: Uint8Array, link: LinkArrival, membership: Ipv4Membership): Result<Ipv4Arrival, DropLabel> {
  const decoded = decodeIpv4(bytes);
  if (!decoded.ok) return err(`ipv4-${decoded.error}`);
  const packet = decoded.value;
  const badSource = link.local ? undefined : judgeSource(packet, membership.table);
  if (badSource !== undefined) return err(badSource);
  if (packet.options.length > 0) {
    const options = judgeOptions(packet.options);
    if (options !== 'fine') return err(options === 'bad' ? 'ipv4-bad-options' : 'ipv4-source-route');
  }
  const reach = judgeDestination(link, packet, membership);
  if (reach !== 'unicast' && reach !== 'broadcast' && reach !== 'multicast' && reach !== 'foreign') return err(reach);
  return ok({ packet, bytes, linkSource: link.linkSource, reach });
}

function judgeSource({ source, destination, protocol }: Ipv4Packet, table: InterfaceTable): DropLabel | undefined {
  // §3.2.1.3 (a): "this host" as a source belongs to a host that is asking for its address. UDP checks the ports.
  if (source === IPV4_ANY) return destination === IPV4_BROADCAST && protocol === IP_PROTOCOL.udp ? undefined : 'ipv4-bad-source';
  if (!isIpv4Unicast(source) || table.isBroadcast(source) || table.isNetwork(source)) return 'ipv4-bad-source';
  return table.owns(source) ? 'ipv4-own-source' : undefined;
}

function judgeDestination(
  { toUs, local }: LinkArrival,
  { destination, protocol }: Ipv4Packet,
  { table, inGroup }: Ipv4Membership,
): Ipv4Arrival['reach'] | DropLabel {
  // §3.3.6: a broadcast frame around a unicast packet is a mistake or a trick.
  if (table.owns(destination)) return toUs ? 'unicast' : 'ipv4-link-broadcast';
  if (table.isBroadcast(destination)) return 'broadcast';
  if (isIpv4Multicast(destination)) return inGroup(destination) ? 'multicast' : 'ipv4-not-for-us';
  if (local && isIpv4Loopback(destination)) return 'unicast';
  // RFC 1542 §4.1.2: a relay that can't reach a client without an address by unicast may broadcast the frame alone.
  const mayBeAnOffer = toUs || table.addresses.length === 0;
  return mayBeAnOffer && protocol === IP_PROTOCOL.udp && isIpv4Unicast(destination) ? 'foreign' : 'ipv4-not-for-us';
}
