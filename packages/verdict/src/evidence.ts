import { formatIpv4, type Ipv4Address, type MacAddress, type Millis } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Fact } from '@nexus-net/wire';
import { BUS_PROOFS, type BusProofName } from './bus-evidence.js';
import { CROSSVM_PROOFS, type CrossvmProofName } from './crossvm-evidence.js';
import type { FactLog } from './fact-log.js';
import type { Marker, MarkerId, MarkerValues } from './marker.js';
import type { NodeName } from './profile.js';
import { newestAck, type Tenancy, tenanciesOf } from './tenancy.js';

/** Who is who on the wire, as one node of the run sees it. */
export interface WireContext {
  /** The node's own MAC address. */
  readonly guestMac: MacAddress;
  readonly gateway: Ipv4Address;
  /** The node has no router: the host at `gateway` asks it, and is never asked. Default false. */
  readonly isUnrouted?: boolean;
  /** The DHCP server whose lease counts. */
  readonly dhcpServer: Ipv4Address;
  /** Further DNS servers of the wire, beside the gateway. */
  readonly dnsServers?: readonly Ipv4Address[];
  /** The address that the guest has where no lease gives it one. */
  readonly staticAddress?: Ipv4Address;
  /** Who finds the guest by ARP and echo from outside. Default: the gateway. */
  readonly neighbour?: Ipv4Address;
  /** Who connects to the guest's listener. Default: the gateway. */
  readonly connector?: Ipv4Address;
  /** TCP port of the node's listen proof. Default: that of the address plan. */
  readonly listenPort?: number;
}

/** What a claim is weighed against. */
export interface Circumstances {
  /** What was seen on the segment. */
  readonly wire: FactLog;
  /** What was seen on the loopback interface of the claim's node, which it exports. */
  readonly loopback: FactLog;
  readonly context: WireContext;
  /** Every node of the run, by name. */
  readonly nodes: Readonly<Record<NodeName, WireContext>>;
}

/** A marker that a guest printed, or that a line of its console stands for. */
export interface Claim {
  readonly marker: MarkerId;
  readonly node: NodeName;
  readonly at: Millis;
  readonly values: MarkerValues;
}

/** What the wire says to a claim. */
export type Finding =
  /** It agrees: these frames show it. */
  | { readonly state: 'proven'; readonly frames: readonly number[] }
  /** There is nothing to find: the marker is of backing `local`. */
  | { readonly state: 'unbacked' }
  /** It is silent so far. */
  | { readonly state: 'missing'; readonly what: string }
  /** It says otherwise. */
  | { readonly state: 'contradicted'; readonly what: string; readonly frames: readonly number[] };

/** Looks for the evidence of a claim of this marker. One that is local has none. */
export function findEvidence({ proof, times = 1 }: Marker, claim: Claim, circumstances: Circumstances): Finding {
  return proof === undefined ? { state: 'unbacked' } : PROOFS[proof].check(claim, circumstances, times);
}

/** The newest tenancy that a line of this instant may speak of. */
export function tenancyAt(at: Millis, facts: FactLog, context: WireContext): Tenancy | undefined {
  return tenanciesAround(at, facts, context).at(-1);
}

/**
 * Milliseconds by which a line and the frames that it speaks of may be apart: console and cable are two channels. Wherever a
 * marker's row names no other time, the wire has as long to agree.
 */
export const CHANNEL_SKEW_MS: Millis = 2_000;

/** What a proof wants to see, in words, and the check for it. `times`: how many exchanges, where it counts them. */
export interface ProofRow {
  readonly wants: string;
  readonly check: (claim: Claim, circumstances: Circumstances, times: number) => Finding;
}

export type ProofName =
  | 'device-sends'
  | 'interface-usable'
  | 'interface-reached'
  | 'lease-held'
  | 'no-lease'
  | 'gateway-echo'
  | 'second-gateway-echo'
  | 'dns-answered'
  | 'tcp-nonce-exchanged'
  | 'http-answered'
  | BusProofName
  | CrossvmProofName;

