import { type Ipv4Address, readU16, readU32, writeU32 } from '@nexus-net/sansio';
import {
  CHADDR_LENGTH,
  FILE_LENGTH,
  FIXED_LENGTH,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  MESSAGE_LENGTH_MAX,
  OFFSET,
  OPTION_END,
  OPTION_MESSAGE_TYPE,
  OPTION_OVERLOAD,
  OPTION_PAD,
  SNAME_LENGTH,
} from '../message-fields.js';

// A relay passes on what it doesn't understand, octet for octet (RFC 1542 §4.1): so it reads and changes octets in their places,
// and takes BOOTP messages of any vendor area, where the codec reads DHCP alone.

/** A stretch of octets, `end` excluded. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** What a relay reads of a message. Offsets are octets from its start. */
export interface RelayView {
  readonly op: number;
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: Ipv4Address;
  readonly yiaddr: Ipv4Address;
  readonly giaddr: Ipv4Address;
  /** 16 octets, a view. */
  readonly chaddr: Uint8Array;
  /** `undefined` for BOOTP with a vendor area that is not DHCP's, or with none. */
  readonly options: RelayOptions | undefined;
}

export interface RelayOptions {
  /** Option 53; `undefined` where there is none, or not one octet. */
  readonly type: number | undefined;
  /** Option 57. */
  readonly maxMessageSize: number | undefined;
  /** Option 82, all fragments joined (RFC 3396 §5). */
  readonly information: Uint8Array | undefined;
  /** The fragments of option 82, each with its code and length. */
  readonly fragments: readonly Stretch[];
  /** Where END stands in the options field; without END behind the last option that is whole. */
  readonly endAt: number;
  /** What follows there: END, nothing but PAD to the end of the message, or an option that is cut off. */
  readonly tail: 'end' | 'pad' | 'cut-off';
}

export type RelayReadError = 'too-short' | 'too-long' | 'bad-op' | 'bad-hlen';

/** Total: reads any octets, in time linear in their number. */
export function readRelayView(bytes: Uint8Array): RelayView | RelayReadError {
  if (bytes.length < FIXED_LENGTH) return 'too-short';
  if (bytes.length > MESSAGE_LENGTH_MAX) return 'too-long';
  const op = bytes[OFFSET.op]!;
  if (op !== 1 && op !== 2) return 'bad-op';
  const hlen = bytes[OFFSET.hlen]!;
  if (hlen > CHADDR_LENGTH) return 'bad-hlen';
  return {
    op,
    htype: bytes[OFFSET.htype]!,
    hlen,
    hops: bytes[OFFSET.hops]!,
    xid: readU32(bytes, OFFSET.xid),
    secs: readU16(bytes, OFFSET.secs),
    flags: readU16(bytes, OFFSET.flags),
    ciaddr: readU32(bytes, OFFSET.ciaddr) as Ipv4Address,
    yiaddr: readU32(bytes, OFFSET.yiaddr) as Ipv4Address,
    giaddr: readU32(bytes, OFFSET.giaddr) as Ipv4Address,
    chaddr: bytes.subarray(OFFSET.chaddr, OFFSET.chaddr + CHADDR_LENGTH),
    options: readOptions(bytes),
  };
}

/** A copy with another giaddr and the next hop count. */
export function stampRequest(bytes: Uint8Array, { giaddr, hops }: { giaddr: Ipv4Address; hops: number }): Uint8Array {
  const stamped = new Uint8Array(bytes); // not slice(): that of a Buffer is a view
  stamped[OFFSET.hops] = hops;
  writeU32(stamped, OFFSET.giaddr, giaddr);
  return stamped;
}

/**
 * The message with `value` as its option 82, the last one before END (RFC 3046 §2.1). PAD behind END makes room, so a padded
 * message grows only by what its padding doesn't hold. `options` is of these octets, and has no option 82. At most 255 octets.
 */
export function insertInformation(bytes: Uint8Array, { endAt, tail }: RelayOptions, value: Uint8Array): Uint8Array {
  const closed = tail === 'end' ? endAt + 1 : endAt;
  let used = bytes.length;
  while (tail !== 'cut-off' && used > closed && bytes[used - 1] === OPTION_PAD) used--;
  const head = endAt + 2 + value.length;
  const wanted = head + (tail === 'pad' ? 1 : used - endAt);
  const message = new Uint8Array(Math.max(bytes.length, wanted));
  message.set(bytes.subarray(0, endAt));
  message[endAt] = INFORMATION;
  message[endAt + 1] = value.length;
  message.set(value, endAt + 2);
  // An option that is cut off stays the last thing: behind it nobody would read ours.
  if (tail === 'pad') message[head] = OPTION_END;
  else message.set(bytes.subarray(endAt, used), head);
  return message;
}

