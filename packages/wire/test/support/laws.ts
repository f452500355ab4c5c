import { isDeepStrictEqual } from 'node:util';
import { bytesEqual, type Result } from '@nexus-net/sansio';
import fc from 'fast-check';
import { runs } from '../../../sansio/test/support/runs.js';

/** A pair of functions over bytes; what else they need (addresses of a pseudo-header) is bound by the caller. */
export interface Codec<T> {
  readonly decode: (bytes: Uint8Array) => Result<T, string>;
  readonly encode: (value: T) => Uint8Array;
}

/** Every value survives encode and decode. */
export function roundTripLaw<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => isDeepStrictEqual(codec.decode(codec.encode(value)), { ok: true, value })),
    { numRuns: runs(100) },
  );
}

/**
 * Bytes that decode are written back the same, for damaged encodings of real values. `canonical` blanks what the format leaves
 * open (reserved bits) and cuts what lies behind the end.
 */
export function canonicalLaw<T>(
  codec: Codec<T>,
  values: fc.Arbitrary<T>,
  canonical: (bytes: Uint8Array, value: T) => Uint8Array = (bytes) => bytes,
): void {
  fc.assert(
    fc.property(damaged(values.map(codec.encode)), (bytes) => {
      const decoded = codec.decode(bytes);
      if (!decoded.ok) return;
      const expected = canonical(bytes, decoded.value);
      const again = codec.encode(decoded.value);
      if (!bytesEqual(again, expected)) throw new Error(`wrote ${again} for ${expected}`);
    }),
    { numRuns: runs(400) },
  );
}

/**
 * For any bytes, the decoder gives a value or a label, the same whatever lies around the bytes in their buffer, and leaves
 * the bytes alone.
 */
export function totalLaw(decode: (bytes: Uint8Array) => unknown, near: fc.Arbitrary<Uint8Array>): void {
  const some = fc.oneof({ weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) }, { weight: 3, arbitrary: damaged(near) });
  fc.assert(
    fc.property(some, (bytes) => {
      const first = decode(framed(bytes, 0x00));
      const view = framed(bytes, 0xff);
      const second = decode(view);
      return first !== undefined && isDeepStrictEqual(first, second) && bytesEqual(view, bytes);
    }),
    { numRuns: runs(200) },
  );
}

/** `bytes` as a view in the middle of a buffer full of `surroundings`. */
function framed(bytes: Uint8Array, surroundings: number): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 64).fill(surroundings);
  buffer.set(bytes, 32);
  return buffer.subarray(32, 32 + bytes.length);
}

/** The same bytes, or with some octets changed, the end cut off, or octets appended. */
function damaged(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 2,
  });
  return fc
    .tuple(
      bytes,
      edits,
      fc.constantFrom<'whole' | 'cut' | 'padded'>('whole', 'whole', 'cut', 'padded'),
      fc.integer({ min: 0, max: 12 }),
    )
    .map(([original, changes, end, count]) => {
      const copy = new Uint8Array(end === 'padded' ? original.length + count : original.length);
      copy.set(original);
      for (const [at, octet] of changes) copy[Math.floor(at * original.length)] = octet;
      return end === 'cut' ? copy.subarray(0, Math.max(0, original.length - count)) : copy;
    });
}
