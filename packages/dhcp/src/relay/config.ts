import {
  formatIpv4,
  type Ipv4Address,
  type Ipv4Prefix,
  isHostAddress,
  isIpv4Unicast,
  prefixBroadcast,
  prefixContains,
  prefixNetwork,
  requireArgument,
} from '@nexus-net/sansio';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT } from '../names.js';
import { relayOption } from '../option.js';
import type { DhcpOption } from '../option-list.js';
import { encodeSubOptions } from '../options/sub-options.js';

/** What the relay says of a request in option 82 (RFC 3046). */
export interface DhcpRelayInformation {
  /** Sub-option 1: the port that the request came in at, in octets of our own choice. */
  readonly circuitId?: Uint8Array;
  /** Sub-option 2: who is at the far end of that port. */
  readonly remoteId?: Uint8Array;
  /** Sub-option 12: who the relay is (RFC 6925), type octet included. */
  readonly relayId?: Uint8Array;
  /** Sub-option 10: did the client unicast its request (RFC 5010)? Default false. */
  readonly flags?: boolean;
  /** Sub-option 5: the network to lease from (RFC 3527). Default: where giaddr is not of that network. */
  readonly linkSelection?: boolean;
  /** Sub-option 11: clients renew through this relay, for the server names the relay's address as its own (RFC 5107). Default false. */
  readonly serverIdOverride?: boolean;
  /** Further sub-options, as octets; see `relayOption`. */
  readonly more?: readonly DhcpOption[];
  /**
   * What to do where a trusted network element has added option 82 already. `keep` is RFC 3046 §2.1: it goes through, both ways.
   * `append` puts our sub-options behind those, and takes them out again. Default `keep`.
   */
  readonly whenPresent?: 'keep' | 'replace' | 'append' | 'drop';
}

/** A network with clients. */
export interface DhcpRelayInterface {
  /** The driver's number for it: that of its datagrams, in both directions. */
  readonly index: number;
  /** Our address there: source of replies, and giaddr of requests. */
  readonly address: Ipv4Address;
  /** The network that the address is of. */
  readonly prefix: Ipv4Prefix;
  /** giaddr, where servers can't reach `address`: then option 82 says which network the client is on (RFC 3527). Default `address`. */
  readonly giaddr?: Ipv4Address;
  /** Servers, or further relays, for its requests. Default: those of all interfaces. */
  readonly servers?: readonly Ipv4Address[];
  /** Does a network element there, not a client, add option 82? Otherwise a request that has one is dropped. Default false. */
  readonly trusted?: boolean;
  /** Requests that another relay has passed on already. `drop` where there are only clients, who could forge them. Default `forward`. */
  readonly chained?: 'forward' | 'drop';
  /** Option 82. Default: none is added, but where giaddr or `port` needs it. */
  readonly information?: DhcpRelayInformation;
}

export interface DhcpRelayOptions {
  readonly interfaces: readonly DhcpRelayInterface[];
  /** Each gets a copy of every request. */
  readonly servers: readonly Ipv4Address[];
  /** Relays that a request passes, us included. Default 4, at most 16 (RFC 1542 §4.1.1). */
  readonly hopsMax?: number;
  /** Requests with a lower `secs` are not passed on: a nearer server gets time to answer. Default 0. */
  readonly secsMin?: number;
  /** Largest IP datagram on the way to the servers, in octets. Default 1 500. */
  readonly mtu?: number;
  /** Port that requests are sent from and replies come to. Another one than 67 is told the server in option 82 (RFC 8357). Default 67. */
  readonly port?: number;
  /** Whose replies are passed on. Default `anyone`: giaddr and option 82 tell whether one is ours. */
  readonly repliesFrom?: 'anyone' | 'servers';
  /** Datagrams that wait for `pollTransmit`; further ones are dropped and counted. Default 4 096. */
  readonly transmitCountMax?: number;
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 65 536. */
  readonly eventCountMax?: number;
}

/** An interface with everything that can be known in advance. */
export interface RelayPort {
  readonly index: number;
  readonly address: Ipv4Address;
  readonly prefix: Ipv4Prefix;
  readonly broadcast: Ipv4Address;
  readonly giaddr: Ipv4Address;
  readonly servers: readonly Ipv4Address[];
  readonly trusted: boolean;
  readonly chained: 'forward' | 'drop';
  /** Our option 82; `undefined` where none is added. */
  readonly information: PortInformation | undefined;
}

export interface PortInformation {
  /** The sub-options that are the same for every request, by which our option 82 is known again. */
  readonly fixed: readonly DhcpOption[];
  /** The whole value for a request that came as a broadcast, and for one that came as a unicast (RFC 5010). */
  readonly ofBroadcast: Uint8Array;
  readonly ofUnicast: Uint8Array;
  readonly whenPresent: 'keep' | 'replace' | 'append' | 'drop';
  /** Without it the server would lease from the wrong network. */
  readonly essential: boolean;
}

