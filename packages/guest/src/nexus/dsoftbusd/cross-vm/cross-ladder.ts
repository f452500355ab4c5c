import type { CrossVmNodeName } from '../../nexus-config.js';
import { MUX_MILESTONES } from '../mux/mux-proof.js';
import type { CrossMuxMarker } from './cross-node.js';
import type { RemoteMarker } from './remote-proof.js';

export type CrossVmMarker =
  | 'crossvm-discovery-up'
  | 'crossvm-session-ok'
  | CrossMuxMarker
  | RemoteMarker
  | 'remote-statefs-served'
  | 'remote-pkgfs-served';

/** The lines of a node in the order of the OS. */
export function crossVmLadder(self: CrossVmNodeName): readonly CrossVmMarker[] {
  const common = [
    'crossvm-discovery-up',
    'crossvm-session-ok',
    ...MUX_MILESTONES.map((each) => `crossvm-mux-${each}` as const),
  ] as const;
  if (self === 'node-b') return [...common, 'remote-statefs-served', 'remote-pkgfs-served'];
  return [
    ...common,
    'remote-resolve-ok',
    'remote-query-ok',
    'remote-statefs-ok',
    'remote-pkgfs-stat-ok',
    'remote-pkgfs-open-ok',
    'remote-pkgfs-read-step-ok',
    'remote-pkgfs-close-ok',
    'remote-pkgfs-read-ok',
  ];
}
