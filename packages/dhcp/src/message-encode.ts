import { requireArgument, writeU16, writeU32 } from '@nexus-net/sansio';
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
  SNAME_LENGTH,
} from './message-fields.js';
import { type DhcpOption, optionArray } from './option-list.js';

export interface DhcpEncodeOptions {
  /** Padded with PAD to at least this many octets. Default 300 (RFC 951). */
  readonly lengthMin?: number;
}

/**
 * Writes all of a message: options in their order, those above 255 octets split (RFC 3396), END, PAD. Throws `UsageError`
 * for what no message can hold (a code that is not 1..254, 52, fields of wrong size, more than 65507 octets). To respect
 * a receiver's limit see `fitDhcpMessage`.
 */
export function encodeDhcpMessage(message: DhcpMessage, options?: DhcpEncodeOptions): Uint8Array {
  const list = optionArray(message.options);
  let length = HEADER_LENGTH + 1;
  for (let i = 0; i < list.length; i++) {
    const { code, value } = list[i]!;
    requireArgument(code > 0 && code < OPTION_END && code !== OPTION_OVERLOAD, 'an option code is 1..254, and not 52');
    length += optionLength(value.length);
  }
  length = Math.max(length, options?.lengthMin ?? MESSAGE_LENGTH_MIN);
  requireArgument(length <= MESSAGE_LENGTH_MAX, 'a message has at most 65507 octets');
  const bytes = new Uint8Array(length);
  writeFixed(bytes, message);
  let at = HEADER_LENGTH;
  for (let i = 0; i < list.length; i++) at = writeOption(bytes, at, list[i]!);
  bytes[at] = OPTION_END;
  return bytes;
}

/** Octets that a value takes on the wire with its codes and lengths: one header for each 255 octets begun, at least one. */
export function optionLength(valueLength: number): number {
  return valueLength <= 255 ? valueLength + 2 : valueLength + 2 * Math.ceil(valueLength / 255);
}

export function writeFixed(bytes: Uint8Array, message: Omit<DhcpMessage, 'options'>): void {
  bytes[OFFSET.op] = message.op;
  bytes[OFFSET.htype] = message.htype;
  bytes[OFFSET.hlen] = message.hlen;
  bytes[OFFSET.hops] = message.hops;
  writeU32(bytes, OFFSET.xid, message.xid);
  writeU16(bytes, OFFSET.secs, message.secs);
  writeU16(bytes, OFFSET.flags, message.flags);
  writeU32(bytes, OFFSET.ciaddr, message.ciaddr);
  writeU32(bytes, OFFSET.yiaddr, message.yiaddr);
  writeU32(bytes, OFFSET.siaddr, message.siaddr);
  writeU32(bytes, OFFSET.giaddr, message.giaddr);
  const { chaddr, sname, file } = message;
  requireArgument(
    message.hlen <= CHADDR_LENGTH &&
      chaddr.length === CHADDR_LENGTH &&
      sname.length === SNAME_LENGTH &&
      file.length === FILE_LENGTH,
    'chaddr has 16 octets, sname 64, file 128; hlen is 0..16',
  );
  bytes.set(chaddr, OFFSET.chaddr);
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
