import { DhcpClient, type DhcpClientConfig, type DhcpClientEvent } from '@nexus-net/dhcp';
import { Host, type InterfaceConfig } from '@nexus-net/net-os';
import type { Entropy, FrameMachine, MacAddress, Millis } from '@nexus-net/sansio';

/** A host with an address of its own making and a DHCP client beside it, for what needs no bring-up: INFORM. */
export class BareClient implements FrameMachine<DhcpClientEvent> {
  readonly host: Host;
  readonly client: DhcpClient;

  constructor(config: DhcpClientConfig & { readonly mac: MacAddress; readonly entropy: Entropy }) {
    this.host = new Host({ mac: config.mac, entropy: config.entropy });
    this.client = new DhcpClient(config);
    this.host.bindUdp({ port: 68 });
  }

  inform(now: Millis, own: InterfaceConfig): void {
    this.host.configure(now, own);
    this.client.inform(now, own.address);
    this.#settle(now);
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.host.handleFrame(now, frame);
    this.#settle(now);
  }

  handleTimeout(now: Millis): void {
    this.host.handleTimeout(now);
    this.client.handleTimeout(now);
    this.#settle(now);
  }

  pollTransmit(): Uint8Array | undefined {
    return this.host.pollTransmit();
  }

  pollEvent(): DhcpClientEvent | undefined {
    return this.client.pollEvent();
  }

  nextTimeout(): Millis {
    return Math.min(this.host.nextTimeout(), this.client.nextTimeout());
  }

  #settle(now: Millis): void {
    for (let event = this.host.pollEvent(); event !== undefined; event = this.host.pollEvent())
      if (event.type === 'datagram') this.client.handleDatagram(now, event.datagram);
    for (let datagram = this.client.pollTransmit(); datagram !== undefined; datagram = this.client.pollTransmit())
      this.host.sendUdp(now, { datagram });
  }
}
