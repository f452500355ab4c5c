import type { FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { IgmpWitness } from '../../src/index.js';
import { SMALL_TABLES, witnessLaws } from '../support/fuzz-witness.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 100_000, costPerOctet: 5000, allocatedPerOctet: 5000 };

export function target(bytes: Uint8Array): void {
  witnessLaws(new IgmpWitness(SMALL_TABLES), bytes);
}

/** Queries, in frames that the script of all witnesses draws. */
export function seeds(): Uint8Array[] {
  return [Uint8Array.from([0, 3, 0, 0, 0, 4, 12, 2, 4, 9, 9, 9, 9, 0])];
}
