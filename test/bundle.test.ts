import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundled } from './support/bundle.js';

/** The hooks of the plugin as vite calls them, with as much of their arguments as they look at. */
interface Hooks {
  configureVitest(context: { readonly vitest: { readonly config: Config } }): void;
  load(id: string): Promise<string | undefined>;
}

interface Config {
  readonly coverage: { readonly enabled: boolean };
  readonly watch: boolean;
  readonly snapshotOptions: { updateSnapshot: string };
}

const once: Config = { coverage: { enabled: false }, watch: false, snapshotOptions: { updateSnapshot: 'new' } };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nexus-bundle-'));
  write(
    'src/shared.ts',
    "export const shared: object = {};\nexport function fail(): never {\n  throw new Error('planted');\n}\n",
  );
  for (const name of ['a', 'b'])
    write(
      `test/${name}.test.ts`,
      "export { fail, shared } from '../src/shared.js';\nexport const here: string = import.meta.url;\n",
    );
});

afterEach(() => rmSync(root, { recursive: true }));

function at(path: string): string {
  return join(root, 'packages/toy', path);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

/** What vite is given to load instead of the file, after vitest was configured so. */
async function load(path: string, config: Config = once): Promise<string | undefined> {
  const hooks = bundled(root) as unknown as Hooks;
  hooks.configureVitest({ vitest: { config } });
  return hooks.load(at(path));
}

/** The path of the bundle's file that stands for a test. */
async function bundledPath(path: string): Promise<string> {
  return JSON.parse(/^export \* from (.+);$/.exec((await load(path)) ?? '')?.[1] ?? '');
}

function thrown(run: () => void): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it does not throw');
}

interface Toy {
  readonly here: string;
  readonly shared: object;
  fail(): never;
}

describe('a test that was bundled', () => {
  test('knows its place, and shares the sources with the others', async () => {
    const path = await bundledPath('test/a.test.ts');
    const a = (await import(pathToFileURL(path).href)) as Toy;
    const b = (await import(pathToFileURL(path.replace('a.test.mjs', 'b.test.mjs')).href)) as Toy;
    expect([a.here, b.here].map((url) => fileURLToPath(url))).toEqual([at('test/a.test.ts'), at('test/b.test.ts')]);
    expect(a.shared).toBe(b.shared);
  });

  test('leads to its sources', async () => {
    const path = await bundledPath('test/a.test.ts');
    const a = (await import(pathToFileURL(path).href)) as Toy;
    expect(thrown(() => a.fail()).stack).toContain(`${at('src/shared.ts')}:3:`);
  });
});

describe('nothing is bundled', () => {
  test.each([
    ['for coverage', { ...once, coverage: { enabled: true } }],
    ['for watching', { ...once, watch: true }],
    ['to write snapshots anew', { ...once, snapshotOptions: { updateSnapshot: 'all' } }],
  ])('%s', async (_, config) => {
    expect(await load('test/a.test.ts', config)).toBeUndefined();
  });

  test('when a file does not parse: vitest says which', async () => {
    write('test/b.test.ts', 'const = 1;');
    expect(await load('test/a.test.ts')).toBeUndefined();
  });

  test.each(['live', 'long', 'peers'])('of what ends with .%s.test.ts', async (suffix) => {
    write(`test/a.${suffix}.test.ts`, '');
    expect(await load(`test/a.${suffix}.test.ts`)).toBeUndefined();
  });
});

test('a snapshot that is not there yet fails: it could be written into the bundle only', async () => {
  const config: Config = { ...once, snapshotOptions: { updateSnapshot: 'new' } };
  await load('test/a.test.ts', config);
  expect(config.snapshotOptions.updateSnapshot).toBe('none');
});
