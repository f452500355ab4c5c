import type { FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { IcmpWitness } from '../../src/index.js';
import { SMALL_TABLES, witnessLaws } from '../support/fuzz-witness.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 100_000, costPerOctet: 5000, allocatedPerOctet: 5000 };

export function target(bytes: Uint8Array): void {
  witnessLaws(new IcmpWitness(SMALL_TABLES), bytes);
}

/** An echo request and its reply, then a reply to nothing. */
export function seeds(): Uint8Array[] {
  const request = [0, 2, 0, 0, 0, 4, 0, 0, 1, 1, 2, 5, 5];
  const reply = [5, 2, 0, 0, 1, 0, 4, 3, 1, 1, 2, 5, 5];
  return [Uint8Array.from([...request, ...reply, ...reply])];
}
