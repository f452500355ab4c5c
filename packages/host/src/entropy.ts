import { randomFillSync } from 'node:crypto';
import { type Entropy, readU32 } from '@nexus-net/sansio';

/** Entropy of the operating system. */
export interface SystemEntropy extends Entropy {
  /**
   * Forgets the octets drawn in advance. To be called after this process has been restored from a saved machine state, or
   * two machines restored from one state would draw the same.
   */
  discard(): void;
}

/**
 * Cryptographically strong random bits, drawn from the system {@link POOL_LENGTH} octets at a time because one call costs
 * as much as a thousand octets. Octets are wiped from the pool as they are handed out.
 */
export function systemEntropy(): SystemEntropy {
  const pool = new Uint8Array(POOL_LENGTH);
  let used = POOL_LENGTH;
  return {
    u32() {
      if (used + 4 > POOL_LENGTH) {
        randomFillSync(pool);
        used = 0;
      }
      const value = readU32(pool, used);
      pool.fill(0, used, used + 4);
      used += 4;
      return value;
    },
    fill(bytes) {
      randomFillSync(bytes);
    },
    discard() {
      pool.fill(0);
      used = POOL_LENGTH;
    },
  };
}

const POOL_LENGTH = 4096;
