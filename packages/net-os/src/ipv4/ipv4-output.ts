import { type Ipv4Address, isIpv4Multicast, type MacAddress, type Millis } from '@nexus-net/sansio';
import { IPV4_HEADER_LENGTH, writeIpv4Header } from '@nexus-net/wire';
import type { NeighbourCache } from '../arp/neighbour-cache.js';
import type { HostPort } from '../host-port.js';
import { Identifications } from './identification.js';
import type { InterfaceTable, Route } from './interface-table.js';
import { DONT_FRAGMENT, FRAME_HEADROOM, frameOf, MORE_FRAGMENTS, writePacketHeader } from './packet-frame.js';
import { PathMtuCache, type PathMtuOptions } from './path-mtu.js';

/**
 * `sent`: queued for the wire, or waiting for ARP. `no-address`: the source is not an address of ours. `too-big`: more
 * octets than a packet may have, or than the path takes in one where it must not be fragmented. `no-buffers`: the transmit queue
 * or the table of neighbours being resolved is full.
 */
export type SendOutcome = 'sent' | 'no-address' | 'no-route' | 'too-big' | 'no-buffers';

/**
 * What becomes of a packet larger than the path takes. `discover`: it is fragmented here, and one that fits goes out with DF, so
 * that a router says where it doesn't (RFC 1191). `forbid`: it is refused as `too-big`. `allow`: without DF; routers fragment too.
 */
export type Fragmentation = 'discover' | 'forbid' | 'allow';

export interface Ipv4Fields {
  readonly protocol: number;
  readonly destination: Ipv4Address;
  /** Default 0. */
  readonly trafficClass?: number;
  /** Default 64; 1 for a multicast group (RFC 1112 §6.1). */
  readonly ttl?: number;
  /** Default `discover`. */
  readonly fragmentation?: Fragmentation;
}

export interface Ipv4Outgoing extends Ipv4Fields {
  /** One of our addresses; the one that fits the route where absent. */
  readonly source?: Ipv4Address;
  readonly payload: Uint8Array;
  /** Option area, a multiple of 4 octets. Such a packet is not fragmented. */
  readonly options?: Uint8Array;
}

/** Sends IPv4 packets: route, source address, fragments, next hop. */
export class Ipv4Output {
  readonly paths: PathMtuCache;
  readonly #table: InterfaceTable;
  readonly #neighbours: NeighbourCache;
  readonly #port: HostPort;
  readonly #identifications: Identifications;

  constructor(
    paths: PathMtuOptions,
    { table, neighbours, port }: { readonly table: InterfaceTable; readonly neighbours: NeighbourCache; readonly port: HostPort },
  ) {
    this.paths = new PathMtuCache(paths);
    this.#table = table;
    this.#neighbours = neighbours;
    this.#port = port;
    this.#identifications = new Identifications(port.entropy);
  }

  /** The way to `destination` and the source address that a packet there carries; `source`: the one that it must carry. */
  route(destination: Ipv4Address, source?: Ipv4Address): Route | 'no-address' | 'no-route' {
    return this.#table.route(destination, source);
  }

  /** Sends a payload that does not depend on the source address. */
  send(now: Millis, outgoing: Ipv4Outgoing): SendOutcome {
    const route = this.#table.route(outgoing.destination, outgoing.source);
    if (typeof route === 'string') return route;
    if (outgoing.options !== undefined) return this.#sendWithOptions(now, route, { ...outgoing, options: outgoing.options });
    return this.sendFrame(now, { route, fields: outgoing, frame: frameOf(outgoing.payload) });
  }

