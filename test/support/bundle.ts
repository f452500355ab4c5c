import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'vitest/config';

/**
 * Makes one bundle of all tests, with the sources that they share in chunks of their own, and lets Node load it: vitest alone
 * transforms each of some thousand modules by itself, and what it makes of them runs a third slower. The files keep their
 * names, and stack traces lead to the sources. Where line numbers have to be those of the files (coverage, writing of
 * snapshots, watching), or when something does not parse, everything is as it is without this plugin.
 *
 * `root`: the folder with `packages`; the bundle goes to its `.nexus/tests`, a folder for each process.
 */
export function bundled(root: string): Plugin {
  const parent = join(root, '.nexus/tests');
  const folder = join(parent, String(process.pid));
  const entries = new Map(
    findEntries(root).map((file) => [file, join(folder, `${relative(root, file).slice(0, -'.ts'.length)}.mjs`)]),
  );
  let built: Promise<boolean> = Promise.resolve(false);
  return {
    name: 'nexus-net:bundled',
    enforce: 'pre',
    config: () => ({ test: { server: { deps: { external: [/\/\.nexus\/tests\//] } } } }),
    configureVitest({ vitest: { config } }) {
      if (config.coverage.enabled || config.watch || config.snapshotOptions.updateSnapshot === 'all') return;
      config.snapshotOptions.updateSnapshot = 'none'; // it would be written into the bundle
      removeEnded(parent);
      built = bundle({ root, folder, files: [...entries.keys()] });
    },
    async load(id) {
      const path = entries.get(id);
      return path !== undefined && (await built) ? `export * from ${JSON.stringify(path)};` : undefined;
    },
  };
}

/** The tests of the host proof, what is set up before them, and the targets of the fuzzer, which one imports by their paths. */
function findEntries(root: string): string[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name, 'test'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => (readdirSync(folder, { recursive: true }) as string[]).map((file) => join(folder, file)))
    .filter(
      (file) => /\.test\.ts$|\/test\/(fuzz\/[^/]+|support\/seed)\.ts$/.test(file) && !/\.(live|long|peers)\.test\.ts$/.test(file),
    );
}

/** True when there is a bundle; what esbuild refuses, vitest refuses too, but only for the files that it is wrong in. */
async function bundle({ root, folder, files }: { root: string; folder: string; files: readonly string[] }): Promise<boolean> {
  try {
    await build({
      entryPoints: files,
      outbase: root,
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      conditions: ['@nexus-net/source'],
      sourcemap: 'linked',
      ignoreAnnotations: true, // by `sideEffects: false` a package's tests would lose what they import for its effect alone
      plugins: [{ name: 'nexus-net', setup }],
      logLevel: 'silent',
    });
    return true;
  } catch {
    return false;
  }
}

function setup(building: Building): void {
  // Packages of the workspace are part of the bundle; everything else is loaded as it is.
  building.onResolve({ filter: /^[^./]/ }, ({ path }) => (path.startsWith('@nexus-net/') ? undefined : { path, external: true }));
  // A file of the bundle is elsewhere than its source, beside which tests look for their vectors.
  building.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
    contents: readFileSync(path, 'utf8')
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
    loader: 'ts',
  }));
}

/** Bundles of processes that are gone. */
function removeEnded(parent: string): void {
  for (const pid of existsSync(parent) ? readdirSync(parent) : [])
    if (!isRunning(Number(pid))) rmSync(join(parent, pid), { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** As much of esbuild as is used here. */
interface Esbuild {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

interface Building {
  onResolve(
    options: { readonly filter: RegExp },
    resolve: (asked: { readonly path: string }) => { readonly path: string; readonly external: true } | undefined,
  ): void;
  onLoad(
    options: { readonly filter: RegExp },
    load: (file: { readonly path: string }) => { readonly contents: string; readonly loader: 'ts' },
  ): void;
}

// esbuild comes with tsup: it is asked for there, wherever npm has put it.
const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as Esbuild;
