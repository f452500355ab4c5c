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

/**
 * The wire form of a name that the local caller wrote, not compressed, as it stands in the data of a CNAME or PTR. Takes the
 * text form of {@link readDnsName}; one dot at the end is allowed. Throws `UsageError` for a bad name.
 */
export function encodeDnsName(name: string): Uint8Array {
  const bytes = new Uint8Array(dnsNameCapacity(name));
  let at = 0;
  for (let i = isDnsRoot(name) ? name.length : 0; i < name.length; ) {
    i = writeDnsLabel(bytes, at, { name, from: i });
    at += 1 + (bytes[at] as number);
    requireDnsNameLength(at + 1);
  }
  return bytes.subarray(0, at + 1);
}

/** Octets that the wire form of `name` needs at most: escapes only make the text longer. */
export function dnsNameCapacity(name: string): number {
  return name.length + 2;
}

/** The name without labels. */
export function isDnsRoot(name: string): boolean {
  return name === '.' || name === '';
}

/** Refuses a name whose wire form is too long. */
export function requireDnsNameLength(octets: number): void {
  requireArgument(octets <= DNS_NAME_OCTETS_MAX, 'a DNS name has at most 255 octets on the wire');
}

/**
 * Writes the label whose text starts at `from`, its length octet first, and returns where the text of the next one starts.
 * Throws `UsageError` for a bad label.
 */
export function writeDnsLabel(
  bytes: Uint8Array,
  at: number,
  { name, from }: { readonly name: string; readonly from: number },
): number {
  let i = from;
  let end = at + 1;
  while (i < name.length) {
    const unit = name.charCodeAt(i);
    if (unit === DOT) break;
    requireArgument(unit < 0x80, 'a DNS name is ASCII; other octets are written \\DDD');
    if (unit !== BACKSLASH) {
      bytes[end++] = unit;
      i++;
    } else if (isDigit(name.charCodeAt(i + 1))) {
      const octet = /^\d{3}/.test(name.slice(i + 1, i + 4)) ? Number(name.slice(i + 1, i + 4)) : Number.NaN;
      requireArgument(octet <= 0xff, 'an escaped octet is \\000..\\255');
      bytes[end++] = octet;
      i += 4;
    } else {
      const escaped = name.charCodeAt(i + 1); // NaN at the end of the text
      requireArgument(escaped < 0x80, 'a backslash is followed by \\DDD or an ASCII character');
      bytes[end++] = escaped;
      i += 2;
    }
  }
  const length = end - at - 1;
  requireArgument(length >= 1 && length <= DNS_LABEL_OCTETS_MAX, 'a DNS label has 1..63 octets');
  bytes[at] = length;
  return i + 1;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** Text form of each octet inside a label (RFC 1035 §5.1, RFC 4343 §2.1). */
const PRESENTATION: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  if (octet === DOT || octet === BACKSLASH) return `\\${String.fromCharCode(octet)}`;
  return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`;
});
