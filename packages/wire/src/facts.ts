import { formatIpv4, formatMac, type Ipv4Address, type MacAddress, type Machine, type Millis } from '@nexus-net/sansio';
import type { Dissection } from './dissect.js';

/** A frame as a witness sees it. */
export interface ObservedFrame {
  /** Position in the capture, from 1. */
  readonly number: number;
  readonly at: Millis;
  /** The switch port it came in at, where known. */
  readonly port?: string;
  readonly bytes: Uint8Array;
  readonly layers: Dissection;
}

/** Whose session of DSoftBus a fact is about; the client dialled. `dialect`: `bus`, `os`, `host`, or `qd` for datagrams of the OS. */
export interface DsoftbusSession {
  client: Ipv4Address;
  clientPort: number;
  server: Ipv4Address;
  serverPort: number;
  dialect: string;
}

/** What each kind of fact says. A protocol's facts are added as rows here and in {@link FIELDS}. */
export interface FactDetail {
  /** The first frame with this source address. */
  'ethernet.seen': { mac: MacAddress };
  /** A client broadcast a DISCOVER. */
  'dhcp.discovered': { client: MacAddress; xid: number };
  /** A server offered `address`. */
  'dhcp.offered': { client: MacAddress; server: Ipv4Address; address: Ipv4Address; xid: number };
  /** A client asked for `address`: selecting, rebooting, renewing or rebinding. */
  'dhcp.requested': { client: MacAddress; address: Ipv4Address; xid: number };
  /** A server acknowledged a REQUEST. `leaseMs` is `Infinity` for a lease without end. */
  'dhcp.leased': {
    client: MacAddress;
    server: Ipv4Address;
    address: Ipv4Address;
    xid: number;
    leaseMs: Millis;
    prefixLength?: number;
    router?: Ipv4Address;
  };
  /** A server answered a REQUEST with NAK. */
  'dhcp.refused': { client: MacAddress; server: Ipv4Address; xid: number };
  /** A client gave `address` back. */
  'dhcp.released': { client: MacAddress; address: Ipv4Address };
  /** A client found `address` in use by somebody else. */
  'dhcp.declined': { client: MacAddress; address: Ipv4Address };
  /** A server acknowledged an INFORM of a client that configured `address` itself. */
  'dhcp.informed': { client: MacAddress; server: Ipv4Address; address: Ipv4Address; xid: number };
  /** An ARP request and the reply to it were both seen. */
  'arp.resolved': { askerMac: MacAddress; askerIp: Ipv4Address; ownerMac: MacAddress; ownerIp: Ipv4Address };
  /** An echo request and the reply to it were both seen. */
  'icmp.echo-answered': {
    asker: Ipv4Address;
    answerer: Ipv4Address;
    identifier: number;
    sequence: number;
    roundTripMs: Millis;
  };
  /** A host reported that it is in `group`, for the first time since it was seen or has left. */
  'igmp.joined': { host: Ipv4Address; group: Ipv4Address };
  /** A host said that it leaves `group`. */
  'igmp.left': { host: Ipv4Address; group: Ipv4Address };
  /** A DNS query and the response to it were both seen. */
  'dns.answered': { client: Ipv4Address; server: Ipv4Address; id: number; name: string; responseCode: number };
  /** A TCP client asked for a connection: the first SYN of it. Told of ports that are watched. */
  'tcp.dialled': { client: Ipv4Address; clientPort: number; server: Ipv4Address; serverPort: number };
  /** A TCP server took a connection. Told of ports that are watched. */
  'tcp.connected': { client: Ipv4Address; clientPort: number; server: Ipv4Address; serverPort: number };
  /** Octets of a TCP client, and after them octets of its server; `turn` counts this in one connection, from 1. Told of ports that are watched. */
  'tcp.exchanged': { client: Ipv4Address; clientPort: number; server: Ipv4Address; serverPort: number; turn: number };
  /** A TCP server gave back, octet for octet, what its client had sent first, at least eight octets; `octets` as much as came back. */
  'tcp.echoed': { client: Ipv4Address; clientPort: number; server: Ipv4Address; serverPort: number; octets: number };
  /** A device said that it is there, in an announce datagram of DSoftBus. */
  'dsoftbus.announced': { source: Ipv4Address; deviceId: string; sessionPort: number; services: number };
  /** All messages of a handshake were seen, and then one of the server: the session stands, as far as can be seen from outside. */
  'dsoftbus.session-opened': DsoftbusSession & {
    /** Octets of the three messages. */
    handshake: string;
  };
  /** The byte stream ended before that, after so many messages of the handshake. */
  'dsoftbus.handshake-failed': DsoftbusSession & { messages: number; handshake: string };
  /** The byte stream of a session ended, after so many messages with so many octets. */
  'dsoftbus.session-ended': DsoftbusSession & { records: number; octets: number };
  /** Read with the keys of a test: the static key that `side` has proven, in hexadecimal, and the device that it is of. */
  'dsoftbus.identified': DsoftbusSession & { side: string; noiseStatic: string; deviceId?: string };
  /** Read with the keys of a test: both sides have said that they take each other. */
  'dsoftbus.session-established': DsoftbusSession & { clientDevice?: string; serverDevice?: string };
  /** Read with the keys of a test: `sender` opened a stream of the mux. */
  'dsoftbus.stream-opened': DsoftbusSession & { sender: Ipv4Address; stream: number; name: string; priority: number };
  /** Read with the keys of a test: the first octets of `sender` on a stream of the mux. Dialect `os` tells their count and carries none. */
  'dsoftbus.stream-data': DsoftbusSession & { sender: Ipv4Address; stream: number; octets: number };
  /** Read with the keys of a test: a stream of the mux is over: `closed` by both, or `reset`; and what it carried. */
  'dsoftbus.stream-closed': DsoftbusSession & {
    stream: number;
    how: string;
    clientOctets: number;
    serverOctets: number;
  };
  /** Read with the keys of a test: a request to the gateway of the peer. Dialect `os` has no numbers: they are counted here, from 1. */
  'dsoftbus.gateway-asked': DsoftbusSession & {
    sender: Ipv4Address;
    service: string;
    operation: string;
    correlation: number;
  };
  /** Read with the keys of a test: the answer to it. */
  'dsoftbus.gateway-answered': DsoftbusSession & {
    sender: Ipv4Address;
    service: string;
    operation: string;
    correlation: number;
    status: string;
  };
  /** Read with the keys of a test: `sender` ends the session of dialect `bus` in order. */
  'dsoftbus.goodbye': DsoftbusSession & { sender: Ipv4Address; code: number; detail: string };
  /** A frame of a host session, read with the keys of a test. */
  'dsoftbus.frame': DsoftbusSession & { sender: Ipv4Address; channel: number; octets: number };
}

