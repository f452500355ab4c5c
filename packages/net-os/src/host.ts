import {
  Counters,
  type FrameMachine,
  formatIpv4,
  formatMac,
  formatPrefix,
  IPV4_ANY,
  type Ipv4Address,
  type Ipv4Prefix,
  isIpv4Loopback,
  isIpv4Multicast,
  isMacGroup,
  MAC_BROADCAST,
  MAC_ZERO,
  type MacAddress,
  type Millis,
  prefixLength,
  Queue,
  readMac,
  readU16,
  readU32,
  requireArgument,
} from '@nexus-net/sansio';
import {
  type ArpPacket,
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE,
  encodeArp,
  encodeEthernet,
  ICMP_UNREACHABLE,
  IP_PROTOCOL,
  IPV4_HEADER_LENGTH,
  type ReassemblySnapshot,
} from '@nexus-net/wire';
import { ArpLayer } from './arp/arp-layer.js';
import type { NeighbourSnapshot } from './arp/neighbour-cache.js';
import { nextTimeoutOf, runDue, type Timed } from './deadlines.js';
import type { HostEvent, PingId, UdpSocketId } from './host-event.js';
import { type HostLimits, type HostOptions, resolveConflictTiming, resolveLimits } from './host-options.js';
import type { HostPort } from './host-port.js';
import { IcmpLayer, type IcmpReport, type PingRequest } from './icmp/icmp-layer.js';
import { GroupMembership } from './igmp/group-membership.js';
import { InterfaceTable } from './ipv4/interface-table.js';
import { admitIpv4, type Ipv4Arrival, type LinkArrival } from './ipv4/ipv4-input.js';
import { Ipv4Output, type SendOutcome } from './ipv4/ipv4-output.js';
import { Loopback } from './ipv4/loopback.js';
import { writeLinkHeader } from './ipv4/packet-frame.js';
import { plainTcpEnd } from './ipv4/plain-tcp.js';
import { Reassembly } from './ipv4/reassembly.js';
import type { StaticRoute } from './ipv4/route-table.js';
import type { DropLabel, LimitLabel } from './labels.js';
import type { TcpUser } from './tcp/tcp-api.js';
import type { TcpDropLabel, TcpLimitLabel } from './tcp/tcp-labels.js';
import { TcpLayer, type TcpSnapshot } from './tcp/tcp-layer.js';
import { resolveTcpLimits, type TcpOptions } from './tcp/tcp-options.js';
import { UdpLayer, type UdpSend } from './udp/udp-layer.js';
import type { UdpBind } from './udp/udp-table.js';

/** One address with its network. */
export interface AddressConfig {
  readonly address: Ipv4Address;
  /** Bits of the network, 1..32. */
  readonly prefixLength: number;
}

export interface InterfaceConfig extends AddressConfig {
  /** The default gateway, another host on the network of `address`. */
  readonly gateway?: Ipv4Address;
  /** Routes beyond the network and the gateway; each router is another host of the network, or 0.0.0.0 for the link itself. */
  readonly routes?: readonly StaticRoute[];
  /** The MTU of the link where it is less than the one of the options, at least 68. */
  readonly mtu?: number;
}

/**
 * An IPv4 host on one Ethernet link: frames in, frames out. ARP with conflict detection, fragments both ways, routes, multicast
 * groups, loopback, ICMP echo and errors both ways, path MTU discovery, UDP endpoints. Loop: one command or `handle*`, drain `pollTransmit`, drain `pollEvent`, sleep until `nextTimeout()`.
 */
