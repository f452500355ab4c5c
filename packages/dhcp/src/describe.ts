import { formatIpv4, formatPrefix, type Ipv4Address, type Ipv4Prefix, toHex } from '@nexus-net/sansio';
import type { DecodedDhcpMessage, DhcpAnomaly } from './message-decode.js';
import { messageType, wantsBroadcast } from './message-fields.js';
import { dhcpMessageTypeName } from './names.js';
import { decodeOption, optionName } from './option.js';
import type { DhcpOption } from './option-list.js';
import type { ShapeName } from './options/shapes.js';
import { OPTIONS } from './options/table.js';

/** A value as JSON can hold it: addresses and prefixes as text, octets as hexadecimal. */
export type DescribedValue = string | number | boolean | readonly DescribedValue[] | { readonly [key: string]: DescribedValue };

export interface DescribedOption {
  readonly code: number;
  /** Name of the option's row in `OPTIONS`; absent for a code that isn't there. */
  readonly name?: string;
  /** The typed value; the octets in hexadecimal where there is no row, or the octets are not of its shape. */
  readonly value: DescribedValue;
  /** Why the octets are not of the option's shape. */
  readonly error?: string;
}

/** Everything that a message says, for people and for JSON. */
export interface DhcpDescription {
  /** `discover`, `offer` …; the number of an unknown type; absent without option 53. */
  readonly type?: string;
  /** All fixed fields in wire order: addresses dotted, `xid` and `chaddr` hexadecimal, `sname` and `file` as text up to the first NUL. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  readonly options: readonly DescribedOption[];
  readonly anomalies: readonly DhcpAnomaly[];
}

export function describeDhcpMessage(message: DecodedDhcpMessage): DhcpDescription {
  const type = messageType(message);
  const { op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file } = message;
  return {
    ...(type !== undefined && { type: dhcpMessageTypeName(type) ?? `type ${type}` }),
    fields: {
      op,
      htype,
      hlen,
      hops,
      xid: xid.toString(16).padStart(8, '0'),
      secs,
      flags: flags.toString(16).padStart(4, '0'),
      broadcast: wantsBroadcast(message),
      ciaddr: formatIpv4(ciaddr),
      yiaddr: formatIpv4(yiaddr),
      siaddr: formatIpv4(siaddr),
      giaddr: formatIpv4(giaddr),
      chaddr: toHex(chaddr.subarray(0, hlen)),
      sname: textOf(sname),
      file: textOf(file),
    },
    options: message.options.map(describeOption),
    anomalies: message.anomalies,
  };
}

/** One option: its name and typed value where the table knows it. */
export function describeOption({ code, value }: DhcpOption): DescribedOption {
  const name = optionName(code);
  if (name === undefined) return { code, value: toHex(value) };
  const decoded = decodeOption(name, value);
  if (!decoded.ok) return { code, name, value: toHex(value), error: decoded.error };
  const shape: ShapeName = OPTIONS[name].shape;
  return { code, name, value: describeValue(decoded.value, ADDRESS_SHAPES.has(shape)) };
}

/** `isAddress`: bare numbers in this value are IPv4 addresses, which nothing in a number shows. */
function describeValue(value: unknown, isAddress: boolean): DescribedValue {
  if (typeof value === 'number') return isAddress ? formatIpv4(value as Ipv4Address) : finite(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map((each) => describeValue(each, isAddress));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, each]) => [
      key,
      key === 'prefix' ? formatPrefix(each as Ipv4Prefix) : describeValue(each, ADDRESS_FIELDS.has(key)),
    ]),
  );
}

/** JSON has no infinity. */
function finite(value: number): string | number {
  return Number.isFinite(value) ? value : 'infinite';
}

/** Up to the first NUL; octets outside of printable ASCII as `\xNN`. */
function textOf(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    if (octet === 0) break;
    text += octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\x${octet.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/** Shapes whose bare numbers are addresses. */
const ADDRESS_SHAPES: ReadonlySet<ShapeName> = new Set<ShapeName>([
  'address',
  'addresses',
  'addressesOrNone',
  'mask',
  'serverAddressSets',
]);

/** Members of composite values that are addresses. */
const ADDRESS_FIELDS: ReadonlySet<string> = new Set(['addresses', 'destination', 'mask', 'primary', 'router', 'secondary']);
