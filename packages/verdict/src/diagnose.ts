import { BUS_PROOFS, diagnoseBus } from './bus-evidence.js';
import { CROSSVM_PROOFS, diagnoseCrossvm } from './crossvm-evidence.js';
import type { Circumstances, ProofName, WireContext } from './evidence.js';
import type { FactLog } from './fact-log.js';
import type { NodeName } from './profile.js';
import type { Cause } from './verdict.js';

/** Why the time for a marker ran out, read from what the wire, or the node's loopback interface, showed: the first step of its exchange that did not happen. */
export function diagnose(
  proof: ProofName | undefined,
  node: NodeName,
  circumstances: Circumstances,
): { readonly cause: Cause; readonly message: string } {
  const { wire: facts, loopback, context } = circumstances;
  if (proof !== undefined && Object.hasOwn(BUS_PROOFS, proof)) return diagnoseBus(loopback);
  if (proof !== undefined && Object.hasOwn(CROSSVM_PROOFS, proof)) return diagnoseCrossvm(node, circumstances);
  switch (proof) {
    case 'lease-held':
      return diagnoseDhcp(facts, context);
    case 'interface-usable':
    case 'interface-reached':
    case 'gateway-echo':
    case 'second-gateway-echo':
      return diagnoseReach(facts, context);
    case 'dns-answered':
      return diagnoseDns(facts, context);
    default:
      return { cause: 'missing-marker', message: 'the time of the phase ran out without its marker' };
  }
}

function diagnoseDhcp(facts: FactLog, { guestMac }: WireContext): { readonly cause: Cause; readonly message: string } {
  const of = (kind: 'dhcp.discovered' | 'dhcp.offered' | 'dhcp.requested' | 'dhcp.leased' | 'dhcp.refused'): number =>
    facts.of(kind).filter((fact) => fact.client === guestMac).length;
  const discovers = of('dhcp.discovered');
  if (of('dhcp.refused') > 0) return { cause: 'dhcp-nak', message: 'the server answered the guest’s REQUEST with NAK' };
  if (discovers === 0) return { cause: 'no-dhcp-discover', message: 'the guest sent no DHCPDISCOVER' };
  if (of('dhcp.offered') === 0) {
    return { cause: 'no-dhcp-offer', message: `${discovers} DHCPDISCOVER on the wire and no DHCPOFFER: no DHCP server answered` };
  }
  if (of('dhcp.requested') === 0)
    return { cause: 'no-dhcp-request', message: 'the guest requested none of the offers made to it' };
  if (of('dhcp.leased') === 0) return { cause: 'no-dhcp-ack', message: 'the guest’s DHCPREQUEST got no DHCPACK' };
  return { cause: 'missing-marker', message: 'the server acknowledged the lease, and the guest’s console does not say so' };
}

function diagnoseReach(
  facts: FactLog,
  { guestMac, gateway, isUnrouted = false }: WireContext,
): { readonly cause: Cause; readonly message: string } {
  const resolved = facts.of('arp.resolved');
  if (isUnrouted) {
    if (!resolved.some((fact) => fact.askerIp === gateway && fact.ownerMac === guestMac))
      return { cause: 'no-arp-reply', message: 'the guest did not answer the observer’s ARP request' };
    return { cause: 'missing-marker', message: 'the guest answers, and its console does not say so' };
  }
  if (!resolved.some((fact) => fact.askerMac === guestMac && fact.ownerIp === gateway)) {
    return { cause: 'no-arp-reply', message: 'the guest did not find the gateway by ARP' };
  }
  if (!facts.of('icmp.echo-answered').some((fact) => fact.answerer === gateway)) {
    return { cause: 'no-echo-reply', message: 'no ICMP echo of the guest was answered by the gateway' };
  }
  return { cause: 'missing-marker', message: 'the wire shows the exchange, and the guest’s console does not say so' };
}

function diagnoseDns(
  facts: FactLog,
  { guestMac, gateway, dnsServers = [] }: WireContext,
): { readonly cause: Cause; readonly message: string } {
  const servers = [gateway, ...dnsServers];
  const found = facts.of('arp.resolved').some((fact) => fact.askerMac === guestMac && servers.includes(fact.ownerIp));
  if (!found) return { cause: 'no-arp-reply', message: 'the guest found no DNS server by ARP' };
  const answered = facts.of('dns.answered').some((fact) => servers.includes(fact.server));
  if (!answered) return { cause: 'no-dns-answer', message: 'no DNS query of the guest was answered' };
  return {
    cause: 'missing-marker',
    message: 'the wire shows an answer of the DNS server, and the guest’s console does not say so',
  };
}
