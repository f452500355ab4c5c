/**
 * How many cases a property tries: about `count` in the fast host proof, a multiple of it in the long one. The factor comes from
 * NEXUS_RUNS_FACTOR, so that each law runs in both and neither suite has a law of its own.
 */
export function runs(count: number): number {
  const factor = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1');
  if (!(factor > 0)) throw new Error('NEXUS_RUNS_FACTOR is a number above 0');
  // The fast proof takes a quarter of a large sample: its time is a promise, and the long one takes many times all of it.
  const sample = factor === 1 && count >= 2 * SMALL ? Math.max(SMALL, count / 4) : count * factor;
  return Math.max(1, Math.round(sample));
}

const SMALL = 8;
