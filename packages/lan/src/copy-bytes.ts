/**
 * A copy that is a plain `Uint8Array` whatever came in: a shell may hand a Node `Buffer`, whose own `slice` would alias.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
