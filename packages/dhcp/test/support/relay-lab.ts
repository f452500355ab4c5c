import { type Datagram, type Ipv4Address, type MacAddress, type Millis, parseIpv4, parsePrefix } from '@nexus-net/sansio';
import {
  DHCP_MESSAGE_TYPE,
  type DhcpMessage,
  type DhcpOption,
  DhcpRelay,
  type DhcpRelayEvent,
  type DhcpRelayInterface,
  type DhcpRelayOptions,
  type DhcpRelayReject,
  type DhcpRelayTransmit,
  decodeDhcpMessage,
  dhcpMessage,
  encodeDhcpMessage,
  optionValue,
} from '../../src/index.js';
import { A, type Ask, datagramOf, dotted } from './server-lab.js';

const ip = parseIpv4;
export const RELAY: Ipv4Address = ip('10.1.0.1');
export const UPSTREAM: Ipv4Address = ip('10.0.2.2');
export const CLIENTS = 1;
export const SERVERS = 9;
export const CIRCUIT: Uint8Array = Uint8Array.of(0x65, 0x31);
/** Sub-option 1 with the circuit of the lab. */
export const CIRCUIT_INFORMATION: Uint8Array = Uint8Array.of(1, 2, 0x65, 0x31);

export const LAB_INTERFACE: DhcpRelayInterface = { index: CLIENTS, address: RELAY, prefix: parsePrefix('10.1.0.0/24') };
export const WITH_CIRCUIT: DhcpRelayInterface = { ...LAB_INTERFACE, information: { circuitId: CIRCUIT } };

export interface ReplyAsk extends Partial<Omit<DhcpMessage, 'options' | 'chaddr'>> {
  readonly type?: keyof typeof DHCP_MESSAGE_TYPE | 'none';
  readonly chaddr?: Uint8Array | MacAddress;
  readonly information?: Uint8Array;
  readonly more?: readonly DhcpOption[];
  readonly from?: Ipv4Address;
  readonly toPort?: number;
}

export interface Passed {
  readonly transmit: DhcpRelayTransmit;
  readonly message: DhcpMessage;
  /** `10.0.2.2:67`, `10.1.0.7:68@2000000000a at 1`. */
  readonly to: string;
  readonly information: Uint8Array | undefined;
}

/** A relay asked by hand-made messages. */
export class RelayLab {
  readonly relay: DhcpRelay;
  now: Millis = 0;
  readonly events: DhcpRelayEvent[] = [];

  constructor(port: DhcpRelayInterface | readonly DhcpRelayInterface[] = LAB_INTERFACE, options: Partial<DhcpRelayOptions> = {}) {
    this.relay = new DhcpRelay({ interfaces: 'index' in port ? [port] : port, servers: [UPSTREAM], ...options });
  }

  /** Everything that a datagram brought about: what was sent, or the label of the reject. */
  pass(datagram: Datagram, at: number): Passed[] | DhcpRelayReject {
    const seen = this.events.length;
    this.relay.handleDatagram(this.now, { ...datagram, interface: at });
    const sent: Passed[] = [];
    for (let t = this.relay.pollTransmit(); t !== undefined; t = this.relay.pollTransmit()) sent.push(readPassed(t));
    for (let e = this.relay.pollEvent(); e !== undefined; e = this.relay.pollEvent()) this.events.push(e);
    const rejected = this.events.slice(seen).find(({ type }) => type === 'rejected');
    if (rejected?.type === 'rejected') {
      if (sent.length > 0) throw new Error('rejected and sent');
      return rejected.label;
    }
    return sent;
  }

  request(ask: Ask = {}, at: number = CLIENTS): Passed | DhcpRelayReject {
    return only(this.pass(datagramOf(ask), at));
  }

  reply(ask: ReplyAsk = {}, at: number = SERVERS): Passed | DhcpRelayReject {
    return only(this.pass(replyDatagram(ask), at));
  }
}

export function replyDatagram(ask: ReplyAsk): Datagram {
  const { type = 'offer', information, more = [], from = UPSTREAM, toPort = 67, chaddr = A, ...fields } = ask;
  const options: DhcpOption[] = type === 'none' ? [] : [{ code: 53, value: Uint8Array.of(DHCP_MESSAGE_TYPE[type]) }];
  options.push(...more);
  if (information !== undefined) options.push({ code: 82, value: information });
  const message = dhcpMessage({ op: 2, xid: 7, giaddr: RELAY, yiaddr: ip('10.1.0.7'), ...fields, chaddr, options });
  return {
    source: { address: from, port: 67 },
    destination: { address: fields.giaddr ?? RELAY, port: toPort },
    payload: encodeDhcpMessage(message),
  };
}

/** The one thing that was sent, or the label. */
export function only(passed: Passed[] | DhcpRelayReject): Passed | DhcpRelayReject {
  if (typeof passed === 'string') return passed;
  if (passed.length !== 1) throw new Error(`${passed.length} datagrams for one`);
  return passed[0] as Passed;
}

export function sent(passed: Passed | DhcpRelayReject): Passed {
  if (typeof passed === 'string') throw new Error(`not passed on: ${passed}`);
  return passed;
}

function readPassed(transmit: DhcpRelayTransmit): Passed {
  const { destination, linkDestination, interface: at, payload } = transmit;
  const decoded = decodeDhcpMessage(payload);
  const message = decoded.ok ? decoded.value : dhcpMessage({ op: 1, xid: 0, chaddr: A });
  const link = linkDestination === undefined ? '' : `@${linkDestination.toString(16)}`;
  return {
    transmit,
    message,
    to: `${dotted(destination.address)}:${destination.port}${link}${at === undefined ? '' : ` at ${at}`}`,
    information: optionValue(message.options, 82),
  };
}

/** The octets with some of them put elsewhere. */
export function patched(octets: Uint8Array, patches: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const copy = octets.slice();
  for (const [at, values] of Object.entries(patches)) copy.set(values, Number(at));
  return copy;
}
