import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { type Entropy, type Millis, requireArgument } from '@nexus-net/sansio';
import { type Clock, monotonicClock } from '../clock.js';
import { systemEntropy } from '../entropy.js';
import { CommitQueue } from './commit-queue.js';
import {
  decodeJournal,
  encodeFrames,
  encodeJournalHeader,
  JOURNAL_HEADER_LENGTH,
  JOURNAL_SALT_LENGTH,
} from './journal-format.js';
import { LeaseRows } from './lease-rows.js';
import {
  type LeaseStore,
  LeaseStoreError,
  type LeaseStoreInspection,
  type Settled,
  type SyncPolicy,
  storeErrorOf,
} from './lease-store.js';
import { requireRecord } from './record-codec.js';
import { type StoreFile, type StoreFiles, systemFiles } from './store-files.js';

export interface JournalLeaseStoreOptions {
  /** The journal. Beside it the store keeps `<path>.new` while it compacts, and `<path>.owner`. */
  readonly path: string;
  /** Default `fdatasync`. */
  readonly sync?: SyncPolicy;
  /** Records that wait to be stored; a further one fails with `queue-full`. Default 65 536. */
  readonly queueCountMax?: number;
  /** Records that go in one write. Default 4 096. */
  readonly groupCountMax?: number;
  /** Addresses with a row; a record of a further one fails with `row-limit`. Default 1 048 576. */
  readonly rowCountMax?: number;
  /** A journal shorter than this is not compacted by itself. Default 4 194 304 octets. */
  readonly compactOctetsMin?: number;
  /** The journal is compacted when it is this many times as long as after the last time. Default 4. */
  readonly compactRatio?: number;
  /** After a failure the journal is written anew; where that fails too, records fail at once for this long. Default 1 s. */
  readonly retryMs?: Millis;
  /** Default {@link systemFiles}. */
  readonly files?: StoreFiles;
  /** For the salt of a file. Default the system's. */
  readonly entropy?: Entropy;
  /** For {@link retryMs}. Default {@link monotonicClock}. */
  readonly clock?: Clock;
}

export interface JournalInspection extends LeaseStoreInspection {
  /** Length of the file. */
  readonly octets: number;
  /** What opening found. `damagedOctets` at the end of the file are a write that a crash cut short. */
  readonly recovered: { readonly records: number; readonly damagedOctets: number };
  /** `failed`: the file could not be trusted after an error; the next record makes a new one. */
  readonly file: 'open' | 'failed' | 'closed';
}

/** The file that records are appended to. `failed`: a write or sync of it failed, so what it holds is unknown. */
type JournalState =
  | { readonly type: 'open'; readonly file: StoreFile; readonly salt: Uint8Array; octets: number }
  | { readonly type: 'failed'; readonly retryAt: Millis; readonly error: LeaseStoreError }
  | { readonly type: 'closed' };

/**
 * A lease store in one file that only grows: each record is framed with its length and a checksum, so that a crash at any
 * octet loses at most the records that were not settled. The file is replaced as a whole (written anew, synced, renamed,
 * directory synced) when it is opened, when it has grown, and after an error.
 */
