import { IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, prefixContains } from '@nexus-net/sansio';
import type { BindingTable } from './binding-table.js';
import type { ServerRequest } from './request.js';

/** The tables of all networks; the first is the one that the server itself is on. */
export type Tables = readonly [BindingTable, ...BindingTable[]];

/** The network that an address is of. */
export function tableOf(tables: Tables, address: Ipv4Address): BindingTable | undefined {
  return tables.find(({ subnet }) => prefixContains(subnet.prefix, address));
}

/**
 * The network that the client is on, so far as the message tells: link selection of a relay (RFC 3527), then option 118
 * (RFC 3011), then giaddr (RFC 2131 §4.3.1). A renewal that was routed to us names its network by ciaddr; everything else
 * came from our own wire. `undefined`: a network that is not configured.
 */
export function selectTable(tables: Tables, request: ServerRequest): BindingTable | undefined {
  const { message, relay, subnetSelection, datagram } = request;
  const selected = relay.linkSelection ?? subnetSelection;
  if (selected !== undefined) return tableOf(tables, selected);
  if (message.giaddr !== IPV4_ANY) return tableOf(tables, message.giaddr);
  const routed = message.ciaddr !== IPV4_ANY && datagram.destination.address !== IPV4_BROADCAST;
  return (routed ? tableOf(tables, message.ciaddr) : undefined) ?? tables[0];
}
