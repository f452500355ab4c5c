import { requireArgument } from '@nexus-net/sansio';
import { type DhcpEncodeOptions, encodeDhcpMessage, optionLength, writeFixed, writeOption } from './message-encode.js';
import {
  type DhcpMessage,
  FILE_LENGTH,
  HEADER_LENGTH,
  MESSAGE_LENGTH_MAX,
  MESSAGE_LENGTH_MIN,
  OFFSET,
  OPTION_END,
  OPTION_OVERLOAD,
  SNAME_LENGTH,
} from './message-fields.js';
import { readOption } from './option.js';
import { type DhcpOption, type DhcpOptionList, optionArray } from './option-list.js';

export interface DhcpFitOptions extends DhcpEncodeOptions {
  /** Largest UDP payload that the receiver takes, in octets; see {@link replyLengthMax}. */
  readonly lengthMax: number;
  /**
   * May options go to `file` and `sname` (option 52), where those are all zero? Receivers exist that do not look there, so it
   * is done only when the rest doesn't fit. Default `free-fields`.
   */
  readonly overload?: 'never' | 'free-fields';
  /** Codes that get their place before all others, the first one first, and never in a field. Default {@link KEPT_OPTIONS}. */
  readonly keep?: readonly number[];
}

export interface FittedDhcpMessage {
  readonly bytes: Uint8Array;
  /** The options that found no place, in their order. Empty: the whole message is in `bytes`. */
  readonly dropped: readonly DhcpOption[];
  /** What option 52 says: 1 `file`, 2 `sname`, 3 both hold options; 0 neither, and there is no option 52. */
  readonly overload: number;
}

/** What makes a reply a reply (RFC 2131 table 3), says who and which client it is for, and what a relay needs back (RFC 3046 §2.2). */
export const KEPT_OPTIONS: readonly number[] = [53, 54, 51, 50, 61, 1, 82];

/**
 * Writes as much of a message as `lengthMax` octets hold, and says what they didn't. Options go where they fit whole: first the
 * options field, in their order, then `file`, then `sname`. Only what fits nowhere whole is split over the areas (RFC 3396 §5),
 * and none of `keep`: option 82 must not be (RFC 3046 §2.1). With nothing dropped and no overload this is {@link encodeDhcpMessage}.
 */
export function fitDhcpMessage(message: DhcpMessage, options: DhcpFitOptions): FittedDhcpMessage {
  const { lengthMax, overload = 'free-fields', keep = KEPT_OPTIONS, lengthMin = MESSAGE_LENGTH_MIN, into, offset = 0 } = options;
  requireArgument(lengthMax > HEADER_LENGTH && lengthMax <= MESSAGE_LENGTH_MAX, 'lengthMax is 241..65507 octets');
  const padTo = Math.min(lengthMin, lengthMax);
  const list = optionArray(message.options);
  let whole = HEADER_LENGTH + 1;
  for (let i = 0; i < list.length; i++) whole += optionLength(list[i]!.value.length);
  const target = into === undefined ? { lengthMin: padTo } : { lengthMin: padTo, into, offset };
  if (whole <= lengthMax) return { bytes: encodeDhcpMessage(message, target), dropped: NOTHING, overload: 0 };

  const fields = overload === 'never' ? 0 : (isZero(message.file) ? 1 : 0) | (isZero(message.sname) ? 2 : 0);
  const plan = place(list, lengthMax, fields, new Set(keep));
  if (plan.overload === 0) {
    const kept = { ...message, options: plan.areas[0] };
    return { bytes: encodeDhcpMessage(kept, target), dropped: plan.dropped, overload: 0 };
  }
  const room = (length: number): Uint8Array => {
    if (into === undefined) return new Uint8Array(length);
    requireArgument(offset + length <= into.length, 'the buffer has no room for the message');
    return into.subarray(offset, offset + length).fill(0);
  };
  return { bytes: write(message, plan, { padTo, room }), dropped: plan.dropped, overload: plan.overload };
}

/**
 * The largest UDP payload to answer `request` with: what its option 57 says, which counts IP and UDP headers, but never less than the
 * 576 octets that every host takes (RFC 2132 §9.10) nor more than the link carries.
 */
export function replyLengthMax(request: DhcpMessage | DhcpOptionList, mtu: number): number {
  return Math.max(IP_LENGTH_MIN, Math.min(readOption(request, 'maxMessageSize') ?? IP_LENGTH_MIN, mtu)) - IP_UDP_HEADERS;
}