/**
 * The message without its option 82, all fragments of it. Its length stays: what follows moves up, and PAD fills the end. In a
 * lent field, and before an option that is cut off, PAD takes the place itself: moved octets would be read otherwise there.
 */
export function removeInformation(bytes: Uint8Array, { fragments, tail }: RelayOptions): Uint8Array {
  const message = new Uint8Array(bytes);
  for (const { start, end } of [...fragments].sort((a, b) => b.start - a.start)) {
    if (start >= HEADER_LENGTH && tail !== 'cut-off') {
      message.copyWithin(start, end);
      message.fill(OPTION_PAD, message.length - (end - start));
    } else message.fill(OPTION_PAD, start, end);
  }
  return message;
}

/** The message with another option 82. At most 255 octets. */
export function replaceInformation(bytes: Uint8Array, options: RelayOptions, value: Uint8Array): Uint8Array {
  const without = removeInformation(bytes, options);
  return insertInformation(without, readOptions(without) as RelayOptions, value);
}

function readOptions(bytes: Uint8Array): RelayOptions | undefined {
  if (bytes.length < HEADER_LENGTH || readU32(bytes, OFFSET.cookie) !== MAGIC_COOKIE) return undefined;
  const scan = new OptionScan(bytes);
  const { endAt, tail } = scan.area(HEADER_LENGTH, bytes.length);
  const { overload } = scan;
  if ((overload & 1) !== 0) scan.area(OFFSET.file, OFFSET.file + FILE_LENGTH);
  if ((overload & 2) !== 0) scan.area(OFFSET.sname, OFFSET.sname + SNAME_LENGTH);
  return {
    type: scan.type,
    maxMessageSize: scan.maxMessageSize,
    information: joined(bytes, scan.fragments),
    fragments: scan.fragments,
    endAt,
    tail,
  };
}

class OptionScan {
  readonly fragments: Stretch[] = [];
  type: number | undefined;
  maxMessageSize: number | undefined;
  /** What the first option 52 lends: 1 `file`, 2 `sname`. */
  overload = 0;
  #overloaded = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  area(start: number, limit: number): { readonly endAt: number; readonly tail: RelayOptions['tail'] } {
    const bytes = this.#bytes;
    const options = start === HEADER_LENGTH;
    let endAt = start;
    let at = start;
    while (at < limit) {
      const code = bytes[at]!;
      if (code === OPTION_END) return { endAt: at, tail: 'end' };
      if (code === OPTION_PAD) {
        at++;
        continue;
      }
      const next = at + 2 + (bytes[at + 1] ?? 0);
      if (at + 1 >= limit || next > limit) return { endAt, tail: 'cut-off' };
      if (code === INFORMATION) this.fragments.push({ start: at, end: next });
      else if (code === OPTION_MESSAGE_TYPE && next === at + 3) this.type ??= bytes[at + 2];
      else if (code === MAX_MESSAGE_SIZE && next === at + 4) this.maxMessageSize ??= readU16(bytes, at + 2);
      else if (code === OPTION_OVERLOAD && options && !this.#overloaded) {
        this.#overloaded = true;
        this.overload = next === at + 3 ? bytes[at + 2]! & 3 : 0;
      }
      at = next;
      endAt = next;
    }
    return { endAt, tail: 'pad' };
  }
}

function joined(bytes: Uint8Array, fragments: readonly Stretch[]): Uint8Array | undefined {
  const [first] = fragments;
  if (first === undefined) return undefined;
  if (fragments.length === 1) return bytes.subarray(first.start + 2, first.end);
  const value = new Uint8Array(fragments.reduce((length, { start, end }) => length + end - start - 2, 0));
  let at = 0;
  for (const { start, end } of fragments) {
    value.set(bytes.subarray(start + 2, end), at);
    at += end - start - 2;
  }
  return value;
}

const INFORMATION = 82;
const MAX_MESSAGE_SIZE = 57;
