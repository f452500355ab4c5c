import { createHash } from 'node:crypto';
import { type Chunk, type ChunkKind, chunksOf } from './chunks.js';

/** The leaves of one file, in the order of its chunks. */
export interface FileLeaves {
  readonly name: string;
  readonly kind: ChunkKind;
  /** Octets of the file. */
  readonly octets: number;
  /** 32 octets each. */
  readonly leaves: readonly Uint8Array[];
}

export const HASH_LENGTH = 32;
/** Octets of the head of a file behind its name. */
export const HEAD_AFTER_NAME = 13;

/**
 * What is hashed begins with an octet that says what it is, so that no leaf can pass for a node, nor a file for a tree (as RFC 6962 §2.1
 * does it for two of them).
 */
const DOMAIN = { leaf: 0, node: 1, file: 2, root: 3 } as const;

/** Bound into each root: a root of another format is never one of this. */
const FORMAT = 'nexus-net/evidence/1';

export const CHUNK_KINDS: readonly ChunkKind[] = ['octets', 'lines', 'frames'];

/** The leaves of a file as it is. */
export function leavesOf(name: string, kind: ChunkKind, bytes: Uint8Array): FileLeaves {
  return { name, kind, octets: bytes.length, leaves: chunksOf(kind, bytes).map((chunk) => leafOf(bytes, chunk)) };
}

function leafOf(bytes: Uint8Array, { start, end }: Chunk): Uint8Array {
  return hash(DOMAIN.leaf, [bytes.subarray(start, end)]);
}

/** The root over files in their order: names, kinds, lengths, counts and order of everything are part of it. */
export function rootOf(files: readonly FileLeaves[]): Uint8Array {
  const hashes = files.map((file) => hash(DOMAIN.file, [encodeFileHead(file), treeOf(file.leaves)]));
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, files.length);
  return hash(DOMAIN.root, [new TextEncoder().encode(FORMAT), count, treeOf(hashes)]);
}

/** What a file is, before its leaves: 2 octets of the name's length, the name, 1 kind, 8 length of the file, 4 count of leaves, big-endian. */
export function encodeFileHead({ name, kind, octets, leaves }: FileLeaves): Uint8Array {
  const text = new TextEncoder().encode(name);
  const head = new Uint8Array(2 + text.length + HEAD_AFTER_NAME);
  const view = new DataView(head.buffer);
  view.setUint16(0, text.length);
  head.set(text, 2);
  view.setUint8(2 + text.length, CHUNK_KINDS.indexOf(kind));
  view.setBigUint64(3 + text.length, BigInt(octets));
  view.setUint32(11 + text.length, leaves.length);
  return head;
}

/** The hash of an ordered list: pairs from the left, and one that is left over goes up as it is (the tree of RFC 6962 §2.1). */
function treeOf(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return new Uint8Array(HASH_LENGTH);
  let level = hashes;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Uint8Array, level[i + 1]];
      above.push(right === undefined ? left : hash(DOMAIN.node, [left, right]));
    }
    level = above;
  }
  return level[0] as Uint8Array;
}

function hash(domain: number, parts: readonly Uint8Array[]): Uint8Array {
  const sha = createHash('sha256').update(Uint8Array.of(domain));
  for (const part of parts) sha.update(part);
  return new Uint8Array(sha.digest());
}