/** Every proof that a marker may name: what it wants in words, and the check. */
export const PROOFS: Readonly<Record<ProofName, ProofRow>> = {
  ...onLoopback(),
  ...CROSSVM_PROOFS,
  'device-sends': {
    wants: 'a frame from the guest’s own MAC address',
    check: (_claim, { wire, context }) => {
      const seen = wire.of('ethernet.seen').find((fact) => fact.mac === context.guestMac);
      return seen === undefined ? missing('no frame from the guest’s MAC address') : proven(seen);
    },
  },
  'interface-usable': {
    wants:
      'ARP answered in both directions, and an ICMP echo answered in both directions, under the guest’s address; of a guest without a router, both in the direction to it',
    check: (claim, circumstances) => ifaceEvidence(claim, circumstances, { isPinging: true }),
  },
  'interface-reached': {
    wants: 'ARP answered in both directions, and an ICMP echo of the gateway answered, under the guest’s address',
    check: (claim, circumstances) => ifaceEvidence(claim, circumstances, { isPinging: false }),
  },
  'lease-held': {
    wants: 'OFFER and ACK of this address to the guest’s MAC under one transaction id, from the server on our wire',
    check: boundEvidence,
  },
  'no-lease': { wants: 'no ACK to the guest’s MAC before the line', check: fallbackEvidence },
  'gateway-echo': {
    wants: 'an ICMP echo request from the guest’s address and the gateway’s reply with the same identifier and sequence number',
    check: (claim, circumstances) => {
      const [echo] = gatewayEchoes(claim, circumstances).slice(-1);
      return echo === undefined ? missing(noEcho(claim, circumstances)) : proven(echo);
    },
  },
  'second-gateway-echo': {
    wants: 'the same in two exchanges with different identifiers: that of the network service, and that of the program',
    check: (claim, circumstances) => {
      const echoes = gatewayEchoes(claim, circumstances);
      const last = echoes.at(-1);
      const other = echoes.findLast((fact) => fact.identifier !== last?.identifier);
      if (last === undefined) return missing(noEcho(claim, circumstances));
      return other === undefined ? missing('the gateway answered echoes of one identifier only') : proven(other, last);
    },
  },
  'dns-answered': {
    wants: 'a DNS query from the guest’s address to a DNS server of the wire, and its response without an error (RCODE 0)',
    check: (claim, { wire, context }) => {
      const tenancy = tenancyAt(claim.at, wire, context);
      const address = tenancy?.address ?? context.staticAddress;
      const servers = [context.gateway, ...(context.dnsServers ?? [])];
      const answers = wire
        .of('dns.answered')
        .filter((fact) => fact.client === address && servers.includes(fact.server) && isWithin(tenancy, fact));
      const good = answers.findLast(({ responseCode }) => responseCode === 0);
      if (good !== undefined) return proven(good);
      const [bad] = answers.slice(-1);
      if (bad === undefined) return missing('no DNS query of the guest was answered');
      return missing(`the DNS server answered ${JSON.stringify(bad.name)} with the error ${bad.responseCode}`);
    },
  },
  'tcp-nonce-exchanged': {
    wants: 'a TCP connection from the gateway to the guest’s listening port, and octets of the gateway that came back on it',
    check: (claim, { wire, context }) => {
      const address = tenancyAt(claim.at, wire, context)?.address ?? context.staticAddress;
      const { listenPort = ADDRESS_PLAN.ports.listenProbe, connector = context.gateway } = context;
      const echo = wire
        .of('tcp.echoed')
        .findLast((fact) => fact.client === connector && fact.server === address && fact.serverPort === listenPort);
      if (echo !== undefined) return proven(echo);
      return missing(`no octets of ${formatIpv4(connector)} came back from TCP port ${listenPort} of the guest`);
    },
  },
  'http-answered': {
    wants:
      'a TCP connection from the guest’s address to port 80 of the gateway, octets of the guest, and after them octets of the gateway',
    check: (claim, { wire, context }) => {
      const tenancy = tenancyAt(claim.at, wire, context);
      const address = tenancy?.address ?? context.staticAddress;
      const { gateway } = context;
      const exchange = wire
        .of('tcp.exchanged')
        .findLast(
          (fact) =>
            fact.client === address &&
            fact.server === gateway &&
            fact.serverPort === ADDRESS_PLAN.ports.http &&
            isWithin(tenancy, fact),
        );
      if (exchange !== undefined) return proven(exchange);
      return missing(`no request of the guest that ${formatIpv4(gateway)} answered on TCP port ${ADDRESS_PLAN.ports.http}`);
    },
  },
};

