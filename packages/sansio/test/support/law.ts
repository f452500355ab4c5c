import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from './runs.js';

/**
 * States a law over an implementation, and that the law notices each of the given broken implementations. The broken
 * ones run with a fixed seed: whether the law is sharp enough must not depend on luck.
 */
export function property<Implementation>(
  name: string,
  {
    law,
    real,
    planted,
    count = 200,
  }: {
    readonly law: (implementation: Implementation) => fc.IRawProperty<unknown, false>;
    readonly real: Implementation;
    readonly planted: Readonly<Record<string, Implementation>>;
    /** Cases tried in the fast suite. */
    readonly count?: number;
  },
): void {
  test(`property: ${name}`, () => fc.assert(law(real), { numRuns: runs(count) }));
  for (const [bug, implementation] of Object.entries(planted))
    test(`property "${name}" catches a planted bug: ${bug}`, () => {
      const outcome = fc.check(law(implementation), { numRuns: count, seed: 20_260_101, endOnFailure: true });
      expect(outcome.failed).toBe(true);
    });
}
