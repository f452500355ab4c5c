import { type CraftedProbe, checkCrafted } from '../../packages/dhcp/test/support/crafted-requests.js';
import { checkHostileRoles, type HostileMessage } from '../../packages/dhcp/test/support/hostile-roles.js';
import { checkScripted, type ScriptedBehaviour } from '../../packages/dhcp/test/support/scripted-replies.js';
import type { VectorFrame } from '../../packages/dhcp/test/support/vector-frames.js';
import { checkDhcpVectors } from '../../packages/dhcp/test/support/vectors.js';
import { witnessDifferences } from '../../packages/dhcp/test/support/witness-captures.js';
import { type CaseReport, merge, reportOf } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';

interface CaptureVector {
  readonly name: string;
  readonly frames: readonly (VectorFrame & { readonly t: number; readonly violations?: readonly string[] })[];
}

/** Real peers: every message through the codec, and the capture as a whole through the witness, which is one more case. */
export function checkDhcpCapture(file: VectorFile): CaseReport {
  const capture = jsonOf<CaptureVector>(file);
  const frames = capture.frames.map(({ t, frame, violations = [] }) => ({ at: t * 1000, hex: frame, marks: violations }));
  const differences = witnessDifferences({ name: capture.name, frames });
  return merge(checkDhcpVectors(capture), reportOf([['witness', differences.length === 0 ? undefined : differences.join('; ')]]));
}

/** Hand-made requests: their messages through the codec, and each probe against our server. */
export function checkDhcpCrafted(file: VectorFile): CaseReport {
  const vectors = jsonOf<{ readonly probes: readonly CraftedProbe[] }>(file);
  return merge(checkDhcpVectors(vectors), checkCrafted(vectors.probes, file.progress));
}

/** Odd servers: their messages through the codec, and our client against each. */
export function checkDhcpScripted(file: VectorFile): CaseReport {
  const vectors = jsonOf<{ readonly behaviours: readonly ScriptedBehaviour[] }>(file);
  return merge(checkDhcpVectors(vectors), checkScripted(vectors.behaviours, file.progress));
}

/** Hostile messages in codec, client, server and relay. */
export function checkDhcpHostile(file: VectorFile): CaseReport {
  return checkHostileRoles(jsonOf<{ readonly cases: readonly HostileMessage[] }>(file));
}
