import { err, fromHex, ok, type Result, toHex } from '@nexus-net/sansio';
import { HASH_LENGTH } from './hash-tree.js';
import { PUBLIC_KEY_LENGTH, type RootSignature, SIGNATURE_LENGTH } from './keys.js';

/** The last file of a sealed run: the root of its tree, and who signed it, if anybody did. */
export interface SealRecord {
  readonly root: Uint8Array;
  readonly signed?: RootSignature;
}

/** One text for one record. */
export function encodeSealRecord({ root, signed }: SealRecord): Uint8Array {
  const signature =
    signed === undefined ? null : { algorithm: 'Ed25519', publicKey: toHex(signed.publicKey), value: toHex(signed.signature) };
  const record = { schema: 'nexus-net/seal/1', root: toHex(root), signature };
  return new TextEncoder().encode(`${JSON.stringify(record, undefined, 2)}\n`);
}

/** Reads what {@link encodeSealRecord} wrote, octet for octet: another text of the same meaning is none. Total. */
export function decodeSealRecord(bytes: Uint8Array): Result<SealRecord, 'not-a-seal'> {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, RECORD_OCTETS_MAX));
  const root = hexField(text, 'root', HASH_LENGTH);
  if (root === undefined) return err('not-a-seal');
  const publicKey = hexField(text, 'publicKey', PUBLIC_KEY_LENGTH);
  const signature = hexField(text, 'value', SIGNATURE_LENGTH);
  const record = { root, ...(publicKey !== undefined && signature !== undefined && { signed: { publicKey, signature } }) };
  return text === new TextDecoder('latin1').decode(encodeSealRecord(record)) ? ok(record) : err('not-a-seal');
}

function hexField(text: string, name: string, octets: number): Uint8Array | undefined {
  const hex = new RegExp(`"${name}": "([0-9a-f]{${2 * octets}})"`).exec(text)?.[1];
  return hex === undefined ? undefined : fromHex(hex);
}

const RECORD_OCTETS_MAX = 1_024;
