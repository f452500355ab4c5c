import {
  Counters,
  type FrameMachine,
  formatIpv4,
  formatMac,
  formatPrefix,
  type Ipv4Address,
  isMacGroup,
  MAC_BROADCAST,
  type MacAddress,
  type Millis,
  prefixLength,
  Queue,
  readU16,
} from '@nexus-net/sansio';
import {
  type ArpPacket,
  decodeEthernet,
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE,
  type EthernetFrame,
  encodeArp,
  encodeEthernet,
  ICMP_UNREACHABLE,
  IP_PROTOCOL,
} from '@nexus-net/wire';
import { ArpLayer } from './arp/arp-layer.js';
import type { NeighbourSnapshot } from './arp/neighbour-cache.js';
import { nextTimeoutOf, runDue, type Timed } from './deadlines.js';
import type { HostEvent, PingId, UdpSocketId } from './host-event.js';
import { type HostLimits, type HostOptions, resolveConflictTiming, resolveLimits } from './host-options.js';
import type { HostPort } from './host-port.js';
import { IcmpLayer, type PingRequest } from './icmp/icmp-layer.js';
import { InterfaceTable } from './ipv4/interface-table.js';
import { admitIpv4, type Ipv4Arrival } from './ipv4/ipv4-input.js';
import { Ipv4Output, type SendOutcome } from './ipv4/ipv4-output.js';
import type { DropLabel, LimitLabel } from './labels.js';
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
}

/**
 * An IPv4 host on one Ethernet link: frames in, frames out. ARP with conflict detection, ICMP echo both ways and errors,
 * UDP endpoints. Loop: one command or `handle*`, drain `pollTransmit`, drain `pollEvent`, sleep until `nextTimeout()`.
 */
