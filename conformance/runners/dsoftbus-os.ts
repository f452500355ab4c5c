import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkCoreContract,
  checkFeasibilityVector,
  checkQdVector,
  checkRingVector,
  checkSelectionVector,
  checkSessionStep,
} from '../../packages/dsoftbus/test/support/vectors/contracts.js';
import {
  checkAnnounceVector,
  checkFacadeVector,
  checkPeerLruVector,
} from '../../packages/dsoftbus/test/support/vectors/discovery.js';
import { checkPackagefsVector, checkStatefsVector, smBnVectors } from '../../packages/dsoftbus/test/support/vectors/gateway.js';
import {
  checkHandshakeVector,
  checkSecretVector,
  checkTraceVector,
  checkTransportVector,
  recordVectors,
  type TraceVector,
  traceKeysFrom,
} from '../../packages/dsoftbus/test/support/vectors/handshake.js';
import { checkCrossVm, checkLocalIpc } from '../../packages/dsoftbus/test/support/vectors/sessions.js';
import { checkSingleVm } from '../../packages/dsoftbus/test/support/vectors/single-vm.js';
import { type CaseReport, reportOf } from '../report.js';
import type { RunnerRow } from '../table.js';
import { jsonOf, type VectorFile } from '../vector-file.js';

/** A row for a file: one case for each of its vectors, by its name. `begin` makes the check, anew for each file. */
function row<Vector extends { readonly name: string }>(
  name: string,
  begin: () => (vector: Vector) => string | undefined,
): RunnerRow {
  return {
    pattern: new RegExp(`^dsoftbus/${name}\\.json$`),
    check(file) {
      const check = begin();
      const { vectors } = jsonOf<{ readonly vectors: readonly Vector[] }>(file);
      return reportOf(vectors.map((vector) => [vector.name, check(vector)] as const));
    },
  };
}

/** What speaks to an Open Nexus OS node: discovery, the `os` dialect, transport selection. */
export const DSOFTBUS_OS_ROWS: readonly RunnerRow[] = [
  row('discovery-announce-v1', () => checkAnnounceVector),
  row('facade-discovery', () => checkFacadeVector),
  row('peer-lru', () => checkPeerLruVector),
  row('packagefs-ro', () => checkPackagefsVector),
  row('statefs-rw', () => checkStatefsVector),
  row('sm-bn-frames', smBnVectors),
  row('session-steps', () => checkSessionStep),
  row('core-contract-and-policy', () => checkCoreContract),
  row('transport-selection', () => checkSelectionVector),
  row('quic-feasibility', () => checkFeasibilityVector),
  row('quic-frame-qd', () => checkQdVector),
  row('netstack-udp-loopback-ring', () => checkRingVector),
  row('derive-test-secret', () => checkSecretVector),
  row('noise-xk-os', () => checkHandshakeVector),
  row('noise-transport-os', () => checkTransportVector),
  row('session-records', recordVectors),
  row('os-session-cross-vm', () => checkCrossVm),
  row('os-session-single-vm', () => checkSingleVm),
  row('local-ipc-ds', checkLocalIpc),
  { pattern: /^dsoftbus\/noise-traces\.json$/, check: checkTraces },
];

/** The public keys of a trace are in two other files of its folder. */
function checkTraces(file: VectorFile): CaseReport {
  const sibling = (name: string): unknown => JSON.parse(readFileSync(join(file.folder, name), 'utf8'));
  const keysOf = traceKeysFrom(sibling('noise-xk-os.json'), sibling('host-noise-xk.json'));
  const { vectors } = jsonOf<{ readonly vectors: readonly TraceVector[] }>(file);
  return reportOf(vectors.map((vector) => [vector.name, checkTraceVector(vector, keysOf(vector.name))] as const));
}
