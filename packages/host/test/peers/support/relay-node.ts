import { DhcpRelay, type DhcpRelayEvent, type DhcpRelayOptions } from '@nexus-net/dhcp';
import { Host, type UdpSocketId } from '@nexus-net/net-os';
import { type Entropy, type Ipv4Address, type MacAddress, type Machine, type Millis, Queue } from '@nexus-net/sansio';

/** One side of a relay: the segment of clients, or that of servers. */
export type Side = 'clients' | 'servers';

export interface SideFrame {
  readonly side: Side;
  readonly frame: Uint8Array;
}

export interface RelayNodeOptions {
  readonly entropy: Entropy;
  readonly mac: Readonly<Record<Side, MacAddress>>;
  readonly address: Readonly<Record<Side, Ipv4Address>>;
  readonly relay: DhcpRelayOptions;
}

/** A relay on two networks, which forwards nothing else: two hosts and a `DhcpRelay`. */
export class RelayNode implements Machine<SideFrame, DhcpRelayEvent> {
  readonly relay: DhcpRelay;
  readonly #hosts: Readonly<Record<Side, Host>>;
  readonly #sockets: Readonly<Record<Side, UdpSocketId>>;
  readonly #unsent = new Queue<string>(1_024);

  constructor({ entropy, mac, address, relay }: RelayNodeOptions) {
    this.relay = new DhcpRelay(relay);
    this.#hosts = { clients: new Host({ mac: mac.clients, entropy }), servers: new Host({ mac: mac.servers, entropy }) };
    this.#hosts.clients.configure(0, { address: address.clients, prefixLength: 24 });
    this.#hosts.servers.configure(0, { address: address.servers, prefixLength: 24 });
    // Servers answer to giaddr, our address on the other side: that is ours here too.
    this.#hosts.servers.addAddress(0, { address: address.clients, prefixLength: 32 });
    this.#sockets = {
      clients: this.#hosts.clients.bindUdp({ port: 67 }),
      servers: this.#hosts.servers.bindUdp({ port: 67 }),
    };
  }

  /** What could not be sent, and why. */
  get unsent(): readonly string[] {
    return [...Array(this.#unsent.length)].flatMap(() => this.#unsent.shift() ?? []);
  }

  handleFrame(now: Millis, { side, frame }: SideFrame): void {
    this.#hosts[side].handleFrame(now, frame);
    this.#settle(now);
  }

  handleTimeout(now: Millis): void {
    for (const side of SIDES) this.#hosts[side].handleTimeout(now);
    this.#settle(now);
  }

  pollTransmit(): SideFrame | undefined {
    for (const side of SIDES) {
      const frame = this.#hosts[side].pollTransmit();
      if (frame !== undefined) return { side, frame };
    }
    return undefined;
  }

  pollEvent(): DhcpRelayEvent | undefined {
    return this.relay.pollEvent();
  }

  nextTimeout(): Millis {
    return Math.min(...SIDES.map((side) => this.#hosts[side].nextTimeout()));
  }

  #settle(now: Millis): void {
    for (const side of SIDES) {
      const host = this.#hosts[side];
      for (let event = host.pollEvent(); event !== undefined; event = host.pollEvent())
        if (event.type === 'datagram' && event.socket === this.#sockets[side])
          this.relay.handleDatagram(now, { ...event.datagram, interface: SIDES.indexOf(side) });
    }
    for (let out = this.relay.pollTransmit(); out !== undefined; out = this.relay.pollTransmit()) {
      const { interface: index, linkDestination, ...datagram } = out;
      const side = SIDES[index ?? SIDES.indexOf('servers')] as Side;
      const link = linkDestination === undefined ? {} : { linkDestination };
      const outcome = this.#hosts[side].sendUdp(now, { datagram, ...link });
      if (outcome !== 'sent') this.#unsent.push(`${side}: ${outcome}`);
    }
  }
}

/** The number of an interface is its place here. */
const SIDES: readonly Side[] = ['clients', 'servers'];
