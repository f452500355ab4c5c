import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { ipv4FromU32, requireArgument } from '@nexus-net/sansio';
import sqlite, { type Database, type Statement } from 'node-sqlite3-wasm';
import { CommitQueue } from './commit-queue.js';
import {
  type LeaseStore,
  LeaseStoreError,
  type LeaseStoreInspection,
  type Settled,
  type SyncPolicy,
  storeErrorOf,
} from './lease-store.js';
import { takeOwnership } from './owner-file.js';
import { requireRecord } from './record-codec.js';

export interface SqliteLeaseStoreOptions {
  /** The database. Beside it stand SQLite's `<path>-wal`, the library's `<path>.lock` and the store's `<path>.owner`. */
  readonly path: string;
  /** `fdatasync`: SQLite syncs its log at every commit. `none`: only at checkpoints. Default `fdatasync`. */
  readonly sync?: SyncPolicy;
  /** Records that wait to be stored; a further one fails with `queue-full`. Default 65 536. */
  readonly queueCountMax?: number;
  /** Records in one transaction, which holds up the event loop while it runs. Default 1 024. */
  readonly groupCountMax?: number;
  /** Addresses with a row; a record of a further one fails with `row-limit`. Default 1 048 576. */
  readonly rowCountMax?: number;
}

/**
 * A lease store in a SQLite database, for people who want to look at it and to query it. One row for each address.
 * SQLite runs inside of the process (WebAssembly) and holds up its event loop during a commit: the journal is faster.
 *
 * The log (WAL) is the only journal mode whose names are durable with this library: it never syncs the directory after it has
 * made a file, which a rollback journal needs for each transaction and the log only once, here.
 */
export class SqliteLeaseStore implements LeaseStore {
  readonly #path: string;
  readonly #rowCountMax: number;
  readonly #queue: CommitQueue;
  readonly #addresses = new Set<number>();
  readonly #release: () => void;
  #open: { readonly database: Database; readonly upsert: Statement } | undefined;
  #compactions = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: SqliteLeaseStoreOptions) {
    const { path, sync = 'fdatasync', queueCountMax = 65_536, groupCountMax = 1_024, rowCountMax = 1_048_576 } = options;
    requireArgument(path !== '', 'path names a file');
    requireArgument(sync === 'fdatasync' || sync === 'none', 'sync is fdatasync or none');
    requireArgument(Number.isSafeInteger(rowCountMax) && rowCountMax >= 1, 'rowCountMax is an integer of at least 1');
    this.#queue = new CommitQueue({
      commit: (records) => this.#commit(records),
      countMax: queueCountMax,
      groupCountMax,
    });
    this.#path = path;
    this.#rowCountMax = rowCountMax;
    this.#release = takeOwnership(path);
    try {
      // The library's lock is a directory that a kill leaves behind. We own the path, so its owner is dead.
      removeLock(path);
      if (!existsSync(path)) create(path);
      this.#open = open(path, sync);
      for (const { address } of this.#select('SELECT address FROM lease')) this.#addresses.add(Number(address));
    } catch (error) {
      this.#open?.database.close();
      this.#release();
      throw sqliteError(error, `opening ${path}`);
    }
  }

  /** Opens the database, or makes one. Rejects with a `LeaseStoreError`. */
  static async open(options: SqliteLeaseStoreOptions): Promise<SqliteLeaseStore> {
    return new SqliteLeaseStore(options);
  }

  rows(): DhcpLeaseRecord[] {
    return this.#select('SELECT address, htype, hardware, client_id, state, until, revision FROM lease').map((row) => ({
      address: ipv4FromU32(Number(row['address'])),
      htype: Number(row['htype']),
      hardware: row['hardware'] as Uint8Array,
      ...(row['client_id'] === null ? {} : { clientId: row['client_id'] as Uint8Array }),
      state: row['state'] as DhcpLeaseRecord['state'],
      until: row['until'] === null ? Number.POSITIVE_INFINITY : Number(row['until']),
      revision: Number(row['revision']),
    }));
  }

  append(record: DhcpLeaseRecord, settled: Settled): void {
    requireRecord(record);
    if (this.#addresses.size >= this.#rowCountMax && !this.#addresses.has(record.address))
      this.#queue.refuse(new LeaseStoreError('row-limit', `${this.#rowCountMax} addresses have a row`), settled);
    else this.#queue.append(record, settled);
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  compact(): Promise<void> {
    return this.#queue.between(async () => {
      try {
        this.#database().exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
        this.#compactions++;
      } catch (error) {
        throw sqliteError(error, `compacting ${this.#path}`);
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  inspect(): LeaseStoreInspection {
    const { queued, stored, commits } = this.#queue;
    return {
      path: this.#path,
      rows: this.#addresses.size,
      queued,
      stored,
      commits,
      compactions: this.#compactions,
      failures: this.#queue.failures(),
    };
  }

  async #commit(records: readonly DhcpLeaseRecord[]): Promise<void> {
    const database = this.#database();
    try {
      database.exec('BEGIN IMMEDIATE');
      for (const { address, htype, hardware, clientId, state, until, revision } of records) {
        const end = until === Number.POSITIVE_INFINITY ? null : until;
        this.#open?.upsert.run([address, htype, hardware, clientId ?? null, state, end, revision]);
      }
      database.exec('COMMIT');
    } catch (error) {
      rollback(database);
      throw sqliteError(error, `writing ${this.#path}`);
    }
    for (const { address } of records) this.#addresses.add(address);
  }

  async #close(): Promise<void> {
    await this.#queue.close();
    try {
      this.#open?.upsert.finalize();
      this.#open?.database.close();
    } catch (error) {
      throw sqliteError(error, `closing ${this.#path}`);
    } finally {
      this.#open = undefined;
      this.#release();
    }
  }

  #select(sql: string): Record<string, unknown>[] {
    return this.#database().all(sql) as Record<string, unknown>[];
  }

  #database(): Database {
    if (this.#open === undefined) throw new LeaseStoreError('closed', `${this.#path} is closed`);
    return this.#open.database;
  }
}

