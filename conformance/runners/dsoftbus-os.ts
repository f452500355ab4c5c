import {
  type AnnounceVector,
  checkAnnounceVector,
  checkFacadeVector,
  checkPeerLruVector,
  type FacadeVector,
  type PeerLruVector,
} from '../../packages/dsoftbus/test/support/vectors/discovery.js';
import { reportOf } from '../report.js';
import type { RunnerRow } from '../table.js';
import { type CheckFile, jsonOf } from '../vector-file.js';

/** One case for each vector of the file, by its name. */
function eachVector<Vector extends { readonly name: string }>(check: (vector: Vector) => string | undefined): CheckFile {
  return (file) =>
    reportOf(
      jsonOf<{ readonly vectors: readonly Vector[] }>(file).vectors.map((vector) => [vector.name, check(vector)] as const),
    );
}

/** What speaks to an Open Nexus OS node: discovery, the `os` dialect, transport selection. */
export const DSOFTBUS_OS_ROWS: readonly RunnerRow[] = [
  { pattern: /^dsoftbus\/discovery-announce-v1\.json$/, check: eachVector<AnnounceVector>(checkAnnounceVector) },
  { pattern: /^dsoftbus\/facade-discovery\.json$/, check: eachVector<FacadeVector>(checkFacadeVector) },
  { pattern: /^dsoftbus\/peer-lru\.json$/, check: eachVector<PeerLruVector>(checkPeerLruVector) },
];
