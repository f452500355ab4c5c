import { demand, type FuzzLimits, isSame } from '../../../sansio/test/support/fuzz.js';
import { surroundingsPlayNoPart } from '../../../wire/test/support/fuzz-codec.js';
import type { Shape } from '../../src/options/shape.js';
import { SHAPES, type ShapeName } from '../../src/options/shapes.js';

const NAMES = Object.keys(SHAPES).sort() as ShapeName[];
export const limits: FuzzLimits = { octetsMax: 512, costBase: 20_000, costPerOctet: 2000 };

/** The first octet chooses a shape, the rest is an option of it: a value that decodes is the same after encode and decode. */
export function target(bytes: Uint8Array): void {
  const name = NAMES[(bytes[0] ?? 0) % NAMES.length] as ShapeName;
  const shape = SHAPES[name] as unknown as Shape<unknown>;
  const decoded = shape.decode(bytes.slice(1));
  if (!decoded.ok) return;
  const again = shape.decode(shape.encode(decoded.value));
  demand(again.ok, `${name}: what was encoded decodes`);
  demand(isSame(again.value, decoded.value), `${name}: a value is the same after encode and decode`);
}

export function strict(bytes: Uint8Array): void {
  const name = NAMES[(bytes[0] ?? 0) % NAMES.length] as ShapeName;
  surroundingsPlayNoPart((octets) => SHAPES[name].decode(octets.subarray(1)), bytes);
}

/** Four octets of each shape. */
export function seeds(): Uint8Array[] {
  return NAMES.map((_, i) => Uint8Array.of(i, 10, 0, 2, 2));
}
