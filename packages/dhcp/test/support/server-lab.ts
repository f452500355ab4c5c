import {
  type Datagram,
  type Ipv4Address,
  ipv4,
  type MacAddress,
  type Millis,
  parseIpv4,
  parseMac,
  parsePrefix,
  readU32,
  writeU32,
} from '@nexus-net/sansio';
import {
  DHCP_MESSAGE_TYPE,
  type DhcpMessage,
  type DhcpOption,
  DhcpServer,
  type DhcpServerEvent,
  type DhcpServerOptions,
  type DhcpServerTransmit,
  decodeDhcpMessage,
  dhcpMessage,
  encodeDhcpMessage,
  optionValue,
} from '../../src/index.js';

export const SERVER: Ipv4Address = parseIpv4('10.0.2.2');
export const FIRST: Ipv4Address = parseIpv4('10.0.2.15');
export const BROADCAST: Ipv4Address = parseIpv4('255.255.255.255');
export const A: MacAddress = parseMac('02:00:00:00:00:0a');
export const B: MacAddress = parseMac('02:00:00:00:00:0b');
export const C: MacAddress = parseMac('02:00:00:00:00:0c');

export const LAB_OPTIONS: DhcpServerOptions = {
  address: SERVER,
  prefix: parsePrefix('10.0.2.0/24'),
  pool: { first: FIRST, last: parseIpv4('10.0.2.18') },
  routers: [SERVER],
  dnsServers: [parseIpv4('10.0.2.3')],
  domainName: 'lab.example',
  leaseMs: 600_000,
  offerMs: 60_000,
  quarantineMs: 3_600_000,
};

export interface Reply {
  readonly type: 'offer' | 'ack' | 'nak' | 'other';
  readonly message: DhcpMessage;
  readonly transmit: DhcpServerTransmit;
  /** `10.0.2.15:68`, with `@mac` where the link destination is given. */
  readonly to: string;
}

export interface Ask extends Partial<Omit<DhcpMessage, 'options' | 'chaddr'>> {
  readonly type?: keyof typeof DHCP_MESSAGE_TYPE | 'none';
  readonly mac?: MacAddress;
  readonly chaddr?: Uint8Array;
  readonly clientId?: Uint8Array;
  readonly requested?: Ipv4Address;
  readonly server?: Ipv4Address;
  readonly leaseSeconds?: number;
  readonly asked?: readonly number[];
  readonly more?: readonly DhcpOption[];
  readonly source?: Ipv4Address;
  readonly sourcePort?: number;
  readonly destination?: Ipv4Address;
  readonly destinationPort?: number;
}

/** A server on a virtual clock, asked by hand-made messages. */
export class ServerLab {
  readonly server: DhcpServer;
  now: Millis = 0;
  /** All events so far. */
  readonly events: DhcpServerEvent[] = [];
  #xid = 1000;

  constructor(options: Partial<DhcpServerOptions> = {}) {
    this.server = new DhcpServer({ ...LAB_OPTIONS, ...options });
  }