export class Host implements FrameMachine<HostEvent> {
  readonly mac: MacAddress;
  readonly #limits: HostLimits;
  readonly #table: InterfaceTable;
  readonly #arp: ArpLayer;
  readonly #icmp: IcmpLayer;
  readonly #udp: UdpLayer;
  readonly #parts: readonly Timed[];
  readonly #transmits: Queue<Uint8Array>;
  readonly #events: Queue<HostEvent>;
  readonly #drops = new Counters<DropLabel>();
  readonly #reached = new Counters<LimitLabel>();
  #receivedCount = 0;
  #acceptedCount = 0;
  #sentCount = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: HostOptions) {
    const { mac, entropy, defence = 'defend-once', answerBroadcastEcho = false } = options;
    const limits = resolveLimits(options);
    const port: HostPort = {
      mac,
      entropy,
      sendArp: (packet, to) => this.#sendArp(packet, to),
      sendIpv4: (payload, destination) => this.#send({ destination, source: mac, etherType: ETHERTYPE.ipv4, payload }),
      emit: (event) => this.#emit(event),
      count: (label) => this.#reached.increment(label),
    };
    const table = new InterfaceTable(limits.addressCountMax);
    const owns = (address: Ipv4Address): boolean => table.owns(address);
    this.mac = mac;
    this.#limits = limits;
    this.#table = table;
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
    const output = new Ipv4Output(limits.mtu, { table, neighbours: this.#arp.neighbours, port });
    this.#udp = new UdpLayer({
      socketCountMax: limits.udpSocketCountMax,
      port,
      output,
      owns,
      onClosedPort: (now, arrival) => this.#icmp.sendUnreachable(now, arrival, ICMP_UNREACHABLE.port),
    });
    this.#icmp = new IcmpLayer({
      pingCountMax: limits.pingCountMax,
      errorsPerSecond: limits.icmpErrorsPerSecond,
      errorBurst: limits.icmpErrorBurst,
      answerBroadcastEcho,
      port,
      output,
      owns,
      onUdpUnreachable: (report) => this.#udp.unreachable(report),
    });
    this.#parts = [...this.#arp.parts, this.#icmp.pings];
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

  /** Is `address` one of ours? */
  owns(address: Ipv4Address): boolean {
    return this.#table.owns(address);
  }

  /**
   * Makes this the only address, with the route to its network and a default gateway, and announces it twice (RFC 5227
   * §2.3). Whether it is free is the caller's business: {@link probe}. Throws `UsageError` for what no host can own.
   */
  configure(now: Millis, { address, prefixLength, gateway }: InterfaceConfig): void {
    const at = this.#advance(now);
    const trial = new InterfaceTable(1); // throws before anything has changed
    trial.add({ address, prefixLength });
    trial.setGateway(gateway);
    const same = this.#table.addresses.length === 1 && this.#table.owns(address);
    if (!same) this.#clear();
    this.#table.add({ address, prefixLength });
    this.#table.setGateway(gateway);
    this.#arp.prober.cancel(address);
    if (!same) this.#arp.defender.hold(at, address);
  }

  /** Adds a further address and its network; at most `addressCountMax` in all. */
  addAddress(now: Millis, config: AddressConfig): void {
    const at = this.#advance(now);
    const known = this.#table.owns(config.address);
    this.#table.add(config);
    this.#arp.prober.cancel(config.address);
    if (!known) this.#arp.defender.hold(at, config.address);
  }

  /** Takes one address away, with its announcements and, where it carried the gateway, the default route. */
  removeAddress(now: Millis, address: Ipv4Address): void {
    this.#advance(now);
    this.#remove(address);
  }

  /** Takes every address away, forgets neighbours and what waited for them. UDP endpoints stay bound, probes go on. */
  deconfigure(now: Millis): void {
    this.#advance(now);
    this.#clear();
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
    const at = this.#advance(now);
    runDue(this.#parts, { now: at, through: true });
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): HostEvent | undefined {
    return this.#events.shift();
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
      neighbours: this.#arp.neighbours.inspect(this.#now),
      probing: this.#arp.prober.inspect(),
      pings: this.#icmp.pings.inspect(),
      udp: this.#udp.table.inspect(),
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
    this.#now = Math.max(this.#now, now);
    runDue(this.#parts, { now: this.#now, through: false });
    return this.#now;
  }

  #receive(now: Millis, bytes: Uint8Array): DropLabel | undefined {
    if (bytes.length > this.#limits.mtu + FRAME_OVERHEAD_MAX) return 'frame-oversize';
    const decoded = decodeEthernet(bytes);
    if (!decoded.ok) return 'frame-runt';
    const frame = withoutPriorityTag(decoded.value);
    if (isMacGroup(frame.source)) return 'frame-group-source';
    if (frame.source === this.mac) return 'frame-own-source';
    if (frame.destination !== this.mac && frame.destination !== MAC_BROADCAST) return 'frame-not-for-us';
    if (frame.etherType === ETHERTYPE.arp) return this.#arp.input(now, frame.payload);
    if (frame.etherType !== ETHERTYPE.ipv4) return 'ethertype-unknown';
    const admitted = admitIpv4(frame, { table: this.#table, mac: this.mac });
    return admitted.ok ? this.#deliver(now, admitted.value) : admitted.error;
  }

  #deliver(now: Millis, arrival: Ipv4Arrival): DropLabel | undefined {
    switch (arrival.packet.protocol) {
      case IP_PROTOCOL.icmp:
        return this.#icmp.input(now, arrival);
      case IP_PROTOCOL.udp:
        return this.#udp.input(now, arrival);
      default:
        this.#icmp.sendUnreachable(now, arrival, ICMP_UNREACHABLE.protocol);
        return 'ipv4-unknown-protocol';
    }
  }

  #remove(address: Ipv4Address): void {
    this.#table.remove(address);
    this.#arp.defender.release(address);
    // What is known of neighbours was known from that network; without any address there is nobody to talk to.
    if (this.#table.addresses.length === 0) this.#clear();
  }

  #clear(): void {
    this.#table.clear();
    this.#arp.defender.clear();
    this.#arp.neighbours.clear();
  }

  /** The next hop of these echo requests does not exist, so no answer can come. */
  #failPings(nextHop: Ipv4Address): void {
    this.#icmp.pings.failAll(({ destination }) => {
      const route = this.#table.route(destination);
      return route?.type === 'neighbour' && route.nextHop === nextHop;
    }, 'unresolved');
  }

  #sendArp(packet: ArpPacket, to: MacAddress = MAC_BROADCAST): void {
    this.#send({ destination: to, source: this.mac, etherType: ETHERTYPE.arp, payload: encodeArp(packet) });
  }

  #send(frame: EthernetFrame): boolean {
    const queued = this.#transmits.push(encodeEthernet(frame));
    if (queued) this.#sentCount += 1;
    else this.#reached.increment('transmit-queue-full');
    return queued;
  }

  #emit(event: HostEvent): boolean {
    if (event.type === 'arp-failed') this.#failPings(event.address);
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
  readonly neighbours: NeighbourSnapshot;
  readonly probing: readonly string[];
  readonly pings: readonly { readonly id: number; readonly destination: string; readonly sequence: number }[];
  readonly udp: readonly { readonly id: number; readonly local: string }[];
  /** `received` = `accepted` + the sum of all drops. */
  readonly frames: { readonly received: number; readonly accepted: number; readonly sent: number };
  readonly drops: Partial<Record<DropLabel, number>>;
  readonly limits: Partial<Record<LimitLabel, number>>;
}

/**
 * The frame without a tag of VLAN 0: that one carries a priority and names no VLAN (IEEE 802.1Q §9.6), so the frame is for
 * everybody who takes untagged ones. Tags of real VLANs stay, and their frames are not ours.
 */
function withoutPriorityTag(frame: EthernetFrame): EthernetFrame {
  if (frame.etherType !== ETHERTYPE.vlan || frame.payload.length < 4 || (readU16(frame.payload, 0) & 0xfff) !== 0) return frame;
  return { ...frame, etherType: readU16(frame.payload, 2), payload: frame.payload.subarray(4) };
}

/** Header and one VLAN tag: a longer frame than that does not fit the link. */
const FRAME_OVERHEAD_MAX = ETHERNET_HEADER_LENGTH + 4;
