// What the tests import from vitest, outside of vitest: its own collector and its own matchers, without its workers.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve as resolvePath } from 'node:path';
import { pathToFileURL } from 'node:url';

// These come with vitest, in its version: they are asked for there, wherever npm has put them.
const { resolve } = createRequire(createRequire(import.meta.url).resolve('vitest'));
const load = (name) => import(pathToFileURL(resolve(name)).href);
const runner = await load('@vitest/runner');
const { ASYMMETRIC_MATCHERS_OBJECT, chai, getState, JestAsymmetricMatchers, JestChaiExpect, JestExtend, setState } =
  await load('@vitest/expect');
const { format } = await load('@vitest/pretty-format');

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

/** The file whose test is running: file snapshots are beside it. */
let running = '';

/** The text of an inline snapshot without the indentation that the source gives it. */
function dedent(text) {
  const lines = text.split('\n');
  const indentation = /^\s*/.exec(lines[1] ?? '')[0];
  return lines
    .map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line))
    .join('\n')
    .trim();
}

chai.use((_, { addMethod }) => {
  addMethod(chai.Assertion.prototype, 'toMatchInlineSnapshot', function (snapshot) {
    const received = format(this._obj, { escapeString: false, printBasicPrototype: false, printFunctionName: false });
    chai.assert.equal(dedent(`\n${received.trim()}`), dedent(snapshot));
  });
  addMethod(chai.Assertion.prototype, 'toMatchFileSnapshot', function (path) {
    chai.assert.equal(this._obj, readFileSync(resolvePath(dirname(running), path), 'utf8'));
  });
});

const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT]);
setState(
  { assertionCalls: 0, isExpectingAssertions: false, isExpectingAssertionsError: null, expectedAssertionsNumber: null },
  expect,
);
expect.getState = () => getState(expect);
expect.setState = (state) => setState(state, expect);
expect.unreachable = (message) => chai.assert.fail(`expected ${message ?? ''} not to be reached`);

const { afterAll, afterEach, beforeAll, beforeEach, describe, it, suite, test } = runner;
export const vitest = { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, suite, test };

const config = {
  root: '',
  name: undefined,
  setupFiles: [],
  sequence: { shuffle: false, concurrent: false, hooks: 'stack', setupFiles: 'list' },
  allowOnly: true,
  testTimeout: 600_000, // Stryker has the clock
  hookTimeout: 600_000,
  retry: 0,
  tags: [],
  includeTaskLocation: false,
};

/** Runs `load`, which declares tests, and returns them: flat, in order, each with its full name. */
export async function collect(path, load) {
  const [file] = await runner.collectTests([path], {
    config,
    pool: 'threads',
    trace: (_name, ...rest) => rest.at(-1)(),
    importFile: load,
  });
  if (file.result?.state === 'fail') throw new Error(file.result.errors[0]?.message ?? 'the file does not load');
  const tests = [];
  const visit = (suites, names) => {
    for (const task of suites.at(-1).tasks) {
      const full = [...names, task.name];
      if (task.type === 'suite') visit([...suites, task], full);
      else if (task.mode === 'run' || task.mode === 'queued')
        tests.push({ name: full.join(' '), run: () => run(path, task, suites) });
    }
  };
  visit([file], []);
  return tests;
}

/** Suites whose beforeAll has run. */
const begun = new WeakSet();

async function run(path, task, suites) {
  running = path;
  for (const suite of suites) {
    if (begun.has(suite)) continue;
    begun.add(suite);
    for (const hook of runner.getHooks(suite).beforeAll) await hook(suite);
  }
  try {
    for (const suite of suites) for (const hook of runner.getHooks(suite).beforeEach) await hook(task.context, suite);
    await runner.getFn(task)();
  } finally {
    for (const suite of suites.toReversed()) for (const hook of runner.getHooks(suite).afterEach) await hook(task.context, suite);
  }
}
