import type { DhcpRuleId } from '@nexus-net/dhcp';

/** What a peer does that an RFC forbids, as our witnesses see it on the wire. Whatever else they find fails the test. */
export interface KnownViolation {
  readonly peer: string;
  /** The RFC and its section stand beside the rule, in `DHCP_RULES`. */
  readonly rule: DhcpRuleId;
  readonly why: string;
}

export const KNOWN_VIOLATIONS: readonly KnownViolation[] = [
  { peer: 'dnsmasq', rule: 'dhcp.client-id-echo', why: '2.90 echoes no client identifier (RFC 6842 §3)' },
  { peer: 'dhcpd', rule: 'dhcp.client-id-echo', why: '4.4.3-P1 echoes no client identifier unless told to (RFC 6842 §3)' },
  { peer: 'udhcpd', rule: 'dhcp.client-id-echo', why: '1.35 echoes no client identifier (RFC 6842 §3)' },
];