export class JournalLeaseStore implements LeaseStore {
  readonly #path: string;
  readonly #sync: SyncPolicy;
  readonly #rowCountMax: number;
  readonly #compactOctetsMin: number;
  readonly #compactRatio: number;
  readonly #retryMs: Millis;
  readonly #files: StoreFiles;
  readonly #entropy: Entropy;
  readonly #clock: Clock;
  readonly #rows = new LeaseRows();
  readonly #queue: CommitQueue;
  readonly #release: () => void;
  #recovered: JournalInspection['recovered'] = { records: 0, damagedOctets: 0 };
  #state: JournalState = { type: 'closed' };
  /** The length of the file at which it is compacted. */
  #compactAt = 0;
  #compactions = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: JournalLeaseStoreOptions) {
    const { path, sync = 'fdatasync', queueCountMax = 65_536, groupCountMax = 4_096, rowCountMax = 1_048_576 } = options;
    const { compactOctetsMin = 4_194_304, compactRatio = 4, retryMs = 1_000, files = systemFiles } = options;
    requireArgument(path !== '', 'path names a file');
    requireArgument(sync === 'fdatasync' || sync === 'none', 'sync is fdatasync or none');
    requireArgument(Number.isSafeInteger(rowCountMax) && rowCountMax >= 1, 'rowCountMax is an integer of at least 1');
    requireArgument(compactOctetsMin >= 0, 'compactOctetsMin is not negative');
    requireArgument(compactRatio > 1, 'compactRatio is above 1');
    requireArgument(retryMs >= 0, 'retryMs is not negative');
    this.#queue = new CommitQueue({
      commit: (records) => this.#commit(records),
      countMax: queueCountMax,
      groupCountMax,
    });
    this.#path = path;
    this.#sync = sync;
    this.#rowCountMax = rowCountMax;
    this.#compactOctetsMin = compactOctetsMin;
    this.#compactRatio = compactRatio;
    this.#retryMs = retryMs;
    this.#files = files;
    this.#entropy = options.entropy ?? systemEntropy();
    this.#clock = options.clock ?? monotonicClock;
    this.#release = files.own(path);
  }

  /** Recovers the journal, or makes one. Rejects with a `LeaseStoreError`, and then leaves the file as it is. */
  static async open(options: JournalLeaseStoreOptions): Promise<JournalLeaseStore> {
    const store = new JournalLeaseStore(options);
    try {
      await store.#recover();
    } catch (error) {
      store.#release();
      throw storeErrorOf(error, `opening ${options.path}`);
    }
    return store;
  }

  rows(): DhcpLeaseRecord[] {
    return this.#rows.all();
  }

  append(record: DhcpLeaseRecord, settled: Settled): void {
    requireRecord(record);
    if (this.#rows.size >= this.#rowCountMax && !this.#rows.has(record.address))
      this.#queue.refuse(new LeaseStoreError('row-limit', `${this.#rowCountMax} addresses have a row`), settled);
    else this.#queue.append(record, settled);
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  compact(): Promise<void> {
    return this.#queue.between(() => this.#rewrite());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  inspect(): JournalInspection {
    const { queued, stored, commits } = this.#queue;
    const state = this.#state;
    return {
      path: this.#path,
      rows: this.#rows.size,
      queued,
      stored,
      commits,
      compactions: this.#compactions,
      failures: this.#queue.failures(),
      octets: state.type === 'open' ? state.octets : 0,
      recovered: this.#recovered,
      file: state.type,
    };
  }

  async #recover(): Promise<void> {
    const bytes = await this.#files.read(this.#path);
    if (bytes !== undefined) {
      const journal = decodeJournal(bytes);
      if (!journal.ok) throw new LeaseStoreError(journal.error, `${this.#path} is left as it is`);
      const { records, damagedOctets } = journal.value;
      for (const record of records) this.#rows.put(record);
      this.#recovered = { records: records.length, damagedOctets };
    }
    // Never appends to what a crash left: frames that were never synced may stand there, and garbage between them.
    await this.#rewrite();
    this.#compactions = 0;
  }

  async #commit(records: readonly DhcpLeaseRecord[]): Promise<void> {
    const { octets, salt, file } = await this.#usable();
    const bytes = encodeFrames(records, salt);
    try {
      await file.append(bytes);
      if (this.#sync === 'fdatasync') await file.sync();
    } catch (cause) {
      // A sync that failed is not to be asked again: the system may have dropped the pages and say yes. Nor may anything
      // follow half a write. Only a new file with all rows is known to be good.
      const error = storeErrorOf(cause, `writing ${this.#path}`);
      await this.#fail(error, this.#clock.now());
      throw error;
    }
    if (this.#state.type === 'open') this.#state.octets = octets + bytes.length;
    for (const record of records) this.#rows.put(record);
  }

  /** The file, made anew where it failed or has grown. */
  async #usable(): Promise<Extract<JournalState, { type: 'open' }>> {
    let state = this.#state;
    if (state.type === 'failed') {
      if (this.#clock.now() < state.retryAt) throw state.error;
      await this.#rewrite();
      state = this.#state;
    } else if (state.type === 'open' && state.octets >= this.#compactAt) {
      try {
        await this.#rewrite();
      } catch (error) {
        if (this.#state.type !== 'open') throw error;
        // The old file is as good as ever: no room for two of them is no reason to fail leases.
        this.#compactAt = this.#state.octets * 2;
      }
      state = this.#state;
    }
    if (state.type !== 'open') throw new LeaseStoreError('closed', `${this.#path} is closed`);
    return state;
  }

  /** Puts a new file with all rows in place of the old one. What fails before the rename leaves the old one in use. */
  async #rewrite(): Promise<void> {
    const draft = `${this.#path}.new`;
    const salt = new Uint8Array(JOURNAL_SALT_LENGTH);
    this.#entropy.fill(salt);
    const old = this.#state;
    let file: StoreFile | undefined;
    let octets = JOURNAL_HEADER_LENGTH;
    try {
      file = await this.#files.create(draft);
      await file.append(encodeJournalHeader(salt));
      const rows = this.#rows.all();
      for (let i = 0; i < rows.length; i += REWRITE_GROUP_COUNT) {
        const frames = encodeFrames(rows.slice(i, i + REWRITE_GROUP_COUNT), salt);
        await file.append(frames);
        octets += frames.length;
      }
      await file.sync();
    } catch (cause) {
      await file?.close().catch(ignore);
      const error = storeErrorOf(cause, `writing ${draft}`);
      if (old.type !== 'open') this.#state = { type: 'failed', retryAt: this.#clock.now() + this.#retryMs, error };
      throw error;
    }
    try {
      await this.#files.rename(draft, this.#path);
      // Until the name is durable a crash brings the old file back, so nothing may be settled on the new one.
      await this.#files.syncDirectory(this.#path);
    } catch (cause) {
      await file.close().catch(ignore);
      const error = storeErrorOf(cause, `replacing ${this.#path}`);
      await this.#fail(error, this.#clock.now() + this.#retryMs);
      throw error;
    }
    if (old.type === 'open') await old.file.close().catch(ignore);
    this.#state = { type: 'open', file, salt, octets };
    this.#compactAt = Math.max(this.#compactOctetsMin, octets * this.#compactRatio);
    this.#compactions++;
  }

  async #fail(error: LeaseStoreError, retryAt: Millis): Promise<void> {
    const state = this.#state;
    this.#state = { type: 'failed', retryAt, error };
    if (state.type === 'open') await state.file.close().catch(ignore);
  }

  async #close(): Promise<void> {
    await this.#queue.close();
    const state = this.#state;
    this.#state = { type: 'closed' };
    try {
      if (state.type === 'open') {
        // Whatever the policy: an orderly end leaves nothing to the luck of a later power cut.
        await state.file.sync();
        await state.file.close();
      }
    } catch (error) {
      throw storeErrorOf(error, `closing ${this.#path}`);
    } finally {
      this.#release();
    }
  }
}

/** Rows that go in one write while the file is made anew. */
const REWRITE_GROUP_COUNT = 4_096;

function ignore(): void {}
