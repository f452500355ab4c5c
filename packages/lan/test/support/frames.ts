import { type MacAddress, parseMac, writeMac, writeU32 } from '@nexus-net/sansio';

export const MAC_A: MacAddress = parseMac('52:54:00:00:00:0a');
export const MAC_B: MacAddress = parseMac('52:54:00:00:00:0b');
export const MAC_C: MacAddress = parseMac('52:54:00:00:00:0c');

/** A frame of the experimental EtherType 0x88b5 whose payload starts with `tag`, so that a test knows it again. */
export function frameOf(options: {
  readonly from: MacAddress;
  readonly to: MacAddress;
  readonly tag?: number;
  readonly octets?: number;
}): Uint8Array {
  const frame = new Uint8Array(options.octets ?? 60);
  writeMac(frame, 0, options.to);
  writeMac(frame, 6, options.from);
  frame[12] = 0x88;
  frame[13] = 0xb5;
  if (frame.length >= 18) writeU32(frame, 14, options.tag ?? 0);
  return frame;
}

/** Empties one of the `poll*` methods. */
export function drain<T>(poll: () => T | undefined): T[] {
  const items: T[] = [];
  for (let item = poll(); item !== undefined; item = poll()) items.push(item);
  return items;
}
