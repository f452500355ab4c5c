// Stryker's runner of tests: those of one package, in this process. A run of a mutant evaluates the program again, so that
// nothing of the mutant before it is left, loads only the files whose tests reach the mutant, and ends with the first failure;
// tests that killed before come first. Where vitest takes half a second for a mutant, this takes some hundredths.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { reasonToIgnore } from './ignored.mjs';
import { compile } from './program.mjs';
import { collect, vitest } from './vitest.mjs';

// These come with Stryker: they are asked for there, wherever npm has put them.
const { resolve } = createRequire(createRequire(import.meta.url).resolve('@stryker-mutator/core'));
const load = (name) => import(pathToFileURL(resolve(`@stryker-mutator/api/${name}`)).href);
const { commonTokens, declareClassPlugin, declareValuePlugin, PluginKind, tokens } = await load('plugin');
const { determineHitLimitReached, DryRunStatus, TestStatus, toMutantRunResult } = await load('test-runner');

/** The module that the tests share: outside of the program, so it is loaded once. */
const fastCheck = createRequire(import.meta.url)('fast-check');

/** Stands for all tests of a file while that is loaded. */
const LOADING = 'loading';

const SETUP = 'packages/sansio/test/support/seed.ts';

class PackageTestRunner {
  static inject = tokens(commonTokens.options);

  #options;
  #evaluate;
  /** How often each test has killed. */
  #kills = new Map();
  #ids;
  /** By test: milliseconds. */
  #took = new Map();

  constructor(options) {
    this.#options = options.package;
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    const { sources, tests } = this.#options;
    this.#evaluate = await compile({ root: process.cwd(), files: [SETUP, ...sources, ...tests], modules: { vitest } });
  }

  async dryRun() {
    const space = namespace();
    Object.assign(space, { activeMutant: undefined, mutantCoverage: undefined, hitCount: undefined, hitLimit: undefined });
    const program = this.#start(); // what is hit here is hit in the loading of the sources: all tests depend on it
    const tests = [];
    for (const path of this.#options.tests) {
      // What a file does while it declares its tests belongs to each of them.
      space.currentTestId = LOADING;
      const collected = await collect(path, program[path]);
      const loading = space.mutantCoverage?.perTest[LOADING] ?? {};
      delete space.mutantCoverage?.perTest[LOADING];
      for (const { name, run } of collected) {
        const id = `${path}#${name}`;
        const begin = performance.now();
        if (space.mutantCoverage) space.mutantCoverage.perTest[id] = { ...loading };
        space.currentTestId = id;
        const failure = await run().then(() => undefined, String);
        space.currentTestId = undefined;
        const timeSpentMs = performance.now() - begin;
        this.#took.set(id, timeSpentMs);
        const outcome =
          failure === undefined ? { status: TestStatus.Success } : { status: TestStatus.Failed, failureMessage: failure };
        tests.push({ id, name, fileName: path, timeSpentMs, ...outcome });
      }
    }
    return { status: DryRunStatus.Complete, tests, mutantCoverage: space.mutantCoverage };
  }

  async mutantRun({ activeMutant, hitLimit: limit, mutantActivation, testFilter }) {
    const space = namespace();
    // A loop without end: one test hits the mutant twice as often as all tests together do without it. Stryker's own limit is
    // a hundred times as often, over all tests.
    const hitLimit = limit === undefined ? undefined : Math.ceil(limit / 50);
    const setActive = (active) => {
      space.activeMutant = active ? activeMutant.id : undefined;
    };
    Object.assign(space, { hitCount: 0, hitLimit });
    const isStatic = mutantActivation === 'static';
    setActive(isStatic);
    const ran = [];
    const result = (failed) =>
      determineHitLimitReached(space.hitCount, hitLimit) ??
      toMutantRunResult({ status: DryRunStatus.Complete, tests: failed === undefined ? ran : [...ran, failed] });
    const fail = (id, error) => {
      this.#kills.set(id, (this.#kills.get(id) ?? 0) + 1);
      return result({ id, name: id, timeSpentMs: 0, status: TestStatus.Failed, failureMessage: String(error) });
    };

    let program;
    try {
      program = this.#start();
    } catch (error) {
      return fail('the sources load', error);
    }
    setActive(true);
    const loaded = new Map();
    for (const id of this.#order(testFilter ?? (await this.#everyTest()))) {
      const path = id.slice(0, id.indexOf('#'));
      space.hitCount = 0;
      if (!loaded.has(path)) {
        try {
          loaded.set(path, new Map((await collect(path, program[path])).map(({ name, run }) => [`${path}#${name}`, run])));
        } catch (error) {
          return fail(id, error);
        }
      }
      const run = loaded.get(path).get(id);
      if (run === undefined) continue; // the mutant has changed the name: that alone is no failure
      const begin = performance.now();
      try {
        await run();
      } catch (error) {
        return fail(id, error);
      }
      this.#took.set(id, performance.now() - begin);
      if (space.hitCount > hitLimit) return result();
      ran.push({ id, name: id, timeSpentMs: 0, status: TestStatus.Success });
    }
    return result();
  }

  /** A fresh module graph with the sources in it; what loads its files, by path. */
  #start() {
    const program = this.#evaluate();
    for (const path of [SETUP, ...this.#options.sources]) program[path]();
    // A law that a mutant breaks has done its work: the smallest example is of no interest.
    fastCheck.configureGlobal({ ...fastCheck.readConfigureGlobal(), endOnFailure: true });
    return program;
  }

  /** For a mutant in the loading of the sources. Asked for without any mutant: it may change the names of tests. */
  async #everyTest() {
    if (this.#ids !== undefined) return this.#ids;
    const space = namespace();
    const { activeMutant } = space;
    space.activeMutant = undefined;
    const program = this.#start();
    const ids = [];
    for (const path of this.#options.tests)
      ids.push(...(await collect(path, program[path])).map(({ name }) => `${path}#${name}`));
    space.activeMutant = activeMutant;
    this.#ids = ids;
    return ids;
  }

  #order(ids) {
    const kills = (id) => this.#kills.get(id) ?? 0;
    const took = (id) => this.#took.get(id) ?? 0;
    return [...ids].sort((a, b) => kills(b) - kills(a) || took(a) - took(b));
  }
}

/** Where the mutants that Stryker wrote into the sources look. */
function namespace() {
  return (globalThis.__stryker__ ??= {});
}

/** Says now and then how far the run is. */
class ProgressReporter {
  #total = 0;
  #done = 0;
  #survived = 0;
  #saidAt = performance.now();

  onMutationTestingPlanReady({ mutantPlans }) {
    this.#total = mutantPlans.length;
  }

  onMutantTested({ status }) {
    this.#done++;
    if (status === 'Survived' || status === 'NoCoverage') this.#survived++;
    if (performance.now() - this.#saidAt < PROGRESS_MS) return;
    this.#saidAt = performance.now();
    console.error(`        ${this.#done} of ${this.#total} mutants, ${this.#survived} survived`);
  }
}

const PROGRESS_MS = 15_000;

export const strykerPlugins = [
  declareClassPlugin(PluginKind.Reporter, 'count', ProgressReporter),
  declareClassPlugin(PluginKind.TestRunner, 'package', PackageTestRunner),
  declareValuePlugin(PluginKind.Ignore, 'invariants', { shouldIgnore: ({ node, parent }) => reasonToIgnore(node, parent) }),
];
export const strykerValidationSchema = { properties: { package: { type: 'object' } } };
