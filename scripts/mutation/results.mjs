// What was measured, kept in docs/mutation/NAME.json: by file the commit, counts, and the mutants that survived.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const pathOf = (root, name) => join(root, 'docs/mutation', `${name}.json`);

export function readResults(root, name) {
  const path = pathOf(root, name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

export function writeResults(root, name, results) {
  const path = pathOf(root, name);
  mkdirSync(dirname(path), { recursive: true });
  const sorted = Object.fromEntries(Object.entries(results).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** Per cent of the mutants of several files that were killed. */
export function scoreOf(results) {
  const sum = (key) => results.reduce((total, each) => total + each[key], 0);
  return sum('mutants') === 0 ? 100 : (100 * sum('killed')) / sum('mutants');
}
