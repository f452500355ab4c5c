import { DhcpClient } from '@nexus-net/dhcp';
import {
  assert,
  type FrameMachine,
  formatIpv4,
  IPV4_BROADCAST,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  Queue,
  requireArgument,
} from '@nexus-net/sansio';
import { nextTimeoutOf, runDue, type Timed } from '../deadlines.js';
import { type AddressConfig, Host } from '../host.js';
import type { HostEvent, PingId, UdpSocketId } from '../host-event.js';
import type { PingRequest } from '../icmp/icmp-layer.js';
import type { SendOutcome } from '../ipv4/ipv4-output.js';
import type { TcpUser } from '../tcp/tcp-api.js';
import type { TcpOptions } from '../tcp/tcp-options.js';
import type { UdpSend } from '../udp/udp-layer.js';
import { DHCP_CLIENT_PORT, type UdpBind } from '../udp/udp-table.js';
import { BringUp } from './bring-up.js';
import type { BringUpPolicy } from './bring-up-policy.js';
import type { NetstackdEvent } from './netstackd-event.js';
import type { NetstackdOptions } from './netstackd-options.js';
import type { NetstackdSnapshot } from './netstackd-state.js';
import { ProofRunner } from './proofs/proof-runner.js';

/**
 * Brings an interface up by policy and keeps it up: a {@link Host}, a `DhcpClient` and the rules that join them. Frames in,
 * frames out; its events tell the bring-up in the order of truth. Loop as for every machine.
 */
