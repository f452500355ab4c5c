import type { DhcpLeaseRecord } from '@nexus-net/dhcp';

/** Told once for each record: nothing = it is durable by the store's sync policy; an error = it may or may not be. */
export type Settled = (error: LeaseStoreError | undefined) => void;

/**
 * Where a DHCP server's leases outlive it. One process owns a store at a time. Opening one recovers what the last owner
 * left, whatever ended it.
 */
export interface LeaseStore {
  /** The durable row of each address: what a new server is given as `restored`. In no special order. */
  rows(): DhcpLeaseRecord[];
  /**
   * Stores a row, which replaces the address's row of a lower revision. Records that queue up while others are being
   * written go in one write and one sync. `settled` is called later, never from inside, in the order of `append`. A record
   * that failed must be taken for lost by its writer, and yet may be found after a crash: its ACK never left, so to find it
   * is harmless. Throws `UsageError` for a record that no DHCP server makes.
   */
  append(record: DhcpLeaseRecord, settled: Settled): void;
  /** Resolves when every record that was appended before is settled. */
  flush(): Promise<void>;
  /** Gives back the room of rows that were replaced. Stores do it by themselves; rejects where it could not be done now. */
  compact(): Promise<void>;
  /** Stores what is queued, then lets go of the files. Idempotent. */
  close(): Promise<void>;
  /** State and counters as a plain object. */
  inspect(): LeaseStoreInspection;
}

/**
 * `fdatasync`: a record is durable when the disk says so; it survives a power cut. `none`: when the system has it; it
 * survives the death of the process, and a power cut loses the last seconds.
 */
export type SyncPolicy = 'fdatasync' | 'none';

export interface LeaseStoreInspection {
  readonly path: string;
  readonly rows: number;
  /** Records that are not settled yet. */
  readonly queued: number;
  /** Records stored, in how many groups. */
  readonly stored: number;
  readonly commits: number;
  readonly compactions: number;
  /** Records that failed, by error. */
  readonly failures: Readonly<Partial<Record<LeaseStoreErrorCode, number>>>;
}

export type LeaseStoreErrorCode =
  /** More records wait than `queueCountMax`. */
  | 'queue-full'
  /** An address too many: see `rowCountMax`. */
  | 'row-limit'
  /** ENOSPC, EDQUOT, EFBIG. */
  | 'disk-full'
  /** The system refused to write or to sync for another reason. */
  | 'io'
  /** The store was closed. */
  | 'closed'
  /** Another process that is alive, or another store of this one, has the files. */
  | 'in-use'
  /** The file is of something else, or damaged at its beginning. It was left as it is. */
  | 'not-a-store'
  /** The file was written by a newer version of this software. It was left as it is. */
  | 'unknown-version';

/** Why a store could not be opened, or a record not be stored. */
export class LeaseStoreError extends Error {
  override readonly name = 'LeaseStoreError';
  readonly code: LeaseStoreErrorCode;

  constructor(code: LeaseStoreErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/** The typed error for what a file system threw. */
export function storeErrorOf(cause: unknown, doing: string): LeaseStoreError {
  if (cause instanceof LeaseStoreError) return cause;
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
  return new LeaseStoreError(full ? 'disk-full' : 'io', `${doing}: ${String(message)}`, { cause });
}
