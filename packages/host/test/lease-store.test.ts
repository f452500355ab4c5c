import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededEntropy, UsageError } from '@nexus-net/sansio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JournalLeaseStore, type LeaseStore, type SyncPolicy } from '../src/index.js';
import { SqliteLeaseStore } from '../src/sqlite.js';
import { history, inOrder, latest, row, store } from './support/lease-records.js';

interface Limits {
  readonly sync?: SyncPolicy;
  readonly queueCountMax?: number;
  readonly groupCountMax?: number;
  readonly rowCountMax?: number;
}
type Open = (options: Limits & { readonly path: string }) => Promise<LeaseStore>;

const STORES: readonly (readonly [string, Open])[] = [
  ['journal', (options) => JournalLeaseStore.open(options)],
  ['sqlite', (options) => SqliteLeaseStore.open(options)],
];

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-net-leases-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each(STORES)('%s', (_name, open) => {
  const at = (): string => join(folder, 'leases');
  const opened = (limits: Limits = {}): Promise<LeaseStore> => open({ path: at(), sync: 'none', ...limits });

  test('gives back the latest row of each address after it was closed', async () => {
    const records = history(new SeededEntropy(1), 60);
    const extremes = [
      row(100, { until: Number.POSITIVE_INFINITY, revision: Number.MAX_SAFE_INTEGER, clientId: new Uint8Array(255).fill(255) }),
      row(101, { hardware: new Uint8Array(), clientId: Uint8Array.of(0), state: 'released', htype: 255, until: -1.25 }),
      row(102, { hardware: new Uint8Array(16).fill(7), htype: 0, state: 'quarantined', revision: 0 }),
    ];
    const first = await opened({ sync: 'fdatasync' });
    expect(first.rows()).toEqual([]);
    for (const outcome of await Promise.all([...records, ...extremes].map((each) => store(first, each))))
      expect(outcome).toBe('stored');
    expect(inOrder(first.rows())).toEqual(latest([...records, ...extremes]));
    await first.close();
    const second = await opened();
    expect(inOrder(second.rows())).toEqual(latest([...records, ...extremes]));
    await second.close();
    expect(readdirSync(folder)).toEqual(['leases']);
  });

  test('fault/D20 a row of a lower revision that comes late changes nothing', async () => {
    const target = await opened();
    await store(target, row(1, { revision: 9 }));
    await store(target, row(1, { revision: 8, state: 'released' }));
    expect(target.rows()).toEqual([row(1, { revision: 9 })]);
    await target.compact();
    await target.close();
    const again = await opened();
    expect(again.rows()).toEqual([row(1, { revision: 9 })]);
    await again.close();
  });

  test('records of one turn of the event loop are one commit, and settle in order, never from inside of append', async () => {
    const target = await opened();
    const settled: number[] = [];
    for (let i = 0; i < 10; i++) target.append(row(i), () => settled.push(i));
    expect(settled).toEqual([]);
    expect(target.inspect()).toMatchObject({ queued: 10, stored: 0 });
    await target.flush();
    expect(settled).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(target.inspect()).toMatchObject({ queued: 0, stored: 10, commits: 1, rows: 10, failures: {} });
    await target.close();
  });

  test('a group is bounded', async () => {
    const target = await opened({ groupCountMax: 4 });
    for (let i = 0; i < 10; i++) target.append(row(i), () => undefined);
    await target.flush();
    expect(target.inspect()).toMatchObject({ stored: 10, commits: 3 });
    await target.close();
  });

  test('the queue is bounded: what is too much fails with queue-full', async () => {
    const target = await opened({ queueCountMax: 2 });
    const outcomes = await Promise.all([1, 2, 3].map((index) => store(target, row(index))));
    expect(outcomes).toEqual(['stored', 'stored', 'queue-full']);
    expect(target.inspect().failures).toEqual({ 'queue-full': 1 });
    await target.close();
  });

  test('the rows are bounded: a new address fails with row-limit, a known one does not', async () => {
    const target = await opened({ rowCountMax: 1 });
    expect(await store(target, row(1))).toBe('stored');
    expect(await store(target, row(2))).toBe('row-limit');
    expect(await store(target, row(1, { revision: 5 }))).toBe('stored');
    await target.close();
  });

  test('compacting keeps the rows, while others are being stored', async () => {
    const target = await opened();
    const stored = Array.from({ length: 50 }, (_, i) => store(target, row(i % 5, { revision: i })));
    const compacting = target.compact();
    const later = store(target, row(7));
    await Promise.all([...stored, compacting, later]);
    expect(target.inspect()).toMatchObject({ rows: 6, compactions: 1 });
    await target.close();
    const again = await opened();
    expect(again.rows()).toHaveLength(6);
    await again.close();
  });

  test('closing stores what is queued, and takes nothing more', async () => {
    const target = await opened();
    const queued = store(target, row(1));
    const closing = target.close();
    expect(target.close()).toBe(closing);
    expect(await store(target, row(2))).toBe('closed');
    expect(await queued).toBe('stored');
    await closing;
    await expect(target.compact()).rejects.toMatchObject({ code: 'closed' });
    const again = await opened();
    expect(again.rows()).toEqual([row(1)]);
    await again.close();
  });

  test('a store has one owner at a time', async () => {
    const target = await opened();
    await expect(opened()).rejects.toMatchObject({ name: 'LeaseStoreError', code: 'in-use' });
    await target.close();
    await (await opened()).close();
  });

  test('a directory that is not there is a typed error', async () => {
    await expect(open({ path: join(folder, 'no', 'leases') })).rejects.toMatchObject({ name: 'LeaseStoreError', code: 'io' });
  });

  test.each([{ queueCountMax: 0 }, { groupCountMax: 0.5 }, { rowCountMax: 0 }, { path: '' }, { sync: 'always' as 'none' }])(
    'the options %o are refused',
    async (options) => {
      await expect((async () => open({ path: at(), ...options }))()).rejects.toThrow(UsageError);
    },
  );

  test('a record that no server makes is a usage error', async () => {
    const target = await opened();
    const wrong: readonly object[] = [
      { address: -1 },
      { htype: 256 },
      { hardware: new Uint8Array(17) },
      { clientId: new Uint8Array() },
      { clientId: new Uint8Array(256) },
      { state: 'offered' },
      { until: Number.NaN },
      { revision: 0.5 },
    ];
    for (const each of wrong)
      expect(() => target.append({ ...row(1), ...each }, () => undefined), JSON.stringify(each)).toThrow(UsageError);
    expect(target.inspect().queued).toBe(0);
    await target.close();
  });
});
