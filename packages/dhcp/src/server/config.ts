import {
  concatBytes,
  formatIpv4,
  IPV4_ANY,
  type Ipv4Address,
  type Ipv4Prefix,
  isHostAddress,
  type MacAddress,
  type Millis,
  macToBytes,
  prefixBroadcast,
  prefixContains,
  prefixMask,
  prefixNetwork,
  requireArgument,
  writeU32,
} from '@nexus-net/sansio';
import type { DhcpOption } from '../option-list.js';
import { type DhcpClientClass, type ResolvedClass, resolveClasses } from './client-class.js';
import type { DhcpLeaseRecord } from './events.js';
import { clientIdKey, hardwareKeyOf, relayPortKey } from './identity.js';
import { OPTION, SERVER_OWN_OPTIONS } from './option-codes.js';

/** An address that only one client gets. Exactly one of `mac`, `clientId` and `circuitId` names the client. */
export interface DhcpReservation {
  readonly address: Ipv4Address;
  /** An Ethernet address (chaddr with htype 1). */
  readonly mac?: MacAddress;
  /** The value of option 61, its type octet included. Wins over a reservation by `mac` for the same client. */
  readonly clientId?: Uint8Array;
  /**
   * The client behind this port of a relay: sub-option 1 of option 82, with `remoteId` sub-option 2 too. One client at a time: a
   * second one gets an address of the pool as long as the lease of the first one runs. Counts after `clientId` and `mac`.
   */
  readonly circuitId?: Uint8Array;
  readonly remoteId?: Uint8Array;
}

/** Addresses `first` to `last`, both included. */
export interface DhcpPoolRange {
  readonly first: Ipv4Address;
  readonly last: Ipv4Address;
  /**
   * Only for clients of this class. They get addresses of here before those that are for everybody. Default: for everybody.
   */
  readonly forClass?: string;
}

/** One network and what its clients are told. */
export interface DhcpSubnet {
  readonly prefix: Ipv4Prefix;
  /** One range or several, inside the prefix and not overlapping. None: only reservations are served. */
  readonly pool?: DhcpPoolRange | readonly DhcpPoolRange[];
  readonly reservations?: readonly DhcpReservation[];
  /** Option 3. */
  readonly routers?: readonly Ipv4Address[];
  /** Option 6. */
  readonly dnsServers?: readonly Ipv4Address[];
  /** Option 15, ASCII. */
  readonly domainName?: string;
  /** Further options, as octets. Sent to clients that ask for their code (option 55) or send no list at all. */
  readonly options?: readonly DhcpOption[];
}

/** How an address is checked before it is offered. */
export interface DhcpConflictCheck {
  /** Without an answer in this time the address counts as free. Default 1 s. */
  readonly probeMsMax?: Millis;
  /** Probes at once; beyond, addresses are offered without. Default 256. */
  readonly probeCountMax?: number;
  /** Addresses tried for one DISCOVER; when others use all of them, the client gets no answer and asks again. Default 4. */
  readonly candidateCountMax?: number;
}