  /**
   * Sends a transport payload that stands in `frame` behind {@link FRAME_HEADROOM} free octets. The frame belongs to the output
   * from here on. `route` is what {@link route} said, at the same instant.
   */
  sendFrame(
    now: Millis,
    { route, fields, frame }: { readonly route: Route; readonly fields: Ipv4Fields; readonly frame: Uint8Array },
  ): SendOutcome {
    const { destination, fragmentation = 'discover' } = fields;
    const mtu = this.#mtuFor(now, route, destination);
    const length = frame.length - (FRAME_HEADROOM - IPV4_HEADER_LENGTH);
    if (length > mtu) {
      if (fragmentation === 'forbid' || length > PACKET_LENGTH_MAX) return 'too-big';
      return this.#deliver(now, route, this.#fragments(frame, { fields, source: route.source, mtu }));
    }
    const atomic = route.type !== 'link' && fragmentation !== 'allow' && this.paths.discovers(now, destination);
    this.#head(frame, fields, {
      source: route.source,
      identification: atomic ? 0 : this.#identifications.take(destination),
      fragment: atomic ? DONT_FRAGMENT : 0,
    });
    return this.#deliver(now, route, frame);
  }

  /**
   * Sends to a MAC that the caller knows, without route or ARP. The source may be 0.0.0.0: the caller vouches that the
   * protocol permits it (DHCP does).
   */
  sendTo(
    now: Millis,
    {
      mac,
      source,
      fields,
      frame,
    }: { readonly mac: MacAddress; readonly source: Ipv4Address; readonly fields: Ipv4Fields; readonly frame: Uint8Array },
  ): SendOutcome {
    return this.sendFrame(now, { route: { type: 'link', mac, source }, fields: { fragmentation: 'allow', ...fields }, frame });
  }

  #mtuFor(now: Millis, route: Route, destination: Ipv4Address): number {
    if (route.type === 'neighbour') return this.paths.mtuOf(now, destination);
    return route.type === 'loopback' ? PACKET_LENGTH_MAX : this.paths.linkMtu;
  }

  #sendWithOptions(now: Millis, route: Route, outgoing: Ipv4Outgoing & { readonly options: Uint8Array }): SendOutcome {
    const { protocol, destination, payload, options, trafficClass = 0 } = outgoing;
    const frame = new Uint8Array(FRAME_HEADROOM + options.length + payload.length);
    if (frame.length - FRAME_HEADROOM + IPV4_HEADER_LENGTH > this.#mtuFor(now, route, destination)) return 'too-big';
    writeIpv4Header(frame, FRAME_HEADROOM - IPV4_HEADER_LENGTH, {
      protocol,
      source: route.source,
      destination,
      trafficClass,
      ttl: outgoing.ttl ?? defaultTtl(destination),
      identification: this.#identifications.take(destination),
      options,
    });
    frame.set(payload, FRAME_HEADROOM + options.length);
    return this.#deliver(now, route, frame);
  }

  /** RFC 791 §3.2: all but the last a multiple of 8 octets, the header repeated. DF is off: routers may cut smaller still. */
  #fragments(
    frame: Uint8Array,
    { fields, source, mtu }: { readonly fields: Ipv4Fields; readonly source: Ipv4Address; readonly mtu: number },
  ): Uint8Array[] {
    const step = (mtu - IPV4_HEADER_LENGTH) & ~7;
    const identification = this.#identifications.take(fields.destination);
    const frames: Uint8Array[] = [];
    const total = frame.length - FRAME_HEADROOM;
    for (let offset = 0; offset < total; offset += step) {
      const part = frameOf(frame.subarray(FRAME_HEADROOM + offset, FRAME_HEADROOM + Math.min(offset + step, total)));
      const more = offset + step < total ? MORE_FRAGMENTS : 0;
      this.#head(part, fields, { source, identification, fragment: more | (offset / 8) });
      frames.push(part);
    }
    return frames;
  }

  #head(
    frame: Uint8Array,
    { protocol, destination, trafficClass = 0, ttl }: Ipv4Fields,
    {
      source,
      identification,
      fragment,
    }: { readonly source: Ipv4Address; readonly identification: number; readonly fragment: number },
  ): void {
    writePacketHeader(frame, {
      protocol,
      source,
      destination,
      trafficClass,
      ttl: ttl ?? defaultTtl(destination),
      identification,
      fragment,
    });
  }

  /** One frame, or the fragments of one packet: all of them leave, or none. */
  #deliver(now: Millis, route: Route, frames: Uint8Array | readonly Uint8Array[]): SendOutcome {
    if (route.type === 'loopback') return this.#port.loopBack(now, frames as Uint8Array) ? 'sent' : 'no-buffers';
    const mac = route.type === 'link' ? route.mac : this.#neighbours.lookup(now, route.nextHop);
    if (mac !== undefined) return this.#port.sendPacket(frames, mac) ? 'sent' : 'no-buffers';
    return route.type === 'neighbour' && this.#neighbours.enqueue(now, route.nextHop, frames) ? 'sent' : 'no-buffers';
  }
}

function defaultTtl(destination: Ipv4Address): number {
  return isIpv4Multicast(destination) ? 1 : 64;
}

const PACKET_LENGTH_MAX = 65_535;
