import {
  type DhcpConflictCheck,
  DhcpServer,
  type DhcpServerEvent,
  type DhcpServerInspection,
  type DhcpServerOptions,
} from '@nexus-net/dhcp';
import type { UdpSocketId } from '@nexus-net/net-os';
import {
  Host,
  type HostEvent,
  type HostOptions,
  type HostSnapshot,
  HostSockets,
  type PingId,
  type PingRequest,
} from '@nexus-net/net-os';
import {
  Counters,
  type Datagram,
  type Endpoint,
  type Entropy,
  type FrameMachine,
  formatIpv4,
  formatPrefix,
  type Ipv4Address,
  type Ipv4Prefix,
  isHostAddress,
  type MacAddress,
  type Millis,
  NEVER,
  prefixLength,
  Queue,
  requireArgument,
} from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import {
  type GatewayServiceEvent,
  GatewayServices,
  type GatewayServicesConfig,
  type GatewayServicesView,
} from './gateway-services.js';
import { type ExchangeOutcome, NonceExchange } from './nonce-exchange.js';
import { DnsService, type DnsServiceConfig, type DnsServiceEvent, type DnsServiceView } from './services/dns-service.js';

export interface GatewayConfig {
  readonly entropy: Entropy;
  /** Default: `gatewayMac` of the smoke plan. */
  readonly mac?: MacAddress;
  /** Default 10.0.2.2. */
  readonly address?: Ipv4Address;
  /** A second address, which answers like the first. Default 10.0.2.3; `none` for one address only. */
  readonly dnsAddress?: Ipv4Address | 'none';
  /** Default 10.0.2.0/24. */
  readonly network?: Ipv4Prefix;
  /**
   * The DHCP server: what differs from its defaults, which are those of the address plan (leases from 10.0.2.15 up, this
   * host as router, the DNS address as name server). `off`: port 67 is closed. Default on.
   */
  readonly dhcp?: Partial<Omit<DhcpServerOptions, 'address' | 'prefix'>> | 'off';
  /** The DNS service on port 53 of both addresses; the names that it knows. `off`: the port is closed. Default on, no names. */
  readonly dns?: DnsServiceConfig | 'off';
  /** Services on sockets: DNS over TCP, TFTP, HTTP, echo, discard. Default none: their ports are closed. */
  readonly services?: GatewayServicesConfig;
  /** Limits and times of the host itself. */
  readonly host?: Partial<Omit<HostOptions, 'mac' | 'entropy'>>;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 4 096. */
  readonly eventCountMax?: number;
}

export type GatewayEvent =
  | { readonly type: 'dhcp'; readonly event: DhcpServerEvent }
  | { readonly type: 'dns'; readonly event: DnsServiceEvent }
  | ({ readonly type: 'service' } & GatewayServiceEvent)
  /** An exchange that was asked for has ended. */
  | { readonly type: 'exchange'; readonly remote: Endpoint; readonly outcome: ExchangeOutcome; readonly at: Millis }
  /** Answers to pings, conflicts, unreachable clients. */
  | { readonly type: 'host'; readonly event: Exclude<HostEvent, { readonly type: 'datagram' }> };

/** Why a reply of a service did not leave: see `Host.sendUdp`. */
export type GatewayUnsent = 'no-address' | 'no-route' | 'too-big' | 'no-buffers';

export interface GatewayView {
  readonly host: HostSnapshot;
  readonly dhcp?: DhcpServerInspection;
  readonly dns?: DnsServiceView;
  readonly services?: GatewayServicesView;
  /** Replies of services that did not leave. */
  readonly unsent: Partial<Record<GatewayUnsent, number>>;
  readonly eventsDropped: number;
}

/**
 * The other end of a guest's cable: one host that answers ARP and echo at two addresses, leases addresses, and answers DNS.
 * It routes nothing: there is no world behind it.
 */
export class Gateway implements FrameMachine<GatewayEvent> {
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
  readonly #host: Host;
  /** What frames and time go through: the sockets of the services, or the host itself. */
  readonly #front: Host | HostSockets<HostEvent>;
  readonly #services: GatewayServices | undefined;
  readonly #addresses: readonly Ipv4Address[];
  readonly #prefixLength: number;
  readonly #dhcp: Service<DhcpServer> | undefined;
  readonly #dns: Service<DnsService> | undefined;
  /** Addresses that the host probes for the DHCP server, and the ids of its questions. */
  readonly #probes = new Map<Ipv4Address, number>();
  readonly #unsent = new Counters<GatewayUnsent>();
  readonly #events: Queue<GatewayEvent>;
  readonly #entropy: Entropy;
  #exchange: NonceExchange | undefined;
  #started = false;

