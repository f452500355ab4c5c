import { readU16, readU32 } from '@nexus-net/sansio';

/** A format with a defect that chance alone does not find: a magic of four octets, then TLVs in an order. */
export function readToy(bytes: Uint8Array): string {
  if (bytes.length < 4 || readU32(bytes, 0) !== 0x4e58_4e31) return 'bad-magic';
  let offset = 4;
  let stage = 0;
  while (offset + 2 <= bytes.length) {
    const type = bytes[offset] as number;
    const length = bytes[offset + 1] as number;
    const value = bytes.subarray(offset + 2, offset + 2 + length);
    if (value.length < length) return 'truncated';
    if (type === 7 && stage === 0 && length === 2) stage = readU16(value, 0) === 0x0bad ? 1 : 0;
    else if (type === 42 && stage === 1) stage = 2;
    else if (type === 99 && stage === 2 && length > 3) throw new Error('the planted bug');
    offset += 2 + length;
  }
  return 'ok';
}

/** Takes a number of steps that grows with the square of its octets. */
export function quadratic(bytes: Uint8Array): number {
  let sum = 0;
  for (const a of bytes) for (const b of bytes) sum += a ^ b;
  return sum;
}

/** Never comes back for one octet. */
export function stuck(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += bytes[at] === 0xee ? 0 : 1;
}

/** Believes a length that it was told. */
export function greedy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.length > 3 && bytes[0] === 0xab ? readU32(bytes, 0) : 4);
}

let calls = 0;

/** Remembers earlier calls. */
export function forgetful(bytes: Uint8Array): string {
  if (bytes[0] === 3) return calls++ % 2 === 0 ? 'even' : 'odd';
  return '';
}