export interface DhcpServerOptions extends DhcpSubnet {
  /** The server's own address: server identifier (option 54) and source of every reply. In no pool. */
  readonly address: Ipv4Address;
  /** Classes of clients, by what they or their relay send. Default none. */
  readonly classes?: readonly DhcpClientClass[];
  /** Networks behind relays, chosen by giaddr, option 118 (RFC 3011) or link selection (RFC 3527). */
  readonly remoteSubnets?: readonly DhcpSubnet[];
  /**
   * Is this server the one that knows the network? Then a client that it has no record of gets its address confirmed
   * where it is free, and a NAK where it is wrong. Otherwise such clients get silence (RFC 2131 §4.3.2). Default true.
   */
  readonly authoritative?: boolean;
  /** Lease time of a client that asks for none. Default 1 h. `Infinity` is a lease for ever. */
  readonly leaseMs?: Millis;
  /** Shortest lease that a client may ask for. Default 60 s, or `leaseMs` where that is shorter. */
  readonly leaseMsMin?: Millis;
  /** Longest lease that a client may ask for. Default 24 h, or `leaseMs` where that is longer. */
  readonly leaseMsMax?: Millis;
  /** T1 as part of the lease (RFC 2131 §4.4.5). Default 0.5. */
  readonly renewFraction?: number;
  /** T2 as part of the lease (RFC 2131 §4.4.5). Default 0.875. */
  readonly rebindFraction?: number;
  /** How long an offered address is kept for the client. Default 60 s. */
  readonly offerMs?: Millis;
  /** How long a declined address is handed to nobody. Default 1 h. */
  readonly quarantineMs?: Millis;
  /**
   * Ask the caller whether an address is in use before it is offered (RFC 2131 §2.2): event `probe`, answered with
   * `probeResult`. Not asked where the client has a lease of the address that still runs. Default: not asked.
   */
  readonly conflictCheck?: DhcpConflictCheck;
  /**
   * Tell relays who has which address (RFC 4388): `off`, or on for every relay, or for those with a giaddr of the list. The answer
   * goes to giaddr, never to anybody else. Default `off`.
   */
  readonly leaseQuery?: 'off' | 'every-relay' | readonly Ipv4Address[];
  /** Answer a DISCOVER that asks for it with an ACK at once (RFC 4039). Default false. */
  readonly rapidCommit?: boolean;
  /** Largest IP datagram of a reply, in octets, whatever the client would take. Default 1 500. */
  readonly mtu?: number;
  /** `siaddr`: the next server of a boot process. Default 0.0.0.0. */
  readonly nextServer?: Ipv4Address;
  /** `file`, at most 127 octets of ASCII. Default empty. */
  readonly bootFile?: string;
  /** `sname`, at most 63 octets of ASCII. Default empty. */
  readonly serverName?: string;
  /**
   * `immediate`: an ACK goes out at once. `confirmed`: first a `store` event, and the ACK only after `confirmStored`:
   * no lease is promised that a crash could forget. Default `immediate`.
   */
  readonly durability?: 'immediate' | 'confirmed';
  /** Leases of an earlier run. Of two rows for one address or client the one with the higher revision counts. */
  readonly restored?: readonly DhcpLeaseRecord[];

  /** Addresses that the server remembers at once, whatever their state. Default 65 536. */
  readonly bindingCountMax?: number;
  /** Offers outstanding at once; a further one ends the oldest. Default 4 096. */
  readonly offerCountMax?: number;
  /** Declined addresses kept out of use at once; a further one frees the oldest. Default 256. */
  readonly quarantineCountMax?: number;
  /** Addresses that one hardware address may hold under different client identifiers. Default 16. */
  readonly hardwareBindingCountMax?: number;
  /** Addresses behind one port of a relay (giaddr and circuit id of option 82). Default: no limit. */
  readonly circuitBindingCountMax?: number;
  /** Leases that wait for `confirmStored` at once; further requests get no answer. Default 4 096. */
  readonly commitCountMax?: number;
  /** Replies that wait for `pollTransmit`; further ones are dropped and counted. Default 4 096. */
  readonly transmitCountMax?: number;
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 65 536. */
  readonly eventCountMax?: number;
}

export interface ResolvedSubnet {
  readonly prefix: Ipv4Prefix;
  readonly ranges: readonly DhcpPoolRange[];
  /** Key of a client, or of a relay's port, to reserved address. */
  readonly reservedFor: ReadonlyMap<string, Ipv4Address>;
  /** Reserved address to that key. */
  readonly reserved: ReadonlyMap<Ipv4Address, string>;
  /** Options by code, in the order in which a client without a parameter list gets them. */
  readonly options: ReadonlyMap<number, DhcpOption>;
}

export interface ResolvedConfig {
  readonly address: Ipv4Address;
  /** Option 54 as every reply without an override carries it. */
  readonly serverIdentifier: DhcpOption;
  readonly classes: readonly ResolvedClass[];
  readonly local: ResolvedSubnet;
  readonly remote: readonly ResolvedSubnet[];
  readonly authoritative: boolean;
  readonly leaseMs: Millis;
  readonly leaseMsMin: Millis;
  readonly leaseMsMax: Millis;
  readonly renewFraction: number;
  readonly rebindFraction: number;
  /** Made by the last reply, see `timesOf`. */
  readonly lastTimes: { seconds: number; options: readonly DhcpOption[] };
  readonly offerMs: Millis;
  readonly quarantineMs: Millis;
  readonly conflictCheck: Required<DhcpConflictCheck> | undefined;
  readonly leaseQuery: 'off' | 'every-relay' | ReadonlySet<Ipv4Address>;
  readonly rapidCommit: boolean;
  readonly mtu: number;
  readonly nextServer: Ipv4Address;
  readonly bootFile: Uint8Array;
  readonly serverName: Uint8Array;
  readonly durability: 'immediate' | 'confirmed';
  readonly bindingCountMax: number;
  readonly offerCountMax: number;
  readonly quarantineCountMax: number;
  readonly hardwareBindingCountMax: number;
  readonly circuitBindingCountMax: number;
  readonly commitCountMax: number;
  readonly transmitCountMax: number;
  readonly eventCountMax: number;
}

