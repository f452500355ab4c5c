// `npm run coverage`: how many branches of each group of scripts/groups.mjs the tests of its package reach.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { isInvariant } from './coverage-invariants.mjs';
import { GROUPS, groupOf } from './groups.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const USAGE = `npm run coverage [-- --packages NAME,NAME…]

Runs the tests of each measured package (${Object.keys(GROUPS).join(', ')}) and counts the arms of branches, and the functions, that they
reach. Exit: 0 when every group reaches what scripts/groups.mjs asks for, 1 when not or when a test fails, 2 for wrong arguments.`;

process.exitCode = main(process.argv.slice(2));

function main(args) {
  let names;
  try {
    const { values } = parseArgs({ args, options: { packages: { type: 'string' } } });
    names = values.packages?.split(',') ?? Object.keys(GROUPS);
    if (names.some((name) => !(name in GROUPS))) throw new Error(USAGE);
  } catch (error) {
    console.error(error.message);
    return 2;
  }
  return names.map(measure).every(Boolean) ? 0 : 1;
}

/** Measures one package by its own tests; true when each of its groups has enough. */
function measure(name) {
  const folder = join(ROOT, 'reports/coverage', name);
  rmSync(folder, { recursive: true, force: true });
  // Beside vitest's main module, whatever npm has put it in.
  const vitest = join(dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))), 'vitest.mjs');
  const run = spawnSync(
    process.execPath,
    [
      ...[vitest, 'run', '--project', 'host', `packages/${name}/test/`, '--reporter', 'dot'],
      ...['--coverage.enabled', '--coverage.provider', 'v8', '--coverage.reporter', 'json'],
      ...['--coverage.include', `packages/${name}/src/**`, '--coverage.reportsDirectory', folder],
    ],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, NEXUS_REPORT: undefined } },
  );
  if (run.status !== 0) {
    console.error(`${run.stdout}${run.stderr}\n${name}: its tests fail`);
    return false;
  }
  const files = JSON.parse(readFileSync(join(folder, 'coverage-final.json'), 'utf8'));
  const root = join(ROOT, 'packages', name, 'src/');
  const groups = Object.fromEntries(Object.keys(GROUPS[name]).map((group) => [group, { arms: 0, missed: [] }]));
  for (const file of readdirSync(root, { recursive: true }).sort()) {
    const group = groups[groupOf(name, file)];
    const covered = files[join(root, file)];
    if (group === undefined || covered === undefined) continue;
    const { arms, missed } = armsOf(join(root, file), covered);
    group.arms += arms;
    group.missed.push(...missed.map((place) => `packages/${name}/src/${file}:${place}`));
  }
  let isEnough = true;
  for (const [group, { arms, missed }] of Object.entries(groups)) {
    const wanted = GROUPS[name][group].branches;
    const reached = arms === 0 ? 100 : (100 * (arms - missed.length)) / arms;
    const enough = reached >= wanted;
    // Rounded down: 100 means all.
    console.log(
      `${(Math.floor(reached * 10) / 10).toFixed(1).padStart(6)} % of ${String(arms).padStart(5)} arms  ${name} ${group}: ${wanted} % wanted`,
    );
    for (const place of missed) console.log(`          ${place}`);
    isEnough &&= enough;
  }
  return isEnough;
}

/** The arms and functions of one file, and those that no test reaches and no rule leaves out. */
function armsOf(path, { branchMap, b, fnMap, f }) {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
  const missed = [];
  let arms = 0;
  for (const [id, { type, loc, locations }] of Object.entries(branchMap))
    for (const [index, { start }] of locations.entries()) {
      const isReached = b[id][index] > 0;
      if (!isReached && isInvariant(source, start, { isThen: type === 'if' && index === 0 })) continue;
      arms++;
      if (!isReached) missed.push(`${start.line ?? loc.start.line} ${type}, arm ${index + 1}`);
    }
  for (const [id, { name, loc }] of Object.entries(fnMap)) {
    arms++;
    if (f[id] === 0) missed.push(`${loc.start.line} function ${name}`);
  }
  return { arms, missed };
}