/** The proofs of the bus, which look at the loopback interface of the claim's node and at nothing else. */
function onLoopback(): Readonly<Record<BusProofName, ProofRow>> {
  const rows = Object.entries(BUS_PROOFS).map(([name, { wants, check }]): [string, ProofRow] => [
    name,
    { wants, check: (_claim, { loopback }) => check(loopback) },
  ]);
  return Object.fromEntries(rows) as Readonly<Record<BusProofName, ProofRow>>;
}

function fallbackEvidence(claim: Claim, { wire, context }: Circumstances): Finding {
  const { staticAddress } = context;
  const { address = staticAddress } = claim.values;
  if (address !== undefined && staticAddress !== undefined && address !== staticAddress) {
    const what = `the line says ${formatIpv4(address)}, the static address is ${formatIpv4(staticAddress)}`;
    return { state: 'contradicted', what, frames: [] };
  }
  const tenancy = tenanciesOf(wire, context).find(({ from }) => from < claim.at);
  if (tenancy === undefined) return { state: 'proven', frames: [] };
  const what = `the server acknowledged ${formatIpv4(tenancy.address)} to the guest before the line`;
  return contradicted(what, newestAck(tenancy));
}

/** Echoes of the guest that the gateway answered, oldest first. */
function gatewayEchoes(claim: Claim, { wire, context }: Circumstances): readonly Fact<'icmp.echo-answered'>[] {
  const tenancy = tenancyAt(claim.at, wire, context);
  const address = tenancy?.address ?? context.staticAddress;
  return wire
    .of('icmp.echo-answered')
    .filter((fact) => fact.asker === address && fact.answerer === context.gateway && isWithin(tenancy, fact));
}

function noEcho({ at }: Claim, { wire, context }: Circumstances): string {
  const address = tenancyAt(at, wire, context)?.address ?? context.staticAddress;
  return `no echo of ${address === undefined ? 'the guest' : formatIpv4(address)} answered by ${formatIpv4(context.gateway)}`;
}

function boundEvidence(claim: Claim, { wire: facts, context }: Circumstances): Finding {
  const { address, prefixLength, gateway } = claim.values;
  const tenancies = tenanciesOf(facts, context);
  const tenancy = tenancies.findLast((each) => address === undefined || each.address === address);
  if (tenancy === undefined) {
    const other = tenancies.at(-1);
    if (other === undefined || address === undefined) return missing('no ACK from the DHCP server to the guest');
    const what = `the line says ${formatIpv4(address)}, the server acknowledged ${formatIpv4(other.address)}`;
    return contradicted(what, newestAck(other));
  }
  const lease = newestAck(tenancy);
  if (tenancy.until < claim.at - CHANNEL_SKEW_MS) {
    return contradicted(`the guest’s lease of ${formatIpv4(tenancy.address)} had ended before the line`, lease);
  }
  if (prefixLength !== undefined && lease.prefixLength !== undefined && prefixLength !== lease.prefixLength) {
    return contradicted(`the line says /${prefixLength}, the lease says /${lease.prefixLength}`, lease);
  }
  if (gateway !== undefined && (gateway === 'none' ? undefined : gateway) !== lease.router) {
    return contradicted('the line’s gateway is not the lease’s router', lease);
  }
  // RFC 2131 §3.1: a new lease is OFFER, REQUEST, ACK under one xid. An ACK without an OFFER is a renewal or a reboot (§3.2):
  // a renewal continues a tenancy that began with an OFFER, a reboot begins one without.
  for (const ack of tenancy.acks) {
    const offer = offerOf(ack, facts);
    if (offer !== undefined) return proven(offer, ack);
  }
  return missing('the ACK follows no OFFER of its transaction');
}

