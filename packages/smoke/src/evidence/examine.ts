import { bytesEqual, toHex } from '@nexus-net/sansio';
import { type ArchiveFile, decodeArchive } from './archive.js';
import { alteration } from './compare-leaves.js';
import { type FileLeaves, rootOf } from './hash-tree.js';
import { fingerprintOf, isSignedBy } from './keys.js';
import { decodeLeaves } from './leaves-file.js';
import { decodeManifest, type Manifest } from './manifest.js';
import { SEALED } from './seal.js';
import { decodeSealRecord, type SealRecord } from './seal-record.js';

/** Something that is not as it was sealed. */
export interface Alteration {
  /** The file within, or `archive` for what is around the files. */
  readonly file: string;
  /** Where in it, and what. */
  readonly what: string;
}

/** A sealed run, as far as its octets say. */
export type Examination =
  | {
      readonly state: 'intact';
      readonly root: Uint8Array;
      /** Absent where nobody signed: then whoever changed the file could have sealed it anew. */
      readonly signedBy?: { readonly publicKey: Uint8Array; readonly fingerprint: string };
      readonly manifest: Manifest;
      /** The run's own files, without the folder that they are in. */
      readonly files: readonly ArchiveFile[];
    }
  | { readonly state: 'altered'; readonly alterations: readonly Alteration[] };

/** Examines the octets of a sealed run. Total: every input is intact or altered, and nothing that a file says is believed before its hash is right. */
export function examine(bytes: Uint8Array): Examination {
  const archive = decodeArchive(bytes);
  if (!archive.ok) return altered([{ file: 'archive', what: `octet ${archive.offset}: ${archive.error}` }]);
  const { files } = archive;
  const [leavesFile, sealFile] = [files.at(-2), files.at(-1)];
  if (files[0]?.name !== SEALED.manifest || leavesFile?.name !== SEALED.leaves || sealFile?.name !== SEALED.seal)
    return altered([{ file: 'archive', what: 'not the files of a sealed run, in their order' }]);
  const record = decodeSealRecord(sealFile.bytes);
  const leaves = decodeLeaves(leavesFile.bytes);
  const alterations: Alteration[] = [];
  if (!record.ok) alterations.push({ file: SEALED.seal, what: 'it is not the record of a seal' });
  if (!leaves.ok) alterations.push({ file: SEALED.leaves, what: `it can’t be read: ${leaves.error}` });
  if (leaves.ok) {
    const content = files.slice(0, -2);
    alterations.push(...contentAlterations(leaves.value, content));
    if (record.ok) alterations.push(...sealAlterations(record.value, leaves.value));
    if (alterations.length === 0) return describe(content, (record as { value: SealRecord }).value);
  }
  return altered(alterations);
}

function describe(content: readonly ArchiveFile[], { root, signed }: SealRecord): Examination {
  const files = content.slice(1).map(({ name, bytes }) => ({ name: name.slice(SEALED.folder.length), bytes }));
  const manifest = decodeManifest((content[0] as ArchiveFile).bytes, files);
  if (!manifest.ok) return altered([{ file: SEALED.manifest, what: MANIFEST_ERRORS[manifest.error] }]);
  return {
    state: 'intact',
    root,
    ...(signed !== undefined && {
      signedBy: { publicKey: signed.publicKey, fingerprint: fingerprintOf(signed.publicKey) },
    }),
    manifest: manifest.value,
    files,
  };
}

/** Its hash is right and it is wrong nevertheless: whoever sealed this did not seal it with these rules. */
const MANIFEST_ERRORS = {
  'not-a-manifest': 'it is no manifest of this version',
  'no-verdict': 'there is no verdict beside it',
  'not-of-these-files': 'it says of the files beside it what they don’t say',
} as const;

function contentAlterations(leaves: readonly FileLeaves[], content: readonly ArchiveFile[]): readonly Alteration[] {
  const names = content.map(({ name }) => name);
  const sealed = leaves.map(({ name }) => name);
  const strange = names.filter((name, i) => !sealed.includes(name) || (i > 0 && !name.startsWith(SEALED.folder)));
  const gone = sealed.filter((name) => !names.includes(name));
  const order = [...names.slice(1)].sort();
  const inOrder = names.slice(1).every((name, i) => name === order[i]) && sealed.every((name, i) => name === names[i]);
  return [
    ...gone.map((file) => ({ file, what: 'it was sealed and is gone' })),
    ...strange.map((file) => ({ file, what: 'it was not sealed and is there' })),
    ...(gone.length + strange.length === 0 && !inOrder
      ? [{ file: 'archive', what: 'the files are in another order than sealed' }]
      : []),
    ...leaves.flatMap((each) => {
      const file = content.find(({ name }) => name === each.name);
      const what = file === undefined ? undefined : alteration(each, file);
      return what === undefined ? [] : [{ file: each.name, what }];
    }),
  ];
}

function sealAlterations({ root, signed }: SealRecord, leaves: readonly FileLeaves[]): readonly Alteration[] {
  const found = rootOf(leaves);
  if (!bytesEqual(found, root))
    return [{ file: SEALED.seal, what: `the leaves make the root ${toHex(found)}, and ${toHex(root)} was sealed` }];
  if (signed !== undefined && !isSignedBy(root, signed))
    return [{ file: SEALED.seal, what: 'the signature is not one of this root by this key' }];
  return [];
}

function altered(alterations: readonly Alteration[]): Examination {
  return { state: 'altered', alterations };
}
