import { describe, test } from 'vitest';
import { missingOf } from '../../peers/support/installed.js';

/** A group of tests that need root and these programs: named and skipped where they are not there, a failure in CI. */
export function withKernel(title: string, programs: readonly string[], declare: () => void): void {
  const missing = missingOf(programs);
  if (missing === undefined) describe(title, declare);
  else if (process.env['CI'] === 'true')
    test(title, () => {
      throw new Error(`not here: ${missing}`);
    });
  else describe.skip(`${title} (not here: ${missing})`, declare);
}
