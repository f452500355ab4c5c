import { IMPERSONATION_RULE } from '@nexus-net/lan';

/**
 * The rules of ADR-0025 that nothing may break, as ids of the witnesses' rules: a run in which a guest breaks one has failed,
 * whatever else it proved. So has one in which a guest speaks as the gateway: the evidence would be its own. Every other violation is reported and left to the reader.
 */
export const INVARIANT_RULES: ReadonlySet<string> = new Set([
  IMPERSONATION_RULE,
  'dhcp.request-port',
  'dhcp.client-port',
  'dhcp.unbound-source',
  'dhcp.discover-destination',
  'dhcp.request-destination',
]);

export function isInvariant(rule: string): boolean {
  return INVARIANT_RULES.has(rule);
}
