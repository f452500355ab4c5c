import { SeededEntropy, uniform } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { convergence, PARTITIONS, type Trouble } from './support/bus-convergence.js';

test('two nodes come together again after loss, replay, partitions and crashes drawn from a seed', () => {
  const entropy = new SeededEntropy('convergence');
  const draw = (high: number): number => uniform(entropy, { low: 0, high });
  const failed: string[] = [];
  for (let seed = 0; seed < runs(4); seed++) {
    const partition = PARTITIONS[draw(PARTITIONS.length - 1)] as Trouble['partition'];
    const trouble = { seed, loss: draw(30) / 100, replay: draw(50) / 100, partition, crash: draw(1) === 1 };
    const wrong = convergence(trouble);
    if (wrong !== undefined) failed.push(`${JSON.stringify(trouble)}: ${wrong}`);
  }
  expect(failed).toEqual([]);
});