export type FactKind = keyof FactDetail;

/** Something that a witness saw on the wire; `frames` are the numbers of the frames that prove it, ascending. */
export type Fact<K extends FactKind = FactKind> = {
  [P in K]: { readonly kind: P; readonly at: Millis; readonly frames: readonly number[] } & Readonly<FactDetail[P]>;
}[K];

/** Something on the wire that breaks a rule of its protocol. */
export interface Violation {
  /** Stable id such as `dhcp.client-port`. */
  readonly rule: string;
  /** Where the rule is written, e.g. `RFC 2131 §4.1`. */
  readonly reference: string;
  readonly at: Millis;
  /** Numbers of the frames that show it, ascending. */
  readonly frames: readonly number[];
  readonly message: string;
}

export type WitnessEvent =
  | { readonly type: 'fact'; readonly fact: Fact }
  | { readonly type: 'violation'; readonly violation: Violation };

/**
 * Watches a segment and says what happened on it. Never transmits. `frame.bytes` and the views in `frame.layers` are borrowed
 * for the call. A frame with `layers.problem` is not proof of anything that its receiver would have dropped.
 */
export interface Witness extends Machine<never, WitnessEvent> {
  handleFrame(now: Millis, frame: ObservedFrame): void;
}

/**
 * A fact as plain values for JSON and reports: `kind`, `at` and its details in the order of {@link FactDetail}, addresses as
 * text, a time without end as `infinite`. The frame numbers stay in `fact.frames`.
 */
export function describeFact(fact: Fact): Record<string, string | number> {
  const description: Record<string, string | number> = { kind: fact.kind, at: fact.at };
  const details = fact as unknown as Readonly<Record<string, string | number | undefined>>;
  for (const [field, form] of Object.entries<Form>(FIELDS[fact.kind])) {
    const value = details[field];
    if (value !== undefined) description[field] = FORMATS[form](value as never);
  }
  return description;
}

type Form = 'mac' | 'ipv4' | 'number' | 'text';

/** How a field is written, from its type: an address can't be printed as a bare number by mistake. */
type FormOf<T> = T extends MacAddress ? 'mac' : T extends Ipv4Address ? 'ipv4' : T extends number ? 'number' : 'text';

