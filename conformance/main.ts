import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type CaseReport, conformanceReport, type FileReport, failure, fileLines, totalLines } from './report.js';
import { RUNNERS } from './table.js';
import { Watchdog } from './watchdog.js';

const USAGE = `npm run conformance [-- DIR] [--json]
  DIR      a folder of vector files; default ../shared/vectors: its folders own and public
  --json   one JSON document on stdout instead of lines`;

/** The longest step takes a second; on a machine that does other things too, some. */
const STEP_MS_MAX = 60_000;
/** From the root of the repository. */
const DEFAULT_FOLDER = '../shared/vectors';
/** Folders of the default one that hold vectors: made for this project, and other people's. */
const DEFAULT_PARTS = ['own', 'public'];
/** No vectors, whatever folder they are in. */
const DOCUMENTS = /(^|\/)(README[^/]*|LICEN[CS]E[^/]*|PROVENANCE|\..*)$/;

export interface Output {
  print(line: string): void;
  complain(line: string): void;
  /** Where a run is. Said again and again, and empty when a file is done. */
  progress?(at: string): void;
}

/** The command line: progress on a terminal, and an end for what would never end. */
export async function commandLine(args: readonly string[], root: string): Promise<number> {
  const watchdog = new Watchdog(STEP_MS_MAX);
  const progress = (at: string): void => {
    watchdog.say(at);
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${at}`);
  };
  try {
    return await main(args, root, { print: console.log, complain: console.error, progress });
  } finally {
    await watchdog.stop();
  }
}

/** Runs every vector file; resolves to the exit code: 0 nothing failed, 1 something did or was not understood. */
export async function main(
  args: readonly string[],
  root: string,
  { print, complain, progress = () => {} }: Output,
): Promise<number> {
  const json = args.includes('--json');
  const [given, ...rest] = args.filter((argument) => argument !== '--json');
  if (rest.length > 0 || given?.startsWith('-') === true) {
    complain(`${given?.startsWith('-') === true ? given : rest[0]} is not understood\n\n${USAGE}`);
    return 1;
  }
  const folder = given === undefined ? join(root, DEFAULT_FOLDER) : resolve(given);
  const parts = given === undefined ? DEFAULT_PARTS.map((part) => join(folder, part)) : [folder];
  if (!parts.some((part) => existsSync(part))) {
    const text = `no vectors: ${given ?? DEFAULT_FOLDER} does not exist`;
    if (given !== undefined) complain(text);
    else print(json ? JSON.stringify(conformanceReport([])) : text);
    return given === undefined ? 0 : 1;
  }
  const report = conformanceReport(runFiles(folder, parts, { print: json ? () => {} : print, progress }));
  if (json) print(JSON.stringify(report, undefined, 1));
  else for (const line of ['', ...totalLines(report)]) print(line);
  if (report.totals.files === 0) complain(`no vectors: ${given ?? DEFAULT_FOLDER} holds no vector file`);
  return report.totals.failed > 0 || report.totals.files === 0 ? 1 : 0;
}

function runFiles(
  folder: string,
  parts: readonly string[],
  { print, progress }: Required<Pick<Output, 'print' | 'progress'>>,
): FileReport[] {
  const paths = parts.flatMap((part) => filesIn(part)).map((path) => relative(folder, path).split(sep).join('/'));
  const files = paths.filter((path) => !DOCUMENTS.test(path));
  return files.map((file, i) => {
    const at = (text: string): void => progress(`${i + 1}/${files.length} ${file} ${text}`);
    at('');
    const started = performance.now();
    const report = { file, ...runFile(folder, file, at), ms: Math.round(performance.now() - started) };
    progress('');
    for (const line of fileLines(report)) print(line);
    return report;
  });
}

function runFile(folder: string, file: string, progress: (at: string) => void): CaseReport {
  const path = file.replace(/^(own|public)\//, '');
  const row = RUNNERS.find(({ pattern }) => pattern.test(path));
  if (row === undefined) return failure('not understood: no runner is known for this file');
  try {
    const absolute = join(folder, file);
    const report = row.check({ path, folder: dirname(absolute), bytes: readFileSync(absolute), progress });
    const cases = report.passed + report.failed.length + report.notRun.length;
    return cases === 0 ? failure('not understood: no case in this file') : report;
  } catch (error) {
    return failure(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

/** All files below a folder, by name. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}
