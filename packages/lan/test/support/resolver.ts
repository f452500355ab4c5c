import type { UdpSocketId } from '@nexus-net/net-os';
import { IPV4_ANY, type Ipv4Address } from '@nexus-net/sansio';
import { ADDRESS_PLAN, DNS_TYPE, type DnsMessage, decodeDns, encodeDns } from '@nexus-net/wire';
import type { Simulator } from '../../src/index.js';
import { queryOf } from './dns.js';
import { DNS } from './host.js';
import type { Node } from './node.js';

/** A stub resolver on a node: asks once, remembers what comes back. */
export class Resolver {
  readonly #sim: Simulator;
  readonly #node: Node;
  readonly #socket: UdpSocketId;

  constructor(sim: Simulator, node: Node) {
    this.#sim = sim;
    this.#node = node;
    this.#socket = node.stack.bindUdp({ port: ADDRESS_PLAN.ports.dnsProbe });
  }

  ask(name: string, options: { readonly type?: number; readonly server?: Ipv4Address; readonly id?: number } = {}): void {
    const { type = DNS_TYPE.a, server = DNS, id = 0x4242 } = options;
    const source = { address: IPV4_ANY, port: ADDRESS_PLAN.ports.dnsProbe };
    const payload = encodeDns(queryOf(name, type, { id }));
    const datagram = { source, destination: { address: server, port: 53 }, payload };
    this.#node.stack.sendUdp(this.#node.station.localTime(this.#sim.now), { socket: this.#socket, datagram });
  }

  /** Every payload that reached the socket. */
  get payloads(): readonly Uint8Array[] {
    return this.#node.events.flatMap((event) =>
      event.type === 'host' && event.event.type === 'datagram' && event.event.socket === this.#socket
        ? [event.event.datagram.payload]
        : [],
    );
  }

  get answers(): readonly DnsMessage[] {
    return this.payloads.flatMap((payload) => {
      const decoded = decodeDns(payload);
      return decoded.ok ? [decoded.value] : [];
    });
  }
}
