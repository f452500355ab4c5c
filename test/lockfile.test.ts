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

const lockfile = readJson<Lockfile>('package-lock.json');

test('the lock file holds no address: it installs from whatever registry npm is set to', () => {
  expect(addresses(lockfile)).toEqual([]);
});

test('the check finds an address that is planted', () => {
  const planted = { packages: { x: { resolved: 'https://registry.example/x.tgz' } } };
  expect(addresses(planted)).toHaveLength(1);
});

test('every direct dependency is pinned exactly', () => {
  const { devDependencies } = readJson<{ devDependencies: Record<string, string> }>('package.json');
  expect(Object.entries(devDependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});
