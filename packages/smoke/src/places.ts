import type { StationAddresses } from '@nexus-net/lan';
import { prefixMask } from '@nexus-net/sansio';
import type { NodeName } from '@nexus-net/verdict';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { GuestPlace } from './guest.js';

const { smoke, os2vm } = ADDRESS_PLAN;

/** The one place on the wire that a smoke run gives to its guest. */
export const GUEST_PLACE: GuestPlace = {
  mac: smoke.guestMac,
  address: smoke.guest,
  netmask: prefixMask(smoke.network),
  gateway: smoke.gateway,
  dns: smoke.dns,
  quiet: smoke.quiet,
};

/** Of two guests that have no router: the host at `gateway` only observes. */
const PAIR_PLACE: Omit<GuestPlace, 'mac' | 'address'> = {
  netmask: prefixMask(os2vm.network),
  gateway: os2vm.observer,
  dns: os2vm.observer,
  quiet: os2vm.observer,
  isUnrouted: true,
};

/** What each machine of a run is told about its place on the wire. Two machines at most: the address plan has no more. */
export function placesOf(nodes: readonly NodeName[]): ReadonlyMap<NodeName, GuestPlace> {
  const [first, second] = nodes as [NodeName, NodeName?];
  if (second === undefined) return new Map([[first, GUEST_PLACE]]);
  return new Map([
    [first, { ...PAIR_PLACE, mac: os2vm.nodeAMac, address: os2vm.nodeA, peer: os2vm.nodeB }],
    [second, { ...PAIR_PLACE, mac: os2vm.nodeBMac, address: os2vm.nodeB, peer: os2vm.nodeA }],
  ]);
}

/** The interface of a capture that holds what arrived on the loopback interface of a node, as the node exported it. */
export function loopbackPortOf(nodes: readonly NodeName[], node: NodeName): string {
  return nodes.length === 1 ? LOOPBACK_PORT : `${LOOPBACK_PORT}-${node}`;
}

/** That of the only guest. */
export const LOOPBACK_PORT = 'loopback';

/** The node whose loopback interface a capture calls by this name. */
export function loopbackNodeOf(nodes: readonly NodeName[], port: string | undefined): NodeName | undefined {
  return nodes.find((node) => loopbackPortOf(nodes, node) === port);
}

/** Is this the interface of a capture with the loopback frames of a guest? */
export function isLoopbackPort(port: string): boolean {
  return port === LOOPBACK_PORT || port.startsWith(`${LOOPBACK_PORT}-`);
}

/** Who owns which address at the port of its name, where more than one guest is on the wire: nobody may speak as another. */
export function stationsOf(nodes: readonly NodeName[]): readonly StationAddresses[] {
  if (nodes.length === 1) return [];
  return [...placesOf(nodes)].map(([node, { mac, address }]) => ({ port: node, mac, address }));
}
