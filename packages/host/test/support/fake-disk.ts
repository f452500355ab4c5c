import { chance, type SeededEntropy, uniform } from '@nexus-net/sansio';
import type { StoreFile, StoreFiles } from '../../src/index.js';

/** What is left after a crash. `power`: what was synced, and of the rest what the disk happened to have. `kill`: all that the system was given. */
export type CrashKind = 'power' | 'kill';

export interface FakeDiskOptions {
  /** How often an operation fails: a write in its middle, a sync or rename with an unknown outcome. Default 0. */
  readonly failureRate?: number;
}

/** A disk block: written as a whole or, at worst, up to some octet of it. */
const BLOCK_LENGTH = 64;

/** A file. `durable` is what the disk has for sure of `data[0..synced]`. */
interface Inode {
  data: Uint8Array;
  length: number;
  durable: Uint8Array;
}

type NameChange = { readonly type: 'set'; readonly name: string; readonly inode: Inode } | RenameChange;
interface RenameChange {
  readonly type: 'rename';
  readonly from: string;
  readonly to: string;
  readonly inode: Inode;
}

/**
 * A file system that forgets like a real one: what was not synced may be there, in part, in any order of blocks, zero, or
 * the old contents of somebody else's blocks; a name lives by the sync of its directory and not of its file; after a sync
 * that failed the pages count as clean. One operation at a time waits for {@link step}, so a test can crash between any two.
 */
export class FakeDisk implements StoreFiles {
  readonly #entropy: SeededEntropy;
  readonly #failureRate: number;
  /** Names as programs see them. */
  readonly #names: Map<string, Inode>;
  /** Names that the disk has for sure. */
  readonly #durableNames: Map<string, Inode>;
  #changes: NameChange[] = [];
  #waiting: (() => void)[] = [];
  /** Old contents of blocks that are free now: what a new file's unwritten blocks may show. */
  readonly #litter: Uint8Array[];
  #owned = new Set<string>();

  constructor(
    entropy: SeededEntropy,
    options: FakeDiskOptions & { readonly names?: Map<string, Inode>; readonly litter?: Uint8Array[] } = {},
  ) {
    this.#entropy = entropy;
    this.#failureRate = options.failureRate ?? 0;
    this.#durableNames = options.names ?? new Map();
    this.#names = new Map(this.#durableNames);
    this.#litter = options.litter ?? [];
  }

  /** Does an operation wait? */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Carries out the operation that waits longest. */
  step(): void {
    this.#waiting.shift()?.();
  }

