/**
 * Whether two arrays are equal, in a time that depends on their lengths only. For tags, keys, ids and whatever else a peer
 * could guess octet by octet.
 */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
