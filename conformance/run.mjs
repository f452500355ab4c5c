// `npm run conformance [-- DIR] [--json]`: bundles the runner (TypeScript, like everything it checks) and runs it.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
// esbuild comes with tsup: it is asked for there, wherever npm has put it.
const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild');
const folder = join(ROOT, '.nexus/conformance');
mkdirSync(folder, { recursive: true });
const outfile = join(folder, 'main.mjs');
await build({
  entryPoints: [join(ROOT, 'conformance/main.ts')],
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
