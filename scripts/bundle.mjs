// Our tools are TypeScript, like everything that they work on: bundled on the fly, with the sources of all packages.
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Bundles FOLDER/main.ts into `.nexus` and loads it: its exports, and as `program` the path of the bundle. */
export async function loadMain(folder) {
  // esbuild comes with tsup: it is asked for there, wherever npm has put it.
  const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild');
  const program = join(ROOT, '.nexus', basename(folder), 'main.mjs');
  await build({
    entryPoints: [join(ROOT, folder, 'main.ts')],
    outfile: program, // with its folder
    bundle: true,
    external: ['koffi'], // native: it finds its library beside its own files
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@nexus-net/source'],
    sourcemap: 'inline',
    logLevel: 'error',
  });
  return { ...(await import(pathToFileURL(program).href)), program };
}
