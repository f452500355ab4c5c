import { DhcpServer, type DhcpServerEvent, type DhcpServerOptions } from '@nexus-net/dhcp';
import { Host, type InterfaceConfig } from '@nexus-net/net-os';
import type { Entropy, FrameMachine, MacAddress, Millis } from '@nexus-net/sansio';

export interface BareServerOptions {
  readonly mac: MacAddress;
  readonly entropy: Entropy;
  readonly own: InterfaceConfig;
  readonly server: DhcpServerOptions;
}

/** A host with a DHCP server on it and a default route, by which it reaches relays on other networks. */
export class BareServer implements FrameMachine<DhcpServerEvent> {
  readonly #host: Host;
  readonly #server: DhcpServer;

  constructor({ mac, entropy, own, server }: BareServerOptions) {
    this.#host = new Host({ mac, entropy });
    this.#server = new DhcpServer(server);
    this.#host.bindUdp({ port: 67 });
    this.#host.configure(0, own);
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.#host.handleFrame(now, frame);
    this.#settle(now);
  }

  handleTimeout(now: Millis): void {
    this.#host.handleTimeout(now);
    this.#server.handleTimeout(now);
    this.#settle(now);
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#host.pollTransmit();
  }

  pollEvent(): DhcpServerEvent | undefined {
    return this.#server.pollEvent();
  }

  nextTimeout(): Millis {
    return Math.min(this.#host.nextTimeout(), this.#server.nextTimeout());
  }

  #settle(now: Millis): void {
    for (let event = this.#host.pollEvent(); event !== undefined; event = this.#host.pollEvent())
      if (event.type === 'datagram') this.#server.handleDatagram(now, event.datagram);
    for (let reply = this.#server.pollTransmit(); reply !== undefined; reply = this.#server.pollTransmit()) {
      const { linkDestination, ...datagram } = reply;
      this.#host.sendUdp(now, { datagram, ...(linkDestination === undefined ? {} : { linkDestination }) });
    }
  }
}
