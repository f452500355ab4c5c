let isWhole = false;

/**
 * How many cases a property tries: about `count` in the fast host proof, a multiple of it in the long one. The factor comes from
 * NEXUS_RUNS_FACTOR, so that each law runs in both and neither suite has a law of its own. `fast`: as many in the fast proof,
 * where each case is dear.
 */
export function runs(count: number, { fast }: { readonly fast?: number } = {}): number {
  const factor = runsFactor();
  if (factor === 1 && fast !== undefined && !isWhole) return fast;
  // The fast proof takes an eighth of a large sample: its time is a promise, and the long one takes many times all of it.
  const sample = factor === 1 && count >= 2 * SMALL && !isWhole ? Math.max(SMALL, count / 8) : count * factor;
  return Math.max(1, Math.round(sample));
}

/** While `law` runs, no sample is made smaller: a planted bug must not be missed for want of cases, and the first one ends it. */
export function withWholeSamples(law: () => void): void {
  isWhole = true;
  try {
    law();
  } finally {
    isWhole = false;
  }
}

/**
 * Places of a list of `count`, counted from 0: all of them in the long proof; in the fast one every `step`-th, and the last. A
 * `step` that is odd and no multiple of the lengths of fields meets other parts of them each time.
 */
export function places(count: number, step: number): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  return runsFactor() > 1 ? all : all.filter((i) => i % step === 0 || i === count - 1);
}

function runsFactor(): number {
  const factor = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1');
  if (!(factor > 0)) throw new Error('NEXUS_RUNS_FACTOR is a number above 0');
  return factor;
}

const SMALL = 5;
