import { expect, test } from 'vitest';
import { readJson } from './support/packages.js';

interface Lockfile {
  readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Every text with an address in it, by the path of keys that leads to it. A package's `funding` is its authors' page, not a source. */
function addresses(lockfile: Lockfile): string[] {
  const found: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'string' && /\b(?:https?|git|ssh|file):/.test(value)) found.push(`${path}: ${value}`);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value)) if (key !== 'funding') visit(each, `${path}/${key}`);
  };
  visit(lockfile, '');
  return found;
}

/**
 * Packages for other platforms that a package names and that have no entry of their own. npm 11.6.2 and newer refuse to install
 * from such a lock file; older ones write it where the registry at hand serves this platform's packages only.
 */
function missingPlatforms({ packages }: Lockfile): string[] {
  return Object.values(packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies as object))
    .filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)));
}

/** The project's own, and that of the peers of the benchmarks. */
const FOLDERS = ['', 'bench/peers/'];

test.each(FOLDERS)('the lock file in "%s" holds no address: it installs from whatever registry npm is set to', (folder) => {
  expect(addresses(readJson<Lockfile>(`${folder}package-lock.json`))).toEqual([]);
});

test('the check finds an address that is planted', () => {
  const planted = { packages: { x: { resolved: 'https://registry.example/x.tgz' } } };
  expect(addresses(planted)).toHaveLength(1);
});

test('the lock file has an entry for the packages of every platform', () => {
  expect(missingPlatforms(readJson<Lockfile>('package-lock.json'))).toEqual([]);
});

test('the check finds a platform that is left out', () => {
  const planted = {
    packages: {
      'node_modules/x': { optionalDependencies: { 'x-linux': '1.0.0', 'x-win32': '1.0.0' } },
      'node_modules/x-linux': {},
    },
  };
  expect(missingPlatforms(planted)).toEqual(['x-win32']);
});

test.each(FOLDERS)('every direct dependency of "%spackage.json" is pinned exactly', (folder) => {
  const { dependencies = {}, devDependencies = {} } = readJson<Partial<Record<string, Record<string, string>>>>(
    `${folder}package.json`,
  );
  expect(
    Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
  ).toEqual([]);
});
