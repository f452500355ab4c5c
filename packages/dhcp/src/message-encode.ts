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
}

/**
 * Writes all of a message: options in their order, those above 255 octets split (RFC 3396), END, PAD. Throws `UsageError`
 * for what no message can hold (a code that is not 1..254, 52, a number too large for its field, fields of wrong size, more than
 * 65507 octets). To respect a receiver's limit see `fitDhcpMessage`.
 */
export function encodeDhcpMessage(message: DhcpMessage, options?: DhcpEncodeOptions): Uint8Array {
  const lengthMin = options?.lengthMin ?? MESSAGE_LENGTH_MIN;
  requireArgument(lengthMin <= MESSAGE_LENGTH_MAX, 'a message has at most 65507 octets');
  const list = optionArray(message.options);
  writeFixed(scratch, message);
  let at = HEADER_LENGTH;
  for (let i = 0; i < list.length; i++) {
    const { code, value } = list[i]!;
    const size = value.length;
    if ((code & 0xff) !== code || code === 0 || code === OPTION_END || code === OPTION_OVERLOAD) throw new UsageError(CODE_RULE);
    if (at + optionLength(size) >= MESSAGE_LENGTH_MAX) throw new UsageError('a message has at most 65507 octets');
    if (size > COPIED_AT_ONCE) {
      at = writeOption(scratch, at, list[i]!);
      continue;
    }
    // Nearly all options are short: this loop is what encoding costs.
    scratch[at++] = code;
    scratch[at++] = size;
    for (let k = 0; k < size; k++) scratch[at++] = value[k]!;
  }
  scratch[at++] = OPTION_END;
  if (at < lengthMin) {
    scratch.fill(OPTION_PAD, at, lengthMin);
    at = lengthMin;
  }
  return scratch.slice(0, at);
}

/** Octets that a value takes on the wire with its codes and lengths: one header for each 255 octets begun, at least one. */
export function optionLength(valueLength: number): number {
  return valueLength <= 255 ? valueLength + 2 : valueLength + 2 * Math.ceil(valueLength / 255);
}

export function writeFixed(bytes: Uint8Array, message: Omit<DhcpMessage, 'options'>): void {
  const { op, htype, hlen, hops, xid, secs, flags, chaddr, sname, file } = message;
  requireArgument(isU8(op) && isU8(htype) && isU8(hlen) && isU8(hops), 'op, htype, hlen and hops are 0..255');
  requireArgument(xid >>> 0 === xid && isU16(secs) && isU16(flags), 'xid has 32 bits, secs and flags have 16');
  requireArgument(
    hlen <= CHADDR_LENGTH && chaddr.length === CHADDR_LENGTH && sname.length === SNAME_LENGTH && file.length === FILE_LENGTH,
    'chaddr has 16 octets, sname 64, file 128; hlen is 0..16',
  );
  bytes[OFFSET.op] = op;
  bytes[OFFSET.htype] = htype;
  bytes[OFFSET.hlen] = hlen;
  bytes[OFFSET.hops] = hops;
  writeU32(bytes, OFFSET.xid, xid);
  writeU16(bytes, OFFSET.secs, secs);
  writeU16(bytes, OFFSET.flags, flags);
  writeU32(bytes, OFFSET.ciaddr, message.ciaddr);
  writeU32(bytes, OFFSET.yiaddr, message.yiaddr);
  writeU32(bytes, OFFSET.siaddr, message.siaddr);
  writeU32(bytes, OFFSET.giaddr, message.giaddr);
  copyOctets(bytes, OFFSET.chaddr, chaddr, 0, CHADDR_LENGTH);
  bytes.set(sname, OFFSET.sname);
  bytes.set(file, OFFSET.file);
  writeU32(bytes, OFFSET.cookie, MAGIC_COOKIE);
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
const CODE_RULE = 'an option code is 1..254, and not 52';
/**
 * Where a message is put together before its length is known: a buffer made to measure costs more than a copy of what was written.
 * Every octet that is handed out was written by the same call.
 */
const scratch: Uint8Array = new Uint8Array(MESSAGE_LENGTH_MAX);