  constructor(config: GatewayConfig) {
    const plan = ADDRESS_PLAN.smoke;
    const { entropy, mac = plan.gatewayMac, address = plan.gateway, dnsAddress = plan.dns, network = plan.network } = config;
    this.mac = mac;
    this.address = address;
    this.#entropy = entropy;
    this.#addresses = dnsAddress === 'none' ? [address] : [address, dnsAddress];
    for (const own of this.#addresses)
      requireArgument(isHostAddress(network, own), `${formatIpv4(own)} is a host address of ${formatPrefix(network)}`);
    this.#prefixLength = prefixLength(network);
    this.#events = new Queue(config.eventCountMax ?? 4_096);
    // A guest that takes our address is to be seen and answered, not to end the services for everybody else.
    const { dhcp = {}, dns = {} } = config;
    const probing = dhcp === 'off' || dhcp.conflictCheck === undefined ? {} : probingOptions(dhcp.conflictCheck);
    this.#host = new Host({ defence: 'defend-always', ...probing, ...config.host, mac, entropy });
    if (config.services === undefined) this.#front = this.#host;
    else {
      const sockets = new HostSockets<HostEvent>(this.#host);
      this.#front = sockets;
      this.#services = new GatewayServices(config.services, { sockets, dns: dns === 'off' ? {} : dns });
    }
    if (dhcp !== 'off') {
      const machine = new DhcpServer({
        pool: plan.pool,
        routers: [address],
        dnsServers: [dnsAddress === 'none' ? address : dnsAddress],
        ...dhcp,
        address,
        prefix: network,
      });
      this.#dhcp = { machine, socket: this.#host.bindUdp({ port: ADDRESS_PLAN.ports.dhcpServer }) };
    }
    if (dns !== 'off') {
      this.#dns = { machine: new DnsService(dns), socket: this.#host.bindUdp({ port: ADDRESS_PLAN.ports.dns }) };
    }
  }

  /** The DHCP server, for its own commands and its inspection; `undefined` where it is off. */
  get dhcp(): DhcpServer | undefined {
    return this.#dhcp?.machine;
  }

  /** Takes its addresses and announces them (RFC 5227 §2.3). The first input does it too. */
  start(now: Millis): void {
    if (this.#started) return;
    this.#started = true;
    for (const address of this.#addresses) this.#host.addAddress(now, { address, prefixLength: this.#prefixLength });
  }

  /** Sends an echo request from the first address: is that guest there? A `host` event says how it ended. */
  ping(now: Millis, request: PingRequest): PingId {
    this.start(now);
    const id = this.#host.ping(now, request);
    this.#settle(now);
    return id;
  }

  /**
   * As {@link ping}, and by ARP first: what the gateway learned from the guest's own requests is forgotten, for it says nothing about
   * whether the guest answers requests.
   */
  seek(now: Millis, request: PingRequest): PingId {
    this.#host.forgetNeighbour(request.destination);
    return this.ping(now, request);
  }

  /**
   * Connects to somebody who is said to listen, and lets a nonce go there and back. One at a time: another one replaces it. An `exchange`
   * event says how it ended.
   */
  exchange(now: Millis, remote: Endpoint): void {
    this.start(now);
    this.#exchange = new NonceExchange(now, remote, { tcp: this.#host.tcp, entropy: this.#entropy });
    this.#tellExchange(now);
    this.#settle(now);
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.start(now);
    this.#front.handleFrame(now, frame);
    this.#settle(now);
  }

  handleTimeout(now: Millis): void {
    this.start(now);
    this.#front.handleTimeout(now);
    this.#dhcp?.machine.handleTimeout(now);
    this.#settle(now);
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#front.pollTransmit();
  }

  pollEvent(): GatewayEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    const dhcpAt = this.#dhcp?.machine.nextTimeout() ?? NEVER;
    return Math.min(this.#front.nextTimeout(), dhcpAt, this.#services?.nextTimeout() ?? NEVER);
  }

  inspect(): GatewayView {
    return {
      host: this.#host.inspect(),
      ...(this.#dhcp === undefined ? {} : { dhcp: this.#dhcp.machine.inspect() }),
      ...(this.#dns === undefined ? {} : { dns: this.#dns.machine.inspect() }),
      ...(this.#services === undefined ? {} : { services: this.#services.inspect() }),
      unsent: this.#unsent.snapshot(),
      eventsDropped: this.#events.dropped,
    };
  }

  /** The server asks whether an address that it is about to offer is in use: by ARP, where that reaches it. */
  #handleDhcpEvent(now: Millis, machine: DhcpServer, event: DhcpServerEvent): void {
    this.#events.push({ type: 'dhcp', event });
    if (event.type !== 'probe') return;
    if (event.local) {
      this.#probes.set(event.address, event.id);
      this.#host.probe(now, event.address);
    } else machine.probeResult(now, event.id, 'free'); // no route leads there
  }

  #handleHostEvent(now: Millis, event: Exclude<HostEvent, { readonly type: 'datagram' }>): void {
    this.#events.push({ type: 'host', event });
    if (event.type !== 'probe-clear' && event.type !== 'probe-conflict') return;
    const id = this.#probes.get(event.address);
    if (id === undefined) return;
    this.#probes.delete(event.address);
    this.#dhcp?.machine.probeResult(now, id, event.type === 'probe-clear' ? 'free' : 'in-use');
  }

  #tellExchange(now: Millis): void {
    const { outcome, remote } = this.#exchange ?? {};
    if (outcome === undefined || remote === undefined) return;
    this.#exchange = undefined;
    this.#events.push({ type: 'exchange', remote, outcome, at: now });
  }

  /** Hands datagrams to the services and their answers back to the host. */
  #settle(now: Millis): void {
    for (let event = this.#front.pollEvent(); event !== undefined; event = this.#front.pollEvent()) {
      if (this.#exchange?.handleEvent(now, event) === true) this.#tellExchange(now);
      else if (event.type !== 'datagram') this.#handleHostEvent(now, event);
      else if (event.socket === this.#dhcp?.socket) this.#dhcp.machine.handleDatagram(now, event.datagram);
      else if (event.socket === this.#dns?.socket) this.#dns.machine.handleDatagram(now, event.datagram);
    }
    const dhcp = this.#dhcp;
    if (dhcp !== undefined) {
      for (let event = dhcp.machine.pollEvent(); event !== undefined; event = dhcp.machine.pollEvent())
        this.#handleDhcpEvent(now, dhcp.machine, event);
      for (let reply = dhcp.machine.pollTransmit(); reply !== undefined; reply = dhcp.machine.pollTransmit()) {
        const { linkDestination, ...datagram } = reply;
        this.#send(now, datagram, linkDestination);
      }
    }
    const dns = this.#dns;
    for (let event = dns?.machine.pollEvent(); event !== undefined; event = dns?.machine.pollEvent())
      this.#events.push({ type: 'dns', event });
    for (let reply = dns?.machine.pollTransmit(); reply !== undefined; reply = dns?.machine.pollTransmit())
      this.#send(now, reply);
    const services = this.#services;
    services?.run(now);
    for (let event = services?.pollEvent(); event !== undefined; event = services?.pollEvent())
      this.#events.push({ type: 'service', ...event });
  }

  #send(now: Millis, datagram: Datagram, linkDestination?: MacAddress): void {
    const outcome = this.#host.sendUdp(now, { datagram, ...(linkDestination === undefined ? {} : { linkDestination }) });
    if (outcome !== 'sent') this.#unsent.increment(outcome);
  }
}

/** The host probes twice, at once, and has its answer before the server stops waiting: RFC 5227 has a host wait longer for its own sake. */
function probingOptions({ probeMsMax = 1_000, probeCountMax = 256 }: DhcpConflictCheck): Partial<HostOptions> {
  const third = Math.max(1, Math.floor(probeMsMax / 3));
  const conflictTiming = { probeWaitMs: 0, probeCount: 2, probeMinMs: third, probeMaxMs: third, announceWaitMs: third };
  // Squatters that were found are no reason to look more slowly.
  return { probeCountMax, conflictTiming: { ...conflictTiming, conflictCountMax: Number.MAX_SAFE_INTEGER } };
}

interface Service<M> {
  readonly machine: M;
  readonly socket: UdpSocketId;
}
