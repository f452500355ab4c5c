import {
  type Datagram,
  formatIpv4,
  IPV4_BROADCAST,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  parseIpv4,
  parsePrefix,
  prefixContains,
  SeededEntropy,
} from '@nexus-net/sansio';
import {
  DhcpClient,
  type DhcpClientConfig,
  type DhcpClientEvent,
  type DhcpLease,
  type DhcpRelayDatagram,
  type DhcpRelayInterface,
  type DhcpRelayOptions,
  type DhcpRelayTransmit,
  DhcpServer,
  type DhcpServerOptions,
  type DhcpSubnet,
  decodeDhcpMessage,
  dhcpMessageTypeName,
  messageType,
  optionValue,
} from '../../src/index.js';
import { A } from './server-lab.js';

/** What the worlds and laws need of a relay. */
export interface RelayLike {
  handleDatagram(now: Millis, datagram: DhcpRelayDatagram): void;
  pollTransmit(): DhcpRelayTransmit | undefined;
}
export type MakeRelay = (options: DhcpRelayOptions) => RelayLike;

export interface WorldConfig {
  /** Relays between client and server; 0: both are on one network. */
  readonly relays: number;
  readonly make: MakeRelay;
  readonly client?: Partial<DhcpClientConfig>;
  readonly server?: Partial<DhcpServerOptions>;
  /** Of the relay that is nearest to the client. */
  readonly interface?: Partial<DhcpRelayInterface>;
  readonly relay?: Partial<DhcpRelayOptions>;
}

export const CLIENT_NETWORK: DhcpSubnet = {
  prefix: parsePrefix('10.1.0.0/24'),
  pool: { first: parseIpv4('10.1.0.20'), last: parseIpv4('10.1.0.40') },
  routers: [parseIpv4('10.1.0.1')],
  dnsServers: [parseIpv4('10.0.2.3')],
  domainName: 'lab.example',
};
const SERVER = parseIpv4('10.0.2.2');
const AT_CLIENTS = 1;
const AT_SERVERS = 9;

/**
 * One client, a chain of relays, one server, with routes between all of them. Nothing is lost and nothing takes time.
 * Addresses: the first relay is 10.1.0.1 for the client, relay k is 10.20.k.1 for the one before it.
 */
export class RelayWorld {
  readonly client: DhcpClient;
  readonly server: DhcpServer;
  readonly relays: readonly RelayLike[];
  readonly events: DhcpClientEvent[] = [];
  /** What went over the wires: who, what, where to. */
  readonly ladder: string[] = [];
  /** Payloads that reached the client. */
  readonly received: Uint8Array[] = [];
  /** Datagrams that relays passed on. */
  relayed = 0;
  now: Millis = 0;
  readonly #mac: MacAddress;
  readonly #addresses: readonly Ipv4Address[];

  constructor(config: WorldConfig) {
    this.#mac = config.client?.mac ?? A;
    this.client = new DhcpClient({ mac: this.#mac, entropy: new SeededEntropy('relay world'), ...config.client });
    const local = config.relays === 0;
    this.server = new DhcpServer({
      // On the client's own network the server has an address of that.
      ...(local
        ? { ...CLIENT_NETWORK, address: parseIpv4('10.1.0.2') }
        : { address: SERVER, prefix: parsePrefix('10.0.2.0/24'), remoteSubnets: [CLIENT_NETWORK] }),
      ...config.server,
    });
    this.#addresses = Array.from({ length: config.relays }, (_, k) =>
      k === 0 ? parseIpv4('10.1.0.1') : parseIpv4(`10.20.${k}.1`),
    );
    this.relays = this.#addresses.map((address, k) =>
      config.make({
        hopsMax: 16,
        servers: [this.#addresses[k + 1] ?? SERVER],
        ...config.relay,
        interfaces: [
          k === 0
            ? { index: AT_CLIENTS, address, prefix: CLIENT_NETWORK.prefix, ...config.interface }
            : { index: AT_CLIENTS, address, prefix: parsePrefix(`10.20.${k}.0/24`) },
        ],
      }),
    );
  }

  start(): this {
    this.client.start(this.now);
    this.#settle();
    return this;
  }

  /** Jumps from one deadline of the client to the next. */
  runUntil(end: Millis): this {
    for (;;) {
      const next = this.client.nextTimeout();
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.client.handleTimeout(this.now);
      this.#settle();
    }
    this.now = end;
    return this;
  }

  get lease(): DhcpLease | undefined {
    return this.events.findLast((event) => event.type === 'bound')?.lease;
  }

  #settle(): void {
    for (let t = this.client.pollTransmit(); t !== undefined; t = this.client.pollTransmit()) {
      this.#note('client', t);
      this.#fromClient(t);
    }
    for (let e = this.client.pollEvent(); e !== undefined; e = this.client.pollEvent()) this.events.push(e);
  }

