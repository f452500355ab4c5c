import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Debian package that was unpacked, not installed. */
export interface UnpackedPackage {
  readonly name: string;
  /** As `6.1.192-2`. */
  readonly version: string;
  /** Its files, from here as from the root. */
  readonly folder: string;
  /** SHA-256 of the package file, in hexadecimal digits. */
  readonly sha256: string;
}

export class PackageError extends Error {
  /** What would help, as a command line; `undefined` where nothing known does. */
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string) {
    super(message);
    this.name = 'PackageError';
    this.remedy = remedy;
  }
}

/**
 * Downloads a Debian package and unpacks it under `cache`, without installing it and without being root. What is already there is
 * used as it is. A package that only names another one, as `linux-image-cloud-amd64` does, is followed by `dependency`.
 */
export async function unpackDebianPackage(cache: string, name: string, dependency?: RegExp): Promise<UnpackedPackage> {
  const kept = await findUnpacked(cache, name);
  if (kept !== undefined) return kept;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, '.unpack-'));
  try {
    const real = dependency === undefined ? name : await followed(name, dependency);
    await command('apt-get', ['download', real], work);
    const file = (await readdir(work)).find((each) => each.endsWith('.deb'));
    if (file === undefined) throw new PackageError(`apt-get download ${real} left no file`);
    const sha256 = createHash('sha256')
      .update(await readFile(join(work, file)))
      .digest('hex');
    const version = (await command('dpkg-deb', ['--field', file, 'Version'], work)).trim();
    await command('dpkg-deb', ['--extract', file, 'files'], work);
    const place = join(cache, folderName({ name, version, sha256 }));
    // Whoever is first wins: two runs may unpack the same package at the same time.
    await rename(join(work, 'files'), place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return { name, version, folder: place, sha256 };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The newest unpacked form of a package under `cache`. */
export async function findUnpacked(cache: string, name: string): Promise<UnpackedPackage | undefined> {
  if (!existsSync(cache)) return undefined;
  const prefix = `${name}_`;
  const folders = (await readdir(cache)).filter((each) => each.startsWith(prefix)).sort();
  const folder = folders.at(-1);
  if (folder === undefined) return undefined;
  const [version = '', sha256 = ''] = folder.slice(prefix.length).split('_');
  return { name, version: decodeURIComponent(version), folder: join(cache, folder), sha256 };
}

function folderName({ name, version, sha256 }: Omit<UnpackedPackage, 'folder'>): string {
  return `${name}_${encodeURIComponent(version)}_${sha256}`;
}

/** The package that another one depends on and whose name fits. */
async function followed(name: string, dependency: RegExp): Promise<string> {
  const text = await command('apt-cache', ['depends', '--important', name], '.');
  const found = [...text.matchAll(/Depends: (\S+)/g)].map(([, each]) => each as string).find((each) => dependency.test(each));
  if (found === undefined) throw new PackageError(`${name} is not among the packages that apt knows`, 'apt-get update');
  return found;
}

async function command(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await run(program, args, { cwd, maxBuffer: 16 * 2 ** 20 })).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT') throw new PackageError(`${program} is not here: this needs Debian’s tools`);
    const lastLine = stderr?.trim().split('\n').at(-1);
    throw new PackageError(`${program} ${args.join(' ')}: ${lastLine ?? String(error)}`, 'apt-get update');
  }
}
