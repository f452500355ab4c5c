import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { Counters, requireArgument } from '@nexus-net/sansio';
import { LeaseStoreError, type LeaseStoreErrorCode, type Settled, storeErrorOf } from './lease-store.js';

export interface CommitQueueOptions {
  /** Makes the records durable, all or none as far as the caller may rely on it. */
  readonly commit: (records: readonly DhcpLeaseRecord[]) => Promise<void>;
  /** Records that wait at once. */
  readonly countMax: number;
  /** Records in one group. */
  readonly groupCountMax: number;
}

interface Waiting {
  readonly record: DhcpLeaseRecord;
  readonly settled: Settled;
}

/** Group commit: one group is being stored, and whatever is appended meanwhile is the next one. */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #failures = new Counters<LeaseStoreErrorCode>();
  #waiting: Waiting[] = [];
  #tasks: (() => Promise<void>)[] = [];
  /** Records of the group that is being stored. */
  #inHand = 0;
  #running: Promise<void> | undefined;
  #closed = false;
  #stored = 0;
  #commits = 0;

  constructor(options: CommitQueueOptions) {
    const { countMax, groupCountMax } = options;
    requireArgument(Number.isSafeInteger(countMax) && countMax >= 1, 'queueCountMax is an integer of at least 1');
    requireArgument(Number.isSafeInteger(groupCountMax) && groupCountMax >= 1, 'groupCountMax is an integer of at least 1');
    this.#options = options;
  }

  get queued(): number {
    return this.#waiting.length + this.#inHand;
  }

  get stored(): number {
    return this.#stored;
  }

  get commits(): number {
    return this.#commits;
  }

  failures(): Partial<Record<LeaseStoreErrorCode, number>> {
    return this.#failures.snapshot();
  }

  append(record: DhcpLeaseRecord, settled: Settled): void {
    const refusal = this.#closed ? 'closed' : this.#waiting.length >= this.#options.countMax ? 'queue-full' : undefined;
    if (refusal === undefined) {
      this.#waiting.push({ record, settled });
      this.#start();
    } else this.refuse(new LeaseStoreError(refusal, 'the record was not taken'), settled);
  }

  /** Fails a record that never got into the queue. */
  refuse(error: LeaseStoreError, settled: Settled): void {
    queueMicrotask(() => this.#fail(error, settled));
  }

  /** Runs a task between two groups. */
  between(task: () => Promise<void>): Promise<void> {
    if (this.#closed) return Promise.reject(new LeaseStoreError('closed', 'the store is closed'));
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
      this.#start();
    });
  }

  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Takes nothing more; resolves when all that was taken is settled. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // The records of all datagrams that this turn of the event loop reads go in the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 || this.#tasks.length > 0) {
      for (const task of this.#tasks.splice(0)) await task();
      if (this.#waiting.length > 0) await this.#commitGroup();
    }
    this.#running = undefined; // in the same step as the last look at the queue: what is appended next starts anew
  }

  async #commitGroup(): Promise<void> {
    const { groupCountMax, commit } = this.#options;
    const group = this.#waiting.length <= groupCountMax ? this.#waiting : this.#waiting.slice(0, groupCountMax);
    this.#waiting = this.#waiting.length <= groupCountMax ? [] : this.#waiting.slice(groupCountMax);
    this.#inHand = group.length;
    let failure: LeaseStoreError | undefined;
    try {
      await commit(group.map(({ record }) => record));
      this.#stored += group.length;
      this.#commits++;
    } catch (error) {
      failure = storeErrorOf(error, 'storing leases');
    }
    for (const { settled } of group) {
      this.#inHand--;
      if (failure === undefined) call(settled, undefined);
      else this.#fail(failure, settled);
    }
  }

  #fail(error: LeaseStoreError, settled: Settled): void {
    this.#failures.increment(error.code);
    call(settled, error);
  }
}

/** A callback that throws is a defect of its owner: it is reported as uncaught, and the other records go on. */
function call(settled: Settled, error: LeaseStoreError | undefined): void {
  try {
    settled(error);
  } catch (defect) {
    queueMicrotask(() => {
      throw defect;
    });
  }
}
