import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, relative, sep } from 'node:path';
import { Script } from 'node:vm';
import type { FuzzModule } from '../../packages/sansio/test/support/fuzz.js';
import { tokensOf } from './dictionary.js';

/** A target with its sources, ready to run: each statement, function and branch of the sources counts its executions. */
export interface Program {
  readonly module: FuzzModule;
  /** One counter for each place; the caller resets them. */
  readonly counters: Uint32Array;
  /** Names of the functions by the counter of their entry, e.g. `packages/wire/src/dns.ts: decodeDns`. */
  readonly functions: ReadonlyMap<number, string>;
  /** What the sources allocate as `new Uint8Array(length)`. */
  readonly memory: AllocationMeter;
  readonly dictionary: readonly Uint8Array[];
}

/** Octets asked for since the last reset; asking for more than `limit` throws {@link AllocationError}. */
export interface AllocationMeter {
  octets: number;
  limit: number;
}

export class AllocationError extends Error {
  override readonly name = 'AllocationError';
}

/** Sources of packages are instrumented; a target itself is not: its laws are no code that has to be reached. */
function isPackageSource(name: string): boolean {
  return /^packages\/[^/]+\/src\//.test(name.split(sep).join('/'));
}

/**
 * Bundles a target module with esbuild, every instrumented file with Istanbul's counters in one flat array: a counter is then
 * one increment of a typed array's element, without a function call.
 */
export async function loadProgram(
  entry: string,
  {
    root,
    instrument = isPackageSource,
  }: { readonly root: string /** By path from the root. */; readonly instrument?: (name: string) => boolean },
): Promise<Program> {
  const names: (string | undefined)[] = []; // by sparse counter: the function it is the entry of
  const tokens = new Map<string, Uint8Array>();
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    conditions: ['@nexus-net/source'],
    logLevel: 'error',
    plugins: [
      {
        name: 'counters',
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            if (path.includes(`${sep}node_modules${sep}`)) return undefined;
            const loader = 'ts';
            const source = await readFile(path, 'utf8');
            const { code } = await esbuild.transform(source, { loader, target: 'node20' });
            for (const token of tokensOf(code)) tokens.set(token.join(), token);
            const name = relative(root, path);
            if (!instrument(name)) return { contents: code, loader: 'js', resolveDir: dirname(path) };
            const contents = withCounters(code.replaceAll('new Uint8Array(', '$allocate('), {
              path,
              name,
              names,
            });
            return { contents, loader: 'js', resolveDir: dirname(path) };
          });
        },
      },
    ],
  });

  // Whole files are instrumented, but only what the target uses is in the bundle: number what is left densely.
  const dense = new Map<string, number>();
  const functions = new Map<number, string>();
  const code = (outputFiles[0]?.text ?? '').replaceAll(/\$counters\[(\d+)\]/g, (_, sparse: string) => {
    const index = dense.get(sparse) ?? dense.size;
    dense.set(sparse, index);
    const name = names[Number(sparse)];
    if (name !== undefined) functions.set(index, name);
    return `$counters[${index}]`;
  });
  const counters = new Uint32Array(dense.size);
  const memory: AllocationMeter = { octets: 0, limit: Number.POSITIVE_INFINITY };
  const holder = { exports: {} as FuzzModule };
  const script = new Script(`(function (module, exports, require, $counters, $allocate) {${code}\n})`, { filename: 'fuzzed.js' });
  const start = script.runInThisContext() as (...args: unknown[]) => void;
  start(holder, holder.exports, createRequire(entry), counters, allocator(memory));
  // Files are loaded in any order; a run must not depend on it.
  const dictionary = [...tokens.keys()].sort().map((key) => tokens.get(key) as Uint8Array);
  return { module: holder.exports, counters, functions, memory, dictionary };
}

/** Instruments one file; the counters go on where those of the files before end. */
function withCounters(
  code: string,
  { path, name, names }: { readonly path: string; readonly name: string; readonly names: (string | undefined)[] },
): string {
  const instrumenter = istanbul.createInstrumenter({ esModules: true, compact: false });
  const instrumented = instrumenter.instrumentSync(code, path);
  const { statementMap, fnMap, branchMap } = instrumenter.lastFileCoverage();
  const at = new Map<string, number>();
  const place = (key: string, text?: string): void => {
    at.set(key, names.length);
    names.push(text);
  };
  for (const id of Object.keys(statementMap)) place(`s${id}`);
  for (const [id, { name: fn }] of Object.entries(fnMap)) place(`f${id}`, `${name}: ${fn}`);
  for (const [id, { locations }] of Object.entries(branchMap)) locations.forEach((_, arm) => void place(`b${id}.${arm}`));

  // Istanbul starts the file with a function that finds its coverage object and a call of it; neither is needed.
  const variable = /function (cov_\w+)\(\)/.exec(instrumented)?.[1];
  if (variable === undefined) return instrumented; // a file of types only
  const call = `${variable}();`;
  const body = instrumented
    .slice(instrumented.indexOf(call) + call.length)
    .replaceAll(new RegExp(`${variable}\\(\\)\\.([sfb])\\[(\\d+)\\](?:\\[(\\d+)\\])?`, 'g'), (_, kind, id, arm) => {
      return `$counters[${at.get(arm === undefined ? `${kind}${id}` : `${kind}${id}.${arm}`)}]`;
    });
  if (body.includes(variable)) throw new Error(`${name}: not every counter of Istanbul was understood`);
  return body;
}

function allocator(meter: AllocationMeter): (...args: unknown[]) => Uint8Array {
  return (first, ...rest) => {
    if (typeof first === 'number') {
      meter.octets += first;
      if (meter.octets > meter.limit) throw new AllocationError(`${meter.octets} octets allocated, allowed are ${meter.limit}`);
    }
    return new (Uint8Array as new (...args: unknown[]) => Uint8Array)(first, ...rest);
  };
}

/** The part of Istanbul that is used here. */
interface Istanbul {
  createInstrumenter(options: { readonly esModules: boolean; readonly compact: boolean }): {
    instrumentSync(code: string, path: string): string;
    lastFileCoverage(): {
      readonly statementMap: Readonly<Record<string, unknown>>;
      readonly fnMap: Readonly<Record<string, { readonly name: string }>>;
      readonly branchMap: Readonly<Record<string, { readonly locations: readonly unknown[] }>>;
    };
  };
}

/** The part of esbuild that is used here. */
interface Esbuild {
  build(options: Readonly<Record<string, unknown>> & { readonly plugins: readonly EsbuildPlugin[] }): Promise<{
    readonly outputFiles: readonly { readonly text: string }[];
  }>;
  transform(source: string, options: { readonly loader: string; readonly target: string }): Promise<{ readonly code: string }>;
}

interface EsbuildPlugin {
  readonly name: string;
  setup(build: {
    onLoad(
      options: { readonly filter: RegExp },
      load: (file: {
        readonly path: string;
      }) => Promise<{ readonly contents: string; readonly loader: string; readonly resolveDir: string } | undefined>,
    ): void;
  }): void;
}

const require = createRequire(import.meta.url);
const istanbul = require('istanbul-lib-instrument') as Istanbul;
// esbuild comes with tsup.
const esbuild = createRequire(require.resolve('tsup'))('esbuild') as Esbuild;