  #fromClient(datagram: Datagram): void {
    const first = this.relays[0];
    if (first === undefined) this.#toServer(datagram);
    else if (datagram.destination.address === IPV4_BROADCAST) this.#toRelay(0, AT_CLIENTS, datagram);
    else this.#route(datagram, 0);
  }

  /** By the destination address; `near`: the next relay on the way to the server, for which `from` is the client's side. */
  #route(datagram: Datagram, near: number): void {
    const { address } = datagram.destination;
    const k = this.#addresses.indexOf(address);
    if (address === SERVER) this.#toServer(datagram);
    else if (k >= 0) this.#toRelay(k, k === near ? AT_CLIENTS : AT_SERVERS, datagram);
    else if (prefixContains(CLIENT_NETWORK.prefix, address)) this.#toClient(datagram);
  }

  #toServer(datagram: Datagram): void {
    this.server.handleDatagram(this.now, datagram);
    for (let t = this.server.pollTransmit(); t !== undefined; t = this.server.pollTransmit()) {
      this.#note('server', t);
      if (this.relays.length === 0) this.#toClient(t);
      else this.#route(t, -1);
    }
    while (this.server.pollEvent() !== undefined);
  }

  #toRelay(k: number, at: number, datagram: Datagram): void {
    const relay = this.relays[k] as RelayLike;
    relay.handleDatagram(this.now, { ...datagram, interface: at });
    for (let t = relay.pollTransmit(); t !== undefined; t = relay.pollTransmit()) {
      if (++this.relayed > 1_000) throw new Error('the relays do not come to an end');
      this.#note(`relay ${k + 1}`, t);
      if (t.interface === undefined) this.#route(t, k + 1);
      else if (k === 0) this.#toClient(t);
    }
  }

  #toClient(datagram: Datagram & { readonly linkDestination?: MacAddress }): void {
    if (datagram.linkDestination !== undefined && datagram.linkDestination !== this.#mac) return;
    this.received.push(datagram.payload.slice());
    this.client.handleDatagram(this.now, datagram);
  }

  #note(who: string, { source, destination, payload }: Datagram): void {
    const decoded = decodeDhcpMessage(payload);
    if (!decoded.ok) return;
    const { hops, giaddr, options } = decoded.value;
    const type = messageType(decoded.value);
    const name = type === undefined ? 'bootp' : dhcpMessageTypeName(type);
    const via = giaddr === 0 ? '' : ` via ${formatIpv4(giaddr)}, ${hops} hops${optionValue(options, 82) ? ', option 82' : ''}`;
    const ends = `${formatIpv4(source.address)} > ${formatIpv4(destination.address)}:${destination.port}`;
    this.ladder.push(`${this.now / 1_000} s ${who}: ${name}${via}; ${ends}`);
  }
}

/** A lease without what says which server it came from. */
export function comparable(lease: DhcpLease | undefined): unknown {
  if (lease === undefined) return undefined;
  const { server: _, options, ...rest } = lease;
  return { ...rest, options: options.filter(({ code }) => code !== 54) };
}