/** Fills in the defaults and refuses what makes no sense, with a `UsageError`. */
export function resolveConfig(options: DhcpServerOptions): ResolvedConfig {
  const { address, leaseMs = 3_600_000, renewFraction = 0.5, rebindFraction = 0.875 } = options;
  const { leaseMsMin = Math.min(60_000, leaseMs), leaseMsMax = Math.max(86_400_000, leaseMs) } = options;
  const { leaseQuery = 'off' } = options;
  const { offerMs = 60_000, quarantineMs = 3_600_000, mtu = 1_500 } = options;
  requireArgument(Number.isInteger(mtu) && mtu >= 576 && mtu <= 65_535, 'mtu is 576..65535 octets');
  requireArgument(
    leaseMsMin >= 1_000 && leaseMsMin <= leaseMs && leaseMs <= leaseMsMax,
    '1 s <= leaseMsMin <= leaseMs <= leaseMsMax',
  );
  requireArgument(
    renewFraction > 0 && renewFraction < rebindFraction && rebindFraction < 1,
    '0 < renewFraction < rebindFraction < 1 (RFC 2131 §4.4.5)',
  );
  requireArgument(offerMs >= 1_000 && Number.isFinite(offerMs), 'offerMs is at least 1 s');
  requireArgument(quarantineMs >= 1_000 && Number.isFinite(quarantineMs), 'quarantineMs is at least 1 s');
  requireArgument(isHostAddress(options.prefix, address), 'address is a host address of prefix');
  const classes = resolveClasses(options.classes ?? []);
  const names = new Set(classes.map(({ name }) => name));
  const remote = (options.remoteSubnets ?? []).map((subnet) => resolveSubnet(subnet, address, names));
  const local = resolveSubnet(options, address, names);
  const prefixes = [local, ...remote];
  for (const [i, one] of prefixes.entries())
    for (const other of prefixes.slice(i + 1))
      requireArgument(!overlap(one.prefix, other.prefix), 'the prefixes of subnets do not overlap');
  return {
    address,
    serverIdentifier: { code: OPTION.serverIdentifier, value: addressOctets([address]) },
    classes,
    local,
    remote,
    authoritative: options.authoritative ?? true,
    leaseMs,
    leaseMsMin,
    leaseMsMax,
    renewFraction,
    rebindFraction,
    lastTimes: { seconds: 0, options: [] },
    offerMs,
    quarantineMs,
    conflictCheck: options.conflictCheck && resolveConflictCheck(options.conflictCheck),
    leaseQuery: typeof leaseQuery === 'string' ? leaseQuery : new Set(leaseQuery),
    rapidCommit: options.rapidCommit ?? false,
    mtu,
    nextServer: options.nextServer ?? IPV4_ANY,
    bootFile: fieldText(options.bootFile ?? '', { name: 'bootFile', octets: 128 }),
    serverName: fieldText(options.serverName ?? '', { name: 'serverName', octets: 64 }),
    durability: options.durability ?? 'immediate',
    bindingCountMax: count(options.bindingCountMax ?? 65_536, 'bindingCountMax'),
    offerCountMax: count(options.offerCountMax ?? 4_096, 'offerCountMax'),
    quarantineCountMax: count(options.quarantineCountMax ?? 256, 'quarantineCountMax'),
    hardwareBindingCountMax: count(options.hardwareBindingCountMax ?? 16, 'hardwareBindingCountMax'),
    circuitBindingCountMax: count(options.circuitBindingCountMax ?? Number.POSITIVE_INFINITY, 'circuitBindingCountMax'),
    commitCountMax: count(options.commitCountMax ?? 4_096, 'commitCountMax'),
    transmitCountMax: count(options.transmitCountMax ?? 4_096, 'transmitCountMax'),
    eventCountMax: count(options.eventCountMax ?? 65_536, 'eventCountMax'),
  };
}

function resolveConflictCheck(check: DhcpConflictCheck): Required<DhcpConflictCheck> {
  const { probeMsMax = 1_000, probeCountMax = 256, candidateCountMax = 4 } = check;
  requireArgument(probeMsMax > 0 && Number.isFinite(probeMsMax), 'probeMsMax is above 0');
  return {
    probeMsMax,
    probeCountMax: count(probeCountMax, 'probeCountMax'),
    candidateCountMax: count(candidateCountMax, 'candidateCountMax'),
  };
}

function count(value: number, name: string): number {
  requireArgument(
    value >= 1 && (Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY),
    `${name} is an integer of at least 1`,
  );
  return value;
}

