// docs/NAME-mutation.md, from docs/mutation/NAME.json and the reasons beside it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GROUPS, groupOf } from '../groups.mjs';
import { readResults, scoreOf } from './results.mjs';

/**
 * Why mutants survive, by file: each entry is about the mutants that put `replacement`, or anything where that is absent, in the
 * place of `original`.
 */
export function readReasons(root, name) {
  const path = join(root, `docs/mutation/${name}.reasons.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

export function reasonFor(reasons, path, { original, replacement }) {
  return reasons[path]?.find((each) => each.original === original && (each.replacement ?? replacement) === replacement)?.reason;
}

export function writeReport(root, name) {
  writeFileSync(join(root, `docs/${name}-mutation.md`), reportOf(root, name));
}

export function reportOf(root, name) {
  const results = readResults(root, name);
  const reasons = readReasons(root, name);
  const groups = Object.keys(GROUPS[name]).map((group) => {
    const files = Object.entries(results).filter(([path]) => groupOf(name, relative(name, path)) === group);
    return { group, files, wanted: GROUPS[name][group].mutants };
  });
  return `# Mutation testing: ${name}

A mutant is the source with one small change: a condition turned round, a number off by one, a statement left out. A test that
fails kills it. A mutant that survives is a change of behaviour that no test sees, or no change of behaviour at all.

Made by \`npm run mutation -- --all --write\` and \`-- --report\` from \`docs/mutation/${name}.json\` (what was measured) and
\`docs/mutation/${name}.reasons.json\` (why a mutant survives); not written by hand. Killed are also mutants that never end. No mutant is
made of an invariant of our own (a call of \`assert\` or \`unreachable\`, and an arm that is nothing else) and of the text of an error or of a
violation: those are counted as left out. A file without mutants holds types alone.

| group | mutants | killed | survived | score | wanted |
|---|---:|---:|---:|---:|---:|
${groups.map(groupRow).join('\n')}

## Files

The commit is the one that made the file what it was when it was measured; \`+\`: it had changes that were not committed.
The tests are those of the day it was measured: what came since may kill more.

| file | commit | mutants | killed | survived | left out | score |
|---|---|---:|---:|---:|---:|---:|
${groups.flatMap(({ files }) => files.map(fileRow(name))).join('\n')}

## Mutants that survived

${groups.flatMap(({ files }) => files.flatMap(survivorsOf(name, reasons))).join('\n\n')}
`;
}

const relative = (name, path) => path.slice(`packages/${name}/src/`.length);

function groupRow({ group, files, wanted }) {
  const of = files.map(([, result]) => result);
  const sum = (key) => of.reduce((total, each) => total + each[key], 0);
  const score = of.length === 0 ? 'not measured' : percent(scoreOf(of));
  return `| ${group} | ${sum('mutants')} | ${sum('killed')} | ${sum('mutants') - sum('killed')} | ${score} | ${wanted} % |`;
}

function fileRow(name) {
  return ([path, { commit, mutants, killed, ignored, ...result }]) =>
    `| ${relative(name, path)} | ${commit} | ${mutants} | ${killed} | ${mutants - killed} | ${ignored} | ${mutants === 0 ? '–' : percent(scoreOf([{ mutants, killed, ...result }]))} |`;
}

/** Never rounded up to what is not reached. */
const percent = (score) => `${(Math.floor(score * 10) / 10).toFixed(1)} %`;

function survivorsOf(name, reasons) {
  return ([path, { survivors }]) => {
    if (survivors.length === 0) return [];
    const rows = survivors.map((each) => {
      const seen = each.status === 'NoCoverage' ? 'no test comes here' : undefined;
      const why = reasonFor(reasons, path, each) ?? seen ?? 'not explained';
      return `| ${each.line} | ${code(each.original)} | ${code(each.replacement)} | ${why} |`;
    });
    return [
      `### ${relative(name, path)}\n\n| line | source | mutant | why no test sees it |\n|---:|---|---|---|\n${rows.join('\n')}`,
    ];
  };
}

/** Code in a cell of a table. */
function code(text) {
  const short = text.length > 120 ? `${text.slice(0, 117)}…` : text;
  const fence = short.includes('`') ? '``' : '`';
  return `${fence}${short.replaceAll('|', '\\|')}${fence}`;
}
