import { err, type Ipv4Address, ok, type Result, readU16, readU32 } from '@nexus-net/sansio';
import {
  type DhcpMessage,
  FILE_LENGTH,
  FIXED_LENGTH,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  MESSAGE_LENGTH_MAX,
  OFFSET,
  OPTION_END,
  OPTION_OVERLOAD,
  OPTION_PAD,
  SNAME_LENGTH,
} from './message-fields.js';
import { DhcpOptions } from './option-list.js';

/** Oddities that a message may have and still be read. Each is listed in {@link DecodedDhcpMessage.anomalies}. */
export const DHCP_ANOMALIES = [
  /** No option 53: BOOTP, or nothing at all. */
  'missing-message-type',
  /** The options end with the datagram, without END (RFC 2131 §4.1). */
  'missing-end',
  /** The last option lacks its length octet or runs past the end; it and what follows is not read. */
  'truncated-option',
  /** Octets other than PAD behind END; never read (RFC 2132 §3.2). */
  'data-after-end',
  /** Option 52 is 0 or not one octet long: ignored. */
  'bad-overload',
  /** Option 52 more than once: the first one counts. */
  'repeated-overload',
  /** Option 52 inside `file` or `sname`: ignored, so that nothing recurses. */
  'nested-overload',
  /** The same in `file` or `sname`, lent by option 52. */
  'missing-end-in-field',
  'truncated-option-in-field',
  'data-after-end-in-field',
  /** A reserved bit of `flags` is set (RFC 2131 §2). */
  'reserved-flags',
] as const;

export type DhcpAnomaly = (typeof DHCP_ANOMALIES)[number];

/** Why a datagram is not a DHCP message at all. With `strict` each anomaly is a reason too. */
export type DhcpDecodeError =
  /** More than 65507 octets: no UDP datagram is. */
  | 'too-long'
  /** Less than the fixed fields and the cookie. */
  | 'truncated'
  /** The 236 octets of BOOTP without a vendor area. */
  | 'bootp'
  /** `op` is neither 1 nor 2. */
  | 'bad-op'
  /** `hlen` is above 16: there is no such address. */
  | 'bad-hlen'
  /** The vendor area is not DHCP's. */
  | 'bad-cookie'
  /** Option 53, all instances joined, is not one octet long. */
  | 'bad-message-type'
  /** Option 52 is above 3. */
  | 'bad-overload-value'
  | DhcpAnomaly;

export interface DecodedDhcpMessage extends DhcpMessage {
  readonly options: DhcpOptions;
  /** In the order of {@link DHCP_ANOMALIES}, each once. */
  readonly anomalies: readonly DhcpAnomaly[];
}

export interface DhcpDecodeOptions {
  /** Refuse a message with any anomaly, or with any of those named. Default: none refused. */
  readonly strict?: boolean | readonly DhcpAnomaly[];
}

/**
 * Reads one UDP payload. Total: returns for every input, throws for none, in time linear in its length. The datagram is
 * copied once, so the message stays true when the caller reuses its buffer.
 */
export function decodeDhcpMessage(
  datagram: Uint8Array,
  options?: DhcpDecodeOptions,
): Result<DecodedDhcpMessage, DhcpDecodeError> {
  const length = datagram.length;
  if (length > MESSAGE_LENGTH_MAX) return err('too-long');
  if (length < HEADER_LENGTH) return err(length === FIXED_LENGTH ? 'bootp' : 'truncated');
  if (readU32(datagram, OFFSET.cookie) !== MAGIC_COOKIE) return err('bad-cookie');
  const bytes = new Uint8Array(datagram); // not slice(): a Buffer's slice is a view
  const op = bytes[OFFSET.op]!;
  if (op !== 1 && op !== 2) return err('bad-op');
  const hlen = bytes[OFFSET.hlen]!;
  if (hlen > 16) return err('bad-hlen');

  const scan = new Scan(bytes);
  scan.area(HEADER_LENGTH, length, 0);
  const overload = scan.overload;
  if (overload > 3) return err('bad-overload-value');
  // RFC 3396 §5: options field first, then file, then sname.
  if ((overload & 1) !== 0) scan.area(OFFSET.file, OFFSET.file + FILE_LENGTH, FIELD);
  if ((overload & 2) !== 0) scan.area(OFFSET.sname, OFFSET.sname + SNAME_LENGTH, FIELD);
  const list = scan.repeated ? joinRepeated(bytes, scan.entries) : new DhcpOptions(bytes, scan.entries);

  const type = list.get(53);
  if (type === undefined) scan.found |= bit('missing-message-type');
  else if (type.length !== 1) return err('bad-message-type');
  const flags = readU16(bytes, OFFSET.flags);
  if ((flags & 0x7fff) !== 0) scan.found |= bit('reserved-flags');
  const anomalies = namesOf(scan.found);
  const strict = options?.strict ?? false;
  if (strict !== false) {
    const refused = strict === true ? anomalies[0] : anomalies.find((anomaly) => strict.includes(anomaly));
    if (refused !== undefined) return err(refused);
  }
  return ok({
    op,
    htype: bytes[OFFSET.htype]!,
    hlen,
    hops: bytes[OFFSET.hops]!,
    xid: readU32(bytes, OFFSET.xid),
    secs: readU16(bytes, OFFSET.secs),
    flags,
    ciaddr: readU32(bytes, OFFSET.ciaddr) as Ipv4Address,
    yiaddr: readU32(bytes, OFFSET.yiaddr) as Ipv4Address,
    siaddr: readU32(bytes, OFFSET.siaddr) as Ipv4Address,
    giaddr: readU32(bytes, OFFSET.giaddr) as Ipv4Address,
    chaddr: bytes.subarray(OFFSET.chaddr, OFFSET.chaddr + 16),
    sname: (overload & 2) !== 0 ? new Uint8Array(SNAME_LENGTH) : bytes.subarray(OFFSET.sname, OFFSET.sname + SNAME_LENGTH),
    file: (overload & 1) !== 0 ? new Uint8Array(FILE_LENGTH) : bytes.subarray(OFFSET.file, OFFSET.file + FILE_LENGTH),
    options: list,
    anomalies,
  });
}

