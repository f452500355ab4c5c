import {
  Counters,
  type Datagram,
  type DatagramMachine,
  IPV4_ANY,
  IPV4_BROADCAST,
  isIpv4Unicast,
  type MacAddress,
  type Millis,
  NEVER,
  Queue,
} from '@nexus-net/sansio';
import { BOOT_REQUEST, DHCP_MESSAGE_TYPE, DHCP_SERVER_PORT } from './names.js';
import { decodeSubOptions } from './options/sub-options.js';
import { type DhcpRelayOptions, type RelayPort, type ResolvedRelay, resolveRelay } from './relay/config.js';
import { deliver, portOf } from './relay/delivery.js';
import type { DhcpRelayEvent, DhcpRelayReject, InformationFate } from './relay/events.js';
import { informRequest, uninformReply } from './relay/information.js';
import { type RelayView, readRelayView, stampRequest } from './relay/octets.js';

/** A datagram with the index of the interface that it came in at. */
export type DhcpRelayDatagram = Datagram & { readonly interface: number };

/**
 * What goes out. `interface`: the index of the one to send at; absent on the way to a server, where the routes say. With
 * `linkDestination` the frame goes there without ARP: the client can't answer for its new address yet (RFC 1542 §4.1.2).
 */
export type DhcpRelayTransmit = Datagram & { readonly interface?: number; readonly linkDestination?: MacAddress };

export interface DhcpRelayInspection {
  readonly relayed: Readonly<Partial<Record<'requests' | 'replies', number>>>;
  /** What became of option 82, in requests and replies together. */
  readonly information: Readonly<Partial<Record<InformationFate, number>>>;
  readonly rejects: Readonly<Partial<Record<DhcpRelayReject, number>>>;
  readonly transmitsDropped: number;
  readonly eventsDropped: number;
}

/**
 * A DHCP and BOOTP relay (RFC 1542 §4) with relay agent information (RFC 3046). It remembers nothing of one message for the
 * next: giaddr and option 82 of a reply say whose it is.
 *
 * Laws: nothing goes on after `hopsMax` relays; our option 82 reaches no client; but for hops, giaddr and option 82 a message
 * goes on octet for octet.
 */
export class DhcpRelay implements DatagramMachine<DhcpRelayTransmit, DhcpRelayEvent> {
  readonly #config: ResolvedRelay;
  readonly #transmits: Queue<DhcpRelayTransmit>;
  readonly #events: Queue<DhcpRelayEvent>;
  readonly #relayed = new Counters<'requests' | 'replies'>();
  readonly #information = new Counters<InformationFate>();
  readonly #rejects = new Counters<DhcpRelayReject>();
  #now: Millis = Number.NEGATIVE_INFINITY;

  /** Throws `UsageError` for a configuration that contradicts itself. */
  constructor(options: DhcpRelayOptions) {
    this.#config = resolveRelay(options);
    this.#transmits = new Queue(this.#config.transmitCountMax);
    this.#events = new Queue(this.#config.eventCountMax);
  }

  /** Takes everything that comes to port 67, at the interfaces of clients and at those to the servers. */
  handleDatagram(now: Millis, datagram: DhcpRelayDatagram): void {
    this.#now = Math.max(this.#now, now);
    const label = this.#receive(datagram);
    if (label === undefined) return;
    this.#rejects.increment(label);
    this.#events.push({ type: 'rejected', at: this.#now, interface: datagram.interface, label });
  }