export class Host implements FrameMachine<HostEvent> {
  readonly mac: MacAddress;
  /** Connections and listeners. */
  readonly tcp: TcpUser<TcpOptions>;
  readonly #limits: HostLimits;
  readonly #table: InterfaceTable;
  readonly #arp: ArpLayer;
  readonly #icmp: IcmpLayer;
  readonly #udp: UdpLayer;
  readonly #tcp: TcpLayer;
  readonly #groups: GroupMembership;
  readonly #loopback: Loopback;
  readonly #reassembly: Reassembly;
  readonly #output: Ipv4Output;
  readonly #multicastLoop: boolean;
  readonly #inGroup = (group: Ipv4Address): boolean => this.#groups.has(group);
  readonly #parts: readonly Timed[];
  readonly #transmits: Queue<Uint8Array>;
  readonly #events: Queue<HostEvent>;
  readonly #drops = new Counters<DropLabel | TcpDropLabel>();
  readonly #reached = new Counters<LimitLabel | TcpLimitLabel>();
  #receivedCount = 0;
  #acceptedCount = 0;
  #sentCount = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: HostOptions) {
    const { mac, entropy, defence = 'defend-once', answerBroadcastEcho = false, multicastLoop = false } = options;
    const { loopbackObservedMax = 0 } = options;
    const limits = resolveLimits(options);
    const count = (label: LimitLabel | TcpLimitLabel): void => this.#reached.increment(label);
    const port: HostPort = {
      mac,
      entropy,
      sendArp: (packet, to) => this.#sendArp(packet, to),
      sendPacket: (frames, to) => this.#sendPacket(frames, to),
      loopBack: (now, frame) => this.#loopback.push(now, frame),
      emit: (event) => this.#emit(event),
      count,
    };
    const table = new InterfaceTable(limits);
    this.mac = mac;
    this.#limits = limits;
    this.#table = table;
    this.#multicastLoop = multicastLoop;
    this.#transmits = new Queue(limits.transmitCountMax);
    this.#events = new Queue(limits.eventCountMax);
    this.#arp = new ArpLayer({
      limits,
      timing: resolveConflictTiming(options.conflictTiming),
      defence,
      table,
      port,
      onAddressLost: (address) => this.#remove(address),
    });
    const paths = { linkMtu: limits.mtu, countMax: limits.pathCountMax, ageMs: limits.pathAgeMs, floor: limits.pathMtuFloor };
    const output = new Ipv4Output(paths, { table, neighbours: this.#arp.neighbours, port });
    this.#output = output;
    this.#udp = new UdpLayer({
      socketCountMax: limits.udpSocketCountMax,
      port,
      output,
      owns: (address) => table.owns(address),
      onClosedPort: (now, arrival) => this.#icmp.sendUnreachable(now, arrival, ICMP_UNREACHABLE.port),
    });
    this.#icmp = new IcmpLayer({
      pingCountMax: limits.pingCountMax,
      errorsPerSecond: limits.icmpErrorsPerSecond,
      errorBurst: limits.icmpErrorBurst,
      answerBroadcastEcho,
      port,
      output,
      isOurs: (address) => table.owns(address) || isIpv4Loopback(address),
      onUdpError: (now, report) => this.#udp.error(now, report),
      onTcpError: (_now, report) => this.#tcp.icmpError(...tcpErrorOf(report)),
      onPathMtu: (_now, path) => {
        this.#tcp.pathMtuChanged(path.destination);
        this.#emit({ type: 'path-mtu', ...path });
      },
    });
    this.#tcp = new TcpLayer({
      limits: resolveTcpLimits(options.tcp),
      entropy,
      network: {
        sourceFor: (destination, source) => {
          const route = table.route(destination, source);
          return typeof route === 'string' ? route : route.source;
        },
        pathMtu: (destination) => output.paths.mtuOf(this.#now, destination),
        suspectPath: (now, destination, octets) => output.paths.suspect(now, destination, octets),
        sendFrame: (now, frame, source, fields) => {
          const route = table.route(fields.destination, source);
          return typeof route === 'string' ? route : output.sendFrame(now, { route, fields, frame });
        },
        advance: (now) => this.#advance(now),
        count,
      },
      ...(options.congestion === undefined ? {} : { congestion: options.congestion }),
    });
    this.tcp = this.#tcp;
    this.#groups = new GroupMembership({ countMax: limits.groupCountMax, port, output });
    this.#reassembly = new Reassembly({
      limits,
      count,
      onExpired: (now, expired) => this.#icmp.sendReassemblyTimeExceeded(now, expired),
    });
    this.#loopback = new Loopback({
      countMax: limits.loopbackCountMax,
      observedMax: loopbackObservedMax,
      deliver: (now, frame) => this.#receiveLocal(now, frame),
      count,
    });
    this.#parts = [...this.#arp.parts, this.#icmp.pings, this.#groups, this.#reassembly, this.#loopback, this.#tcp];
  }

  /** The first address of the interface, or `undefined` before one is configured. */
  get address(): Ipv4Address | undefined {
    return this.#table.addresses[0]?.address;
  }

  /** The addresses of the interface, the first one first. */
  get addresses(): readonly AddressConfig[] {
    return this.#table.addresses.map(({ address, prefix }) => ({ address, prefixLength: prefixLength(prefix) }));
  }

  get gateway(): Ipv4Address | undefined {
    return this.#table.gateway;
  }

  /** Routes beyond the connected networks, the longest prefix first. */
  get routes(): readonly StaticRoute[] {
    return this.#table.routes;
  }

  /** Octets of the largest packet that goes to `destination` in one piece, IP header included (RFC 1191). */
  pathMtu(now: Millis, destination: Ipv4Address): number {
    return this.#output.paths.mtuOf(this.#advance(now), destination);
  }

  /** Is `address` one of ours? */
  owns(address: Ipv4Address): boolean {
    return this.#table.owns(address);
  }

  /**
   * Makes this the only address, with the route to its network, a default gateway and further routes, and announces it twice (RFC
   * 5227 §2.3). Whether it is free is the caller's business: {@link probe}. Throws `UsageError` for what no host can own.
   */
  configure(now: Millis, config: InterfaceConfig): void {
    const at = this.#advance(now);
    const { address, mtu = this.#limits.mtu } = config;
    requireArgument(Number.isInteger(mtu) && mtu >= 68, 'mtu is an integer of at least 68');
    fill(new InterfaceTable({ addressCountMax: 1, routeCountMax: this.#limits.routeCountMax }), config); // throws before anything has changed
    const same = this.#table.addresses.length === 1 && this.#table.owns(address);
    if (!same) this.#clear();
    this.#table.clearRoutes();
    fill(this.#table, config);
    this.#output.paths.setLinkMtu(mtu);
    this.#arp.prober.cancel(address);
    if (!same) this.#hold(at, address);
    this.#dropConnections();
  }

  /** Adds a further address and its network; at most `addressCountMax` in all. */
  addAddress(now: Millis, config: AddressConfig): void {
    const at = this.#advance(now);
    const known = this.#table.owns(config.address);
    this.#table.add(config);
    this.#arp.prober.cancel(config.address);
    if (!known) this.#hold(at, config.address);
  }

  /** Adds a route, or replaces the one for the same prefix. Throws `UsageError` where its router is not on a connected network. */
  addRoute(now: Millis, route: StaticRoute): void {
    this.#advance(now);
    this.#table.addRoute(route);
  }

  removeRoute(now: Millis, prefix: Ipv4Prefix): void {
    this.#advance(now);
    this.#table.removeRoute(prefix);
  }

  /**
   * Receives what is sent to a multicast group, and says so to the routers of the link (IGMPv2, RFC 2236). Joins are counted: as
   * many {@link leaveGroup} end it. Needs no address yet.
   */
  joinGroup(now: Millis, group: Ipv4Address): void {
    this.#groups.join(this.#advance(now), group);
  }

  /** Throws `UsageError` for a group that was not joined. */
  leaveGroup(now: Millis, group: Ipv4Address): void {
    this.#groups.leave(this.#advance(now), group);
  }

  /** Takes one address away, with its announcements and, where it carried the gateway, the default route. */
  removeAddress(now: Millis, address: Ipv4Address): void {
    this.#advance(now);
    this.#remove(address);
  }

  /**
   * Takes every address away, forgets neighbours and what waited for them. UDP endpoints stay bound, listeners listen, probes go
   * on. Connections end, unless `keepConnections`: then they wait for their address to come back, as long as their timers let them.
   */
  deconfigure(now: Millis, { keepConnections = false }: { readonly keepConnections?: boolean } = {}): void {
    this.#advance(now);
    this.#clear();
    if (!keepConnections) this.#dropConnections();
  }

  /**
   * Asks the link whether `address` is free (RFC 5227 §2.1): `probe-clear` or `probe-conflict` follows, after 4 to 7 s with
   * the RFC's times. An address of ours is ours: it is clear at once. At most `probeCountMax` at a time.
   */
  probe(now: Millis, address: Ipv4Address): void {
    const at = this.#advance(now);
    if (this.#table.owns(address)) this.#emit({ type: 'probe-clear', address });
    else this.#arp.prober.start(at, address);
  }

  /** Forgets the link address of a neighbour, so that the next packet to it is preceded by an ARP request. */
  forgetNeighbour(address: Ipv4Address): void {
    this.#arp.neighbours.forget(address);
  }

  /** Stops probing `address`; no event follows. */
  cancelProbe(now: Millis, address: Ipv4Address): void {
    this.#advance(now);
    this.#arp.prober.cancel(address);
  }

  /** Throws `UsageError` where the port is taken, out of range, or `udpSocketCountMax` is reached. */
  bindUdp(bind: UdpBind): UdpSocketId {
    return this.#udp.table.bind(bind);
  }

  /** Why `bindUdp` would refuse a port in range; `undefined` where it would not. */
  udpRefusal(bind: UdpBind): 'address-in-use' | 'no-buffers' | undefined {
    return this.#udp.table.refusal(bind);
  }

  /** The port of a bound endpoint. */
  udpPort(socket: UdpSocketId): number | undefined {
    return this.#udp.table.get(socket)?.port;
  }

  closeUdp(socket: UdpSocketId): void {
    this.#udp.table.close(socket);
  }

  sendUdp(now: Millis, send: UdpSend): SendOutcome {
    return this.#udp.send(this.#advance(now), send);
  }

  /**
   * The next frame of the loopback interface, for an observer: Ethernet frames from and to 00:00:00:00:00:00, as on `lo`. Kept
   * only where `loopbackObservedMax` says so.
   */
  pollLoopback(): Uint8Array | undefined {
    return this.#loopback.pollObserved();
  }

  /**
   * Sends an ICMP echo request. Exactly one of `ping-reply`, `ping-timeout` and `ping-failed` follows. The round trip
   * counts from this call, so the first one includes ARP.
   */
  ping(now: Millis, request: PingRequest): PingId {
    return this.#icmp.ping(this.#advance(now), request);
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    const at = this.#advance(now);
    this.#receivedCount += 1;
    const drop = this.#receive(at, frame);
    if (drop === undefined) this.#acceptedCount += 1;
    else this.#drops.increment(drop);
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    runDue(this.#parts, { now: this.#now, through: true });
  }

  pollTransmit(): Uint8Array | undefined {
    for (;;) {
      const frame = this.#transmits.shift();
      // TCP makes its segments when they can go: a window full of them never waits in a queue.
      if (frame !== undefined || !this.#tcp.pump(this.#now)) return frame;
    }
  }

  pollEvent(): HostEvent | undefined {
    return this.#events.shift() ?? this.#tcp.pollEvent();
  }

  nextTimeout(): Millis {
    return nextTimeoutOf(this.#parts);
  }

  inspect(): HostSnapshot {
    const { gateway } = this.#table;
    return {
      mac: formatMac(this.mac),
      addresses: this.#table.addresses.map(({ address, prefix }) => ({
        address: formatIpv4(address),
        network: formatPrefix(prefix),
      })),
      ...(gateway === undefined ? {} : { gateway: formatIpv4(gateway) }),
      routes: this.#table.inspectRoutes(),
      paths: this.#output.paths.inspect(this.#now),
      groups: this.#groups.inspect(),
      reassembly: this.#reassembly.inspect(),
      neighbours: this.#arp.neighbours.inspect(this.#now),
      probing: this.#arp.prober.inspect(),
      pings: this.#icmp.pings.inspect(),
      udp: this.#udp.table.inspect(),
      tcp: this.#tcp.inspect(),
      frames: { received: this.#receivedCount, accepted: this.#acceptedCount, sent: this.#sentCount },
      drops: this.#drops.snapshot(),
      limits: this.#reached.snapshot(),
    };
  }

  /**
   * Time moves on, and what was due before `now` is done first: an answer that arrives after its deadline is late even
   * where the driver was late too, and one that arrives at the deadline is in time.
   */
  #advance(now: Millis): Millis {
    if (now > this.#now) {
      // At the same instant nothing new can be overdue.
      this.#now = now;
      runDue(this.#parts, { now, through: false });
    }
    return this.#now;
  }

  #receive(now: Millis, bytes: Uint8Array): DropLabel | TcpDropLabel | undefined {
    if (bytes.length > this.#limits.mtu + FRAME_OVERHEAD_MAX) return 'frame-oversize';
    if (bytes.length < ETHERNET_HEADER_LENGTH) return 'frame-runt';
    const source = readMac(bytes, 6);
    if (isMacGroup(source)) return 'frame-group-source';
    if (source === this.mac) return 'frame-own-source';
    const destination = readMac(bytes, 0);
    const toUs = destination === this.mac;
    if (!toUs && destination !== MAC_BROADCAST && !this.#groups.hears(destination)) return 'frame-not-for-us';
    let etherType = readU16(bytes, 12);
    let at = ETHERNET_HEADER_LENGTH;
    // A tag of VLAN 0 carries a priority and names no VLAN (IEEE 802.1Q §9.6): the frame is for everybody who takes untagged ones.
    if (etherType === ETHERTYPE.vlan && bytes.length >= at + VLAN_TAG_LENGTH && (readU16(bytes, at) & 0xfff) === 0) {
      etherType = readU16(bytes, at + 2);
      at += VLAN_TAG_LENGTH;
    }
    if (etherType === ETHERTYPE.ipv4) {
      const end = toUs ? plainTcpEnd(bytes, at) : 0;
      if (end > 0) {
        const from = readU32(bytes, at + 12) as Ipv4Address;
        const to = readU32(bytes, at + 16) as Ipv4Address;
        if (this.#table.owns(to) && this.#table.admits(from))
          return this.#tcp.inputSegment(now, { source: from, destination: to, bytes, from: at + IPV4_HEADER_LENGTH, to: end });
      }
      return this.#receiveIpv4(now, bytes.subarray(at), { linkSource: source, toUs, local: false });
    }
    return etherType === ETHERTYPE.arp ? this.#arp.input(now, bytes.subarray(at)) : 'ethertype-unknown';
  }

  #receiveLocal(now: Millis, frame: Uint8Array): void {
    this.#receivedCount += 1;
    const packet = frame.subarray(ETHERNET_HEADER_LENGTH);
    const drop = this.#receiveIpv4(now, packet, { linkSource: MAC_ZERO, toUs: true, local: true });
    if (drop === undefined) this.#acceptedCount += 1;
    else this.#drops.increment(drop);
  }

  #receiveIpv4(now: Millis, bytes: Uint8Array, link: LinkArrival): DropLabel | TcpDropLabel | undefined {
    const admitted = admitIpv4(bytes, link, { table: this.#table, inGroup: this.#inGroup });
    if (!admitted.ok) return admitted.error;
    const { moreFragments, fragmentOffset } = admitted.value.packet;
    if (!moreFragments && fragmentOffset === 0) return this.#deliver(now, admitted.value);
    const whole = this.#reassembly.input(now, admitted.value);
    if (whole === 'kept') return undefined;
    return typeof whole === 'string' ? whole : this.#deliver(now, whole);
  }

  #deliver(now: Millis, arrival: Ipv4Arrival): DropLabel | TcpDropLabel | undefined {
    switch (arrival.packet.protocol) {
      case IP_PROTOCOL.icmp:
        return this.#icmp.input(now, arrival);
      case IP_PROTOCOL.udp:
        return this.#udp.input(now, arrival);
      case IP_PROTOCOL.tcp:
        return this.#tcp.input(now, arrival);
      case IP_PROTOCOL.igmp:
        return this.#groups.input(now, arrival);
      default:
        this.#icmp.sendUnreachable(now, arrival, ICMP_UNREACHABLE.protocol);
        return 'ipv4-unknown-protocol';
    }
  }

  /** The address is in use from now on. */
  #hold(now: Millis, address: Ipv4Address): void {
    this.#arp.defender.hold(now, address);
    if (this.#table.addresses.length === 1) this.#groups.addressed(now);
  }

  #remove(address: Ipv4Address): void {
    if (!this.#table.owns(address)) return;
    this.#table.remove(address);
    this.#arp.defender.release(address);
    this.#udp.addressLost(address);
    // What is known of neighbours was known from that network; without any address there is nobody to talk to.
    if (this.#table.addresses.length === 0) this.#clear();
    this.#dropConnections();
  }

  /** Ends the connections of addresses that are no longer ours. */
  #dropConnections(): void {
    this.#tcp.retainAddresses((address) => this.#table.owns(address) || isIpv4Loopback(address));
  }

  #clear(): void {
    const gone = this.#table.addresses;
    this.#table.clear();
    this.#arp.defender.clear();
    this.#arp.neighbours.clear();
    this.#output.paths.forget();
    for (const { address } of gone) this.#udp.addressLost(address);
  }

  /** The next hop of these echo requests does not exist, so no answer can come. */
  #failPings(nextHop: Ipv4Address): void {
    this.#icmp.pings.failAll(({ destination }) => this.#isBehind(nextHop, destination), 'unresolved');
  }

  #isBehind(nextHop: Ipv4Address, destination: Ipv4Address): boolean {
    const route = this.#table.route(destination);
    return typeof route !== 'string' && route.type === 'neighbour' && route.nextHop === nextHop;
  }

  #sendArp(packet: ArpPacket, to: MacAddress = MAC_BROADCAST): void {
    const frame = encodeEthernet({ destination: to, source: this.mac, etherType: ETHERTYPE.arp, payload: encodeArp(packet) });
    this.#transmit(frame);
  }

  #sendPacket(frames: Uint8Array | readonly Uint8Array[], to: MacAddress): boolean {
    if (frames instanceof Uint8Array) {
      writeLinkHeader(frames, to, this.mac);
      if (this.#multicastLoop && isMacGroup(to)) this.#loopMulticast(frames);
      return this.#transmit(frames);
    }
    // All fragments or none: a datagram without one of them is of no use to anybody.
    if (this.#transmits.length + frames.length > this.#limits.transmitCountMax) {
      this.#reached.increment('transmit-queue-full');
      return false;
    }
    for (const frame of frames) this.#sendPacket(frame, to);
    return true;
  }

  #transmit(frame: Uint8Array): boolean {
    const queued = this.#transmits.push(frame);
    if (queued) this.#sentCount += 1;
    else this.#reached.increment('transmit-queue-full');
    return queued;
  }

  /** RFC 1112 §6.1: a copy for ourselves, where we are in the group. */
  #loopMulticast(frame: Uint8Array): void {
    const destination = readU32(frame, ETHERNET_HEADER_LENGTH + 16) as Ipv4Address;
    if (isIpv4Multicast(destination) && this.#groups.has(destination)) this.#loopback.push(this.#now, frame.slice());
  }

  #emit(event: HostEvent): boolean {
    if (event.type === 'arp-failed') {
      this.#failPings(event.address);
      this.#tcp.neighbourFailed((destination) => this.#isBehind(event.address, destination));
    }
    const queued = this.#events.push(event);
    if (!queued) this.#reached.increment('event-queue-full');
    return queued;
  }
}

/** What a host knows of itself, as plain values. */
export interface HostSnapshot {
  readonly mac: string;
  readonly addresses: readonly { readonly address: string; readonly network: string }[];
  readonly gateway?: string;
  readonly routes: readonly { readonly destination: string; readonly router: string }[];
  /** Destinations whose path takes less than the link. */
  readonly paths: readonly { readonly destination: string; readonly mtu: number }[];
  readonly groups: readonly { readonly group: string; readonly state: 'delaying' | 'idle' }[];
  readonly reassembly: ReassemblySnapshot;
  readonly neighbours: NeighbourSnapshot;
  readonly probing: readonly string[];
  readonly pings: readonly { readonly id: number; readonly destination: string; readonly sequence: number }[];
  readonly udp: readonly { readonly id: number; readonly local: string }[];
  /** `received` = `accepted` + the sum of all drops. */
  readonly frames: { readonly received: number; readonly accepted: number; readonly sent: number };
  readonly tcp: TcpSnapshot;
  readonly drops: Partial<Record<DropLabel | TcpDropLabel, number>>;
  readonly limits: Partial<Record<LimitLabel | TcpLimitLabel, number>>;
}

function fill(table: InterfaceTable, { address, prefixLength, gateway, routes = [] }: InterfaceConfig): void {
  table.add({ address, prefixLength });
  // Those on the link first: the routers of others may be on them.
  for (const route of routes) if (route.router === IPV4_ANY) table.addRoute(route);
  if (gateway !== undefined) table.setGateway(gateway);
  for (const route of routes) if (route.router !== IPV4_ANY) table.addRoute(route);
}

/** An ICMP report in the words of TCP (RFC 9293 §3.9.2.2). */
function tcpErrorOf({ kind, code, quote }: IcmpReport): Parameters<TcpLayer['icmpError']> {
  const isHard = kind === 'unreachable' && (code === ICMP_UNREACHABLE.protocol || code === ICMP_UNREACHABLE.port);
  return [
    {
      localAddress: quote.source,
      localPort: readU16(quote.transport, 0),
      remoteAddress: quote.destination,
      remotePort: readU16(quote.transport, 2),
    },
    { sequence: readU32(quote.transport, 4), severity: kind === 'too-big' ? 'size' : isHard ? 'hard' : 'soft' },
  ];
}

const VLAN_TAG_LENGTH = 4;
/** Header and one VLAN tag: a longer frame than that does not fit the link. */
const FRAME_OVERHEAD_MAX: number = ETHERNET_HEADER_LENGTH + VLAN_TAG_LENGTH;
