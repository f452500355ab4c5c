import { bytesEqual, type Result } from '@nexus-net/sansio';
import { demand, type FuzzModule, guarded, isSame } from '../../../sansio/test/support/fuzz.js';

/** A codec under the fuzzer. */
export interface FuzzedCodec<T> {
  readonly decode: (bytes: Uint8Array) => Result<T, string>;
  /** `undefined` where a decoded value has no encoding: the limits of the format differ. */
  readonly encode: (value: T) => Uint8Array | undefined;
  /** Reads what `encode` wrote, where that is stricter than `decode`: checksums are verified. */
  readonly verify?: (bytes: Uint8Array) => Result<T, string>;
}

/**
 * The laws of a codec. For any octets: no throw; what decodes is the same after encode and decode, and encodes the same
 * then. Strictly as well: no index outside of the octets is read, and nothing around them in their buffer plays a part.
 */
export function codecLaws<T>({
  decode,
  encode,
  verify = decode,
}: FuzzedCodec<T>): Required<Pick<FuzzModule, 'target' | 'strict'>> {
  return {
    target(bytes) {
      const decoded = decode(bytes);
      if (!decoded.ok) return;
      const written = encode(decoded.value);
      if (written === undefined) return;
      const again = verify(written);
      demand(again.ok, `what was encoded does not decode: ${again.ok ? '' : again.error}`);
      demand(isSame(again.value, decoded.value), 'a value is the same after encode and decode');
      const rewritten = encode(again.value);
      demand(rewritten !== undefined && bytesEqual(rewritten, written), 'one value has one encoding');
    },
    strict(bytes) {
      withinBounds(decode, bytes);
    },
  };
}

/** `read` looks at nothing but the octets, and leaves them alone. */
export function withinBounds(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  const expected = read(bytes.slice());
  demand(isSame(read(guarded(bytes.slice())), expected), 'guarded octets read the same');
  surroundingsPlayNoPart(read, bytes);
}

/** `read` sees the same octets the same, whatever lies around them in their buffer, and does not write. */
export function surroundingsPlayNoPart(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  const expected = read(bytes.slice());
  for (const surroundings of [0x00, 0xff]) {
    const buffer = new Uint8Array(bytes.length + 64).fill(surroundings);
    buffer.set(bytes, 32);
    const view = buffer.subarray(32, 32 + bytes.length);
    demand(isSame(read(view), expected), 'the octets around the input play no part');
    demand(bytesEqual(view, bytes), 'the input is left alone');
  }
}
