import { err, ok, type Result, readU16, requireArgument, writeU16 } from '@nexus-net/sansio';

/** Error codes (RFC 1350 §5, RFC 2347). */
export const TFTP_ERROR: {
  readonly undefined: 0;
  readonly 'not-found': 1;
  readonly access: 2;
  readonly 'disk-full': 3;
  readonly 'illegal-operation': 4;
  readonly 'unknown-transfer': 5;
  readonly exists: 6;
  readonly 'bad-option': 8;
} = {
  undefined: 0,
  'not-found': 1,
  access: 2,
  'disk-full': 3,
  'illegal-operation': 4,
  'unknown-transfer': 5,
  exists: 6,
  'bad-option': 8,
};

/** A TFTP packet (RFC 1350, RFC 2347). Text is octets as Latin-1. */
export type TftpPacket =
  | {
      readonly type: 'read' | 'write';
      readonly file: string;
      /** Lower case: `octet`, `netascii`, or another. */
      readonly mode: string;
      /** Names in lower case, the first value of each. */
      readonly options: ReadonlyMap<string, string>;
    }
  /** `block` counts from 1 and goes round after 65 535. `bytes` is a view. */
  | { readonly type: 'data'; readonly block: number; readonly bytes: Uint8Array }
  | { readonly type: 'ack'; readonly block: number }
  | { readonly type: 'error'; readonly code: number; readonly message: string }
  | { readonly type: 'option-ack'; readonly options: ReadonlyMap<string, string> };

/** `truncated`: ends within a field or a text. `bad-opcode`. `bad-request`: no file name, or an option without a value. */
export type TftpDecodeError = 'truncated' | 'bad-opcode' | 'bad-request';

// Wire format, big-endian: 0..2 opcode. 1 RRQ, 2 WRQ: texts file, mode, (option, value)*, each with a zero behind it.
// 3 DATA: 2..4 block, then octets. 4 ACK: 2..4 block. 5 ERROR: 2..4 code, text. 6 OACK: (option, value)*.

/** Reads a packet. Total. */
export function decodeTftp(bytes: Uint8Array): Result<TftpPacket, TftpDecodeError> {
  if (bytes.length < 2) return err('truncated');
  const opcode = readU16(bytes, 0);
  switch (opcode) {
    case 1:
    case 2:
      return requestOf(opcode === 1 ? 'read' : 'write', bytes);
    case 3:
      return bytes.length < 4 ? err('truncated') : ok({ type: 'data', block: readU16(bytes, 2), bytes: bytes.subarray(4) });
    case 4:
      return bytes.length < 4 ? err('truncated') : ok({ type: 'ack', block: readU16(bytes, 2) });
    case 5: {
      if (bytes.length < 4) return err('truncated');
      // Many leave out the final zero of the message; the code is what counts.
      const message = textsOf(bytes, 4)?.[0] ?? latin1(bytes.subarray(4));
      return ok({ type: 'error', code: readU16(bytes, 2), message });
    }
    case 6: {
      const texts = textsOf(bytes, 2);
      if (texts === undefined) return err('truncated');
      const options = optionsOf(texts);
      return options === undefined ? err('bad-request') : ok({ type: 'option-ack', options });
    }
    default:
      return err('bad-opcode');
  }
}

/** Writes a packet. Throws `UsageError` for a text with a zero in it. */
export function encodeTftp(packet: TftpPacket): Uint8Array {
  switch (packet.type) {
    case 'read':
    case 'write':
      return withTexts(packet.type === 'read' ? 1 : 2, [packet.file, packet.mode, ...flat(packet.options)]);
    case 'data': {
      const bytes = new Uint8Array(4 + packet.bytes.length);
      bytes[1] = 3;
      writeU16(bytes, 2, packet.block);
      bytes.set(packet.bytes, 4);
      return bytes;
    }
    case 'ack': {
      const bytes = new Uint8Array(4);
      bytes[1] = 4;
      writeU16(bytes, 2, packet.block);
      return bytes;
    }
    case 'error':
      return withTexts(5, [packet.message], packet.code);
    case 'option-ack':
      return withTexts(6, flat(packet.options));
  }
}

function requestOf(type: 'read' | 'write', bytes: Uint8Array): Result<TftpPacket, TftpDecodeError> {
  const texts = textsOf(bytes, 2);
  if (texts === undefined) return err('truncated');
  const [file = '', mode, ...rest] = texts;
  const options = optionsOf(rest);
  if (file === '' || mode === undefined || options === undefined) return err('bad-request');
  return ok({ type, file, mode: mode.toLowerCase(), options });
}

/** Texts that each end in a zero; `undefined` where the last one has none. */
function textsOf(bytes: Uint8Array, from: number): string[] | undefined {
  const texts: string[] = [];
  for (let at = from; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    texts.push(latin1(bytes.subarray(at, end)));
    at = end + 1;
  }
  return texts;
}

function optionsOf(texts: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (texts.length % 2 !== 0) return undefined;
  const options = new Map<string, string>();
  for (let i = 0; i < texts.length; i += 2) {
    const name = (texts[i] as string).toLowerCase();
    if (!options.has(name)) options.set(name, texts[i + 1] as string);
  }
  return options;
}

function withTexts(opcode: number, texts: readonly string[], code?: number): Uint8Array {
  const head = code === undefined ? 2 : 4;
  let length = head;
  for (const text of texts) length += text.length + 1;
  const bytes = new Uint8Array(length);
  bytes[1] = opcode;
  if (code !== undefined) writeU16(bytes, 2, code);
  let at = head;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) {
      const octet = text.charCodeAt(i);
      requireArgument(octet > 0 && octet <= 0xff, 'a text of TFTP has octets 1..255');
      bytes[at++] = octet;
    }
    at++;
  }
  return bytes;
}

function flat(options: ReadonlyMap<string, string>): string[] {
  return [...options].flat();
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}
