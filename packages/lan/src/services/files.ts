import { requireArgument } from '@nexus-net/sansio';

/** Files that a service hands out, by absolute path: `/boot/kernel`. */
export interface FileSource {
  /** The octets of a file, `undefined` where there is none. Not changed while it is served. */
  read(path: string): Uint8Array | undefined;
  /** Keeps a file; `false` where it can not. Without it nothing is ever written. */
  write?(path: string, bytes: Uint8Array): boolean;
}

export interface MemoryFilesOptions {
  /** Octets of all files together that `write` may add. Default 67 108 864. */
  readonly writtenOctetsMax?: number;
  /** Files that `write` may add. Default 1 024. */
  readonly writtenCountMax?: number;
}

/** Files in memory. */
export class MemoryFiles implements FileSource {
  readonly #files = new Map<string, Uint8Array>();
  #writtenOctets: number;
  #writtenCount: number;

  /** Texts are kept as UTF-8. A path that does not begin with `/` is taken as if it did. */
  constructor(files: Readonly<Record<string, Uint8Array | string>> = {}, options: MemoryFilesOptions = {}) {
    this.#writtenOctets = options.writtenOctetsMax ?? 67_108_864;
    this.#writtenCount = options.writtenCountMax ?? 1_024;
    for (const [path, content] of Object.entries(files)) {
      const clean = cleanPath(path);
      requireArgument(clean !== undefined, `${JSON.stringify(path)} is a path`);
      this.#files.set(clean, typeof content === 'string' ? TEXT.encode(content) : content);
    }
  }

  read(path: string): Uint8Array | undefined {
    return this.#files.get(path);
  }

  write(path: string, bytes: Uint8Array): boolean {
    if (this.#writtenCount < 1 || bytes.length > this.#writtenOctets) return false;
    this.#writtenCount -= 1;
    this.#writtenOctets -= bytes.length;
    this.#files.set(path, bytes.slice());
    return true;
  }

  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }
}

/**
 * The absolute path that a client means: `/` first, no empty or `.` segments. `undefined` for what leads up or hides something: `..`, a
 * backslash, a control character.
 */
export function cleanPath(path: string): string | undefined {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  for (const segment of segments) if (segment === '..' || UNCLEAN.test(segment)) return undefined;
  return `/${segments.join('/')}`;
}

const TEXT = new TextEncoder();
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNCLEAN = /[\\\u0000-\u001f\u007f]/;
