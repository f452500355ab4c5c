import { formatIpv4, type Ipv4Address, type MacAddress, type Millis } from '@nexus-net/sansio';
import type { Fact } from '@nexus-net/wire';
import type { FactLog } from './fact-log.js';
import type { MarkerId, MarkerValues } from './markers.js';

/** Who is who on the wire of this run. */
export interface WireContext {
  readonly guestMac: MacAddress;
  readonly gateway: Ipv4Address;
  /** The DHCP server whose lease counts. */
  readonly dhcpServer: Ipv4Address;
  /** The address that the guest has where no lease gives it one. */
  readonly staticAddress?: Ipv4Address;
}

/** A marker that a guest printed, or that a line of its console stands for. */
export interface Claim {
  readonly marker: MarkerId;
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

/** Looks for the evidence of a claim. The table of checks; what each wants in words is the column `evidence` of `MARKERS`. */
export function findEvidence(claim: Claim, facts: FactLog, context: WireContext): Finding {
  return EVIDENCE[claim.marker](claim, facts, context);
}

/** The address that a guest is expected to have: the newest lease to it, or else its static one. */
export function expectedAddress(facts: FactLog, context: WireContext): Ipv4Address | undefined {
  return leasesTo(facts, context).at(-1)?.address ?? context.staticAddress;
}

type Check = (claim: Claim, facts: FactLog, context: WireContext) => Finding;

const EVIDENCE: Readonly<Record<MarkerId, Check>> = {
  'netstackd-ready': () => ({ state: 'unbacked' }),
  'virtio-net-up': (_claim, facts, context) => {
    const seen = facts.of('ethernet.seen').find((fact) => fact.mac === context.guestMac);
    return seen === undefined ? missing('no frame from the guest’s MAC address') : proven(seen);
  },
  'dhcp-bound': boundEvidence,
  'dhcp-fallback': (claim, facts, context) => {
    const lease = leasesTo(facts, context).find((fact) => fact.at < claim.at);
    return lease === undefined
      ? { state: 'proven', frames: [] }
      : contradicted(`the server acknowledged ${formatIpv4(lease.address)} to the guest before the line`, lease);
  },
  'iface-up': ifaceEvidence,
  'net-ping-ok': (_claim, facts, context) => {
    const address = expectedAddress(facts, context);
    const since = leasesTo(facts, context).at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    const echo = facts
      .of('icmp.echo-answered')
      .findLast((fact) => fact.asker === address && fact.answerer === context.gateway && fact.at >= since);
    if (echo !== undefined) return proven(echo);
    return missing(
      `no echo of ${address === undefined ? 'the guest' : formatIpv4(address)} answered by ${formatIpv4(context.gateway)}`,
    );
  },
};

function boundEvidence(claim: Claim, facts: FactLog, context: WireContext): Finding {
  const { address, prefixLength, gateway } = claim.values;
  const leases = leasesTo(facts, context);
  const lease = address === undefined ? leases.at(-1) : leases.findLast((fact) => fact.address === address);
  if (lease === undefined) {
    const other = leases.at(-1);
    if (other !== undefined && address !== undefined) {
      return contradicted(`the line says ${formatIpv4(address)}, the server acknowledged ${formatIpv4(other.address)}`, other);
    }
    return missing('no ACK from the DHCP server to the guest');
  }
  if (prefixLength !== undefined && lease.prefixLength !== undefined && prefixLength !== lease.prefixLength) {
    return contradicted(`the line says /${prefixLength}, the lease says /${lease.prefixLength}`, lease);
  }
  if (gateway !== undefined && (gateway === 'none' ? undefined : gateway) !== lease.router) {
    return contradicted('the line’s gateway is not the lease’s router', lease);
  }
  const offer = facts
    .of('dhcp.offered')
    .find(
      (fact) =>
        fact.client === context.guestMac && fact.xid === lease.xid && fact.address === lease.address && fact.at <= lease.at,
    );
  // RFC 2131 §3.1: a new lease is OFFER, REQUEST, ACK under one xid. An ACK without an OFFER is a renewal or a reboot (§3.2).
  return offer === undefined ? missing('the ACK follows no OFFER of its transaction') : proven(offer, lease);
}

function ifaceEvidence(claim: Claim, facts: FactLog, context: WireContext): Finding {
  const expected = expectedAddress(facts, context);
  const address = claim.values.address ?? expected;
  if (address === undefined) return missing('no address: neither a lease nor a static one');
  if (expected !== undefined && address !== expected) {
    const lease = leasesTo(facts, context).at(-1);
    const what = `the line says ${formatIpv4(address)}, the ${lease === undefined ? 'static address' : 'lease'} is ${formatIpv4(expected)}`;
    return lease === undefined ? { state: 'contradicted', what, frames: [] } : contradicted(what, lease);
  }
  const { gateway, guestMac } = context;
  const resolved = facts.of('arp.resolved');
  const foundGateway = resolved.find(
    (fact) => fact.askerMac === guestMac && fact.askerIp === address && fact.ownerIp === gateway,
  );
  const foundGuest = resolved.find((fact) => fact.ownerMac === guestMac && fact.ownerIp === address && fact.askerIp === gateway);
  const echoes = facts.of('icmp.echo-answered');
  const outward = echoes.find((fact) => fact.asker === address && fact.answerer === gateway);
  const inward = echoes.find((fact) => fact.asker === gateway && fact.answerer === address);
  if (foundGateway === undefined) return missing('the guest’s ARP request for the gateway and its reply');
  if (foundGuest === undefined) return missing('the gateway’s ARP request for the guest and its reply');
  if (outward === undefined) return missing('the guest’s ICMP echo and the gateway’s reply');
  if (inward === undefined) return missing('the gateway’s ICMP echo and the guest’s reply');
  return proven(foundGateway, foundGuest, outward, inward);
}

function leasesTo(facts: FactLog, context: WireContext): readonly Fact<'dhcp.leased'>[] {
  return facts.of('dhcp.leased').filter((fact) => fact.client === context.guestMac && fact.server === context.dhcpServer);
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
