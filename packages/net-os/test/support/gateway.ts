import { DhcpServer, type DhcpServerOptions } from '@nexus-net/dhcp';
import { type FrameMachine, IPV4_ANY, type Millis, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { Host, type HostEvent, type UdpSocketId } from '../../src/index.js';

const { smoke } = ADDRESS_PLAN;

/** The other end of the cable: a host at 10.0.2.2 with a DHCP server that can be switched off. */
export class TestGateway implements FrameMachine<HostEvent> {
  readonly host: Host;
  readonly server: DhcpServer;
  serving = true;
  readonly #socket: UdpSocketId;
  readonly #events: HostEvent[] = [];

  constructor(options: Partial<DhcpServerOptions> = {}) {
    this.host = new Host({ mac: smoke.gatewayMac, entropy: new SeededEntropy('gateway') });
    this.server = new DhcpServer({
      address: smoke.gateway,
      prefix: smoke.network,
      pool: smoke.pool,
      routers: [smoke.gateway],
      dnsServers: [smoke.dns],
      ...options,
    });
    this.#socket = this.host.bindUdp({ port: 67 });
    this.host.configure(0, { address: smoke.gateway, prefixLength: 24 });
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.host.handleFrame(now, frame);
    this.#pump(now);
  }

  handleTimeout(now: Millis): void {
    this.host.handleTimeout(now);
    this.server.handleTimeout(now);
    this.#pump(now);
  }

  pollTransmit(): Uint8Array | undefined {
    return this.host.pollTransmit();
  }

  pollEvent(): HostEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(this.host.nextTimeout(), this.server.nextTimeout());
  }

  #pump(now: Millis): void {
    for (let event = this.host.pollEvent(); event !== undefined; event = this.host.pollEvent()) {
      if (event.type !== 'datagram' || event.socket !== this.#socket) this.#events.push(event);
      else if (this.serving) this.server.handleDatagram(now, event.datagram);
    }
    for (let sent = this.server.pollTransmit(); sent !== undefined; sent = this.server.pollTransmit()) {
      const { linkDestination, ...datagram } = sent;
      const source = datagram.source.address === IPV4_ANY ? { ...datagram.source, address: smoke.gateway } : datagram.source;
      this.host.sendUdp(now, {
        datagram: { ...datagram, source },
        ...(linkDestination === undefined ? {} : { linkDestination }),
      });
    }
    while (this.server.pollEvent() !== undefined);
  }
}
