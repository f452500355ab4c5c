import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the repository. */
export const ROOT: string = join(import.meta.dirname, '..', '..');

export type PackageKind = 'pure' | 'shell';

/** The one dependency rule: a package imports only those named here, all of them above it in this table. */
export const PACKAGES: Readonly<Record<string, { readonly kind: PackageKind; readonly imports: readonly string[] }>> = {
  sansio: { kind: 'pure', imports: [] },
  wire: { kind: 'pure', imports: ['sansio'] },
  dhcp: { kind: 'pure', imports: ['sansio', 'wire'] },
  dsoftbus: { kind: 'pure', imports: ['sansio', 'wire'] },
  'net-os': { kind: 'pure', imports: ['sansio', 'wire', 'dhcp'] },
  lan: { kind: 'pure', imports: ['sansio', 'wire', 'dhcp', 'dsoftbus', 'net-os'] },
  verdict: { kind: 'pure', imports: ['sansio', 'wire'] },
  host: { kind: 'shell', imports: ['sansio', 'wire', 'dhcp', 'dsoftbus', 'net-os', 'lan', 'verdict'] },
  qemu: { kind: 'shell', imports: ['sansio', 'wire', 'host'] },
  guest: {
    kind: 'shell',
    imports: ['sansio', 'wire', 'dhcp', 'dsoftbus', 'net-os', 'lan', 'verdict', 'host'],
  },
  smoke: { kind: 'shell', imports: ['sansio', 'wire', 'dhcp', 'dsoftbus', 'net-os', 'lan', 'verdict', 'host', 'qemu', 'guest'] },
};

/**
 * What comes from outside of the workspace, and the one file that may import it: an optional peer dependency behind a
 * sub-path of its own, so that the root export of the package needs nothing.
 */
export const FOREIGN: readonly { readonly path: string; readonly specifier: string; readonly subPath: string }[] = [
  { path: 'packages/dsoftbus/src/crypto-noble.ts', specifier: '@noble/ciphers', subPath: './crypto-noble' },
  { path: 'packages/dsoftbus/src/crypto-noble.ts', specifier: '@noble/curves', subPath: './crypto-noble' },
  { path: 'packages/dsoftbus/src/crypto-noble.ts', specifier: '@noble/hashes', subPath: './crypto-noble' },
  { path: 'packages/host/src/lease-store/sqlite-lease-store.ts', specifier: 'node-sqlite3-wasm', subPath: './sqlite' },
  { path: 'packages/host/src/tap/tap-system.ts', specifier: 'koffi', subPath: './tap' },
];

/** The one file of a pure package that may import from Node, behind a sub-path of its own: `node:crypto` as a provider. */
export const NODE_EXCEPTION = {
  path: 'packages/dsoftbus/src/crypto-node.ts',
  specifier: 'node:crypto',
  subPath: './crypto-node',
} as const;

export const PURE: readonly string[] = Object.keys(PACKAGES).filter((name) => PACKAGES[name]?.kind === 'pure');

/** Every source file of a package, by path from the root. */
export function sourcesOf(name: string): { readonly path: string; readonly text: string }[] {
  const folder = join('packages', name, 'src');
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => ({ path: join(folder, path), text: readFileSync(join(ROOT, folder, path), 'utf8') }));
}

/** A JSON file by path from the root. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
}
