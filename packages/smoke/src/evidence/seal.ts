import { type ArchiveFile, encodeArchive } from './archive.js';
import { chunkKindOf } from './chunks.js';
import { type FileLeaves, leavesOf, rootOf } from './hash-tree.js';
import { type SigningKey, signRoot } from './keys.js';
import { encodeLeaves } from './leaves-file.js';
import { encodeManifest, type ManifestSource } from './manifest.js';
import { encodeSealRecord } from './seal-record.js';

/** What a sealed run has beside the files of the run, which are in a folder of their own. */
export const SEALED = { manifest: 'manifest.json', leaves: 'leaves.bin', seal: 'seal.json', folder: 'run/' } as const;

export interface Sealed {
  readonly bytes: Uint8Array;
  readonly root: Uint8Array;
}

/** Seals the files of a run. One sentence where they are none. Pure: the same files, purpose and key give the same octets. */
export function seal(source: ManifestSource, key?: SigningKey): Sealed | string {
  const manifest = encodeManifest(source);
  if (typeof manifest === 'string') return manifest;
  const files = [
    { name: SEALED.manifest, bytes: manifest },
    ...source.files.map(({ name, bytes }) => ({ name: `${SEALED.folder}${name}`, bytes })),
  ];
  const leaves = sealedLeaves(files);
  const root = rootOf(leaves);
  const signed = key === undefined ? undefined : { publicKey: key.publicKey, signature: signRoot(root, key) };
  const record = encodeSealRecord({ root, ...(signed !== undefined && { signed }) });
  const bytes = encodeArchive([
    ...files,
    { name: SEALED.leaves, bytes: encodeLeaves(leaves) },
    { name: SEALED.seal, bytes: record },
  ]);
  return { bytes, root };
}

/** The leaves of what is sealed, in the order of the archive. */
export function sealedLeaves(files: readonly ArchiveFile[]): readonly FileLeaves[] {
  return files.map(({ name, bytes }) => leavesOf(name, chunkKindOf(name), bytes));
}
