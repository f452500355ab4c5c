import {
  checkFrameVector,
  checkHostNoiseVector,
  type FrameVector,
  type HostNoiseVector,
} from '../../packages/dsoftbus/test/support/host-vectors.js';
import type { CaseReport } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';
import { withProviders } from './noise.js';

/** Messages of the host dialect. */
export function checkHostFrames(file: VectorFile): CaseReport {
  const { vectors } = jsonOf<{ readonly vectors: readonly FrameVector[] }>(file);
  return withProviders(vectors, ({ name }) => name, checkFrameVector);
}

/** Identities and sessions of the host dialect. */
export function checkHostNoise(file: VectorFile): CaseReport {
  const { vectors } = jsonOf<{ readonly vectors: readonly HostNoiseVector[] }>(file);
  return withProviders(vectors, ({ name }) => name, checkHostNoiseVector);
}
