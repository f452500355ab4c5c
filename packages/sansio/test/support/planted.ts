import fc from 'fast-check';
import { expect } from 'vitest';
import { withWholeSamples } from './runs.js';

/** A law has to fail for an implementation with a planted bug. Its first counterexample is enough: none is made smaller. */
export function expectBroken(law: () => void): void {
  const given = fc.readConfigureGlobal();
  fc.configureGlobal({ ...given, endOnFailure: true });
  try {
    expect(() => withWholeSamples(law)).toThrow();
  } finally {
    fc.configureGlobal(given);
  }
}