  /** The same disk after a crash: whoever used this one is dead. */
  crash(kind: CrashKind): FakeDisk {
    const images = new Map<Inode, Inode>();
    const image = (inode: Inode): Inode => {
      const present = images.get(inode) ?? this.#image(inode, kind);
      images.set(inode, present);
      return present;
    };
    const names = new Map(
      [...(kind === 'kill' ? this.#names : this.#survivingNames())].map(([name, inode]) => [name, image(inode)]),
    );
    const litter = [...this.#litter, ...[...this.#names.values()].map(({ data, length }) => data.slice(0, length))].slice(-8);
    return new FakeDisk(this.#entropy, { failureRate: this.#failureRate, names, litter });
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return this.#later(() => {
      const inode = this.#names.get(path);
      return inode?.data.slice(0, inode.length);
    });
  }

  create(path: string): Promise<StoreFile> {
    return this.#later(() => {
      this.#mayFail('create');
      const inode: Inode = { data: new Uint8Array(1024), length: 0, durable: new Uint8Array() };
      this.#names.set(path, inode);
      this.#changes.push({ type: 'set', name: path, inode });
      return {
        append: (bytes) =>
          this.#later(() => {
            const fails = chance(this.#entropy, this.#failureRate);
            append(inode, fails ? bytes.subarray(0, this.#below(bytes.length + 1)) : bytes);
            if (fails) throw failure('ENOSPC', 'write');
          }),
        sync: () =>
          this.#later(() => {
            if (chance(this.#entropy, this.#failureRate)) {
              // The pages are clean from here on, written or not: the next sync has nothing to do and succeeds.
              const { durable } = this.#image(inode, 'power');
              inode.durable = new Uint8Array(inode.length);
              inode.durable.set(durable);
              throw failure('EIO', 'fdatasync');
            }
            const durable = inode.data.slice(0, inode.length);
            durable.set(inode.durable);
            inode.durable = durable;
          }),
        close: () => this.#later(() => undefined),
      };
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#later(() => {
      const inode = this.#names.get(from);
      if (inode === undefined) throw failure('ENOENT', 'rename');
      const fails = chance(this.#entropy, this.#failureRate);
      if (!fails || chance(this.#entropy, 0.5)) {
        const old = this.#names.get(to);
        if (old !== undefined) this.#litter.push(old.data.slice(0, old.length));
        this.#litter.splice(0, this.#litter.length - 8);
        this.#names.delete(from);
        this.#names.set(to, inode);
        this.#changes.push({ type: 'rename', from, to, inode });
      }
      if (fails) throw failure('EIO', 'rename');
    });
  }

  syncDirectory(): Promise<void> {
    return this.#later(() => {
      this.#mayFail('fsync');
      for (const change of this.#changes.splice(0)) applyChange(this.#durableNames, change);
    });
  }

  own(path: string): () => void {
    if (this.#owned.has(path)) throw new Error(`${path} is owned twice`);
    this.#owned.add(path);
    return () => this.#owned.delete(path);
  }

  #later<T>(run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #mayFail(what: string): void {
    if (chance(this.#entropy, this.#failureRate)) throw failure('EIO', what);
  }

  #below(count: number): number {
    return uniform(this.#entropy, { low: 0, high: count - 1 });
  }

  /** Each unsynced change of a name may have reached the disk: mostly in order, on some file systems not. */
  #survivingNames(): Map<string, Inode> {
    const names = new Map(this.#durableNames);
    const inOrder = chance(this.#entropy, 0.7);
    const until = this.#below(this.#changes.length + 1);
    for (const [i, change] of this.#changes.entries())
      if (inOrder ? i < until : chance(this.#entropy, 0.5)) applyChange(names, change);
    return names;
  }

  /** What the disk has of a file. */
  #image(inode: Inode, kind: CrashKind): Inode {
    if (kind === 'kill') return { data: inode.data.slice(), length: inode.length, durable: inode.data.slice(0, inode.length) };
    const synced = inode.durable.length;
    const unsynced = inode.length - synced;
    // The length of a file is often on the disk before its octets are.
    const length = synced + (chance(this.#entropy, 0.5) ? unsynced : this.#below(unsynced + 1));
    const data = new Uint8Array(length);
    data.set(inode.durable);
    for (let at = synced; at < length; ) {
      const end = Math.min(length, (Math.floor(at / BLOCK_LENGTH) + 1) * BLOCK_LENGTH);
      const fate = this.#below(4);
      if (fate === 1) data.set(inode.data.subarray(at, at + this.#below(end - at + 1)), at);
      else if (fate === 2) this.#fillWithLitter(data.subarray(at, end), at);
      else if (fate === 3) data.set(inode.data.subarray(at, end), at);
      at = end;
    }
    return { data, length, durable: data.slice() };
  }

  #fillWithLitter(block: Uint8Array, at: number): void {
    const old = this.#litter[this.#below(this.#litter.length + 1)];
    if (old === undefined) this.#entropy.fill(block);
    else block.set(old.subarray(Math.min(at, old.length), Math.min(at + block.length, old.length)));
  }
}

function append(inode: Inode, bytes: Uint8Array): void {
  const length = inode.length + bytes.length;
  if (length > inode.data.length) {
    const data = new Uint8Array(2 * length);
    data.set(inode.data.subarray(0, inode.length));
    inode.data = data;
  }
  inode.data.set(bytes, inode.length);
  inode.length = length;
}

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  if (change.type === 'rename') {
    if (names.get(change.from) === change.inode) names.delete(change.from);
    names.set(change.to, change.inode);
  } else names.set(change.name, change.inode);
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
