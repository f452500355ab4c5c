import { err, IPV4_ANY, IPV4_BROADCAST, isIpv4Unicast, type MacAddress, ok, type Result } from '@nexus-net/sansio';
import { decodeIpv4, type EthernetFrame, IP_PROTOCOL, type Ipv4Packet } from '@nexus-net/wire';
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
   * `broadcast`: to everybody. `foreign`: for an address that isn't ours (yet); UDP alone gets these, for DHCP.
   */
  readonly reach: 'unicast' | 'broadcast' | 'foreign';
}

/** The input rules of a host that is not a router (RFC 1122 §3.2.1). */
export function admitIpv4(
  frame: EthernetFrame,
  { table, mac }: { readonly table: InterfaceTable; readonly mac: MacAddress },
): Result<Ipv4Arrival, DropLabel> {
  const decoded = decodeIpv4(frame.payload);
  if (!decoded.ok) return err(`ipv4-${decoded.error}`);
  const packet = decoded.value;
  const badSource = judgeSource(packet, table);
  if (badSource !== undefined) return err(badSource);
  const options = judgeOptions(packet.options);
  if (options !== 'fine') return err(options === 'bad' ? 'ipv4-bad-options' : 'ipv4-source-route');
  const reach = judgeDestination(frame, packet, { table, mac });
  if (reach !== 'unicast' && reach !== 'broadcast' && reach !== 'foreign') return err(reach);
  if (packet.moreFragments || packet.fragmentOffset > 0) return err('fragment');
  return ok({ packet, bytes: frame.payload, linkSource: frame.source, reach });
}

function judgeSource({ source, destination, protocol }: Ipv4Packet, table: InterfaceTable): DropLabel | undefined {
  // §3.2.1.3 (a): "this host" as a source belongs to a host that is asking for its address. UDP checks the ports.
  if (source === IPV4_ANY) return destination === IPV4_BROADCAST && protocol === IP_PROTOCOL.udp ? undefined : 'ipv4-bad-source';
  if (!isIpv4Unicast(source) || table.isBroadcast(source) || table.isNetwork(source)) return 'ipv4-bad-source';
  return table.owns(source) ? 'ipv4-own-source' : undefined;
}

function judgeDestination(
  frame: EthernetFrame,
  { destination, protocol }: Ipv4Packet,
  { table, mac }: { readonly table: InterfaceTable; readonly mac: MacAddress },
): Ipv4Arrival['reach'] | DropLabel {
  if (table.isBroadcast(destination)) return 'broadcast';
  const toUs = frame.destination === mac;
  // §3.3.6: a broadcast frame around a unicast packet is a mistake or a trick.
  if (table.owns(destination)) return toUs ? 'unicast' : 'ipv4-link-broadcast';
  // RFC 1542 §4.1.2: a relay that can't reach a client without an address by unicast may broadcast the frame alone.
  const mayBeAnOffer = toUs || table.addresses.length === 0;
  return mayBeAnOffer && protocol === IP_PROTOCOL.udp && isIpv4Unicast(destination) ? 'foreign' : 'ipv4-not-for-us';
}
