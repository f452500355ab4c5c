import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SeededEntropy, uniform } from '@nexus-net/sansio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JournalLeaseStore, type LeaseStore } from '../src/index.js';
import { SqliteLeaseStore } from '../src/sqlite.js';
import { row } from './support/lease-records.js';

const ROOT = join(import.meta.dirname, '../../..');
const KILLS = 12;
const ADDRESS_COUNT = 50;

let folder = '';
let program = '';

beforeAll(async () => {
  mkdirSync(join(ROOT, '.nexus'), { recursive: true });
  folder = mkdtempSync(join(ROOT, '.nexus/kill-'));
  program = join(folder, 'lease-writer.mjs');
  // esbuild comes with tsup: it is asked for there, wherever npm has put it.
  const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as {
    build(options: object): Promise<unknown>;
  };
  await build({
    entryPoints: [join(import.meta.dirname, 'support/lease-writer.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@nexus-net/source'],
    external: ['node-sqlite3-wasm', 'fast-check'],
    logLevel: 'error',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the program and kills it so many milliseconds after its first durable record; returns what it said is durable. */
async function writeUntilKilled(
  kind: string,
  path: string,
  delayMs: number,
): Promise<{ acked: number[]; signal: string | null }> {
  const child = spawn(process.execPath, [program, kind, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let armed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (armed) return;
    armed = true;
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  const signal = await new Promise<string | null>((resolve) => child.once('close', (_code, by) => resolve(by)));
  return { acked: said.split('\n').slice(0, -1).map(Number), signal };
}

test.each<[string, (path: string) => Promise<LeaseStore>]>([
  ['journal', (path) => JournalLeaseStore.open({ path })],
  ['sqlite', (path) => SqliteLeaseStore.open({ path })],
])('%s: what was durable is there after kill -9 in the middle of writing, again and again', async (kind, open) => {
  const entropy = new SeededEntropy(9);
  const path = join(folder, kind);
  let total = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const { acked, signal } = await writeUntilKilled(kind, path, uniform(entropy, { low: 0, high: 120 }));
    expect(signal).toBe('SIGKILL');
    expect(acked.length).toBeGreaterThan(0);
    expect(existsSync(`${path}.owner`)).toBe(true); // nobody cleaned up
    total += acked.length;
    const store = await open(path);
    const rows = new Map(store.rows().map((each) => [each.address, each]));
    for (const revision of acked.slice(-ADDRESS_COUNT)) {
      const found = rows.get(row(revision % ADDRESS_COUNT).address);
      expect(found?.revision).toBeGreaterThanOrEqual(revision);
      expect(found).toEqual(row((found?.revision ?? 0) % ADDRESS_COUNT, { revision: found?.revision ?? 0 }));
    }
    await store.close();
  }
  expect(total).toBeGreaterThan(1_000);
});
