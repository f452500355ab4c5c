import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FOREIGN, NODE_EXCEPTION, PACKAGES, PURE, ROOT, readJson, sourcesOf } from './support/packages.js';
import { inspectSource } from './support/purity.js';

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly workspaces?: readonly string[];
}

const NODE_CRYPTO = `@nexus-net/dsoftbus/${NODE_EXCEPTION.subPath.slice(2)}`;

describe.each(Object.entries(PACKAGES))('package %s', (name, { kind, imports }) => {
  const sources = sourcesOf(name);
  const inspected = sources.map(({ path, text }) => inspectSource(path, text));

  test('imports only what the dependency rule names', () => {
    const allowed = imports.map((each) => `@nexus-net/${each}`);
    const excepted = (path: string | undefined, specifier: string): boolean =>
      [...FOREIGN, NODE_EXCEPTION].some((each) => each.path === path && isOf(specifier, each.specifier));
    const foreign = inspected
      .flatMap((file, i) => file.imports.filter((specifier) => !excepted(sources[i]?.path, specifier)))
      .filter((specifier) => !(specifier.startsWith('./') || specifier.startsWith('../')) && !allowed.includes(specifier))
      .filter((specifier) => !(kind === 'shell' && specifier.startsWith('node:')))
      // The provider of Node's cryptography is for those who run on Node: a shell that may import its package.
      .filter((specifier) => !(kind === 'shell' && allowed.includes('@nexus-net/dsoftbus') && specifier === NODE_CRYPTO));
    expect(foreign).toEqual([]);
  });

  test('declares each dependency that it may have, and no other', () => {
    const { dependencies = {} } = readJson<Manifest>(`packages/${name}/package.json`);
    expect(Object.keys(dependencies).sort()).toEqual(imports.map((each) => `@nexus-net/${each}`).sort());
  });

  test('its commands are there before the build, or npm would not link them', () => {
    const { bin = {} } = readJson<Manifest>(`packages/${name}/package.json`);
    expect(
      Object.values(bin).filter((path) => path.includes('dist/') || !existsSync(join(ROOT, 'packages', name, path))),
    ).toEqual([]);
  });

  test('stays inside of its own folder', () => {
    const depth = (path: string): number => path.split('/').length - 3;
    const outside = sources.flatMap(({ path }, i) =>
      (inspected[i]?.imports ?? [])
        .filter((specifier) => specifier.split('../').length - 1 >= depth(path))
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(outside).toEqual([]);
  });
});

/** Whether an import names a package, or a file of it. */
function isOf(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

describe.each(FOREIGN)('$specifier', ({ path, specifier }) => {
  const name = path.split('/')[1] as string;
  const manifest = readJson<
    Manifest & {
      readonly peerDependencies: Readonly<Record<string, string>>;
      readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
    }
  >(`packages/${name}/package.json`);

  test('is pinned exactly, optional, and nobody installs it unasked', () => {
    expect(manifest.peerDependencies[specifier]).toMatch(/^\d+\.\d+\.\d+$/);
    expect(manifest.peerDependenciesMeta[specifier]).toEqual({ optional: true });
    expect(readJson<{ devDependencies: Record<string, string> }>('package.json').devDependencies[specifier]).toBe(
      manifest.peerDependencies[specifier],
    );
  });
});

test.each([...FOREIGN, NODE_EXCEPTION])(
  '$specifier is reached from its sub-path and not from the root export',
  ({ path, subPath }) => {
    const name = path.split('/')[1] as string;
    const { exports } = readJson<{ readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>> }>(
      `packages/${name}/package.json`,
    );
    const sourceOf = (exported: string): string => join('packages', name, exports[exported]?.['@nexus-net/source'] ?? '');
    expect(reached(name, sourceOf(subPath))).toContain(path);
    expect(reached(name, sourceOf('.')).size).toBeGreaterThan(1);
    expect(reached(name, sourceOf('.'))).not.toContain(path);
  },
);

/** The files of a package that a file leads to, itself included. */
function reached(name: string, from: string, seen = new Set<string>()): ReadonlySet<string> {
  const source = sourcesOf(name).find((each) => each.path === from);
  if (source === undefined || seen.has(from)) return seen;
  seen.add(from);
  for (const each of inspectSource(from, source.text).imports)
    if (each.startsWith('.')) reached(name, join(dirname(from), each.replace(/\.js$/, '.ts')), seen);
  return seen;
}

test.each(PURE)('%s is pure: no clock, timer, randomness, promise, process or console', (name) => {
  expect(sourcesOf(name).flatMap(({ path, text }) => inspectSource(path, text).impurities)).toEqual([]);
});

test('the table of packages is the list of workspaces, in dependency order', () => {
  expect(readJson<Manifest>('package.json').workspaces).toEqual(Object.keys(PACKAGES).map((name) => `packages/${name}`));
  const names = Object.keys(PACKAGES);
  for (const [name, { imports }] of Object.entries(PACKAGES)) {
    for (const each of imports) expect(names.indexOf(each)).toBeLessThan(names.indexOf(name));
  }
});

describe('a planted violation is caught', () => {
  test.each([
    ['async', 'export async function f(): Promise<void> {}', ['async', 'Promise']],
    ['a clock', 'export const f = (): number => Date.now();', ['Date']],
    ['randomness', 'export const f = (): number => Math.random();', ['Math.random']],
    ['a timer', 'setTimeout(() => {}, 1);', ['setTimeout']],
    ['the process', 'export const f = process.pid;', ['process']],
    ['a log', 'console.log(1);', ['console']],
    ['a dynamic import', "export const f = import('node:fs');", ['import()']],
  ])('by the syntax tree: %s', (_what, text, labels) => {
    expect(inspectSource('planted.ts', text).impurities).toEqual(labels.map((label) => expect.stringContaining(label)));
  });

  test('but a member of that name is not one', () => {
    expect(
      inspectSource('planted.ts', 'export const f = (x: { process: number }): number => x.process; // Date.now()').impurities,
    ).toEqual([]);
  });

  // The linter's rules hold by folder, so the violations are planted in a tree of their own under the same configuration.
  const planted: readonly (readonly [string, string, string, string | undefined])[] = [
    [
      'node: in a pure package',
      'packages/wire/src/a.ts',
      "import { x } from 'node:fs';\nexport const y: number = x;\n",
      'noRestrictedImports',
    ],
    [
      'a package below',
      'packages/wire/src/b.ts',
      "import { x } from '@nexus-net/dhcp';\nexport const y: number = x;\n",
      'noRestrictedImports',
    ],
    [
      'a package beside',
      'packages/verdict/src/c.ts',
      "import { x } from '@nexus-net/lan';\nexport const y: number = x;\n",
      'noRestrictedImports',
    ],
    [
      'a foreign package',
      'packages/dhcp/src/d.ts',
      "import { x } from 'left-pad';\nexport const y: number = x;\n",
      'noRestrictedImports',
    ],
    [
      'allowed: node:crypto in the provider that is for it',
      'packages/dsoftbus/src/crypto-node.ts',
      "import { x } from 'node:crypto';\nexport const y: number = x;\n",
      undefined,
    ],
    [
      'anything else of Node there',
      'packages/dsoftbus/src/sub/crypto-node.ts',
      "import { x } from 'node:crypto';\nexport const y: number = x;\n",
      'noRestrictedImports',
    ],
    ['a timer', 'packages/net-os/src/e.ts', 'setTimeout(() => {}, 1);\n', 'noRestrictedGlobals'],
    [
      'allowed: a package above',
      'packages/wire/src/f.ts',
      "import { x } from '@nexus-net/sansio';\nexport const y: number = x;\n",
      undefined,
    ],
    ['allowed: a file beside', 'packages/wire/src/g.ts', "import { x } from './f.js';\nexport const y: number = x;\n", undefined],
    [
      'allowed: node: in a shell',
      'packages/host/src/h.ts',
      "import { x } from 'node:fs';\nexport const y: number = x;\n",
      undefined,
    ],
    ...PURE.map(
      (name) =>
        [
          `a clock in ${name}`,
          `packages/${name}/src/z.ts`,
          'export const y: number = Date.now();\n',
          'noRestrictedGlobals',
        ] as const,
    ),
  ];
  const reports = lintPlanted(planted.map(([, path, text]) => ({ path, text })));
  test.each(planted)('by the linter: %s', (_what, path, _text, rule) => {
    expect(reports.get(path) ?? []).toEqual(rule === undefined ? [] : [`lint/style/${rule}`]);
  });
});

/** The restriction rules that the linter reports for each planted file. */
function lintPlanted(files: readonly { readonly path: string; readonly text: string }[]): ReadonlyMap<string, readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-net-lint-'));
  try {
    copyFileSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
    for (const { path, text } of files) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const biome = join(ROOT, 'node_modules/.bin/biome');
    const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none', '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const { diagnostics } = JSON.parse(stdout) as {
      diagnostics: { category: string; location: { path: string | { file: string } } }[];
    };
    const reports = new Map<string, string[]>();
    for (const { category, location } of diagnostics) {
      if (!category.startsWith('lint/style/noRestricted')) continue;
      const path = typeof location.path === 'string' ? location.path : location.path.file;
      reports.set(path, [...(reports.get(path) ?? []), category]);
    }
    return reports;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
