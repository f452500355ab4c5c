import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { currentLoad, describeMachine } from './machine.js';
import { markdown, replaceBlock } from './report.js';
import { SUITES } from './suites/index.js';
import type { Suite, SuiteResult } from './suites/suite.js';

export { udpServerMain } from './udp/our-server.js';

interface Place {
  readonly root: string;
  /** This program as a file. */
  readonly program: string;
}

/** Runs the suites whose names begin with one of the words given, or all. Each in a process of its own. */
export async function main(args: readonly string[], { root, program }: Place): Promise<number> {
  const options = { write: { type: 'boolean' }, list: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const wanted = SUITES.filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.startsWith(word)));
  const unknown = positionals.filter((word) => !SUITES.some(({ name }) => name.startsWith(word)));
  if (values.list === true || unknown.length > 0) {
    for (const word of unknown) console.error(`no suite begins with ${JSON.stringify(word)}`);
    for (const { name, about } of SUITES) console.log(`${name.padEnd(14)} ${about}`);
    return unknown.length > 0 ? 2 : 0;
  }
  let failed = 0;
  for (const suite of wanted) {
    const block = inOwnProcess(suite, { root, program });
    if (block === undefined) {
      failed += 1;
      console.error(`✗ ${suite.name} failed`);
      continue;
    }
    console.log(`\n## ${suite.name}: ${suite.about}\n\n${block}`);
    if (values.write === true) writeBlock(join(root, 'bench/README.md'), suite.name, block);
  }
  return failed === 0 ? 0 : 1;
}

/** A process of its own: what one suite taught the compiler does not shape the code of the next. */
function inOwnProcess(suite: Suite, { root, program }: Place): string | undefined {
  const script = `const { suiteMain } = await import(${JSON.stringify(pathToFileURL(program).href)});
    await suiteMain(${JSON.stringify(suite.name)}, ${JSON.stringify(root)});`;
  const loadBefore = currentLoad();
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  if (run.status !== 0) return undefined;
  const result = JSON.parse(run.stdout) as SuiteResult;
  return `${describeMachine(root, { loadBefore })}\n\n${markdown(result)}`;
}

/** The other side of `inOwnProcess`. */
export async function suiteMain(name: string, root: string): Promise<void> {
  const suite = SUITES.find((each) => each.name === name);
  if (suite === undefined) throw new Error(`no suite ${name}`);
  const result = await suite.run({ root, progress: (text) => console.error(`  ${name}: ${text}`) });
  process.stdout.write(JSON.stringify(result));
}

function writeBlock(path: string, name: string, block: string): void {
  writeFileSync(path, replaceBlock(readFileSync(path, 'utf8'), name, block));
}
