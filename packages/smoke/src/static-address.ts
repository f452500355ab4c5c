import type { Profile } from '@nexus-net/verdict';

/**
 * May the guest use its static address: because nothing asks for a lease, or because the profile takes the fallback for as good? The
 * guest is told to fall back, and the judge accepts it, in these profiles and in no other.
 */
export function acceptsStaticAddress({ capabilities, outcomes }: Profile): boolean {
  if (!capabilities.includes('dhcp')) return true;
  return outcomes.some(({ interchangeable, of }) => interchangeable && of.includes('dhcp-fallback'));
}
