/** What came of the cases of one vector file. The ids are the file's own. */
export interface CaseReport {
  readonly passed: number;
  readonly failed: readonly { readonly id: string; readonly problem: string }[];
  readonly notRun: readonly { readonly id: string; readonly why: string }[];
}

export interface FileReport extends CaseReport {
  /** Path from the folder of vectors, with `/`. */
  readonly file: string;
  readonly ms: number;
}

export interface ConformanceReport {
  readonly schema: 'nexus-net/conformance/1';
  readonly files: readonly FileReport[];
  readonly totals: { readonly files: number; readonly passed: number; readonly failed: number; readonly notRun: number };
}

/** Everything passed. */
export function passes(count: number): CaseReport {
  return { passed: count, failed: [], notRun: [] };
}

/** The whole file is one case, and is not run. */
export function notRun(why: string): CaseReport {
  return { passed: 0, failed: [], notRun: [{ id: '', why }] };
}

export function failure(problem: string, id = ''): CaseReport {
  return { passed: 0, failed: [{ id, problem }], notRun: [] };
}

/** One case for each entry: what is wrong with it, or `undefined`. */
export function reportOf(cases: Iterable<readonly [id: string, problem: string | undefined]>): CaseReport {
  const failed: { id: string; problem: string }[] = [];
  let passed = 0;
  for (const [id, problem] of cases) {
    if (problem === undefined) passed++;
    else failed.push({ id, problem });
  }
  return { passed, failed, notRun: [] };
}

export function merge(...reports: readonly CaseReport[]): CaseReport {
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: reports.flatMap(({ failed }) => failed),
    notRun: reports.flatMap(({ notRun: ids }) => ids),
  };
}

export function conformanceReport(files: readonly FileReport[]): ConformanceReport {
  const { passed, failed, notRun: skipped } = merge(...files);
  return {
    schema: 'nexus-net/conformance/1',
    files,
    totals: { files: files.length, passed, failed: failed.length, notRun: skipped.length },
  };
}

/** Lines for a person: one for each file, below it what failed, and what was not run with its reasons. */
export function fileLines({ file, passed, failed, notRun: skipped }: FileReport): readonly string[] {
  const counts = [`${passed} passed`];
  if (failed.length > 0) counts.push(`${failed.length} FAILED`);
  if (skipped.length > 0) counts.push(`${skipped.length} not run`);
  const reasons = new Map<string, string[]>();
  for (const { id, why } of skipped) reasons.set(why, [...(reasons.get(why) ?? []), id]);
  return [
    `${failed.length > 0 ? '✗' : passed > 0 ? '✓' : '-'} ${file}: ${counts.join(', ')}`,
    ...failed.map(({ id, problem }) => `    ✗ ${id === '' ? '' : `${id}: `}${problem}`),
    ...[...reasons].map(([why, ids]) => `    - not run: ${why}${ids.join('') === '' ? '' : ` (${ids.join(', ')})`}`),
  ];
}

/** A table of counts by folder. */
export function totalLines({ files, totals }: ConformanceReport): readonly string[] {
  const folders = new Map<string, FileReport[]>();
  for (const report of files) {
    const folder = report.file.split('/').slice(0, -1).join('/') || '.';
    folders.set(folder, [...(folders.get(folder) ?? []), report]);
  }
  const row = (name: string, count: number, { passed, failed, notRun: skipped }: CaseReport): string =>
    `${name.padEnd(32)} ${[count, passed, failed.length, skipped.length].map((n) => String(n).padStart(8)).join(' ')}`;
  return [
    `${''.padEnd(32)} ${['files', 'passed', 'failed', 'not run'].map((name) => name.padStart(8)).join(' ')}`,
    ...[...folders].map(([folder, reports]) => row(folder, reports.length, merge(...reports))),
    row('total', totals.files, merge(...files)),
  ];
}
