import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededEntropy, UsageError } from '@nexus-net/sansio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { places } from '../../sansio/test/support/runs.js';
import { JournalLeaseStore, type StoreFile, type StoreFiles, systemFiles } from '../src/index.js';
import { decodeJournal } from '../src/lease-store/journal-format.js';
import { history, inOrder, latest, row, store } from './support/lease-records.js';
import { ManualTime } from './support/manual-time.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-net-journal-'));
  path = join(folder, 'leases');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a journal that a crash cut short', () => {
  test('fault/D20 at every octet: each record before the cut is recovered, and the journal goes on', async () => {
    const records = history(new SeededEntropy(3), 4);
    const target = await JournalLeaseStore.open({ path, sync: 'none' });
    const ends = [statSync(path).size];
    for (const record of records) {
      expect(await store(target, record)).toBe('stored');
      ends.push(statSync(path).size);
    }
    await target.close();
    const whole = readFileSync(path);
    const files = { ...unsynced, own: () => () => undefined };
    // About the end of each record, and elsewhere between.
    const isNearEnd = (length: number): boolean => ends.some((end) => Math.abs(end - length) <= 1);
    const chosen = new Set(places(whole.length + 1, 5));
    for (let length = 0; length <= whole.length; length++) {
      if (!chosen.has(length) && !isNearEnd(length)) continue;
      writeFileSync(path, whole.subarray(0, length));
      const count = Math.max(
        0,
        ends.findLastIndex((end) => end <= length),
      );
      const again = await JournalLeaseStore.open({ path, sync: 'none', files });
      expect(inOrder(again.rows())).toEqual(latest(records.slice(0, count)));
      expect(again.inspect().recovered).toEqual({
        records: count,
        damagedOctets: length < 24 ? length : length - (ends[count] ?? 0),
      });
      if (length % 16 === 0) expect(await store(again, row(9))).toBe('stored');
      await again.close();
      if (length % 16 === 0) expect(decodeJournal(readFileSync(path))).toMatchObject({ ok: true, value: { damagedOctets: 0 } });
    }
  });

  test('the draft of a compaction that was cut short is thrown away', async () => {
    writeFileSync(`${path}.new`, 'half a journal');
    const target = await JournalLeaseStore.open({ path, sync: 'none' });
    expect(await store(target, row(1))).toBe('stored');
    await target.compact();
    await target.close();
    const again = await JournalLeaseStore.open({ path, sync: 'none' });
    expect(again.rows()).toEqual([row(1)]);
    await again.close();
  });

  test.each([
    ['of something else', 'These are the notes of somebody else.', 'not-a-store'],
    ['that is no file', undefined, 'io'],
  ])('a path %s is refused and left as it is', async (_what, text, code) => {
    if (text === undefined) mkdirSync(path);
    else writeFileSync(path, text);
    await expect(JournalLeaseStore.open({ path })).rejects.toMatchObject({ name: 'LeaseStoreError', code });
    if (text !== undefined) expect(readFileSync(path, 'utf8')).toBe(text);
    rmSync(path, { recursive: true });
    await (await JournalLeaseStore.open({ path, sync: 'none' })).close(); // nobody owns it
  });
});

describe('the length of the journal', () => {
  test('it is compacted by itself when it has grown', async () => {
    const target = await JournalLeaseStore.open({
      path,
      sync: 'none',
      compactOctetsMin: 1_000,
      compactRatio: 2,
      groupCountMax: 4,
    });
    for (let i = 0; i < 400; i++) target.append(row(i % 3, { revision: i }), () => undefined);
    await target.flush();
    const { compactions, octets } = target.inspect();
    expect(compactions).toBeGreaterThan(10);
    expect(octets).toBeLessThan(1_500);
    expect(octets).toBe(statSync(path).size);
    await target.close();
    expect(target.inspect()).toMatchObject({ octets: 0, file: 'closed' });
  });

  test('no room for a second file is no reason to fail leases', async () => {
    let full = false;
    const target = await open({
      compactOctetsMin: 200,
      files: { ...unsynced, create: (each) => (full ? Promise.reject(failure('ENOSPC')) : systemFiles.create(each)) },
    });
    full = true;
    for (let i = 0; i < 40; i++) expect(await store(target, row(1, { revision: i }))).toBe('stored');
    expect(target.inspect()).toMatchObject({ file: 'open', compactions: 0, failures: {} });
    await expect(target.compact()).rejects.toMatchObject({ code: 'disk-full' });
    full = false;
    await target.compact();
    expect(target.inspect()).toMatchObject({ rows: 1, compactions: 1, octets: 24 + 6 + 25 + 6 });
    await target.close();
  });
});

