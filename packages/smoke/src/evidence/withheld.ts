import { createHash } from 'node:crypto';
import { fromHex } from '@nexus-net/sansio';
import type { SecretMatch } from './secrets.js';

/**
 * What stands in the record of a run for a secret of it: the hash of its octets. Whoever has the secret can show that it was this one, the record
 * does not give it away, and a scan recognises it wherever else it is.
 */
export function withhold(secretHex: string): string {
  return `${PREFIX}${hashOf(fromHex(secretHex))}`;
}

/** The hashes of secrets that a record withholds. */
export function withheldIn(bytes: Uint8Array): ReadonlySet<string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return new Set([...text.matchAll(/withheld:sha256:([0-9a-f]{64})/g)].map(([, hash]) => hash as string));
}

/** Octets of a secret that is withheld. */
const SECRET_LENGTH = 32;

/** Where secrets stand in hexadecimal after all. */
export function findWithheldText(bytes: Uint8Array, hashes: ReadonlySet<string>): readonly SecretMatch[] {
  if (hashes.size === 0) return [];
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const tokens = text.matchAll(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi);
  return [...tokens].flatMap(({ 0: hex, index }) =>
    hashes.has(hashOf(fromHex(hex.toLowerCase()))) ? [{ kind: 'run-secret' as const, offset: index, length: hex.length }] : [],
  );
}

/** Where secrets stand as octets, at any offset: each place costs a hash, so the caller says of how many. */
export function findWithheldOctets(bytes: Uint8Array, hashes: ReadonlySet<string>): readonly SecretMatch[] {
  if (hashes.size === 0) return [];
  const matches: SecretMatch[] = [];
  for (let offset = 0; offset + SECRET_LENGTH <= bytes.length; offset++)
    if (hashes.has(hashOf(bytes.subarray(offset, offset + SECRET_LENGTH))))
      matches.push({ kind: 'run-secret', offset, length: SECRET_LENGTH });
  return matches;
}

function hashOf(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

const PREFIX = 'withheld:sha256:';
