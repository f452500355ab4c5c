import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';

/** Octets of a name on the wire, length octets and the root's zero included (RFC 1035 §2.3.4). */
export const DNS_NAME_OCTETS_MAX = 255;
/** Octets of one label (RFC 1035 §2.3.4). */
export const DNS_LABEL_OCTETS_MAX = 63;

/**
 * `truncated`: the name runs past the message. `bad-name`: a reserved label type, over 255 octets, or a compression pointer
 * that does not point before the name it is in.
 */
export type DnsNameError = 'truncated' | 'bad-name';

/** A name read from a message, and where the octets after it start. */
export interface DnsNameAt {
  readonly name: string;
  readonly end: number;
}

const POINTER = 0xc0;
/** Each pointer of a name goes below the one before, and at most this many are followed: the cost of a name is bounded. */
const POINTERS_MAX = 127;

/**
 * Reads the name at `offset` of a message, following compression (RFC 1035 §4.1.4). Text form: labels with dots between, no
 * dot at the end, the root is `.`; a dot or backslash inside a label is `\.` or `\\`, octets outside 0x21..0x7e are `\DDD`.
 */
export function readDnsName(message: Uint8Array, offset: number): Result<DnsNameAt, DnsNameError> {
  let name = '';
  let at = offset;
  let octets = 1; // the root's zero
  let lowest = offset; // a pointer must go below every place this name has been read from
  let end = -1; // set by the first pointer
  let pointers = 0;
  for (;;) {
    if (at >= message.length) return err('truncated');
    const length = message[at] as number;
    if (length === 0) return ok({ name: name === '' ? '.' : name, end: end < 0 ? at + 1 : end });
    if (length >= POINTER) {
      if (at + 1 >= message.length) return err('truncated');
      const target = ((length & 0x3f) << 8) | (message[at + 1] as number);
      if (end < 0) end = at + 2;
      if (target >= lowest || ++pointers > POINTERS_MAX) return err('bad-name');
      lowest = target;
      at = target;
      continue;
    }
    if (length > DNS_LABEL_OCTETS_MAX) return err('bad-name'); // 0x40 and 0x80: reserved (RFC 6891 §5)
    octets += length + 1;
    if (octets > DNS_NAME_OCTETS_MAX) return err('bad-name');
    const next = at + 1 + length;
    if (next > message.length) return err('truncated');
    if (name !== '') name += '.';
    for (let i = at + 1; i < next; i++) name += PRESENTATION[message[i] as number] as string;
    at = next;
  }
}

/** The wire form of a name that the local caller wrote, not compressed, as it stands in the data of a CNAME or PTR. */
export function encodeDnsName(name: string): Uint8Array {
  return Uint8Array.from(parseDnsName(name).wire);
}

/** A name split for writing: its whole wire form, and for each label where it starts in the text and on the wire. */
export interface ParsedDnsName {
  readonly wire: readonly number[];
  readonly labels: readonly { readonly text: number; readonly wire: number }[];
}

/** Reads text in the form that {@link readDnsName} gives; one dot at the end is allowed. Throws `UsageError` for a bad name. */
export function parseDnsName(name: string): ParsedDnsName {
  const wire: number[] = [];
  const labels: { text: number; wire: number }[] = [];
  if (name === '.' || name === '') return { wire: [0], labels };
  let i = 0;
  while (i < name.length) {
    const start = wire.length;
    labels.push({ text: i, wire: start });
    wire.push(0);
    while (i < name.length && name.charCodeAt(i) !== DOT) {
      const { octet, next } = readOctet(name, i);
      wire.push(octet);
      i = next;
    }
    const length = wire.length - start - 1;
    requireArgument(length >= 1 && length <= DNS_LABEL_OCTETS_MAX, 'a DNS label has 1..63 octets');
    requireArgument(wire.length < DNS_NAME_OCTETS_MAX, 'a DNS name has at most 255 octets');
    wire[start] = length;
    i++; // the dot
  }
  wire.push(0);
  return { wire, labels };
}

function readOctet(name: string, i: number): { readonly octet: number; readonly next: number } {
  const unit = name.charCodeAt(i);
  requireArgument(unit < 0x80, 'a DNS name is ASCII; other octets are written \\DDD');
  if (unit !== BACKSLASH) return { octet: unit, next: i + 1 };
  const digits = /^\d{3}/.exec(name.slice(i + 1, i + 4));
  if (digits !== null) {
    const octet = Number(digits[0]);
    requireArgument(octet <= 0xff, 'an escaped octet is \\000..\\255');
    return { octet, next: i + 4 };
  }
  const escaped = name.charCodeAt(i + 1); // NaN at the end of the text
  requireArgument(escaped < 0x80 && !(escaped >= 0x30 && escaped <= 0x39), 'a backslash is followed by \\DDD or one character');
  return { octet: escaped, next: i + 2 };
}

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** Text form of each octet inside a label (RFC 1035 §5.1, RFC 4343 §2.1). */
const PRESENTATION: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  if (octet === DOT || octet === BACKSLASH) return `\\${String.fromCharCode(octet)}`;
  return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`;
});
