import type { CaseReport } from './report.js';

/** A vector file as a runner gets it. */
export interface VectorFile {
  /** Path from the folder of vectors, with `/`. */
  readonly path: string;
  /** Absolute path of the folder that holds the file. */
  readonly folder: string;
  readonly bytes: Uint8Array;
  /** Says how far a long run is. */
  progress(at: string): void;
}

export type CheckFile = (file: VectorFile) => CaseReport;

export function jsonOf<T>({ bytes }: VectorFile): T {
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}
