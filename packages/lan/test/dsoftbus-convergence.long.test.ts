import { describe, expect, test } from 'vitest';
import { convergence, PARTITIONS } from './support/bus-convergence.js';

const SEEDS = 3;

describe('two nodes come together again', () => {
  test.each(PARTITIONS.flatMap((partition) => [false, true].map((crash) => [partition, crash] as const)))(
    'partition %s, crash %s: every loss to 30 % and replay to 50 %',
    (partition, crash) => {
      const failed: string[] = [];
      for (let seed = 0; seed < SEEDS; seed++)
        for (const loss of [0, 0.1, 0.2, 0.3])
          for (const replay of [0, 0.25, 0.5]) {
            const trouble = { seed, loss, replay, partition, crash };
            const wrong = convergence(trouble);
            if (wrong !== undefined) failed.push(`${JSON.stringify(trouble)}: ${wrong}`);
          }
      expect(failed).toEqual([]);
    },
  );
});
