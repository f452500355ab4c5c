import { requireArgument, writeU16, writeU32 } from '@nexus-net/sansio';
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
  SNAME_LENGTH,
} from './message-fields.js';

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
  const list = message.options;
  let length = HEADER_LENGTH + 1;
  for (const { code, value } of list) {
    requireArgument(code > 0 && code < 255 && code !== 52, 'an option code is 1..254, and not 52');
    length += optionLength(value.length);
  }
  length = Math.max(length, options?.lengthMin ?? MESSAGE_LENGTH_MIN);
  requireArgument(length <= MESSAGE_LENGTH_MAX, 'a message has at most 65507 octets');
  const bytes = new Uint8Array(length);
  writeFixed(bytes, message);
  let at = HEADER_LENGTH;
  for (const { code, value } of list) at = writeOption(bytes, at, code, value);
  bytes[at] = OPTION_END;
  return bytes;
}

/** Octets that a value takes on the wire with its codes and lengths: one header for each 255 octets begun, at least one. */
export function optionLength(valueLength: number): number {
  return valueLength <= 255 ? valueLength + 2 : valueLength + 2 * Math.ceil(valueLength / 255);
}

function writeFixed(bytes: Uint8Array, message: DhcpMessage): void {
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

function writeOption(bytes: Uint8Array, start: number, code: number, value: Uint8Array): number {
  let at = start;
  let from = 0;
  do {
    const to = Math.min(from + 255, value.length);
    bytes[at] = code;
    bytes[at + 1] = to - from;
    at += 2;
    while (from < to) bytes[at++] = value[from++]!;
  } while (from < value.length);
  return at;
}