export class Netstackd implements FrameMachine<NetstackdEvent> {
  readonly #policy: BringUpPolicy;
  readonly #host: Host;
  readonly #client: DhcpClient;
  readonly #bringUp: BringUp;
  readonly #proofs: ProofRunner;
  readonly #dhcpSocket: UdpSocketId;
  readonly #events: Queue<NetstackdEvent>;
  readonly #parts: readonly Timed[];
  /** Who sent the last DHCP frame: the way back to the server. */
  #dhcpPeer: MacAddress | undefined;
  #unsentCount = 0;
  #unlinkedCount = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: NetstackdOptions) {
    const { mac, entropy, policy, conflictCheck = true, eventCountMax = 1_024, proofs = {} } = options;
    this.#policy = policy;
    this.#events = new Queue(eventCountMax);
    this.#host = new Host({ ...options.host, mac, entropy });
    this.#client = new DhcpClient({ ...options.dhcp, mac, entropy, conflictDetection: conflictCheck });
    this.#bringUp = new BringUp(options, { host: this.#host, client: this.#client, emit: (event) => this.#onBringUp(event) });
    this.#proofs = new ProofRunner({
      host: this.#host,
      entropy,
      proofs,
      emit: (at, outcome) => this.#emit({ type: 'proof', outcome, at }),
    });
    this.#dhcpSocket = this.#host.bindUdp({ port: DHCP_CLIENT_PORT, anyDestination: true });
    this.#parts = [timed(this.#host), timed(this.#client), this.#bringUp, this.#proofs].map((part) => this.#pumped(part));
  }

  /** The address in use, or `undefined`. */
  get address(): Ipv4Address | undefined {
    return this.#host.address;
  }

  /** As {@link Host.addresses}. */
  get addresses(): readonly AddressConfig[] {
    return this.#host.addresses;
  }

  get gateway(): Ipv4Address | undefined {
    return this.#host.gateway;
  }

  owns(address: Ipv4Address): boolean {
    return this.#host.owns(address);
  }

  /** Servers to ask for names, as the lease or else the options have them; none without an address. */
  get dnsServers(): readonly Ipv4Address[] {
    return this.#bringUp.dnsServers;
  }

  /** Connections and listeners of the host. */
  get tcp(): TcpUser<TcpOptions> {
    return this.#host.tcp;
  }

  /** The cable is in: the bring-up begins. Nothing where it was in. */
  linkUp(now: Millis): void {
    this.#advance(now);
    if (this.#bringUp.state.type !== 'link-down') return;
    this.#bringUp.linkUp(this.#now);
    this.#pump();
  }

  /** The cable is out: the address goes at once. A lease is remembered, and asked for again when the link is back. */
  linkDown(now: Millis): void {
    this.#advance(now);
    if (this.#bringUp.state.type === 'link-down') return;
    this.#client.linkDown(this.#now);
    this.#pump();
    this.#bringUp.linkDown(this.#now);
  }

  /** Gives a lease back and stops, until the link comes up anew. */
  release(now: Millis): void {
    this.#halt(now, 'released');
  }

  /** Stops, until the link comes up anew. A lease is kept in mind. */
  stop(now: Millis): void {
    this.#halt(now, 'stopped');
  }

  /** As {@link Host.ping}; the answer comes as event `host`. */
  ping(now: Millis, request: PingRequest): PingId {
    this.#advance(now);
    const id = this.#host.ping(this.#now, request);
    this.#pump();
    return id;
  }

  /** As {@link Host.bindUdp}. Port 68 is the DHCP client's. */
  bindUdp(bind: UdpBind): UdpSocketId {
    return this.#host.bindUdp(bind);
  }

  /** As {@link Host.udpRefusal}. */
  udpRefusal(bind: UdpBind): 'address-in-use' | 'no-buffers' | undefined {
    return this.#host.udpRefusal(bind);
  }

  /** As {@link Host.udpPort}. */
  udpPort(socket: UdpSocketId): number | undefined {
    return this.#host.udpPort(socket);
  }

  closeUdp(socket: UdpSocketId): void {
    requireArgument(socket !== this.#dhcpSocket, 'this endpoint belongs to the DHCP client');
    this.#host.closeUdp(socket);
  }

  sendUdp(now: Millis, send: UdpSend): SendOutcome {
    this.#advance(now);
    const outcome = this.#host.sendUdp(this.#now, send);
    this.#pump();
    return outcome;
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.#advance(now);
    if (this.#bringUp.state.type === 'link-down') {
      this.#unlinkedCount += 1;
      return;
    }
    this.#host.handleFrame(this.#now, frame);
    this.#pump();
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    this.#runDue(true);
  }

  /** As {@link Host.joinGroup}. Groups stay joined while the address changes. */
  joinGroup(now: Millis, group: Ipv4Address): void {
    this.#advance(now);
    this.#host.joinGroup(this.#now, group);
  }

  leaveGroup(now: Millis, group: Ipv4Address): void {
    this.#advance(now);
    this.#host.leaveGroup(this.#now, group);
  }

  /** As {@link Host.pollLoopback}. */
  pollLoopback(): Uint8Array | undefined {
    return this.#host.pollLoopback();
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#host.pollTransmit();
  }

  pollEvent(): NetstackdEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return nextTimeoutOf(this.#parts);
  }

  inspect(): NetstackdSnapshot {
    return {
      state: this.#bringUp.state.type,
      policy: this.#policy.type,
      ...(this.#bringUp.state.type === 'up' ? { origin: this.#bringUp.state.origin } : {}),
      dnsServers: this.#bringUp.dnsServers.map(formatIpv4),
      host: this.#host.inspect(),
      dhcp: this.#client.inspect(),
      dhcpUnsent: this.#unsentCount,
      framesWithoutLink: this.#unlinkedCount,
      eventsDropped: this.#events.dropped,
    };
  }

  // Time.

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    this.#runDue(false);
  }

  #runDue(through: boolean): void {
    runDue(this.#parts, { now: this.#now, through });
  }

  /** What one part has done is carried to the others before the next deadline. */
  #pumped(part: Timed): Timed {
    return {
      nextTimeout: () => part.nextTimeout(),
      runNext: (now) => {
        part.runNext(now);
        this.#pump();
      },
    };
  }

  #halt(now: Millis, reason: 'released' | 'stopped'): void {
    this.#advance(now);
    if (this.#bringUp.state.type === 'link-down' || this.#bringUp.state.type === 'stopped') return;
    if (reason === 'released') this.#client.release(this.#now);
    this.#client.stop(this.#now);
    // The RELEASE leaves from the address that goes now, so it can't wait for ARP.
    this.#sendDatagrams(this.#dhcpPeer);
    this.#bringUp.halt(this.#now, reason);
    this.#pump();
  }

  // What the parts say.

  /** Carries what the parts have to say to each other until they are silent. */
  #pump(): void {
    for (let steps = 0; ; steps++) {
      assert(steps < PUMP_STEPS_MAX, 'host and client come to rest');
      const sent = this.#sendDatagrams();
      const clientEvent = this.#client.pollEvent();
      if (clientEvent !== undefined) this.#bringUp.onClientEvent(this.#now, clientEvent);
      const hostEvent = clientEvent === undefined ? this.#host.pollEvent() : undefined;
      if (hostEvent !== undefined) this.#onHostEvent(hostEvent);
      if (sent || clientEvent !== undefined || hostEvent !== undefined) continue;
      if (!this.#bringUp.settle(this.#now)) return;
    }
  }

  /** `linkDestination`: the MAC for unicast, where there is no time left to ask for it. */
  #sendDatagrams(linkDestination?: MacAddress): boolean {
    let any = false;
    for (let d = this.#client.pollTransmit(); d !== undefined; d = this.#client.pollTransmit()) {
      any = true;
      if (!this.#bringUp.admitMessage(this.#now, d)) continue;
      const link = d.destination.address === IPV4_BROADCAST || linkDestination === undefined ? {} : { linkDestination };
      const outcome = this.#host.sendUdp(this.#now, { socket: this.#dhcpSocket, datagram: d, ...link });
      if (outcome !== 'sent') this.#unsentCount += 1;
    }
    return any;
  }

  /** An address that has come up is put to the proof, after that is told; one that goes ends what is being proven. */
  #onBringUp(event: NetstackdEvent): void {
    this.#emit(event);
    if (event.type === 'interface-down') this.#proofs.stop(this.#now);
    if (event.type === 'interface-up') {
      const { address, gateway, dnsServers } = event;
      this.#proofs.start(this.#now, { address, gateway, dnsServers });
    }
  }

  #onHostEvent(event: HostEvent): void {
    if (this.#proofs.onHostEvent(this.#now, event)) return;
    switch (event.type) {
      case 'datagram':
        if (event.socket === this.#dhcpSocket) this.#onDhcpDatagram(event);
        else this.#emit({ type: 'host', event });
        return;
      case 'probe-clear':
      case 'probe-conflict':
        this.#bringUp.onProbed(this.#now, {
          address: event.address,
          claimant: event.type === 'probe-conflict' ? event.claimant : undefined,
        });
        return;
      case 'conflict':
        if (event.action === 'gave-up') this.#bringUp.onAddressLost(this.#now, event);
        else this.#emit({ type: 'host', event });
        return;
      default:
        this.#emit({ type: 'host', event });
    }
  }

  #onDhcpDatagram({ datagram, linkSource }: Extract<HostEvent, { readonly type: 'datagram' }>): void {
    this.#dhcpPeer = linkSource;
    this.#bringUp.onDatagram(this.#now, datagram);
    this.#client.handleDatagram(this.#now, datagram);
  }

  #emit(event: NetstackdEvent): void {
    this.#events.push(event);
  }
}

/** A child machine as a timed part: it does all that is due. */
function timed(machine: { nextTimeout(): Millis; handleTimeout(now: Millis): void }): Timed {
  return { nextTimeout: () => machine.nextTimeout(), runNext: (now) => machine.handleTimeout(now) };
}

/** Far above what one input can cause: the host's event queue and the few answers to each. */
const PUMP_STEPS_MAX = 100_000;
