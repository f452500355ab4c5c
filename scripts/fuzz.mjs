// `npm run fuzz`: bundles the fuzzer (TypeScript, like everything it fuzzes) and runs it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
// esbuild comes with tsup: it is asked for there, wherever npm has put it.
const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild');
const outfile = join(ROOT, '.nexus/fuzz/main.mjs');
await build({
  entryPoints: [join(ROOT, 'scripts/fuzz/main.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  conditions: ['@nexus-net/source'],
  sourcemap: 'inline',
  logLevel: 'error',
});

process.setSourceMapsEnabled(true);
const { main } = await import(pathToFileURL(outfile).href);
process.exitCode = await main(process.argv.slice(2), ROOT);