interface Plan {
  /** What goes to the options field, to `file`, to `sname`: options, or parts of one that follow each other. */
  readonly areas: readonly [DhcpOption[], DhcpOption[], DhcpOption[]];
  readonly dropped: DhcpOption[];
  readonly overload: number;
}

function place(list: readonly DhcpOption[], lengthMax: number, fields: number, keep: ReadonlySet<number>): Plan {
  // Each area ends in END; option 52 takes three octets of the first.
  const free = [
    lengthMax - HEADER_LENGTH - 1 - (fields === 0 ? 0 : 3),
    (fields & 1) === 0 ? 0 : FILE_LENGTH - 1,
    (fields & 2) === 0 ? 0 : SNAME_LENGTH - 1,
  ];
  const parts: DhcpOption[][][] = list.map(() => []);
  const dropped = new Set<DhcpOption>();
  const settle = (i: number, placed: DhcpOption[][] | undefined): void => {
    if (placed === undefined) dropped.add(list[i]!);
    else parts[i] = placed;
  };
  for (const code of keep)
    for (const [i, option] of list.entries()) if (option.code === code) settle(i, placeWhole(option, free, 1));
  for (const [i, option] of list.entries())
    if (!keep.has(option.code)) settle(i, placeWhole(option, free, 3) ?? (fields === 0 ? undefined : placeSplit(option, free)));
  const areas: [DhcpOption[], DhcpOption[], DhcpOption[]] = [[], [], []];
  for (const placed of parts) placed.forEach((part, area) => void areas[area]!.push(...part));
  const overload = (areas[1].length > 0 ? 1 : 0) | (areas[2].length > 0 ? 2 : 0);
  return { areas, dropped: list.filter((option) => dropped.has(option)), overload };
}

/** The whole option in the first of `count` areas that has room for it. */
function placeWhole(option: DhcpOption, free: number[], count: number): DhcpOption[][] | undefined {
  const length = optionLength(option.value.length);
  const area = free.findIndex((room, i) => i < count && room >= length);
  if (area < 0) return undefined;
  free[area]! -= length;
  const placed: DhcpOption[][] = [[], [], []];
  placed[area] = [option];
  return placed;
}

/** All of the option over all areas, or nothing of it. What has no octets cannot be split. */
function placeSplit({ code, value }: DhcpOption, free: number[]): DhcpOption[][] | undefined {
  if (value.length === 0) return undefined;
  const rooms = [...free];
  const placed: DhcpOption[][] = [[], [], []];
  let from = 0;
  for (let area = 0; area < rooms.length; area++) {
    while (from < value.length && rooms[area]! > 2) {
      const size = Math.min(255, rooms[area]! - 2, value.length - from);
      placed[area]!.push({ code, value: value.subarray(from, from + size) });
      rooms[area]! -= size + 2;
      from += size;
    }
  }
  if (from < value.length) return undefined;
  free.splice(0, free.length, ...rooms);
  return placed;
}

function write(
  message: DhcpMessage,
  { areas, overload }: Plan,
  { padTo, room }: { readonly padTo: number; readonly room: (length: number) => Uint8Array },
): Uint8Array {
  const lengths = areas.map((area) => area.reduce((length, option) => length + optionLength(option.value.length), 1));
  const bytes = room(Math.max(padTo, HEADER_LENGTH + lengths[0]! + 3));
  writeFixed(bytes, message);
  const lent: DhcpOption = { code: OPTION_OVERLOAD, value: Uint8Array.of(overload) };
  writeArea(bytes, HEADER_LENGTH, [...areas[0], lent]);
  if ((overload & 1) !== 0) writeArea(bytes, OFFSET.file, areas[1]);
  if ((overload & 2) !== 0) writeArea(bytes, OFFSET.sname, areas[2]);
  return bytes;
}

function writeArea(bytes: Uint8Array, start: number, options: readonly DhcpOption[]): void {
  let at = start;
  for (const option of options) at = writeOption(bytes, at, option);
  bytes[at] = OPTION_END;
}

function isZero(field: Uint8Array): boolean {
  return field.every((octet) => octet === 0);
}

const NOTHING: readonly DhcpOption[] = Object.freeze([]);
/** RFC 2132 §9.10, RFC 791 §3.1: every host takes an IP datagram of 576 octets. */
const IP_LENGTH_MIN = 576;
/** IP header without options, UDP header. */
const IP_UDP_HEADERS = 28;
