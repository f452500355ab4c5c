import type { PhaseName, Profile, ProofName } from '@nexus-net/verdict';

/** The phases that demand a marker whose proof is that the gateway reaches the guest. Whatever a profile calls them. */
export function reachablePhases({ phases, catalogue }: Profile): readonly PhaseName[] {
  return phases
    .filter(({ markers }) => markers.some(({ marker }) => REACHED.includes(catalogue.get(marker).proof)))
    .map(({ name }) => name);
}

const REACHED: readonly (ProofName | undefined)[] = ['interface-usable', 'interface-reached'];
