import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';

const RUNNER = fileURLToPath(new URL('./runner.mjs', import.meta.url));

/** Tests of the host proof: the others need more than node, or much time. */
const TEST = /(?<!\.long|\.live|\.peers)\.test\.ts$/;

/** Mutates `sources` of the package `name` in `copy`. By file: what became of its mutants. */
export async function mutate({ copy, name, sources, workers }) {
  const here = process.cwd();
  process.chdir(copy);
  // What a run that was killed has left.
  rmSync('.stryker-tmp', { recursive: true, force: true });
  const original = new Map(sources.map((path) => [path, readFileSync(path, 'utf8')]));
  try {
    const mutants = await new Stryker({
      inPlace: true,
      mutate: sources,
      testRunner: 'package',
      plugins: [RUNNER],
      ignorers: ['invariants'],
      package: { sources, tests: testsOf(name) },
      coverageAnalysis: 'perTest',
      checkers: [],
      reporters: ['count'],
      concurrency: workers,
      timeoutMS: 60_000, // loops are noticed by their count; a busy machine must not kill a mutant
      testRunnerNodeArgs: ['--max-old-space-size=2048'],
      tempDirName: '.stryker-tmp',
      allowEmpty: true,
      allowConsoleColors: false,
      logLevel: 'error',
      warnings: false,
    }).runMutationTest();
    return summarise(mutants, original, copy);
  } finally {
    process.chdir(here);
  }
}

/** Test files of a package, relative to the folder of all packages' parent. */
function testsOf(name) {
  const folder = join('packages', name, 'test');
  return readdirSync(folder, { recursive: true })
    .filter((file) => TEST.test(file))
    .map((file) => join(folder, file))
    .sort();
}

function summarise(mutants, original, copy) {
  const files = {};
  for (const [path, text] of original) {
    const of = mutants.filter(({ fileName }) => fileName === path || fileName === join(copy, path));
    const count = (...statuses) => of.filter(({ status }) => statuses.includes(status)).length;
    const killed = count('Killed', 'Timeout');
    const left = of.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
    const total = killed + left.length;
    files[path] = {
      mutants: total,
      killed,
      timeouts: count('Timeout'),
      ignored: count('Ignored'),
      errors: count('CompileError', 'RuntimeError'),
      score: total === 0 ? '–' : `${((100 * killed) / total).toFixed(1)}%`,
      survivors: left
        .map(({ location: { start, end }, mutatorName, replacement, status }) => ({
          line: start.line,
          column: start.column,
          mutator: mutatorName,
          original: cut(text, start, end),
          replacement: oneLine(replacement),
          status,
        }))
        .sort((a, b) => a.line - b.line || a.column - b.column),
    };
  }
  return files;
}

const oneLine = (text) => text.replace(/\s+/g, ' ');

/** The text between two places: lines from one, columns from one. */
function cut(text, start, end) {
  const lines = text.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return oneLine(lines.join('\n'));
}