/** "NXLS": marks a database as a lease store (PRAGMA application_id). */
const APPLICATION_ID = 0x4e584c53;
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE lease (
    address INTEGER PRIMARY KEY,
    htype INTEGER NOT NULL,
    hardware BLOB NOT NULL,
    client_id BLOB,
    state TEXT NOT NULL,
    until REAL,
    revision INTEGER NOT NULL
  );
  CREATE TABLE opened (only INTEGER PRIMARY KEY CHECK (only = 1), times INTEGER NOT NULL);
  INSERT INTO opened VALUES (1, 0);
  CREATE VIEW leases AS SELECT
    (address >> 24) || '.' || (address >> 16 & 255) || '.' || (address >> 8 & 255) || '.' || (address & 255) AS address,
    lower(hex(hardware)) AS hardware, lower(hex(client_id)) AS client_id, state,
    CASE WHEN until IS NULL THEN 'for ever' ELSE datetime(until / 1000, 'unixepoch') END AS until_utc
  FROM lease ORDER BY lease.address;
`;

const UPSERT = `
  INSERT INTO lease (address, htype, hardware, client_id, state, until, revision) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (address) DO UPDATE SET htype = excluded.htype, hardware = excluded.hardware, client_id = excluded.client_id,
    state = excluded.state, until = excluded.until, revision = excluded.revision
  WHERE excluded.revision > lease.revision
`;

/** Makes the database under another name first: under its own name there is never half a database. */
function create(path: string): void {
  const draft = `${path}.new`;
  for (const leftover of [draft, `${draft}-wal`, `${draft}-journal`]) rmSync(leftover, { force: true });
  removeLock(draft);
  const database = new sqlite.Database(draft);
  try {
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; ${SCHEMA}`);
  } finally {
    database.close();
  }
  syncPath(draft);
  renameSync(draft, path);
  syncPath(dirname(path));
}

function open(path: string, sync: SyncPolicy): { readonly database: Database; readonly upsert: Statement } {
  const database = new sqlite.Database(path, { fileMustExist: true });
  try {
    const value = (pragma: string): unknown => Object.values(database.get(`PRAGMA ${pragma}`) ?? {})[0];
    // Exclusive: no shared memory for the log, which WebAssembly has none of, and no taking of the lock at every commit.
    value('locking_mode = EXCLUSIVE');
    if (value('application_id') !== APPLICATION_ID) throw new LeaseStoreError('not-a-store', `${path} is another database`);
    if (value('user_version') !== SCHEMA_VERSION) throw new LeaseStoreError('unknown-version', `${path} is left as it is`);
    const mode = value('journal_mode = WAL');
    if (mode !== 'wal') throw new LeaseStoreError('io', `the journal mode of ${path} stays ${String(mode)}`);
    database.exec(`PRAGMA synchronous = ${sync === 'fdatasync' ? 'FULL' : 'NORMAL'}`);
    // The first commit makes the log; from then on it stays until the database is closed, so its name is made durable here.
    database.exec('UPDATE opened SET times = times + 1');
    syncPath(dirname(path));
    return { database, upsert: database.prepare(UPSERT) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function rollback(database: Database): void {
  try {
    if (database.inTransaction) database.exec('ROLLBACK');
  } catch {
    // SQLite has rolled back by itself.
  }
}

function removeLock(path: string): void {
  try {
    rmdirSync(`${path}.lock`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The library's errors have a message and no code. */
function sqliteError(error: unknown, doing: string): LeaseStoreError {
  if (error instanceof sqlite.SQLite3Error) {
    const { message } = error;
    const code = /database or disk is full/.test(message)
      ? 'disk-full'
      : /not a database|malformed/.test(message)
        ? 'not-a-store'
        : 'io';
    return new LeaseStoreError(code, `${doing}: ${message}`, { cause: error });
  }
  return storeErrorOf(error, doing);
}
