import type { FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { DnsWitness } from '../../src/index.js';
import { SMALL_TABLES, witnessLaws } from '../support/fuzz-witness.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 100_000, costPerOctet: 5000, allocatedPerOctet: 5000 };

export function target(bytes: Uint8Array): void {
  witnessLaws(new DnsWitness(SMALL_TABLES), bytes);
}

/** A query and its answer, then another answer. */
export function seeds(): Uint8Array[] {
  const query = [0, 5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 3, 0, 0, 0, 1];
  const answer = [5, 5, 0, 0, 1, 5, 0, 0, 0, 0, 0, 4, 130, 0, 0, 1, 9, 1, 2, 3, 4];
  const nobody = [5, 5, 0, 0, 1, 5, 0, 0, 0, 0, 0, 4, 14, 0, 0, 1];
  return [Uint8Array.from([...query, ...answer, ...query, ...nobody, ...nobody])];
}
