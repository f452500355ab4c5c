import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { GROUPS, groupOf } from '../groups.mjs';
import { copyTree } from './copy.mjs';
import { mutate } from './mutate.mjs';
import { readReasons, reasonFor, writeReport } from './report.mjs';
import { readResults, scoreOf, writeResults } from './results.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const USAGE = `npm run mutation -- (--since REF | --all | --files FILE,FILE…) [--packages NAME,NAME…] [--groups NAME,NAME…] [--survivors] [--write]
npm run mutation -- --report

  --since REF   mutates the source files that differ from the commit REF
  --all         mutates every file of the groups in scripts/groups.mjs
  --files       mutates these files
  --packages    only files of these packages (${Object.keys(GROUPS).join(', ')})
  --groups      only files of these groups
  --write       keeps what was measured in docs/mutation/, file by file as it comes, and writes the report
  --survivors   only the mutants that are kept as survivors and have no reason, of files that are what they were
  --workers N   processes that run tests, default and at most 2
  --report      measures nothing, writes the report from what is kept

Exit: 0 when each group of the measured files, with what is kept of its other files, has the score that scripts/groups.mjs asks for, 1
when not, 2 for wrong arguments.`;

/** A run begins with the tests as they are, some seconds; results are kept after each run. Lines of source in one. */
const LINES_PER_RUN = 600;

export async function main(args) {
  let options;
  try {
    ({ values: options } = parseArgs({
      args,
      options: {
        since: { type: 'string' },
        all: { type: 'boolean' },
        files: { type: 'string' },
        packages: { type: 'string' },
        groups: { type: 'string' },
        workers: { type: 'string', default: '2' },
        write: { type: 'boolean' },
        survivors: { type: 'boolean' },
        report: { type: 'boolean' },
      },
    }));
    const selections = [options.since, options.all, options.files, options.report].filter((each) => each !== undefined);
    if (selections.length !== 1 || !['1', '2'].includes(options.workers)) throw new Error(USAGE);
  } catch (error) {
    console.error(error.message);
    return 2;
  }
  if (options.report) {
    for (const name of Object.keys(GROUPS)) writeReport(ROOT, name);
    return 0;
  }

  setPriority(15); // and so do the processes that are started from here
  let chosen = chooseFiles(options);
  const isOpen = (name) => {
    const reasons = readReasons(ROOT, name);
    return (path, survivor) => reasonFor(reasons, path, survivor) === undefined;
  };
  if (options.survivors) {
    chosen = chosen.filter(({ name, path }) => {
      const result = readResults(ROOT, name)[path];
      // Tests are added and seldom taken away: what was killed stays so while the file is the same.
      return result?.commit === commitOf(path) && result.survivors.some((each) => isOpen(name)(path, each));
    });
  }
  if (chosen.length === 0) {
    console.log('no file of a measured group is to be mutated');
    return 0;
  }
  const copy = copyTree(ROOT, join(ROOT, '.nexus/mutation'));
  const begin = performance.now();
  const measured = [];
  for (const run of runs(chosen, options.survivors ? 4 * LINES_PER_RUN : LINES_PER_RUN)) {
    let outcome;
    try {
      const before = options.survivors ? readResults(ROOT, run.name) : undefined;
      outcome = await mutate({ copy, ...run, workers: Number(options.workers), before, isOpen: isOpen(run.name) });
    } catch (error) {
      console.error(`${run.sources.join(', ')}: ${error.message}`); // tests that fail without any mutant, say
      return 1;
    }
    for (const [path, { killed, mutants, score, survivors }] of Object.entries(outcome)) {
      console.log(`${score.padStart(6)}  ${String(killed).padStart(4)} of ${String(mutants).padStart(4)}  ${path}`);
      const reasons = readReasons(ROOT, run.name);
      if (!options.write)
        for (const each of survivors) console.log(describe(path, each, reasonFor(reasons, path, each) ?? 'not explained'));
      measured.push({ ...chosen.find((each) => each.path === path), result: outcome[path] });
    }
    if (options.write) {
      const results = readResults(ROOT, run.name);
      for (const [path, result] of Object.entries(outcome)) results[path] = { commit: commitOf(path), ...result };
      writeResults(ROOT, run.name, results);
      writeReport(ROOT, run.name);
    }
  }
  rmSync(copy, { recursive: true, force: true });
  console.log(`${((performance.now() - begin) / 60_000).toFixed(1)} minutes`);

  let isEnough = true;
  for (const [name, groups] of Object.entries(GROUPS))
    for (const [group, { mutants: wanted }] of Object.entries(groups)) {
      const of = measured.filter((each) => each.name === name && each.group === group);
      if (of.length === 0) continue;
      // The files that were not measured now count with what is kept of them.
      const kept = Object.entries(readResults(ROOT, name)).filter(
        ([path]) => groupOf(name, path.slice(`packages/${name}/src/`.length)) === group && !of.some((each) => each.path === path),
      );
      const score = scoreOf([...of.map(({ result }) => result), ...kept.map(([, result]) => result)]);
      console.log(`${name} ${group}: ${score.toFixed(1)} %, ${wanted} % wanted`);
      isEnough &&= score >= wanted;
    }
  return isEnough ? 0 : 1;
}

/** The files to mutate, each with its package and group. */
function chooseFiles({ since, files, packages, groups }) {
  const known = git('ls-files', '--cached', '--others', '--exclude-standard', '--', 'packages/*/src/*').split('\n');
  let wanted = known;
  if (since !== undefined) {
    const changed = git('diff', '--name-only', '--diff-filter=d', since, '--', 'packages/*/src/*').split('\n');
    const added = git('ls-files', '--others', '--exclude-standard', '--', 'packages/*/src/*').split('\n');
    wanted = [...changed, ...added];
  }
  if (files !== undefined) wanted = files.split(',');
  return known
    .filter((path) => wanted.includes(path))
    .map((path) => {
      const [, name, file] = /^packages\/([^/]+)\/src\/(.+)$/.exec(path) ?? [];
      return { path, name, group: groupOf(name, file) };
    })
    .filter(({ name, group }) => group !== undefined && isIn(packages, name) && isIn(groups, group));
}

/** The last commit that changed a file; `+`: it has changed since. */
function commitOf(path) {
  return (
    git('log', '-1', '--format=%h', '--abbrev=12', '--', path) + (git('status', '--porcelain', '--', path) === '' ? '' : '+')
  );
}

const isIn = (list, name) => list === undefined || list.split(',').includes(name);

/** What is measured together: files of one group, not too many. */
function* runs(files, linesMax) {
  for (const [name, groups] of Object.entries(GROUPS))
    for (const group of Object.keys(groups)) {
      let sources = [];
      let lines = 0;
      for (const { path } of files.filter((each) => each.name === name && each.group === group)) {
        const length = readFileSync(join(ROOT, path), 'utf8').split('\n').length;
        if (sources.length > 0 && lines + length > linesMax) {
          yield { name, sources };
          sources = [];
          lines = 0;
        }
        sources.push(path);
        lines += length;
      }
      if (sources.length > 0) yield { name, sources };
    }
}

const describe = (path, { line, mutator, original, replacement, status }, reason) =>
  `        ${path}:${line} ${status} ${mutator}\n          - ${original}\n          + ${replacement}\n          ${reason}`;

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}
