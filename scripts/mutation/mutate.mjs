import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';

const RUNNER = fileURLToPath(new URL('./runner.mjs', import.meta.url));

/** Tests of the host proof: the others need more than node, or much time. */
const TEST = /(?<!\.long|\.live|\.peers)\.test\.ts$/;

/**
 * Mutates `sources` of the package `name` in `copy`. By file: what became of its mutants. With `before`, the results of these files as
 * they are, only the survivors that `isOpen` are measured again.
 */
export async function mutate({ copy, name, sources, workers, before, isOpen }) {
  const here = process.cwd();
  process.chdir(copy);
  // What a run that was killed has left.
  rmSync('.stryker-tmp', { recursive: true, force: true });
  const openOf = (path) => before[path].survivors.filter((each) => isOpen(path, each));
  const original = new Map(sources.map((path) => [path, readFileSync(path, 'utf8')]));
  try {
    const mutants = await new Stryker({
      inPlace: true,
      mutate: before === undefined ? sources : sources.flatMap((path) => ranges(path, original.get(path), openOf(path))),
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
    const after = summarise(mutants, original, copy);
    return before === undefined
      ? after
      : Object.fromEntries(sources.map((path) => [path, less(before[path], openOf(path), after[path])]));
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
      score: scoreText(killed, total),
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

/** Of the survivors that were `open`, those that survive still. */
function less(before, open, after) {
  const keyOf = ({ line, column, original, replacement }) => [line, column, original, replacement].join(' ');
  const left = new Set(after.survivors.map(keyOf));
  const survivors = before.survivors.filter((each) => !open.includes(each) || left.has(keyOf(each)));
  const killed = before.mutants - survivors.length;
  return { ...before, killed, survivors, score: scoreText(killed, before.mutants) };
}

/** The places of the survivors, as Stryker takes them: lines from one, columns from zero. */
function ranges(path, text, survivors) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return survivors.map(({ line, column, original }) => {
    let end = starts[line - 1] + column - 1;
    for (const character of original) {
      if (character !== ' ') end++;
      else while (/\s/.test(text[end])) end++;
    }
    const endLine = starts.findLastIndex((start) => start <= end);
    return `${path}:${line}:${column - 1}-${endLine + 1}:${end - starts[endLine]}`;
  });
}

const scoreText = (killed, total) => (total === 0 ? '–' : `${((100 * killed) / total).toFixed(1)}%`);

const oneLine = (text) => text.replace(/\s+/g, ' ');

/** The text between two places: lines from one, columns from one. */
function cut(text, start, end) {
  const lines = text.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return oneLine(lines.join('\n'));
}
