// The tests of one package as a program that can be started afresh in milliseconds: one script, compiled once, that holds
// the sources and tests of the package; each evaluation of it is a module graph of its own.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

const require = createRequire(import.meta.url);
// esbuild comes with tsup: it is asked for there, wherever npm has put it.
const { build } = createRequire(require.resolve('tsup'))('esbuild');

/** Packages of the workspace are part of the program; everything else is loaded once and shared by all evaluations. */
const shared = {
  name: 'shared',
  setup(bundle) {
    bundle.onResolve({ filter: /^[^./]/ }, ({ path }) => (path.startsWith('@nexus-net/') ? undefined : { path, external: true }));
  },
};

/** A script has no `import.meta`; tests read their vectors beside themselves. */
const locations = {
  name: 'locations',
  setup(bundle) {
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(join(path, '..')));
      return { contents: text, loader: 'ts' };
    });
  },
};

/**
 * `root`: where the packages are; `files`, relative to `root`, can be loaded; `modules`: what stands in for modules of that name.
 * Gives a function that makes a fresh module graph and returns, by file, what loads that file into it.
 */
export async function compile({ root, files, modules }) {
  const literal = (path) => JSON.stringify(`./${path.split(sep).join('/')}`);
  const built = await build({
    stdin: {
      contents: [
        'module.exports = {',
        ...files.map((path) => `  ${JSON.stringify(path)}: () => require(${literal(path)}),`),
        '};',
      ].join('\n'),
      resolveDir: root,
      sourcefile: 'tests.js',
      loader: 'js',
    },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    conditions: ['@nexus-net/source'],
    plugins: [shared, locations],
    logLevel: 'error',
  });
  const script = new Script(`(function (require, module, exports) {${built.outputFiles[0].text}\n})`, {
    filename: join(root, 'tests.js'),
  });
  const resolve = createRequire(join(root, 'package.json'));
  return () => {
    const module = { exports: {} };
    script.runInThisContext()((id) => modules[id] ?? resolve(id), module, module.exports);
    return module.exports;
  };
}
