import { InMemoryStatefs, type OsCaller, SF_STATUS, type SfOutcome, type StatefsService } from '@nexus-net/dsoftbus';
import { type Entropy, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import {
  AREA_HEADER_LENGTH,
  type AreaHeader,
  decodeAreaHeader,
  decodeRecords,
  encodeAreaHeader,
  encodeTail,
  RECORD_OVERHEAD,
  recordLength,
  SALT_LENGTH,
  type StatefsRecord,
} from './journal-format.js';

/** A disk, or a file that stands for one. */
export interface BlockStore {
  /** Octets. It does not change. */
  readonly size: number;
  read(at: number, length: number): Uint8Array;
  /** What was written survives the end of the machine when this returns. Throws where that can't be said. */
  write(at: number, bytes: Uint8Array): void;
}

/** Why a disk is left as it is. */
export type DiskReject =
  /** Less than 64 KiB. */
  | 'too-small'
  /** There is something on it that is none of ours. */
  | 'not-a-store'
  /** It was one of ours, and which state it has can't be told any more. */
  | 'damaged'
  | 'unknown-version';

export interface DiskStatefsView {
  readonly generation: number;
  readonly keyCount: number;
  /** Octets of the journal, up to where the next record goes, and what it has room for. */
  readonly octets: number;
  readonly octetsMax: number;
  readonly compactions: number;
  /** What opening found. */
  readonly recovered: {
    readonly records: number;
    /** The last record was cut short by a crash. */
    readonly isTorn: boolean;
    readonly damagedCount: number;
    /** A crash cut a compaction short. */
    readonly isCompactionTorn: boolean;
  };
  /** A write failed: nothing is written any more, and what was is still read. */
  readonly isFailed: boolean;
}

/**
 * statefsd on a disk: a journal that is written before anything is answered, and made anew in the disk's other half when it is full. A
 * crash at any octet loses at most what nobody was told is there.
 */
export class DiskStatefs implements StatefsService {
  readonly #disk: BlockStore;
  readonly #entropy: Entropy;
  readonly #memory: InMemoryStatefs;
  readonly #areaLength: number;
  /** Keys and values as they are, for compaction. */
  readonly #entries = new Map<string, Uint8Array>();
  #recovered: DiskStatefsView['recovered'] = { records: 0, isTorn: false, damagedCount: 0, isCompactionTorn: false };
  #area: 0 | 1 = 0;
  #header: AreaHeader = { generation: 0, salt: new Uint8Array(SALT_LENGTH) };
  /** Behind the header. */
  #length = 0;
  #compactions = 0;
  #isFailed = false;

  private constructor(disk: BlockStore, entropy: Entropy) {
    this.#disk = disk;
    this.#entropy = entropy;
    this.#areaLength = areaLengthOf(disk);
    // Half of an area, so that a journal that was just made anew has room for as much again.
    const octetsMax = Math.min(OCTETS_MAX, Math.floor((this.#room - ENTRY_COUNT_MAX * RECORD_OVERHEAD) / 2));
    this.#memory = new InMemoryStatefs({ entryCountMax: ENTRY_COUNT_MAX, octetsMax });
  }

  /** Recovers what is there; a blank disk is formatted. `entropy`: for the salts. Throws what the disk throws. */
  static open(disk: BlockStore, entropy: Entropy): Result<DiskStatefs, DiskReject> {
    requireArgument(Number.isSafeInteger(disk.size) && disk.size >= 0, 'a disk has a size');
    if (disk.size < DISK_LENGTH_MIN) return err('too-small');
    const store = new DiskStatefs(disk, entropy);
    const reject = store.#recover();
    return reject === undefined ? ok(store) : err(reject);
  }

  put(key: string, value: Uint8Array): SfOutcome {
    const before = this.#entries.get(key);
    const outcome = this.#memory.put(key, value);
    if (outcome.status !== SF_STATUS.ok) return outcome;
    this.#entries.set(key, value.slice());
    if (this.#append({ op: 'put', key: encoder.encode(key), value })) return outcome;
    if (before === undefined) this.#forget(key);
    else this.#restore(key, before);
    return { status: SF_STATUS.io };
  }

  get(key: string): SfOutcome {
    return this.#memory.get(key);
  }

  delete(key: string): SfOutcome {
    const before = this.#entries.get(key);
    const outcome = this.#memory.delete(key);
    if (outcome.status !== SF_STATUS.ok || before === undefined) return outcome;
    this.#entries.delete(key);
    if (this.#append({ op: 'delete', key: encoder.encode(key) })) return outcome;
    this.#restore(key, before);
    return { status: SF_STATUS.io };
  }

  list(prefix: string, limit: number, _caller: OsCaller): SfOutcome {
    return this.#memory.list(prefix, limit);
  }

  /** Nothing waits: everything that was answered is on the disk. */
  sync(): SfOutcome {
    return { status: this.#isFailed ? SF_STATUS.io : SF_STATUS.ok };
  }

  inspect(): DiskStatefsView {
    return {
      generation: this.#header.generation,
      keyCount: this.#entries.size,
      octets: this.#length,
      octetsMax: this.#room,
      compactions: this.#compactions,
      recovered: this.#recovered,
      isFailed: this.#isFailed,
    };
  }

  /** Octets of records that an area has room for. */
  get #room(): number {
    return this.#areaLength - AREA_HEADER_LENGTH;
  }

  #recover(): DiskReject | undefined {
    const headers = AREAS.map((area) => decodeAreaHeader(this.#disk.read(this.#start(area), AREA_HEADER_LENGTH)));
    const found = AREAS.flatMap((area) => {
      const header = headers[area];
      return header?.ok === true ? [{ area, header: header.value }] : [];
    }).sort((a, b) => b.header.generation - a.header.generation)[0];
    const rejects = headers.flatMap((header) => (header.ok ? [] : [header.error]));
    if (rejects.includes('unknown-version')) return 'unknown-version';
    if (rejects.includes('foreign')) return 'not-a-store';
    const isHeaderDamaged = rejects.includes('damaged');
    if (found === undefined) {
      // A header of which nothing but the beginning is there, before nothing: its formatting was cut short.
      if (!this.#isBlank(isHeaderDamaged ? AREA_HEADER_LENGTH : 0)) return isHeaderDamaged ? 'damaged' : 'not-a-store';
      this.#writeArea(0, []);
      return undefined;
    }
    this.#area = found.area;
    this.#header = found.header;
    const bytes = this.#disk.read(this.#start(found.area) + AREA_HEADER_LENGTH, this.#room);
    const { records, length, isTorn, damagedCount } = decodeRecords(bytes, found.header.salt);
    for (const record of records) this.#apply(record);
    this.#length = length;
    this.#recovered = { records: records.length, isTorn, damagedCount, isCompactionTorn: isHeaderDamaged };
    return undefined;
  }

  /** Nobody has put anything where formats of disks begin. */
  #isBlank(from: number): boolean {
    return AREAS.every((area) =>
      this.#disk.read(this.#start(area) + from, DISK_LENGTH_MIN / 2 - from).every((octet) => octet === 0),
    );
  }

  #apply(record: StatefsRecord): void {
    const key = decoder.decode(record.key);
    if (record.op === 'delete') this.#forget(key);
    else if (this.#memory.put(key, record.value).status === SF_STATUS.ok) this.#entries.set(key, record.value);
  }

  #append(record: StatefsRecord): boolean {
    if (this.#isFailed) return false;
    try {
      if (this.#length + recordLength(record) > this.#room) this.#compact();
      else {
        const at = this.#start(this.#area) + AREA_HEADER_LENGTH + this.#length;
        this.#disk.write(at, encodeTail([record], { salt: this.#header.salt, room: this.#room - this.#length }));
        this.#length += recordLength(record);
      }
      return true;
    } catch {
      // How much of it is on the disk is unknown: only opening it anew can tell.
      this.#isFailed = true;
      return false;
    }
  }

  /** Writes what there is, the newest change included, into the other area. */
  #compact(): void {
    const records = [...this.#entries].map(([key, value]): StatefsRecord => ({ op: 'put', key: encoder.encode(key), value }));
    this.#writeArea(this.#area === 0 ? 1 : 0, records);
    this.#compactions++;
  }

  /** The header comes behind the records: until then the other area counts. After it that one's goes, so that no older state is ever taken for the newest. */
  #writeArea(area: 0 | 1, records: readonly StatefsRecord[]): void {
    const salt = new Uint8Array(SALT_LENGTH);
    this.#entropy.fill(salt);
    const header = { generation: this.#header.generation + 1, salt };
    this.#disk.write(this.#start(area) + AREA_HEADER_LENGTH, encodeTail(records, { salt, room: this.#room }));
    this.#disk.write(this.#start(area), encodeAreaHeader(header));
    if (this.#header.generation > 0) this.#disk.write(this.#start(this.#area), Uint8Array.of(0)); // one octet can't be torn
    this.#area = area;
    this.#header = header;
    this.#length = records.reduce((sum, record) => sum + recordLength(record), 0);
  }

  #start(area: 0 | 1): number {
    return area * this.#areaLength;
  }

  #restore(key: string, value: Uint8Array): void {
    this.#memory.put(key, value);
    this.#entries.set(key, value);
  }

  #forget(key: string): void {
    this.#memory.delete(key);
    this.#entries.delete(key);
  }
}

/** Areas begin and end at pages. */
function areaLengthOf({ size }: BlockStore): number {
  return Math.floor(size / 2 / PAGE) * PAGE;
}

const PAGE = 4_096;
const DISK_LENGTH_MIN = 64 * 1_024;
const ENTRY_COUNT_MAX = 1_024;
const OCTETS_MAX = 1 << 20;
const AREAS = [0, 1] as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
