import { crc32 } from 'node:zlib';
import { readU16, writeU32 } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import type { LeaseStore, StoreFile, StoreFiles } from '../src/index.js';
import type { FakeDisk } from './support/fake-disk.js';
import { type CrashRunOptions, crashLaw, runCrashes } from './support/lease-world.js';

const SEED = Number(process.env['NEXUS_SEED'] ?? '1');
const LONG_MS = 600_000;

const title = 'no address is leased twice, no acknowledged lease is lost, recovery never throws';

describe(`property: ${title}`, () => {
  test(
    'when the power fails at any moment',
    () => crashLaw({ seed: SEED, crashes: runs(60, { fast: 15 }), kind: 'power' }),
    LONG_MS,
  );

  test(
    'on a disk that fails now and then',
    () => crashLaw({ seed: SEED, crashes: runs(40, { fast: 10 }), kind: 'power', failureRate: 0.03 }),
    LONG_MS,
  );

  test(
    'fault/D19 when the process is killed, and nothing was synced',
    () => crashLaw({ seed: SEED, crashes: runs(40, { fast: 10 }), kind: 'kill', sync: 'none' }),
    LONG_MS,
  );
});

/** The disk with something changed in it. */
function altered(change: (disk: FakeDisk) => Partial<StoreFiles>): (disk: FakeDisk) => StoreFiles {
  return (disk) => ({
    read: (path) => disk.read(path),
    create: (path) => disk.create(path),
    rename: (from, to) => disk.rename(from, to),
    syncDirectory: () => disk.syncDirectory(),
    own: (path) => disk.own(path),
    ...change(disk),
  });
}

function alteredFile(change: (file: StoreFile) => Partial<StoreFile>): (disk: FakeDisk) => StoreFiles {
  return altered((disk) => ({
    create: async (path) => {
      const file = await disk.create(path);
      return {
        append: (bytes) => file.append(bytes),
        sync: () => file.sync(),
        close: () => file.close(),
        ...change(file),
      };
    },
  }));
}

/** The journal as a reader sees it that looks at no checksum: every frame that has a possible length is made right. */
function withoutChecksums(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined || bytes.length < 24) return bytes;
  const seed = crc32(bytes.subarray(12, 20));
  for (let at = 24; at + 31 <= bytes.length; ) {
    const end = at + 2 + readU16(bytes, at);
    if (end + 4 > bytes.length || end - at < 27) break;
    writeU32(bytes, end, crc32(bytes.subarray(at, end), seed));
    at = end + 4;
  }
  return bytes;
}

const ok = async (): Promise<void> => undefined;

const planted: Readonly<Record<string, Partial<CrashRunOptions>>> = {
  'the ACK leaves before the sync': {
    store: (store) => ({
      rows: () => store.rows(),
      flush: () => store.flush(),
      compact: () => store.compact(),
      close: () => store.close(),
      inspect: () => store.inspect(),
      append: (record, settled) => {
        store.append(record, () => undefined);
        queueMicrotask(() => settled(undefined));
      },
    }),
  },
  'nothing is synced when the power fails': { sync: 'none' },
  'the directory is not synced': { files: altered(() => ({ syncDirectory: ok })) },
  'the new file is not synced before the rename': {
    files: alteredFile((file) => {
      let first = true;
      return {
        sync: () => {
          if (!first) return file.sync();
          first = false;
          return Promise.resolve();
        },
      };
    }),
  },
  'checksums are not looked at': {
    files: altered((disk) => ({ read: async (path) => withoutChecksums(await disk.read(path)) })),
  },
  'a sync that failed is asked again': {
    failureRate: 0.03,
    files: alteredFile((file) => ({ sync: () => file.sync().catch(() => file.sync()) })),
  },
  'a failure is taken for success': {
    failureRate: 0.03,
    store: (store: LeaseStore): LeaseStore => ({
      rows: () => store.rows(),
      flush: () => store.flush(),
      compact: () => store.compact(),
      close: () => store.close(),
      inspect: () => store.inspect(),
      append: (record, settled) => store.append(record, () => settled(undefined)),
    }),
  },
  'a row is forgotten at compaction': {
    files: alteredFile((file) => {
      let writes = 0;
      return {
        append: (bytes) => file.append(++writes === 2 && bytes.length > 100 ? bytes.subarray(0, bytes.length - 40) : bytes),
      };
    }),
  },
};

describe('the property catches a planted bug', () => {
  test.each(Object.entries(planted))('%s', async (_bug, options) => {
    const { violation } = await runCrashes({ seed: 20_260_101, kind: 'power', crashes: 500, ...options });
    expect(violation).toMatch(/an acknowledged lease is lost|is leased to client|recovery failed: not-a-store/);
  });
});
