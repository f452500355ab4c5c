import { writeU32 } from '@nexus-net/sansio';

/** Kinds of mux frames; docs/dsoftbus-bus-v1.md section 5. Above 127 they are extensions that may be skipped. */
export const FRAME = {
  open: 1,
  openAck: 2,
  data: 3,
  credit: 4,
  reset: 5,
  close: 6,
  ping: 7,
  pong: 8,
  goAway: 9,
} as const;

/** From here on an unknown kind is skipped instead of fatal. */
export const EXTENSION_KIND_MIN = 128;

/** Kind u8, priority u8, stream id u32, length of the body u16, big-endian. */
export const FRAME_HEADER_OCTETS = 8;
export const DATA_OCTETS_MAX = 16_384;
export const NAME_OCTETS_MAX = 64;
/** A header and the longest body of a control frame. */
export const CONTROL_OCTETS_MAX: number = FRAME_HEADER_OCTETS + 8;

/** What the RESET of a stream says. 7..=255 are the application's own. */
export const RESET_CODE = {
  cancelled: 0,
  refused: 1,
  duplicateName: 2,
  noSuchService: 3,
  stalled: 4,
  goingAway: 5,
  application: 6,
} as const;

/** Writes a header at `at`; the place behind it. */
export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  {
    kind,
    priority,
    stream,
    length,
  }: { readonly kind: number; readonly priority: number; readonly stream: number; readonly length: number },
): number {
  bytes[at] = kind;
  bytes[at + 1] = priority;
  writeU32(bytes, at + 2, stream);
  bytes[at + 6] = length >>> 8;
  bytes[at + 7] = length;
  return at + FRAME_HEADER_OCTETS;
}
