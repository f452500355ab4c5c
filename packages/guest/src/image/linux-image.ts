import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vmlinuxOf } from './bz-image.js';
import { PackageError, type UnpackedPackage } from './debian-files.js';
import { modulesInOrder } from './kernel-modules.js';
import { type ArchiveEntry, newcArchive, parentDirectories } from './newc.js';

/** A kernel and an initial RAM file system that QEMU starts. */
export interface LinuxImage {
  /** The kernel, an ELF file with a PVH entry. */
  readonly vmlinux: string;
  readonly initrd: string;
  /** What it was made of, and the SHA-256 of what came out: for the record of a run. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface LinuxImageOptions {
  /** As `nexus`: part of the folder's name. */
  readonly name: string;
  readonly kernel: UnpackedPackage;
  /** A statically linked busybox, as an ELF file. */
  readonly busybox: string;
  /** Kernel modules that `/init` finds in `/modules`, in an order in which they load. Dependencies come by themselves. */
  readonly modules: readonly string[];
  /** The shell script that the kernel starts, without its first line and without the loading of modules. */
  readonly init: string;
  /** Further files. Their directories come by themselves. */
  readonly files?: readonly ArchiveEntry[];
  /** Further things for the record. */
  readonly versions?: Readonly<Record<string, string>>;
}

/**
 * Makes an image in a folder of its own under `cache`, named by the hash of all that goes in; one that is there already is used.
 * The same inputs give the same octets. Needs no root.
 */
export async function buildLinuxImage(cache: string, options: LinuxImageOptions): Promise<LinuxImage> {
  const entries = entriesOf(options);
  const vmlinuz = readFileSync(kernelFile(options.kernel));
  const folder = join(cache, `image-${options.name}-${hashOf(entries, vmlinuz)}`);
  if (!existsSync(folder)) await make(cache, folder, { entries, vmlinuz, options });
  const versions = JSON.parse(await readFile(join(folder, VERSIONS), 'utf8')) as Record<string, string>;
  return { vmlinux: join(folder, 'vmlinux'), initrd: join(folder, 'initrd.cpio'), versions };
}

interface Parts {
  readonly entries: readonly ArchiveEntry[];
  readonly vmlinuz: Uint8Array;
  readonly options: LinuxImageOptions;
}

async function make(cache: string, folder: string, { entries, vmlinuz, options }: Parts): Promise<void> {
  const vmlinux = vmlinuxOf(vmlinuz);
  if (!vmlinux.ok) throw new PackageError(`the kernel of ${options.kernel.name} ${options.kernel.version}: ${vmlinux.error}`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, '.image-'));
  try {
    await writeFile(join(work, 'vmlinux'), vmlinux.value);
    const digest = createHash('sha256');
    const file = await open(join(work, 'initrd.cpio'), 'w');
    for (const chunk of newcArchive(entries)) {
      digest.update(chunk);
      await file.write(chunk);
    }
    await file.close();
    const versions = {
      kernel: options.kernel.version,
      'kernel package sha256': options.kernel.sha256,
      'initrd sha256': digest.digest('hex'),
      ...options.versions,
    };
    await writeFile(join(work, VERSIONS), `${JSON.stringify(versions, undefined, 2)}\n`);
    // Whoever is first wins: two runs may make the same image at the same time.
    await rename(work, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function entriesOf({ kernel, busybox, modules, init, files = [] }: LinuxImageOptions): readonly ArchiveEntry[] {
  const loaded = modulesInOrder(modules, moduleReader(kernel));
  const script = [
    '#!/bin/busybox sh',
    '/bin/busybox mount -t proc proc /proc',
    '/bin/busybox mount -t sysfs sysfs /sys',
    '/bin/busybox mount -t devtmpfs devtmpfs /dev',
    ...loaded.map(({ name }) => `/bin/busybox insmod /modules/${name}.ko`),
    init,
  ].join('\n');
  const regular: readonly ArchiveEntry[] = [
    { type: 'file', path: 'init', bytes: new TextEncoder().encode(`${script}\n`), mode: 0o755 },
    { type: 'file', path: 'bin/busybox', bytes: readFileSync(busybox), mode: 0o755 },
    ...loaded.map(({ name, bytes }): ArchiveEntry => ({ type: 'file', path: `modules/${name}.ko`, bytes })),
    { type: 'character-device', path: 'dev/console', major: 5, minor: 1 },
    ...files,
  ];
  const paths = [...regular.map(({ path }) => path), 'proc/x', 'sys/x', 'tmp/x'];
  return [...parentDirectories(paths), ...regular];
}

function hashOf(entries: readonly ArchiveEntry[], vmlinuz: Uint8Array): string {
  const digest = createHash('sha256').update(vmlinuz);
  for (const chunk of newcArchive(entries)) digest.update(chunk);
  return digest.digest('hex').slice(0, 24);
}

function kernelFile({ folder, name }: UnpackedPackage): string {
  const found = readdirSync(join(folder, 'boot')).find((each) => each.startsWith('vmlinuz-'));
  if (found === undefined) throw new PackageError(`${name} has no /boot/vmlinuz-*`);
  return join(folder, 'boot', found);
}

/** Finds modules by name, whatever folder of the kernel's tree they are in. */
function moduleReader({ folder, name: kernel }: UnpackedPackage): (name: string) => Uint8Array {
  const root = join(folder, 'lib/modules');
  const places = new Map<string, string>();
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const name = /([^/]+)\.ko$/.exec(path)?.[1];
    if (name !== undefined) places.set(name.replaceAll('-', '_'), join(root, path));
  }
  return (name) => {
    const place = places.get(name);
    if (place === undefined) throw new PackageError(`${kernel} has no module ${name}`);
    return readFileSync(place);
  };
}

const VERSIONS = 'versions.json';
