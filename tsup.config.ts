import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly workspaces: readonly string[] };

/** Files of a package that are entered from outside, beside its `index.ts`. */
const FURTHER_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  'packages/dsoftbus': ['src/crypto-noble.ts', 'src/crypto-node.ts', 'src/host-dialect.ts'],
  'packages/host': ['src/sqlite.ts', 'src/tap.ts'],
  'packages/smoke': ['src/bin.ts'],
};

/** NEXUS_BUILD=js leaves the declarations out: what running needs, in a tenth of the time. */
const dts = process.env['NEXUS_BUILD'] !== 'js';

const configs: Options[] = workspaces.map((folder) => ({
  name: folder,
  entry: ['src/index.ts', ...(FURTHER_ENTRIES[folder] ?? [])].map((path) => join(folder, path)),
  outDir: join(folder, 'dist'),
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  external: [/^node:/, /^@nexus-net\//, 'node-sqlite3-wasm', 'koffi', /^@noble\//],
  sourcemap: true,
  clean: ['!**/programs/**'],
  dts,
  silent: true,
}));

/** What boots in a guest has no node_modules beside it: one file, made of the sources. */
configs.push({
  name: 'packages/guest/programs',
  entry: ['packages/guest/src/programs/nexus.ts'],
  outDir: 'packages/guest/dist/programs',
  format: 'cjs',
  target: 'node20',
  platform: 'node',
  noExternal: [/.*/],
  esbuildOptions: (options) => {
    options.conditions = ['@nexus-net/source'];
  },
  clean: true,
  minify: true,
  silent: true,
});

const config: Options[] = defineConfig(configs) as Options[];

export default config;
