import { requireArgument } from '@nexus-net/sansio';
import { encodeUtf8 } from '../../utf8.js';
import type { PackagefsEntry, PackagefsService, StatefsService } from './services.js';
import { SF_STATUS, SF_STORE, type SfOutcome } from './sf.js';

/** packagefsd in memory: files by path, and the directories that they make. */
export class InMemoryPackagefs implements PackagefsService {
  readonly #files = new Map<string, Uint8Array>();
  readonly #directories = new Set<string>();

  /** `files`: paths without a scheme, such as `system/build.prop`. `directories`: empty ones, beside those of the files. */
  constructor(files: Readonly<Record<string, Uint8Array>>, directories: readonly string[] = []) {
    for (const [path, bytes] of Object.entries(files)) {
      this.#files.set(path, bytes.slice());
      const segments = path.split('/');
      for (let i = 1; i < segments.length; i++) this.#directories.add(segments.slice(0, i).join('/'));
    }
    for (const path of directories) this.#directories.add(path);
  }

  resolve(path: string): PackagefsEntry | 'not-found' {
    const bytes = this.#files.get(path);
    if (bytes !== undefined) return { size: BigInt(bytes.length), kind: 0, bytes };
    return this.#directories.has(path) ? { size: 0n, kind: 1, bytes: new Uint8Array(0) } : 'not-found';
  }
}

/** statefsd in memory. A full store answers with io, and changes nothing. */
export class InMemoryStatefs implements StatefsService {
  readonly #entries = new Map<string, Uint8Array>();
  readonly #entryCountMax: number;
  readonly #octetsMax: number;
  #octets = 0;
  #changes = 0;

  /** Defaults: 1 024 entries, 1 MiB of keys and values. */
  constructor({
    entryCountMax = 1_024,
    octetsMax = 1 << 20,
  }: { readonly entryCountMax?: number; readonly octetsMax?: number } = {}) {
    requireArgument(entryCountMax >= 1 && octetsMax >= 1, 'a store has room for something');
    this.#entryCountMax = entryCountMax;
    this.#octetsMax = octetsMax;
  }

  /** How often something was written or deleted. */
  get changes(): number {
    return this.#changes;
  }

  put(key: string, value: Uint8Array): SfOutcome {
    const keyLength = encodeUtf8(key).length;
    if (keyLength === 0) return { status: SF_STATUS.invalidKey };
    if (keyLength > SF_STORE.keyLengthMax) return { status: SF_STATUS.keyTooLong };
    if (value.length > SF_STORE.valueLengthMax) return { status: SF_STATUS.valueTooLarge };
    const before = this.#entries.get(key);
    const octets = this.#octets + value.length - (before === undefined ? -keyLength : before.length);
    if (octets > this.#octetsMax || (before === undefined && this.#entries.size >= this.#entryCountMax))
      return { status: SF_STATUS.io };
    this.#entries.set(key, value.slice());
    this.#octets = octets;
    this.#changes++;
    return { status: SF_STATUS.ok };
  }

  get(key: string): SfOutcome {
    const value = this.#entries.get(key);
    return value === undefined ? { status: SF_STATUS.notFound } : { status: SF_STATUS.ok, value: value.slice() };
  }

  delete(key: string): SfOutcome {
    const before = this.#entries.get(key);
    if (before === undefined) return { status: SF_STATUS.notFound };
    this.#entries.delete(key);
    this.#octets -= before.length + encodeUtf8(key).length;
    this.#changes++;
    return { status: SF_STATUS.ok };
  }

  list(prefix: string, limit: number): SfOutcome {
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort(byCodePoint);
    return { status: SF_STATUS.ok, keys: keys.slice(0, limit) };
  }

  sync(): SfOutcome {
    return { status: SF_STATUS.ok };
  }
}

/** The order of UTF-8 octets, which is that of code points. */
function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i] as string).codePointAt(0)! - (right[i] as string).codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