  /** Sends one message and returns what it brought about. */
  send(ask: Ask): Reply[] {
    this.server.handleDatagram(this.now, datagramOf({ xid: this.#xid++, ...ask }));
    return this.drain();
  }

  drain(): Reply[] {
    const replies: Reply[] = [];
    for (let t = this.server.pollTransmit(); t !== undefined; t = this.server.pollTransmit()) replies.push(readReply(t));
    for (let e = this.server.pollEvent(); e !== undefined; e = this.server.pollEvent()) this.events.push(e);
    return replies;
  }

  advance(by: Millis): void {
    this.now += by;
    this.server.handleTimeout(this.now);
    this.drain();
  }

  /** The one reply to a message, or the label of the reject. */
  ask(ask: Ask): Reply | string {
    const seen = this.events.length;
    const replies = this.send(ask);
    if (replies.length > 1) throw new Error(`${replies.length} replies to one message`);
    const rejected = this.events.slice(seen).find((event) => event.type === 'rejected');
    return replies[0] ?? (rejected?.type === 'rejected' ? rejected.label : 'nothing');
  }

  reply(ask: Ask): Reply {
    const reply = this.ask(ask);
    if (typeof reply === 'string') throw new Error(`no reply: ${reply}`);
    return reply;
  }

  discover(mac: MacAddress, ask: Ask = {}): Reply {
    return this.reply({ type: 'discover', mac, ...ask });
  }

  /** REQUEST in SELECTING. */
  select(mac: MacAddress, requested: Ipv4Address, ask: Ask = {}): Reply | string {
    return this.ask({ type: 'request', mac, requested, server: SERVER, ...ask });
  }

  /** The whole four-way exchange. */
  lease(mac: MacAddress, ask: Ask = {}): Ipv4Address {
    const { yiaddr } = this.discover(mac, ask).message;
    const reply = this.select(mac, yiaddr, ask);
    if (typeof reply === 'string' || reply.type !== 'ack') throw new Error(`no ACK: ${JSON.stringify(reply)}`);
    return yiaddr;
  }

  /** REQUEST in RENEWING: unicast from the address. */
  renew(mac: MacAddress, ciaddr: Ipv4Address, ask: Ask = {}): Reply | string {
    return this.ask({ type: 'request', mac, ciaddr, source: ciaddr, destination: SERVER, ...ask });
  }

  /** REQUEST in REBINDING: broadcast from the address. */
  rebind(mac: MacAddress, ciaddr: Ipv4Address, ask: Ask = {}): Reply | string {
    return this.ask({ type: 'request', mac, ciaddr, source: ciaddr, ...ask });
  }

  /** REQUEST in INIT-REBOOT. */
  reboot(mac: MacAddress, requested: Ipv4Address, ask: Ask = {}): Reply | string {
    return this.ask({ type: 'request', mac, requested, ...ask });
  }

  release(mac: MacAddress, ciaddr: Ipv4Address, ask: Ask = {}): Reply | string {
    return this.ask({ type: 'release', mac, ciaddr, source: ciaddr, destination: SERVER, server: SERVER, ...ask });
  }

  decline(mac: MacAddress, requested: Ipv4Address, ask: Ask = {}): Reply | string {
    return this.ask({ type: 'decline', mac, requested, server: SERVER, ...ask });
  }

  /** `10.0.2.15 leased`: every binding, in the order of addresses. */
  bindings(): string[] {
    return this.server.inspect().subnets.flatMap(({ bindings }) => bindings.map(({ address, state }) => `${address} ${state}`));
  }

  types(): string[] {
    return this.events.map((event) => event.type);
  }
}

export function datagramOf(ask: Ask): Datagram {
  const { type = 'discover', mac = A, clientId, requested, server, leaseSeconds, asked, more = [] } = ask;
  const options: DhcpOption[] = [];
  if (type !== 'none') options.push({ code: 53, value: Uint8Array.of(DHCP_MESSAGE_TYPE[type]) });
  if (requested !== undefined) options.push({ code: 50, value: u32(requested) });
  if (server !== undefined) options.push({ code: 54, value: u32(server) });
  if (leaseSeconds !== undefined) options.push({ code: 51, value: u32(leaseSeconds) });
  if (asked !== undefined) options.push({ code: 55, value: Uint8Array.from(asked) });
  if (clientId !== undefined) options.push({ code: 61, value: clientId });
  options.push(...more);
  const message = dhcpMessage({ op: 1, xid: 1, ...fields(ask), chaddr: ask.chaddr ?? mac, options });
  return {
    source: { address: ask.source ?? ipv4(0, 0, 0, 0), port: ask.sourcePort ?? 68 },
    destination: { address: ask.destination ?? BROADCAST, port: ask.destinationPort ?? 67 },
    payload: encodeDhcpMessage(message),
  };
}

function fields(ask: Ask): Partial<DhcpMessage> {
  const names = ['op', 'htype', 'hlen', 'hops', 'xid', 'secs', 'flags', 'ciaddr', 'yiaddr', 'siaddr', 'giaddr'] as const;
  return Object.fromEntries(names.filter((name) => ask[name] !== undefined).map((name) => [name, ask[name]]));
}

export function readReply(transmit: DhcpServerTransmit): Reply {
  const decoded = decodeDhcpMessage(transmit.payload, { strict: true });
  if (!decoded.ok) throw new Error(`the server sent a message that is ${decoded.error}`);
  const message = decoded.value;
  const type = optionValue(message.options, 53)?.[0];
  const { destination, linkDestination } = transmit;
  const link = linkDestination === undefined ? '' : `@${linkDestination.toString(16)}`;
  return {
    type: type === 2 ? 'offer' : type === 5 ? 'ack' : type === 6 ? 'nak' : 'other',
    message,
    transmit,
    to: `${dotted(destination.address)}:${destination.port}${link}`,
  };
}

export function option(reply: Reply | string, code: number): Uint8Array | undefined {
  if (typeof reply === 'string') throw new Error(`no reply: ${reply}`);
  return optionValue(reply.message.options, code);
}

export function number(reply: Reply | string, code: number): number | undefined {
  const value = option(reply, code);
  return value === undefined ? undefined : readU32(value, 0);
}

export function codes(reply: Reply): number[] {
  return reply.message.options.map(({ code }) => code);
}

export function kind(reply: Reply | string): string {
  return typeof reply === 'string' ? reply : reply.type;
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

export function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
