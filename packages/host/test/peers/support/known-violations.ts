import type { DhcpRuleId } from '@nexus-net/dhcp';
import type { Lab } from './lab.js';

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

/** What the witnesses of a segment have found that the peer at that port is not known for. `peers`: the peer at each port. */
export function unknownViolations(
  lab: Lab,
  peers: Readonly<Record<string, string>>,
  known: readonly KnownViolation[] = KNOWN_VIOLATIONS,
): readonly string[] {
  return lab.violations
    .filter((violation) => {
      const peer = peers[lab.culprit(violation) ?? ''];
      return !known.some((each) => each.peer === peer && each.rule === violation.rule);
    })
    .map((each) => `${lab.culprit(each)}: ${each.rule}, frames ${each.frames.join(', ')}: ${each.message}`);
}
