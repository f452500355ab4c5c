import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackDebianPackage } from './debian-files.js';
import { withoutSections } from './elf.js';
import { buildLinuxImage, type LinuxImage } from './linux-image.js';
import type { ArchiveEntry } from './newc.js';
import { PACKAGE_IMAGE_PATH, packageImage } from './package-image.js';
import { sharedLibraries } from './shared-libraries.js';

/** What a guest with a kernel of Debian is made of. */
export interface DebianParts {
  /** A folder for packages and images that are made once. */
  readonly cache: string;
}

export interface NexusImageOptions extends DebianParts {
  /** The bundle of `programs/nexus`. Default: that of this package. */
  readonly program?: string;
  /** The Node that runs it. Default: the running one. */
  readonly node?: string;
  /** Flags of Node. */
  readonly nodeFlags?: readonly string[];
  /** Further files of the guest. */
  readonly files?: readonly ArchiveEntry[];
}

/**
 * `virtio_net` carries raw frames for `macvtap`, whose device a program reads and writes; the kernel's own IP has no part in it. What statefs
 * keeps is on a disk of `virtio_blk`.
 */
const NEXUS_MODULES = ['virtio_pci', 'virtio_net', 'virtio_blk', 'macvtap'] as const;

/**
 * Our own services in a real guest: Debian's cloud kernel, the Node that runs here with its libraries, and one program. Throws
 * `PackageError` where a package can't be had.
 */
export async function buildNexusImage(options: NexusImageOptions): Promise<LinuxImage> {
  const { cache, program = nexusProgram(), node = process.execPath, nodeFlags = [], files = [] } = options;
  const kernel = await unpackKernel(cache);
  const busybox = await unpackBusybox(cache);
  const runtime = readFileSync(node);
  const code = readFileSync(program);
  return buildLinuxImage(cache, {
    name: 'nexus',
    kernel,
    busybox: busybox.program,
    modules: NEXUS_MODULES,
    init: `exec /bin/node ${[...nodeFlags, '/nexus.cjs'].join(' ')}`,
    files: [
      { type: 'file', path: 'bin/node', bytes: withoutSections(runtime), mode: 0o755 },
      ...sharedLibraries(runtime),
      { type: 'file', path: 'nexus.cjs', bytes: code },
      {
        type: 'file',
        path: PACKAGE_IMAGE_PATH,
        bytes: packageImage({ 'ro.product.name': 'nexus', 'ro.build.program.sha256': sha256(code) }),
      },
      ...files,
    ],
    versions: { busybox: busybox.version, node: process.versions.node, 'program sha256': sha256(code) },
  });
}

/** Where the build of this package puts the program, whether this file runs from the build or from the sources. */
export function nexusProgram(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'dist/programs/nexus.cjs');
}

/** Debian's kernel for clouds: small, with virtio. */
export function unpackKernel(cache: string): ReturnType<typeof unpackDebianPackage> {
  return unpackDebianPackage(join(cache, 'packages'), 'linux-image-cloud-amd64', /^linux-image-[\d.]+-.*cloud-amd64$/);
}

/** The statically linked busybox. */
export async function unpackBusybox(cache: string): Promise<{ readonly program: string; readonly version: string }> {
  const { folder, version } = await unpackDebianPackage(join(cache, 'packages'), 'busybox-static');
  return { program: join(folder, 'bin/busybox'), version };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
