import { requireArgument } from '@nexus-net/sansio';
import type { CipherName, HashName } from '../crypto/index.js';
import { type HandshakePattern, handshakePattern } from './patterns.js';

export interface NoiseProtocol {
  /** `Noise_XK_25519_ChaChaPoly_BLAKE2s`: the first thing in every transcript. */
  readonly name: string;
  readonly pattern: HandshakePattern;
  readonly dh: '25519';
  readonly cipher: CipherName;
  readonly hash: HashName;
}

const CIPHERS: readonly CipherName[] = ['ChaChaPoly', 'AESGCM'];
const HASHES: readonly HashName[] = ['BLAKE2s', 'BLAKE2b', 'SHA256', 'SHA512'];

/** A protocol by its name (Noise §8). Throws `UsageError` for one that this package doesn't speak. */
export function noiseProtocol(name: string): NoiseProtocol {
  const [noise, pattern = '', dh, cipher, hash, ...rest] = name.split('_');
  const isKnown =
    noise === 'Noise' &&
    dh === '25519' &&
    CIPHERS.includes(cipher as CipherName) &&
    HASHES.includes(hash as HashName) &&
    rest.length === 0;
  requireArgument(isKnown, `no Noise protocol of this package has the name ${JSON.stringify(name)}`);
  return { name, pattern: handshakePattern(pattern), dh, cipher: cipher as CipherName, hash: hash as HashName };
}
