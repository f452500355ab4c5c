/**
 * The rules of ADR-0025 that nothing may break, as ids of the witnesses' rules: a run in which a guest breaks one has failed,
 * whatever else it proved. Every other violation is reported and left to the reader.
 */
export const INVARIANT_RULES: ReadonlySet<string> = new Set([
  'dhcp.request-port',
  'dhcp.client-port',
  'dhcp.unbound-source',
  'dhcp.discover-destination',
  'dhcp.request-destination',
]);

export function isInvariant(rule: string): boolean {
  return INVARIANT_RULES.has(rule);
}
