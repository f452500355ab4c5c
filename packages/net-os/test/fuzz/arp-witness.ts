import type { FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { ArpWitness } from '../../src/index.js';
import { SMALL_TABLES, witnessLaws } from '../support/fuzz-witness.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 100_000, costPerOctet: 5000, allocatedPerOctet: 5000 };

export function target(bytes: Uint8Array): void {
  witnessLaws(new ArpWitness(SMALL_TABLES), bytes);
}

/** A request and its reply, an announcement, a second owner. */
export function seeds(): Uint8Array[] {
  const arp = (bits: number, sender: number, target: number): number[] => [5, 0, 0, 1, bits, bits, sender, target];
  return [Uint8Array.from([...arp(0, 4, 0), ...arp(1, 0, 4), ...arp(0, 4, 4), ...arp(1, 4, 0)])];
}