describe('a disk that fails', () => {
  test.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EIO', 'io'],
  ])(
    'fault/D20 %s fails the records with %s; a new file is made when the disk is well again, at most once a second',
    async (code, label) => {
      const time = new ManualTime();
      let broken = false;
      let creations = 0;
      const target = await open({
        clock: time,
        files: {
          ...unsynced,
          create: async (each) => {
            creations++;
            const file = await systemFiles.create(each);
            return { ...file, append: (bytes) => (broken ? half(file, bytes, code) : file.append(bytes)) };
          },
        },
      });
      expect(await store(target, row(1))).toBe('stored');
      broken = true;
      expect(await store(target, row(2))).toBe(label); // half of it is in the file
      expect(target.inspect()).toMatchObject({ file: 'failed', rows: 1, failures: { [label]: 1 } });
      for (let i = 0; i < 5; i++) expect(await store(target, row(3))).toBe(label);
      expect(creations).toBe(2); // the first one, and one attempt at a second
      broken = false;
      expect(await store(target, row(3))).toBe(label);
      time.advanceTo(1_000);
      expect(await store(target, row(4))).toBe('stored');
      expect(target.inspect()).toMatchObject({ file: 'open', rows: 2 });
      await target.close();
      const again = await JournalLeaseStore.open({ path, sync: 'none' });
      expect(inOrder(again.rows())).toEqual([row(1), row(4)]);
      expect(again.inspect().recovered.damagedOctets).toBe(0);
      await again.close();
    },
  );

  test('a sync that fails is not asked again on the same file', async () => {
    const syncs: number[] = [];
    let files = 0;
    const target = await open({
      sync: 'fdatasync',
      files: {
        ...unsynced,
        create: async (each) => {
          const file = await systemFiles.create(each);
          const id = ++files;
          return {
            ...file,
            sync: async () => {
              syncs.push(id);
              if (syncs.length === 2) throw failure('EIO');
            },
          };
        },
      },
    });
    expect(await store(target, row(1))).toBe('io');
    expect(await store(target, row(2))).toBe('stored');
    expect(syncs).toEqual([1, 1, 2, 2]); // made, record 1, made anew, record 2
    await target.close();
  });

  test.each(['rename', 'syncDirectory'] as const)('a %s that fails leaves a journal that is made anew', async (operation) => {
    let broken = false;
    const fail = (): Promise<void> => (broken ? Promise.reject(failure('EIO')) : Promise.resolve());
    const target = await open({
      retryMs: 0,
      files: {
        ...unsynced,
        rename: (from, to) => (operation === 'rename' ? fail() : Promise.resolve()).then(() => systemFiles.rename(from, to)),
        syncDirectory: () => (operation === 'syncDirectory' ? fail() : Promise.resolve()),
      },
    });
    expect(await store(target, row(1))).toBe('stored');
    broken = true;
    await expect(target.compact()).rejects.toMatchObject({ code: 'io' });
    expect(await store(target, row(2))).toBe('io');
    broken = false;
    expect(await store(target, row(3))).toBe('stored');
    await target.close();
    const again = await JournalLeaseStore.open({ path, sync: 'none' });
    expect(inOrder(again.rows())).toEqual([row(1), row(3)]);
    await again.close();
  });

  test('where a new file can not be made, opening fails and the old journal stays', async () => {
    const target = await open({});
    await store(target, row(1));
    await target.close();
    const before = readFileSync(path);
    const files: StoreFiles = { ...unsynced, create: () => Promise.reject(failure('ENOSPC')) };
    await expect(open({ files })).rejects.toMatchObject({ code: 'disk-full' });
    expect(readFileSync(path)).toEqual(before);
    await (await open({})).close();
  });

  test('a sync that fails at the end makes closing fail, and gives the journal up', async () => {
    let broken = false;
    const target = await open({
      files: {
        ...unsynced,
        create: async (each) => {
          const file = await systemFiles.create(each);
          return { ...file, sync: async () => (broken ? Promise.reject(failure('EIO')) : undefined) };
        },
      },
    });
    broken = true;
    await expect(target.close()).rejects.toMatchObject({ code: 'io' });
    await (await open({})).close();
  });

  test('a full device of the system: nothing is opened, nobody owns it', async () => {
    symlinkSync('/dev/full', `${path}.new`);
    await expect(JournalLeaseStore.open({ path })).rejects.toMatchObject({ code: 'disk-full' });
    rmSync(`${path}.new`);
    await (await open({})).close();
  });
});

test.each([{ compactOctetsMin: -1 }, { compactRatio: 1 }, { retryMs: -1 }])('the options %o are refused', async (options) => {
  await expect(JournalLeaseStore.open({ path, ...options })).rejects.toThrow(UsageError);
});

test('what others append to the file between two lives is damage, and what they write over is lost, not believed', async () => {
  const target = await open({});
  await store(target, row(1));
  await store(target, row(2));
  await target.close();
  appendFileSync(path, 'a note');
  const bytes = readFileSync(path);
  bytes[60] = (bytes[60] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const again = await open({});
  expect(again.rows()).toEqual([row(2)]);
  expect(again.inspect().recovered).toEqual({ records: 1, damagedOctets: 37 + 6 });
  await again.close();
});

/** Real files, without the syncs: these tests crash nothing, and a disk takes milliseconds for each. */
const unsynced: StoreFiles = {
  ...systemFiles,
  create: async (each) => ({ ...(await systemFiles.create(each)), sync: async () => undefined }),
  syncDirectory: async () => undefined,
};

function open(options: Partial<Parameters<typeof JournalLeaseStore.open>[0]>): Promise<JournalLeaseStore> {
  return JournalLeaseStore.open({ path, sync: 'none', files: unsynced, ...options });
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

async function half(file: StoreFile, bytes: Uint8Array, code: string): Promise<void> {
  await file.append(bytes.subarray(0, bytes.length >> 1));
  throw failure(code);
}
