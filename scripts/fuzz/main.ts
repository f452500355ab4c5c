import { relative } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type FuzzRequest, readArguments, USAGE } from './arguments.js';
import { Fuzzer } from './fuzzer.js';
import { loadProgram, type Program } from './program.js';
import { crashText, progressLine } from './report.js';
import { chooseTarget, findTargets, readCorpus, replaceSeeds, type Target, writeInput } from './targets.js';

/** A step of the loop takes about this long: then the clock is looked at and the line rewritten. */
const STEP_MS = 200;
/** Octets that `--keep` leaves in the corpus of one target at most. */
const KEPT_OCTETS_MAX = 8 * 1024;
/** Octets of heap that must not be alive any more: targets keep nothing between executions. */
const GROWTH_MAX = 64 * 1024 * 1024;

/** Runs the command line; resolves to the exit code: 0 nothing found, 1 something found, 2 not understood. */
export async function main(args: readonly string[], root: string): Promise<number> {
  const request = readArguments(args);
  if (typeof request === 'string') {
    console.error(`${request}\n\n${USAGE}`);
    return 2;
  }
  const targets = findTargets(root);
  if (request.list) {
    for (const { name, corpus } of targets) console.log(`${name.padEnd(24)} ${readCorpus(corpus).length} files`);
    return 0;
  }
  const target = chooseTarget(targets, request.target ?? '');
  if (target === undefined) {
    console.error(`there is no one target "${request.target}"; these are:\n${targets.map(({ name }) => `  ${name}`).join('\n')}`);
    return 2;
  }
  return fuzz(target, request, root);
}

async function fuzz(target: Target, request: FuzzRequest, root: string): Promise<number> {
  const program = await loadProgram(target.entry, { root });
  const seeds = [...readCorpus(target.corpus).map(({ bytes }) => bytes), ...(program.module.seeds?.() ?? [])];
  const fuzzer = new Fuzzer({ program, seeds, seed: request.seed, timeoutMs: request.timeoutMs });
  console.log(`${target.name}: ${seeds.length} seeds, ${program.dictionary.length} tokens, seed ${request.seed}`);

  const started = performance.now();
  const growth = runFor(fuzzer, request);
  console.log(progressLine(fuzzer, performance.now() - started));
  const { steps, octets } = fuzzer.slowest;
  console.log(`most expensive: ${(steps / octets).toFixed(0)} steps an octet (${steps} for ${octets})`);
  if (request.unreached) printUnreached(program, fuzzer);

  for (const crash of fuzzer.crashes)
    console.log(crashText(crash, relative(root, writeInput(target.corpus, 'crash', crash.bytes))));
  if (growth > GROWTH_MAX) console.log(`✗ growth: ${(growth / 2 ** 20).toFixed(0)} MiB of heap stay alive after the executions`);
  if (request.keep) {
    const kept = fuzzer.distil(KEPT_OCTETS_MAX);
    replaceSeeds(target.corpus, kept);
    console.log(`kept ${kept.length} inputs, ${kept.reduce((sum, bytes) => sum + bytes.length, 0)} octets`);
  }
  return fuzzer.crashes.length > 0 || growth > GROWTH_MAX ? 1 : 0;
}

/** Runs until the time or the executions are used up; returns by how many octets the live heap grew. */
function runFor(fuzzer: Fuzzer, { seconds, executions }: FuzzRequest): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const live = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const started = performance.now();
  const deadline = started + seconds * 1000;
  let step = 16;
  let before: number | undefined; // measured once the code is warm
  while (performance.now() < deadline && fuzzer.executions < executions && !fuzzer.finished) {
    const stepStarted = performance.now();
    fuzzer.run(Math.min(step, executions - fuzzer.executions));
    const now = performance.now();
    step = Math.max(16, Math.min(1_000_000, Math.round((step * STEP_MS) / Math.max(1, now - stepStarted)), 4 * step));
    if (before === undefined && now - started > 2000) before = live();
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${progressLine(fuzzer, now - started)}`);
  }
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  return before === undefined ? 0 : live() - before;
}

function printUnreached({ functions }: Program, fuzzer: Fuzzer): void {
  const reached = new Set(fuzzer.coverage.reached);
  for (const [counter, name] of functions) if (!reached.has(counter)) console.log(`  never entered: ${name}`);
}