export interface ResolvedRelay {
  readonly ports: ReadonlyMap<number, RelayPort>;
  readonly addresses: ReadonlySet<Ipv4Address>;
  /** All addresses of servers. */
  readonly servers: ReadonlySet<Ipv4Address>;
  readonly hopsMax: number;
  readonly secsMin: number;
  readonly mtu: number;
  readonly port: number;
  readonly repliesFrom: 'anyone' | 'servers';
  readonly transmitCountMax: number;
  readonly eventCountMax: number;
}

/** Fills in the defaults and refuses what makes no sense, with a `UsageError`. */
export function resolveRelay(options: DhcpRelayOptions): ResolvedRelay {
  const { interfaces, hopsMax = 4, secsMin = 0, mtu = 1_500, port = DHCP_SERVER_PORT, repliesFrom = 'anyone' } = options;
  requireArgument(Number.isInteger(hopsMax) && hopsMax >= 1 && hopsMax <= 16, 'hopsMax is an integer 1..16 (RFC 1542 §4.1.1)');
  requireArgument(Number.isInteger(secsMin) && secsMin >= 0 && secsMin <= 0xffff, 'secsMin is an integer 0..65535 seconds');
  requireArgument(Number.isInteger(mtu) && mtu >= 576 && mtu <= 65_535, 'mtu is 576..65535 octets');
  requireArgument(
    Number.isInteger(port) && port >= 1 && port <= 0xffff && port !== DHCP_CLIENT_PORT,
    'port is an integer 1..65535, and not that of clients',
  );
  requireArgument(interfaces.length > 0, 'there is at least one interface');
  const addresses = new Set(interfaces.flatMap(({ address, giaddr = address }) => [address, giaddr]));
  const ports = new Map<number, RelayPort>();
  for (const one of interfaces) {
    requireArgument(Number.isSafeInteger(one.index) && one.index >= 0, 'index is an integer of at least 0');
    requireArgument(!ports.has(one.index), `two interfaces have the index ${one.index}`);
    ports.set(one.index, resolvePort(one, options.servers, port));
  }
  const servers = new Set([...ports.values()].flatMap((each) => each.servers));
  for (const server of servers) {
    requireArgument(isIpv4Unicast(server), 'a server has a unicast address');
    requireArgument(!addresses.has(server), `${formatIpv4(server)} is the relay itself`);
  }
  const { transmitCountMax = 4_096, eventCountMax = 65_536 } = options;
  return { ports, addresses, servers, hopsMax, secsMin, mtu, port, repliesFrom, transmitCountMax, eventCountMax };
}

function resolvePort(one: DhcpRelayInterface, all: readonly Ipv4Address[], port: number): RelayPort {
  const { index, address, prefix, giaddr = address, servers = all, trusted = false, chained = 'forward' } = one;
  requireArgument(isHostAddress(prefix, address), 'address is a host address of prefix');
  requireArgument(isIpv4Unicast(giaddr), 'giaddr is a unicast address');
  requireArgument(servers.length > 0, 'each interface has a server');
  const information = resolveInformation(one, giaddr, port);
  return { index, address, prefix, broadcast: prefixBroadcast(prefix), giaddr, servers, trusted, chained, information };
}

function resolveInformation(one: DhcpRelayInterface, giaddr: Ipv4Address, port: number): PortInformation | undefined {
  const remote = !prefixContains(one.prefix, giaddr);
  const { circuitId, remoteId, relayId, flags = false, linkSelection = remote, serverIdOverride = false } = one.information ?? {};
  const { more = [], whenPresent = 'keep' } = one.information ?? {};
  const fixed: DhcpOption[] = [];
  if (circuitId !== undefined) fixed.push(relayOption('circuitId', circuitId));
  if (remoteId !== undefined) fixed.push(relayOption('remoteId', remoteId));
  if (linkSelection) fixed.push(relayOption('linkSelection', prefixNetwork(one.prefix)));
  if (serverIdOverride) fixed.push(relayOption('serverIdentifierOverride', one.address));
  if (relayId !== undefined) fixed.push(relayOption('relayId', relayId));
  fixed.push(...more);
  if (port !== DHCP_SERVER_PORT) fixed.push(relayOption('sourcePort', true));
  const withFlags = (unicast: boolean): Uint8Array =>
    encodeSubOptions(flags ? [...fixed, relayOption('flags', unicast ? UNICAST : 0)] : fixed);
  if (fixed.length === 0 && !flags) return undefined;
  const ofBroadcast = withFlags(false);
  // RFC 3046 §2.1: a relay must not split it.
  requireArgument(ofBroadcast.length <= 255, 'the sub-options of option 82 have at most 255 octets');
  return { fixed, ofBroadcast, ofUnicast: withFlags(true), whenPresent, essential: remote };
}

/** RFC 5010 §3. */
const UNICAST = 0x80;
