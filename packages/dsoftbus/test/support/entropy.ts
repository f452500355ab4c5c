import { type Entropy, fromHex, SeededEntropy } from '@nexus-net/sansio';

/** Gives out the octets of a vector, one draw after the other, and fails where it is asked for more. */
export function fixedEntropy(...draws: readonly string[]): Entropy {
  let count = 0;
  return {
    u32: () => {
      throw new Error('a vector has no numbers to draw');
    },
    fill: (bytes) => {
      const octets = draws[count++];
      if (octets === undefined) throw new Error('more was drawn than the vector has');
      bytes.set(fromHex(octets));
    },
  };
}

export function entropyOf(seed: number | string): Entropy {
  return new SeededEntropy(seed);
}