function offerOf({ client, server, xid, address, at }: Fact<'dhcp.leased'>, facts: FactLog): Fact | undefined {
  return facts
    .of('dhcp.offered')
    .find(
      (fact) => fact.client === client && fact.server === server && fact.xid === xid && fact.address === address && fact.at <= at,
    );
}

function ifaceEvidence(
  claim: Claim,
  { wire: facts, context }: Circumstances,
  { isPinging }: { readonly isPinging: boolean },
): Finding {
  const around = tenanciesAround(claim.at, facts, context);
  const tenancy = around.findLast((each) => claim.values.address === undefined || each.address === claim.values.address);
  const expected = (tenancy ?? around.at(-1))?.address ?? context.staticAddress;
  if (expected === undefined) return missing('no address: neither a lease nor a static one');
  const { address = expected } = claim.values;
  if (address !== expected) {
    const lease = around.at(-1);
    const what = `the line says ${formatIpv4(address)}, the ${lease === undefined ? 'static address' : 'lease'} is ${formatIpv4(expected)}`;
    return lease === undefined ? { state: 'contradicted', what, frames: [] } : contradicted(what, newestAck(lease));
  }
  const { gateway, guestMac, isUnrouted = false, neighbour = gateway } = context;
  const outside = neighbour === gateway ? 'the gateway’s' : `the neighbour ${formatIpv4(neighbour)}’s`;
  const resolved = facts.of('arp.resolved');
  const foundGateway = resolved.find(
    (fact) => fact.askerMac === guestMac && fact.askerIp === address && fact.ownerIp === gateway,
  );
  const foundGuest = resolved.find(
    (fact) => fact.ownerMac === guestMac && fact.ownerIp === address && fact.askerIp === neighbour,
  );
  // Not so ARP: who has found a neighbour need not ask again, whatever becomes of the lease.
  const echoes = facts.of('icmp.echo-answered').filter((fact) => isWithin(tenancy, fact));
  const outward = echoes.find((fact) => fact.asker === address && fact.answerer === gateway);
  const inward = echoes.find((fact) => fact.asker === neighbour && fact.answerer === address);
  if (isUnrouted) {
    if (foundGuest === undefined) return missing('the observer’s ARP request for the guest and its reply');
    return inward === undefined ? missing('the observer’s ICMP echo and the guest’s reply') : proven(foundGuest, inward);
  }
  if (foundGateway === undefined) return missing('the guest’s ARP request for the gateway and its reply');
  if (foundGuest === undefined) return missing(`${outside} ARP request for the guest and its reply`);
  if (isPinging && outward === undefined) return missing('the guest’s ICMP echo and the gateway’s reply');
  if (inward === undefined) return missing(`${outside} ICMP echo and the guest’s reply`);
  return proven(foundGateway, foundGuest, ...(isPinging && outward !== undefined ? [outward] : []), inward);
}

/** The tenancies that a line of this instant may speak of, oldest first. */
function tenanciesAround(at: Millis, facts: FactLog, context: WireContext): readonly Tenancy[] {
  return tenanciesOf(facts, context).filter(({ until }) => until >= at - CHANNEL_SKEW_MS);
}

/** What was seen before a lease began says nothing about the guest that holds it. */
function isWithin(tenancy: Tenancy | undefined, { at }: Fact): boolean {
  return tenancy === undefined || at >= tenancy.from;
}

function proven(...facts: readonly Fact[]): Finding {
  return { state: 'proven', frames: [...new Set(facts.flatMap((fact) => fact.frames))].sort((a, b) => a - b) };
}

function missing(what: string): Finding {
  return { state: 'missing', what };
}

function contradicted(what: string, fact: Fact): Finding {
  return { state: 'contradicted', what, frames: fact.frames };
}
