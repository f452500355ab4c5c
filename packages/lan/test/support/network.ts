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
