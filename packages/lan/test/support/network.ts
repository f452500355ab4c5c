import { SeededEntropy } from '@nexus-net/sansio';
import { Lan, type LanConfig, Simulator, type SimulatorConfig } from '../../src/index.js';

/** A simulated LAN whose whole behaviour follows from `seed`. */
export function network(
  seed: number | string,
  lan: Omit<LanConfig, 'entropy'> = {},
  simulator: Omit<SimulatorConfig, 'lan'> = {},
): Simulator {
  const entropy = new SeededEntropy(seed);
  return new Simulator({ lan: new Lan({ ports: ['a', 'b'], ...lan, entropy: entropy.fork('lan') }), ...simulator });
}

/** The trace for an inline snapshot: a line feed first, so that all lines are aligned. */
export function ladder(sim: Simulator): string {
  return `\n${sim.trace.text()}`;
}
