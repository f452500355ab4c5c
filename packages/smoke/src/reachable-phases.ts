import type { PhaseName, Profile } from '@nexus-net/verdict';

/** The phases that demand a marker whose proof is that the gateway reaches the guest. Whatever a profile calls them. */
export function reachablePhases({ phases, catalogue }: Profile): readonly PhaseName[] {
  return phases
    .filter(({ markers }) => markers.some(({ marker }) => catalogue.get(marker).proof === 'interface-usable'))
    .map(({ name }) => name);
}
