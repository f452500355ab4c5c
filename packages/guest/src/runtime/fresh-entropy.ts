import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { type Entropy, readU32, requireArgument } from '@nexus-net/sansio';

/**
 * Cryptographically strong random bits of a guest that may have been restored from a saved state: the system's own generator then
 * draws what it drew for every other restore, so the seed of the harness (32 octets, a new one for each run) is mixed in. A
 * ChaCha20 key stream (RFC 8439 §2.4) under the SHA-256 of both.
 */
export function freshEntropy(seed: Uint8Array): Entropy {
  requireArgument(seed.length === SEED_LENGTH, `the seed has ${SEED_LENGTH} octets`);
  const key = createHash('sha256').update('nexus-net guest entropy').update(seed).update(randomBytes(32)).digest();
  const stream = createCipheriv('chacha20', key, new Uint8Array(16));
  const pool = new Uint8Array(POOL_LENGTH);
  let used = POOL_LENGTH;
  const take = (length: number): Uint8Array => {
    if (used + length > POOL_LENGTH) {
      pool.set(stream.update(new Uint8Array(POOL_LENGTH)));
      used = 0;
    }
    used += length;
    return pool.subarray(used - length, used);
  };
  return {
    u32() {
      const octets = take(4);
      const value = readU32(octets, 0);
      octets.fill(0);
      return value;
    },
    fill(bytes) {
      for (let at = 0; at < bytes.length; at += POOL_LENGTH) {
        const octets = take(Math.min(POOL_LENGTH, bytes.length - at));
        bytes.set(octets, at);
        octets.fill(0);
      }
    },
  };
}

const SEED_LENGTH = 32;
const POOL_LENGTH = 1024;
