/**
 * Copies `size` octets. Most options have four: below some thirty a loop is several times faster than the view that `set`
 * needs for a part.
 */
export function copyOctets(to: Uint8Array, toStart: number, from: Uint8Array, fromStart: number, size: number): void {
  if (size > LOOP_MAX) {
    to.set(size === from.length ? from : from.subarray(fromStart, fromStart + size), toStart);
    return;
  }
  for (let i = 0; i < size; i++) to[toStart + i] = from[fromStart + i]!;
}

const LOOP_MAX = 32;
