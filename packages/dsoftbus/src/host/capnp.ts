import { err, ok, type Result } from '@nexus-net/sansio';

/**
 * Cap'n Proto's encoding (capnproto.org/encoding.html), as far as messages go whose root is one struct with numbers and
 * blobs: the standard stream format, several segments, near and far pointers.
 *
 * Written here and not taken from a library: the one that there is for TypeScript (capnp-es 0.0.16) lets eight octets of input
 * cost half a minute and 1.4 GB (it believes the segment count), takes a list for half a gigabyte long that has four octets, and
 * text without its NUL. It serves as the other side in the tests.
 *
 * What is read is bounded by the message itself: a pointer is followed through one far pointer at most, nothing is read
 * twice, and nothing is allocated but the blob that is asked for.
 */
export type CapnpError =
  /** The message ends inside its segment table or inside a segment. */
  | 'truncated'
  /** 512 segments or more: the standard reader's own limit. */
  | 'too-many-segments'
  /** A pointer leads out of its segment, or to a segment that isn't there. */
  | 'pointer-out-of-bounds'
  /** A struct where a list is due, a list of something else than octets, a capability, a far pointer to a far pointer. */
  | 'wrong-pointer'
  /** Text that doesn't end in NUL, or isn't UTF-8. */
  | 'bad-text';

/** Fewer segments than this make a message: as in the readers of C++ and Rust. */
export const CAPNP_SEGMENT_COUNT_LIMIT = 512;

/** Words that a writer puts in its first segment at most; what doesn't fit gets a segment of its own, as in Rust's `capnp`. */
const FIRST_SEGMENT_WORDS = 1024;
const WORD = 8;

const POINTER_STRUCT = 0;
const POINTER_LIST = 1;
const POINTER_FAR = 2;
/** Element size of a list of octets. */
const ELEMENT_OCTET = 2;

/** One pointer, read where it stands or where a far pointer led. */
interface Pointer {
  readonly segment: Uint8Array;
  /** Where its offset counts from: the octet behind it, or, with a tag behind a double-far landing pad, the target itself. */
  readonly base: number;
  readonly low: number;
  readonly high: number;
}

/** A struct of a message. Fields that its writer didn't know read as zero and as empty. */
export class StructReader {
  readonly #segments: readonly Uint8Array[];
  readonly #segment: Uint8Array;
  readonly #data: number;
  readonly #dataOctets: number;
  readonly #pointerCount: number;

  constructor(
    segments: readonly Uint8Array[],
    at: { readonly segment: Uint8Array; readonly data: number; readonly dataOctets: number; readonly pointerCount: number },
  ) {
    this.#segments = segments;
    this.#segment = at.segment;
    this.#data = at.data;
    this.#dataOctets = at.dataOctets;
    this.#pointerCount = at.pointerCount;
  }

  /** The `index`-th unsigned number of 32 bits of the data section. */
  u32(index: number): number {
    const offset = 4 * index;
    return offset + 4 <= this.#dataOctets ? readU32LE(this.#segment, this.#data + offset) : 0;
  }

  /** The `index`-th bit of the data section. */
  bit(index: number): boolean {
    const offset = index >> 3;
    return offset < this.#dataOctets && (((this.#segment[this.#data + offset] as number) >> (index & 7)) & 1) === 1;
  }