const bit = (anomaly: DhcpAnomaly): number => 1 << DHCP_ANOMALIES.indexOf(anomaly);
/** How far the anomalies of a lent field lie behind those of the options area. */
const FIELD = DHCP_ANOMALIES.indexOf('missing-end-in-field') - DHCP_ANOMALIES.indexOf('missing-end');

class Scan {
  readonly entries: number[] = [];
  overload = 0;
  repeated = false;
  found = 0;
  readonly #bytes: Uint8Array;
  readonly #seen = new Uint8Array(256);

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  area(start: number, end: number, shift: number): void {
    const bytes = this.#bytes;
    let at = start;
    while (at < end) {
      const code = bytes[at]!;
      if (code === OPTION_PAD) {
        at++;
        continue;
      }
      if (code === OPTION_END) {
        for (at++; at < end; at++) if (bytes[at] !== OPTION_PAD) break;
        if (at < end) this.found |= bit('data-after-end') << shift;
        return;
      }
      const next = at + 2 + bytes[at + 1]!;
      if (at + 1 >= end || next > end) {
        this.found |= bit('truncated-option') << shift;
        break;
      }
      if (code === OPTION_OVERLOAD) this.#setOverload(at + 2, shift);
      else {
        if (this.#seen[code] === 1) this.repeated = true;
        this.#seen[code] = 1;
        this.entries.push(((at + 2) << 8) | code);
      }
      at = next;
    }
    this.found |= bit('missing-end') << shift;
  }

  #setOverload(at: number, shift: number): void {
    if (shift !== 0) this.found |= bit('nested-overload');
    else if (this.#seen[OPTION_OVERLOAD] === 1) this.found |= bit('repeated-overload');
    else {
      this.#seen[OPTION_OVERLOAD] = 1;
      if (this.#bytes[at - 1] === 1 && this.#bytes[at] !== 0) this.overload = this.#bytes[at]!;
      else this.found |= bit('bad-overload');
    }
  }
}

/** RFC 3396 §5: joins the values of each code, in the order in which the fragments came. Two passes, whatever comes. */
function joinRepeated(bytes: Uint8Array, fragments: readonly number[]): DhcpOptions {
  const totals = new Uint32Array(256);
  const order: number[] = [];
  let length = 0;
  for (const fragment of fragments) {
    const code = fragment & 0xff;
    const size = bytes[(fragment >>> 8) - 1]!;
    if (!order.includes(code)) order.push(code);
    totals[code]! += size;
    length += size;
  }
  const joined = new Uint8Array(length);
  const ends = new Uint32Array(256);
  let start = 0;
  const entries: number[] = [];
  const lengths: number[] = [];
  for (const code of order) {
    ends[code] = start;
    entries.push((start << 8) | code);
    lengths.push(totals[code]!);
    start += totals[code]!;
  }
  for (const fragment of fragments) {
    const from = fragment >>> 8;
    const size = bytes[from - 1]!;
    let to = ends[fragment & 0xff]!;
    for (let i = 0; i < size; i++) joined[to++] = bytes[from + i]!;
    ends[fragment & 0xff] = to;
  }
  return new DhcpOptions(joined, entries, lengths);
}

const NONE: readonly DhcpAnomaly[] = Object.freeze([]);

function namesOf(found: number): readonly DhcpAnomaly[] {
  return found === 0 ? NONE : DHCP_ANOMALIES.filter((_, i) => (found & (1 << i)) !== 0);
}
