/**
 * The twin of SeededEntropy, slow and readable, on bigint: sfc32 as PractRand describes it, seeded by FNV-1a and the
 * finalizer of MurmurHash3. Written from the descriptions, not from src.
 */
export function* sfc32(seed: number | string): Generator<number, never> {
  const seedHash = fnv1a(`${typeof seed}:${seed}`);
  let a = murmurFinalizer(seedHash);
  let b = murmurFinalizer(seedHash ^ 0x9e3779b9n);
  let c = murmurFinalizer(seedHash ^ 0x85ebca6bn);
  let counter = 1n;
  for (let round = 1; ; round++) {
    const sum = wrap(a + b + counter);
    counter = wrap(counter + 1n);
    a = b ^ (b >> 9n);
    b = wrap(c * 9n);
    c = wrap(((c * 2n ** 21n) % 2n ** 32n) + c / 2n ** 11n + sum);
    if (round > 12) yield Number(sum);
  }
}

function fnv1a(text: string): bigint {
  let hash = 2166136261n;
  for (const character of text) hash = wrap((hash ^ BigInt(character.codePointAt(0) as number)) * 16777619n);
  return hash;
}

function murmurFinalizer(value: bigint): bigint {
  let h = value;
  h ^= h >> 16n;
  h = wrap(h * 0x85ebca6bn);
  h ^= h >> 13n;
  h = wrap(h * 0xc2b2ae35n);
  return h ^ (h >> 16n);
}

function wrap(value: bigint): bigint {
  return value % 2n ** 32n;
}