  /** Nothing is ever due. */
  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  pollTransmit(): DhcpRelayTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): DhcpRelayEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): DhcpRelayInspection {
    return {
      relayed: this.#relayed.snapshot(),
      information: this.#information.snapshot(),
      rejects: this.#rejects.snapshot(),
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: this.#events.dropped,
    };
  }

  #receive(datagram: DhcpRelayDatagram): DhcpRelayReject | undefined {
    const view = readRelayView(datagram.payload);
    if (typeof view === 'string') return view;
    return view.op === BOOT_REQUEST ? this.#request(datagram, view) : this.#reply(datagram, view);
  }

  /** RFC 1542 §4.1.1. */
  #request(datagram: DhcpRelayDatagram, view: RelayView): DhcpRelayReject | undefined {
    const { hopsMax, secsMin, mtu } = this.#config;
    if (datagram.destination.port !== DHCP_SERVER_PORT) return 'wrong-port';
    const port = this.#config.ports.get(datagram.interface);
    if (port === undefined) return 'unknown-interface';
    const broadcast = [IPV4_BROADCAST, port.broadcast].includes(datagram.destination.address);
    if (!broadcast && !this.#config.addresses.has(datagram.destination.address)) return 'not-for-us';
    if (view.hops >= hopsMax) return 'hops-limit';
    if (view.secs < secsMin) return 'secs-below-minimum';
    const refusal = this.#refusalOf(port, view);
    if (refusal !== undefined) return refusal;

    const chained = view.giaddr !== IPV4_ANY;
    const giaddr = chained ? view.giaddr : port.giaddr;
    const hops = view.hops + 1;
    const bytes = stampRequest(datagram.payload, { giaddr, hops });
    const { options } = view;
    // RFC 3046 §2.1.1: what a relay has passed on gets no second option 82.
    const informed =
      options === undefined || chained
        ? { bytes, fate: options?.information === undefined ? ('none' as const) : ('kept' as const) }
        : informRequest(port, { bytes, options, unicast: !broadcast }, mtu);
    if (typeof informed === 'string') return informed;
    this.#relayed.increment('requests');
    this.#information.increment(informed.fate);
    this.#events.push({
      type: 'request-relayed',
      at: this.#now,
      interface: port.index,
      xid: view.xid,
      hops,
      information: informed.fate,
    });
    const source = { address: port.giaddr, port: this.#sourcePort(datagram, view, chained) };
    for (const [i, server] of port.servers.entries())
      this.#transmits.push({
        source,
        destination: { address: server, port: DHCP_SERVER_PORT },
        payload: i === 0 ? informed.bytes : informed.bytes.slice(), // each belongs to whoever polls it
      });
    return undefined;
  }

  #refusalOf(port: RelayPort, { giaddr, options }: RelayView): DhcpRelayReject | undefined {
    if (giaddr === IPV4_ANY) {
      const type = options?.type ?? 0;
      return type >= DHCP_MESSAGE_TYPE.leaseQuery && type <= DHCP_MESSAGE_TYPE.tls ? 'not-a-client-message' : undefined;
    }
    if (this.#config.addresses.has(giaddr)) return 'own-giaddr';
    if (!isIpv4Unicast(giaddr)) return 'bad-giaddr';
    return port.chained === 'drop' ? 'chained-request' : undefined;
  }

  /** A server answers a relay that says so at the port that the request came from: the next relay has to leave that (RFC 8357). */
  #sourcePort(datagram: Datagram, { options }: RelayView, chained: boolean): number {
    if (!chained || options?.information === undefined) return this.#config.port;
    const list = decodeSubOptions(options.information);
    const says = list.ok && list.value.some(({ code }) => code === SOURCE_PORT);
    return says ? datagram.source.port : this.#config.port;
  }

  /** RFC 1542 §4.1.2. */
  #reply(datagram: DhcpRelayDatagram, view: RelayView): DhcpRelayReject | undefined {
    const { port: ownPort, addresses, servers, repliesFrom } = this.#config;
    const { giaddr, options } = view;
    // A server that doesn't know RFC 8357 answers at 67 whatever we say.
    if (datagram.destination.port !== ownPort && datagram.destination.port !== DHCP_SERVER_PORT) return 'wrong-port';
    if (giaddr === IPV4_ANY) return 'no-giaddr';
    if (!addresses.has(giaddr)) return 'foreign-giaddr';
    if (repliesFrom === 'servers' && !servers.has(datagram.source.address)) return 'unknown-server';
    const type = options?.type ?? 0;
    if (type >= DHCP_MESSAGE_TYPE.leaseQuery && type <= DHCP_MESSAGE_TYPE.tls) return 'not-for-clients';
    const port = portOf(this.#config, view);
    if (port === undefined) return 'unknown-client-interface';
    const bytes = new Uint8Array(datagram.payload);
    const informed = options === undefined ? { bytes, fate: 'none' as const } : uninformReply(port, bytes, options);
    if (typeof informed === 'string') return informed;
    this.#relayed.increment('replies');
    this.#information.increment(informed.fate);
    this.#events.push({
      type: 'reply-relayed',
      at: this.#now,
      interface: port.index,
      xid: view.xid,
      information: informed.fate,
    });
    this.#transmits.push({
      source: { address: port.address, port: DHCP_SERVER_PORT },
      ...deliver(port, view),
      interface: port.index,
      payload: informed.bytes,
    });
    return undefined;
  }
}

/** RFC 8357 §5.1. */
const SOURCE_PORT = 19;