const SESSION: { readonly [F in keyof DsoftbusSession]: FormOf<DsoftbusSession[F]> } = {
  client: 'ipv4',
  clientPort: 'number',
  server: 'ipv4',
  serverPort: 'number',
  dialect: 'text',
};

const FIELDS: { readonly [K in FactKind]: { readonly [F in keyof FactDetail[K]]-?: FormOf<NonNullable<FactDetail[K][F]>> } } = {
  'ethernet.seen': { mac: 'mac' },
  'dhcp.discovered': { client: 'mac', xid: 'number' },
  'dhcp.offered': { client: 'mac', server: 'ipv4', address: 'ipv4', xid: 'number' },
  'dhcp.requested': { client: 'mac', address: 'ipv4', xid: 'number' },
  'dhcp.leased': {
    client: 'mac',
    server: 'ipv4',
    address: 'ipv4',
    xid: 'number',
    leaseMs: 'number',
    prefixLength: 'number',
    router: 'ipv4',
  },
  'dhcp.refused': { client: 'mac', server: 'ipv4', xid: 'number' },
  'dhcp.released': { client: 'mac', address: 'ipv4' },
  'dhcp.declined': { client: 'mac', address: 'ipv4' },
  'dhcp.informed': { client: 'mac', server: 'ipv4', address: 'ipv4', xid: 'number' },
  'arp.resolved': { askerMac: 'mac', askerIp: 'ipv4', ownerMac: 'mac', ownerIp: 'ipv4' },
  'icmp.echo-answered': { asker: 'ipv4', answerer: 'ipv4', identifier: 'number', sequence: 'number', roundTripMs: 'number' },
  'igmp.joined': { host: 'ipv4', group: 'ipv4' },
  'igmp.left': { host: 'ipv4', group: 'ipv4' },
  'dns.answered': { client: 'ipv4', server: 'ipv4', id: 'number', name: 'text', responseCode: 'number' },
  'tcp.dialled': { client: 'ipv4', clientPort: 'number', server: 'ipv4', serverPort: 'number' },
  'tcp.connected': { client: 'ipv4', clientPort: 'number', server: 'ipv4', serverPort: 'number' },
  'tcp.exchanged': { client: 'ipv4', clientPort: 'number', server: 'ipv4', serverPort: 'number', turn: 'number' },
  'tcp.echoed': { client: 'ipv4', clientPort: 'number', server: 'ipv4', serverPort: 'number', octets: 'number' },
  'dsoftbus.announced': { source: 'ipv4', deviceId: 'text', sessionPort: 'number', services: 'number' },
  'dsoftbus.session-opened': { ...SESSION, handshake: 'text' },
  'dsoftbus.handshake-failed': { ...SESSION, messages: 'number', handshake: 'text' },
  'dsoftbus.session-ended': { ...SESSION, records: 'number', octets: 'number' },
  'dsoftbus.identified': { ...SESSION, side: 'text', noiseStatic: 'text', deviceId: 'text' },
  'dsoftbus.session-established': { ...SESSION, clientDevice: 'text', serverDevice: 'text' },
  'dsoftbus.stream-opened': { ...SESSION, sender: 'ipv4', stream: 'number', name: 'text', priority: 'number' },
  'dsoftbus.stream-data': { ...SESSION, sender: 'ipv4', stream: 'number', octets: 'number' },
  'dsoftbus.stream-closed': { ...SESSION, stream: 'number', how: 'text', clientOctets: 'number', serverOctets: 'number' },
  'dsoftbus.gateway-asked': { ...SESSION, sender: 'ipv4', service: 'text', operation: 'text', correlation: 'number' },
  'dsoftbus.gateway-answered': {
    ...SESSION,
    sender: 'ipv4',
    service: 'text',
    operation: 'text',
    correlation: 'number',
    status: 'text',
  },
  'dsoftbus.goodbye': { ...SESSION, sender: 'ipv4', code: 'number', detail: 'text' },
  'dsoftbus.frame': { ...SESSION, sender: 'ipv4', channel: 'number', octets: 'number' },
};

const FORMATS: {
  readonly mac: (value: MacAddress) => string;
  readonly ipv4: (value: Ipv4Address) => string;
  readonly number: (value: number) => string | number;
  readonly text: (value: string) => string;
} = {
  mac: formatMac,
  ipv4: formatIpv4,
  // JSON has no infinity; and what a difference of times has beyond the nanosecond is noise.
  number: (value) => (value === Number.POSITIVE_INFINITY ? 'infinite' : Math.round(value * 1e6) / 1e6),
  text: (value) => value,
};
