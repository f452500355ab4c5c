/**
 * A shorter and plainer input for which `holds` is still true: pieces are taken out, from halves down to single octets, then
 * octets become zero. `holds(bytes)` is true at the start. At most `triesMax` calls of `holds`.
 */
export function minimise(bytes: Uint8Array, holds: (bytes: Uint8Array) => boolean, triesMax = 2000): Uint8Array {
  let best: Uint8Array = bytes.slice();
  let tries = 0;
  const attempt = (candidate: Uint8Array): boolean => {
    if (tries >= triesMax) return false;
    tries++;
    if (!holds(candidate.slice())) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.max(1, best.length >>> 1); size >= 1; size >>>= 1) {
    for (let at = 0; at < best.length && tries < triesMax; ) {
      if (!attempt(withoutRange(best, at, size))) at += size;
    }
  }
  for (let at = 0; at < best.length && tries < triesMax; at++) {
    if (best[at] === 0) continue;
    const plain = best.slice();
    plain[at] = 0;
    attempt(plain);
  }
  return best;
}

function withoutRange(bytes: Uint8Array, at: number, size: number): Uint8Array {
  const end = Math.min(bytes.length, at + size);
  const rest = new Uint8Array(bytes.length - (end - at));
  rest.set(bytes.subarray(0, at));
  rest.set(bytes.subarray(end), at);
  return rest;
}