function resolveSubnet(subnet: DhcpSubnet, server: Ipv4Address, classes: ReadonlySet<string>): ResolvedSubnet {
  const { prefix, pool = [], reservations = [] } = subnet;
  const ranges = [...('first' in pool ? [pool] : pool)].sort((a, b) => a.first - b.first);
  for (const [i, { first, last, forClass }] of ranges.entries()) {
    requireArgument(forClass === undefined || classes.has(forClass), `there is a class ${forClass}`);
    requireArgument(first <= last, 'a pool range has first <= last');
    requireArgument(isHostAddress(prefix, first) && isHostAddress(prefix, last), 'a pool lies inside its prefix');
    requireArgument(server < first || server > last, `the pool holds the server's own address ${formatIpv4(server)}`);
    for (const taken of [...(subnet.routers ?? []), ...(subnet.dnsServers ?? [])])
      requireArgument(taken < first || taken > last, `the pool holds ${formatIpv4(taken)}, a router or name server`);
    const next = ranges[i + 1];
    requireArgument(next === undefined || next.first > last, 'pool ranges do not overlap');
  }
  const reservedFor = new Map<string, Ipv4Address>();
  const reserved = new Map<Ipv4Address, string>();
  for (const reservation of reservations) {
    const { address } = reservation;
    const key = reservationKey(reservation);
    requireArgument(key !== undefined, 'a reservation names a mac, a clientId or a circuitId, one of them');
    requireArgument(isHostAddress(prefix, address) && address !== server, 'a reserved address is a host address of the prefix');
    requireArgument(!reserved.has(address), `two reservations of ${formatIpv4(address)}`);
    requireArgument(!reservedFor.has(key), `two reservations for the client of ${formatIpv4(address)}`);
    reserved.set(address, key);
    reservedFor.set(key, address);
  }
  return { prefix, ranges, reservedFor, reserved, options: subnetOptions(subnet) };
}

function reservationKey({ mac, clientId, circuitId, remoteId }: DhcpReservation): string | undefined {
  const named = [mac, clientId, circuitId].filter((each) => each !== undefined);
  if (named.length !== 1 || (remoteId !== undefined && circuitId === undefined)) return undefined;
  if (circuitId !== undefined) return relayPortKey(circuitId, remoteId);
  return clientId === undefined ? hardwareKeyOf(macToBytes(mac as MacAddress)) : clientIdKey(clientId);
}

function overlap(a: Ipv4Prefix, b: Ipv4Prefix): boolean {
  return prefixContains(a, prefixNetwork(b)) || prefixContains(b, prefixNetwork(a));
}

/** The options of a subnet by code: the typed ones first, then the further ones, which win where they name the same code. */
function subnetOptions(subnet: DhcpSubnet): ReadonlyMap<number, DhcpOption> {
  const { prefix, routers = [], dnsServers = [], domainName = '' } = subnet;
  const options = new Map<number, DhcpOption>();
  const set = (code: number, value: Uint8Array): void => {
    options.set(code, { code, value });
  };
  set(OPTION.subnetMask, addressOctets([prefixMask(prefix)]));
  if (routers.length > 0) set(OPTION.routers, addressOctets(routers));
  if (dnsServers.length > 0) set(OPTION.dnsServers, addressOctets(dnsServers));
  if (domainName !== '') set(OPTION.domainName, asciiOctets(domainName, 'domainName'));
  set(OPTION.broadcastAddress, addressOctets([prefixBroadcast(prefix)]));
  for (const { code, value } of subnet.options ?? []) {
    requireArgument(Number.isInteger(code) && code >= 1 && code <= 254, 'an option code is an integer 1..254');
    requireArgument(!SERVER_OWN_OPTIONS.has(code), `option ${code} is set by the server itself`);
    set(code, value.slice());
  }
  return options;
}

export function addressOctets(addresses: readonly Ipv4Address[]): Uint8Array {
  const octets = new Uint8Array(4 * addresses.length);
  for (const [i, address] of addresses.entries()) writeU32(octets, 4 * i, address);
  return octets;
}

function asciiOctets(text: string, name: string): Uint8Array {
  requireArgument(/^[\x20-\x7e]*$/.test(text), `${name} is printable ASCII`);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A fixed field, zero-filled, with room for at least one zero octet at its end (RFC 2131 §2). */
function fieldText(text: string, { name, octets }: { readonly name: string; readonly octets: number }): Uint8Array {
  const value = asciiOctets(text, name);
  requireArgument(value.length < octets, `${name} is shorter than ${octets} octets`);
  return concatBytes([value, new Uint8Array(octets - value.length)]);
}