  /** A field of type Data, as a view. */
  data(index: number): Result<Uint8Array, CapnpError> {
    if (index >= this.#pointerCount) return ok(EMPTY);
    return readOctets(this.#segments, this.#segment, this.#data + this.#dataOctets + WORD * index);
  }

  /** A field of type Text. */
  text(index: number): Result<string, CapnpError> {
    const octets = this.data(index);
    if (!octets.ok) return octets;
    // A null pointer is the empty text; a list is a text only with its NUL.
    if (octets.value === EMPTY) return ok('');
    const length = octets.value.length - 1;
    if (length < 0 || octets.value[length] !== 0) return err('bad-text');
    try {
      return ok(UTF8.decode(octets.value.subarray(0, length)));
    } catch {
      return err('bad-text');
    }
  }
}

/** The root struct of one message. What follows the last segment is ignored. Borrows `bytes`. */
export function readRoot(bytes: Uint8Array): Result<StructReader, CapnpError> {
  const segments = segmentsOf(bytes);
  if (!segments.ok) return segments;
  const [first] = segments.value as [Uint8Array];
  if (first.length < WORD) return err('pointer-out-of-bounds');
  const resolved = resolve(segments.value, first, 0);
  if (!resolved.ok) return resolved;
  const { segment, base, low, high } = resolved.value;
  if (low === 0 && high === 0)
    return ok(new StructReader(segments.value, { segment: EMPTY, data: 0, dataOctets: 0, pointerCount: 0 }));
  if ((low & 3) !== POINTER_STRUCT) return err('wrong-pointer');
  const data = base + WORD * (low >> 2);
  const dataOctets = WORD * (high & 0xffff);
  const pointerCount = high >>> 16;
  if (data < 0 || data + dataOctets + WORD * pointerCount > segment.length) return err('pointer-out-of-bounds');
  return ok(new StructReader(segments.value, { segment, data, dataOctets, pointerCount }));
}

/** Segment table: count - 1, then the sizes in words, padded to a word; all u32 little-endian. */
function segmentsOf(bytes: Uint8Array): Result<readonly Uint8Array[], CapnpError> {
  if (bytes.length < 4) return err('truncated');
  const count = readU32LE(bytes, 0) + 1;
  if (count >= CAPNP_SEGMENT_COUNT_LIMIT) return err('too-many-segments');
  let offset = WORD * ((4 + 4 * count + WORD - 1) >> 3);
  if (offset > bytes.length) return err('truncated');
  const segments: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const length = WORD * readU32LE(bytes, 4 + 4 * i);
    if (length > bytes.length - offset) return err('truncated');
    segments.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return ok(segments);
}

/** The pointer at an octet of a segment, one far pointer followed. */
function resolve(segments: readonly Uint8Array[], segment: Uint8Array, at: number): Result<Pointer, CapnpError> {
  const low = readU32LE(segment, at);
  const high = readU32LE(segment, at + 4);
  if ((low & 3) !== POINTER_FAR) return ok({ segment, base: at + WORD, low: low | 0, high });
  const isDouble = (low & 4) !== 0;
  const pad = segments[high];
  const padAt = WORD * (low >>> 3);
  if (pad === undefined || padAt + (isDouble ? 2 * WORD : WORD) > pad.length) return err('pointer-out-of-bounds');
  const padLow = readU32LE(pad, padAt);
  const padHigh = readU32LE(pad, padAt + 4);
  if (!isDouble) {
    return (padLow & 3) === POINTER_FAR
      ? err('wrong-pointer')
      : ok({ segment: pad, base: padAt + WORD, low: padLow | 0, high: padHigh });
  }
  // Two words: a far pointer to where the object begins, and a tag that says what it is.
  if ((padLow & 7) !== POINTER_FAR) return err('wrong-pointer');
  const target = segments[padHigh];
  const tagLow = readU32LE(pad, padAt + WORD);
  if ((tagLow & 3) === POINTER_FAR) return err('wrong-pointer');
  const base = WORD * (padLow >>> 3);
  if (target === undefined || base > target.length) return err('pointer-out-of-bounds');
  return ok({ segment: target, base, low: tagLow | 0, high: readU32LE(pad, padAt + WORD + 4) });
}

function readOctets(segments: readonly Uint8Array[], from: Uint8Array, at: number): Result<Uint8Array, CapnpError> {
  const resolved = resolve(segments, from, at);
  if (!resolved.ok) return resolved;
  const { segment, base, low, high } = resolved.value;
  if (low === 0 && high === 0) return ok(EMPTY);
  if ((low & 3) !== POINTER_LIST || (high & 7) !== ELEMENT_OCTET) return err('wrong-pointer');
  const start = base + WORD * (low >> 2);
  const length = high >>> 3;
  if (start < 0 || start + length > segment.length) return err('pointer-out-of-bounds');
  return ok(segment.subarray(start, start + length));
}

/** What a root struct holds: its data section in whole words, then at most one blob. */
export interface CapnpStruct {
  readonly data: Uint8Array;
  /** A field of type Data, or a Text with its NUL. `undefined` for a struct without pointers. */
  readonly blob: Uint8Array | undefined;
}

/** The message of one struct, octet for octet as Rust's `capnp` writes it: what is too long for 1024 words has a segment of its own. */
export function writeRoot({ data, blob }: CapnpStruct): Uint8Array {
  const dataWords = data.length / WORD;
  const pointerCount = blob === undefined ? 0 : 1;
  const structWords = 1 + dataWords + pointerCount;
  const blobWords = blob === undefined ? 0 : (blob.length + WORD - 1) >> 3;
  const isApart = structWords + blobWords > FIRST_SEGMENT_WORDS;
  const table = isApart ? 2 * WORD : WORD;
  const message = new Uint8Array(table + WORD * (structWords + blobWords + (isApart ? 1 : 0)));
  writeU32LE(message, 0, isApart ? 1 : 0);
  writeU32LE(message, 4, isApart ? structWords : structWords + blobWords);
  if (isApart) writeU32LE(message, 8, blobWords + 1);
  writeU32LE(message, table + 4, dataWords | (pointerCount << 16)); // the root pointer: the struct follows at once
  message.set(data, table + WORD);
  if (blob === undefined) return message;
  let at = table + WORD * (structWords - 1);
  if (isApart) {
    writeU32LE(message, at, POINTER_FAR); // to the first word of segment 1
    writeU32LE(message, at + 4, 1);
    at += WORD;
  }
  writeU32LE(message, at, POINTER_LIST);
  writeU32LE(message, at + 4, blob.length * 8 + ELEMENT_OCTET);
  message.set(blob, at + WORD);
  return message;
}

function readU32LE(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) |
      ((bytes[offset + 1] as number) << 8) |
      ((bytes[offset + 2] as number) << 16) |
      ((bytes[offset + 3] as number) << 24)) >>>
    0
  );
}

function writeU32LE(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

const EMPTY = new Uint8Array(0);
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
