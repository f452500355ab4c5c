import type { Entropy, Ipv4Address, MacAddress, Millis } from '@nexus-net/sansio';
import { encodeIpv4, IPV4_HEADER_LENGTH } from '@nexus-net/wire';
import type { NeighbourCache } from '../arp/neighbour-cache.js';
import type { HostPort } from '../host-port.js';
import type { InterfaceTable } from './interface-table.js';

/**
 * `sent`: queued for the wire, or waiting for ARP. `no-address`: the source is not an address of ours. `too-big`: more
 * octets than the MTU. `no-buffers`: the transmit queue or the table of neighbours being resolved is full.
 */
export type SendOutcome = 'sent' | 'no-address' | 'no-route' | 'too-big' | 'no-buffers';

export interface Ipv4Outgoing {
  readonly protocol: number;
  /** One of our addresses; the one that fits the route where absent. */
  readonly source?: Ipv4Address;
  readonly destination: Ipv4Address;
  /** The IPv4 payload for the source address chosen: checksums of UDP and TCP cover it. */
  readonly payload: (source: Ipv4Address) => Uint8Array;
  readonly trafficClass?: number;
  /** Default 64; 1 for a multicast group (RFC 1112 §6.1). */
  readonly ttl?: number;
}

/** Sends IPv4 packets: route, source address, next hop. */
export class Ipv4Output {
  readonly #mtu: number;
  readonly #entropy: Entropy;
  readonly #table: InterfaceTable;
  readonly #neighbours: NeighbourCache;
  readonly #port: HostPort;

  constructor(
    mtu: number,
    { table, neighbours, port }: { readonly table: InterfaceTable; readonly neighbours: NeighbourCache; readonly port: HostPort },
  ) {
    this.#mtu = mtu;
    this.#entropy = port.entropy;
    this.#table = table;
    this.#neighbours = neighbours;
    this.#port = port;
  }

  send(now: Millis, outgoing: Ipv4Outgoing): SendOutcome {
    const { source, destination } = outgoing;
    if (source === undefined ? this.#table.addresses.length === 0 : !this.#table.owns(source)) return 'no-address';
    const route = this.#table.route(destination, source);
    if (route === undefined) return 'no-route';
    const packet = this.#encode(outgoing, route.source);
    if (packet === undefined) return 'too-big';
    const mac = route.type === 'link' ? route.mac : this.#neighbours.lookup(now, route.nextHop);
    if (mac !== undefined) return this.#port.sendIpv4(packet, mac) ? 'sent' : 'no-buffers';
    return route.type === 'neighbour' && this.#neighbours.enqueue(now, route.nextHop, packet) ? 'sent' : 'no-buffers';
  }

  /**
   * Sends to a MAC that the caller knows, without route or ARP. The source may be 0.0.0.0: the caller vouches that the
   * protocol permits it (DHCP does).
   */
  sendTo(mac: MacAddress, outgoing: Ipv4Outgoing & { readonly source: Ipv4Address }): SendOutcome {
    const packet = this.#encode(outgoing, outgoing.source);
    if (packet === undefined) return 'too-big';
    return this.#port.sendIpv4(packet, mac) ? 'sent' : 'no-buffers';
  }

  #encode({ protocol, destination, payload, trafficClass = 0, ttl }: Ipv4Outgoing, source: Ipv4Address): Uint8Array | undefined {
    const body = payload(source);
    if (IPV4_HEADER_LENGTH + body.length > this.#mtu) return undefined;
    return encodeIpv4({
      protocol,
      source,
      destination,
      trafficClass,
      ttl: ttl ?? (destination >>> 28 === 0xe ? 1 : 64),
      // Drawn, not counted: a counter tells strangers how much we send (RFC 7739 §4 says why).
      identification: this.#entropy.u32() & 0xffff,
      payload: body,
    });
  }
}
