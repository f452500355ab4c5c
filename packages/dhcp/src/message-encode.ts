import { requireArgument, UsageError, writeU16, writeU32 } from '@nexus-net/sansio';
import { copyOctets } from './copy-octets.js';
import {
  CHADDR_LENGTH,
  type DhcpMessage,
  FILE_LENGTH,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  MESSAGE_LENGTH_MAX,
  MESSAGE_LENGTH_MIN,
  OFFSET,
  OPTION_END,
  OPTION_OVERLOAD,
  OPTION_PAD,
  SNAME_LENGTH,
} from './message-fields.js';
import { type DhcpOption, optionArray } from './option-list.js';

export interface DhcpEncodeOptions {
  /** Padded with PAD to at least this many octets. Default 300 (RFC 951). */
  readonly lengthMin?: number;
  /**
   * Where to write: the result is a view of this buffer, and no memory is taken. An array of its own, which is the default, costs more than
   * all of the writing. Throws `UsageError` where the message doesn't fit, with the buffer half written.
   */
  readonly into?: Uint8Array;
  /** Octet of `into` at which the message begins. Default 0. */
  readonly offset?: number;
}

/**
 * Writes all of a message: options in their order, those above 255 octets split (RFC 3396), END, PAD. Throws `UsageError`
 * for what no message can hold (a code that is not 1..254, 52, a number too large for its field, fields of wrong size, more than
 * 65507 octets). To respect a receiver's limit see `fitDhcpMessage`.
 */
export function encodeDhcpMessage(message: DhcpMessage, options?: DhcpEncodeOptions): Uint8Array {
  const lengthMin = options?.lengthMin ?? MESSAGE_LENGTH_MIN;
  requireArgument(lengthMin <= MESSAGE_LENGTH_MAX, TOO_LONG);
  const into = options?.into;
  if (into === undefined) return scratch.slice(0, write(scratch, 0, message, lengthMin));
  const offset = options?.offset ?? 0;
  return into.subarray(offset, write(into, offset, message, lengthMin));
}

/** Returns where the message ends. */
function write(bytes: Uint8Array, start: number, message: DhcpMessage, lengthMin: number): number {
  const list = optionArray(message.options);
  const limit = Math.min(bytes.length, start + MESSAGE_LENGTH_MAX);
  if (start + HEADER_LENGTH >= limit) throw new UsageError(NO_ROOM);
  writeFixed(bytes, message, start);
  let at = start + HEADER_LENGTH;
  for (let i = 0; i < list.length; i++) {
    const { code, value } = list[i]!;
    const size = value.length;
    if ((code & 0xff) !== code || code === 0 || code === OPTION_END || code === OPTION_OVERLOAD) throw new UsageError(CODE_RULE);
    if (at + optionLength(size) >= limit) throw new UsageError(limit < bytes.length || bytes === scratch ? TOO_LONG : NO_ROOM);
    if (size > COPIED_AT_ONCE) {
      at = writeOption(bytes, at, list[i]!);
      continue;
    }
    // Nearly all options are short: this loop is what encoding costs.
    bytes[at++] = code;
    bytes[at++] = size;
    for (let k = 0; k < size; k++) bytes[at++] = value[k]!;
  }
  bytes[at++] = OPTION_END;
  const end = start + lengthMin;
  if (at >= end) return at;
  if (end > limit) throw new UsageError(NO_ROOM);
  bytes.fill(OPTION_PAD, at, end);
  return end;
}

/** Octets that a value takes on the wire with its codes and lengths: one header for each 255 octets begun, at least one. */
export function optionLength(valueLength: number): number {
  return valueLength <= 255 ? valueLength + 2 : valueLength + 2 * Math.ceil(valueLength / 255);
}

export function writeFixed(bytes: Uint8Array, message: Omit<DhcpMessage, 'options'>, start = 0): void {
  const { op, htype, hlen, hops, xid, secs, flags, chaddr, sname, file } = message;
  requireArgument(isU8(op) && isU8(htype) && isU8(hlen) && isU8(hops), 'op, htype, hlen and hops are 0..255');
  requireArgument(xid >>> 0 === xid && isU16(secs) && isU16(flags), 'xid has 32 bits, secs and flags have 16');
  requireArgument(
    hlen <= CHADDR_LENGTH && chaddr.length === CHADDR_LENGTH && sname.length === SNAME_LENGTH && file.length === FILE_LENGTH,
    'chaddr has 16 octets, sname 64, file 128; hlen is 0..16',
  );
  bytes[start + OFFSET.op] = op;
  bytes[start + OFFSET.htype] = htype;
  bytes[start + OFFSET.hlen] = hlen;
  bytes[start + OFFSET.hops] = hops;
  writeU32(bytes, start + OFFSET.xid, xid);
  writeU16(bytes, start + OFFSET.secs, secs);
  writeU16(bytes, start + OFFSET.flags, flags);
  writeU32(bytes, start + OFFSET.ciaddr, message.ciaddr);
  writeU32(bytes, start + OFFSET.yiaddr, message.yiaddr);
  writeU32(bytes, start + OFFSET.siaddr, message.siaddr);
  writeU32(bytes, start + OFFSET.giaddr, message.giaddr);
  copyOctets(bytes, start + OFFSET.chaddr, chaddr, 0, CHADDR_LENGTH);
  bytes.set(sname, start + OFFSET.sname);
  bytes.set(file, start + OFFSET.file);
  writeU32(bytes, start + OFFSET.cookie, MAGIC_COOKIE);
}

export function writeOption(bytes: Uint8Array, start: number, { code, value }: DhcpOption): number {
  let at = start;
  let from = 0;
  do {
    const size = Math.min(value.length - from, 255);
    bytes[at] = code;
    bytes[at + 1] = size;
    copyOctets(bytes, at + 2, value, from, size);
    at += 2 + size;
    from += size;
  } while (from < value.length);
  return at;
}

function isU8(value: number): boolean {
  return (value & 0xff) === value;
}

function isU16(value: number): boolean {
  return (value & 0xffff) === value;
}

/** Up to this many octets a loop is faster than a call that copies. */
const COPIED_AT_ONCE = 32;
const TOO_LONG = 'a message has at most 65507 octets';
const NO_ROOM = 'the buffer has no room for the message';
const CODE_RULE = 'an option code is 1..254, and not 52';
/**
 * Where a message is put together before its length is known: a buffer made to measure costs more than a copy of what was written.
 * Every octet that is handed out was written by the same call.
 */
const scratch: Uint8Array = new Uint8Array(MESSAGE_LENGTH_MAX);
