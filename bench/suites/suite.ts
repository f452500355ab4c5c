import type { GroupResult } from '../harness.js';

/** What a suite needs to know of where it runs. */
export interface BenchContext {
  /** The root of the repository. */
  readonly root: string;
  /** Writes a line for the person who waits. */
  readonly progress: (text: string) => void;
}

/** A table that does not come from `measureGroup`. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface SuiteResult {
  readonly groups: readonly GroupResult[];
  readonly tables?: readonly Table[];
  /** What was not measured, and why. */
  readonly missing?: readonly string[];
}

export interface Suite {
  readonly name: string;
  readonly about: string;
  readonly run: (context: BenchContext) => Promise<SuiteResult>;
}
