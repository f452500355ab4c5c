import { concatBytes, fromHex, toHex } from '@nexus-net/sansio';
import {
  checkOption,
  type DecodedDhcpMessage,
  type DhcpDecodeOptions,
  type DhcpOption,
  decodeDhcpMessage,
  decodeOption,
  dhcpMessage,
  type OptionName,
  type OptionValue,
  optionValue,
} from '../../src/index.js';

export interface RawParts {
  /** Hexadecimal, from the first option on. */
  readonly options?: string;
  /** Hexadecimal, padded with zeros to the field. */
  readonly file?: string;
  readonly sname?: string;
  readonly cookie?: string;
  /** Octets of the header to set, by offset. */
  readonly set?: Readonly<Record<number, number>>;
}

/** A reply as octets, put together without the encoder. */
export function raw({ options = '350102ff', file = '', sname = '', cookie = '63825363', set = {} }: RawParts = {}): Uint8Array {
  const fixed = new Uint8Array(236);
  fixed.set([2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  fixed.set([0x52, 0x54, 0, 0x12, 0x34, 0x56], 28);
  fixed.set(fromHex(sname), 44);
  fixed.set(fromHex(file), 108);
  for (const [offset, octet] of Object.entries(set)) fixed[Number(offset)] = octet;
  return concatBytes([fixed, fromHex(cookie), fromHex(options)]);
}

export function decode(datagram: Uint8Array, options?: DhcpDecodeOptions): DecodedDhcpMessage {
  const decoded = decodeDhcpMessage(datagram, options);
  if (!decoded.ok) throw new Error(`refused: ${decoded.error}`);
  return decoded.value;
}

/** The label of a refused datagram; `'decoded'` where it is not refused. */
export function refusal(datagram: Uint8Array, options?: DhcpDecodeOptions): string {
  const decoded = decodeDhcpMessage(datagram, options);
  return decoded.ok ? 'decoded' : decoded.error;
}

/** The value of one option in hexadecimal. */
export function hexOf(message: DecodedDhcpMessage, code: number): string | undefined {
  const value = optionValue(message.options, code);
  return value === undefined ? undefined : toHex(value);
}

/** `[[53, '02'], …]` in the message's order. */
export function list(message: DecodedDhcpMessage): readonly (readonly [number, string])[] {
  return message.options.map(({ code, value }) => [code, toHex(value)] as const);
}

/** What the typed level makes of octets: the value, or the label. */
export function typed<N extends OptionName>(name: N, hex: string): OptionValue<N> | string {
  const result = decodeOption(name, fromHex(hex));
  return result.ok ? result.value : result.error;
}

export function check(message: DecodedDhcpMessage, name: OptionName): string {
  const result = checkOption(message, name);
  return result.ok ? 'a value' : result.error;
}

/** Options of a message that the local caller makes. */
export function withOptions(options: readonly DhcpOption[]): ReturnType<typeof dhcpMessage> {
  return dhcpMessage({ op: 2, xid: 0xdeadbeef, chaddr: fromHex('525400123456'), options });
}

export function filled(length: number, octet = 0x61): Uint8Array {
  return new Uint8Array(length).fill(octet);
}
