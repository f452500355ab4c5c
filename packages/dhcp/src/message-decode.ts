import { err, type Ipv4Address, ok, type Result, readU16, readU32 } from '@nexus-net/sansio';
import { copyOctets } from './copy-octets.js';
import {
  CHADDR_LENGTH,
  type DhcpMessage,
  FILE_LENGTH,
  FIXED_LENGTH,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  MESSAGE_LENGTH_MAX,
  OFFSET,
  OPTION_END,
  OPTION_MESSAGE_TYPE,
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
  /**
   * Make views of the caller's datagram instead of one copy of it: true only where nobody changes the buffer as long as
   * anybody holds the message. Default: false.
   */
  readonly borrow?: boolean;
}

/**
 * Reads one UDP payload. Total: returns for every input, throws for none, in time linear in its length. The datagram is
 * copied once, so the message stays true when the caller reuses its buffer; `borrow` saves that.
 */
export function decodeDhcpMessage(
  datagram: Uint8Array,
  options?: DhcpDecodeOptions,
): Result<DecodedDhcpMessage, DhcpDecodeError> {
  const length = datagram.length;
  if (length > MESSAGE_LENGTH_MAX) return err('too-long');
  if (length < HEADER_LENGTH) return err(length === FIXED_LENGTH ? 'bootp' : 'truncated');
  if (readU32(datagram, OFFSET.cookie) !== MAGIC_COOKIE) return err('bad-cookie');
  const op = datagram[OFFSET.op]!;
  if (op !== 1 && op !== 2) return err('bad-op');
  const hlen = datagram[OFFSET.hlen]!;
  if (hlen > CHADDR_LENGTH) return err('bad-hlen');

  const bytes = options?.borrow === true ? datagram : new Uint8Array(datagram); // not slice(): that of a Buffer is a view
  const scan = new Scan(bytes);
  scan.area(HEADER_LENGTH, length, 0);
  const overload = scan.overload;
  if (overload > 3) return err('bad-overload-value');
  // RFC 3396 §5: options field first, then file, then sname.
  if ((overload & 1) !== 0) scan.area(OFFSET.file, OFFSET.file + FILE_LENGTH, FIELD);
  if ((overload & 2) !== 0) scan.area(OFFSET.sname, OFFSET.sname + SNAME_LENGTH, FIELD);
  if (scan.typeLength !== 1) {
    if (scan.typeLength !== ABSENT) return err('bad-message-type');
    scan.found |= MISSING_TYPE;
  }
  const flags = readU16(bytes, OFFSET.flags);
  if ((flags & 0x7fff) !== 0) scan.found |= RESERVED_FLAGS;
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
    chaddr: bytes.subarray(OFFSET.chaddr, OFFSET.chaddr + CHADDR_LENGTH),
    sname: (overload & 2) !== 0 ? new Uint8Array(SNAME_LENGTH) : bytes.subarray(OFFSET.sname, OFFSET.sname + SNAME_LENGTH),
    file: (overload & 1) !== 0 ? new Uint8Array(FILE_LENGTH) : bytes.subarray(OFFSET.file, OFFSET.file + FILE_LENGTH),
    options: scan.repeated ? joinRepeated(bytes, scan.entries) : new DhcpOptions(bytes, scan.entries),
    anomalies,
  });
}

/** One pass over the areas of one message. */
class Scan {
  /** One number for each fragment, in RFC 3396 order: offset of its value times 256, plus its code. */
  readonly entries: number[] = [];
  overload = 0;
  /** Some code came more than once. */
  repeated = false;
  /** Octets of all instances of option 53 together. */
  typeLength = ABSENT;
  /** Anomalies, a bit each. */
  found = 0;
  readonly #bytes: Uint8Array;
  readonly #mark: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#mark = ++lastMark;
  }

  area(start: number, end: number, shift: number): void {
    const bytes = this.#bytes;
    const mark = this.#mark;
    let at = start;
    while (at < end) {
      const code = bytes[at]!;
      if (code === OPTION_PAD) {
        at++;
        continue;
      }
      if (code === OPTION_END) {
        for (at++; at < end; at++) if (bytes[at] !== OPTION_PAD) break;
        if (at < end) this.found |= DATA_AFTER_END << shift;
        return;
      }
      const size = at + 1 < end ? bytes[at + 1]! : RUNS_PAST_END;
      const next = at + 2 + size;
      if (next > end) {
        this.found |= TRUNCATED_OPTION << shift;
        break;
      }
      if (code === OPTION_OVERLOAD) this.#setOverload(at + 2, shift);
      else {
        if (code === OPTION_MESSAGE_TYPE) this.typeLength = Math.max(this.typeLength, 0) + size;
        if (marks[code] === mark) this.repeated = true;
        marks[code] = mark;
        this.entries.push(((at + 2) << 8) | code);
      }
      at = next;
    }
    this.found |= MISSING_END << shift;
  }

  #setOverload(at: number, shift: number): void {
    if (shift !== 0) this.found |= NESTED_OVERLOAD;
    else if (marks[OPTION_OVERLOAD] === this.#mark) this.found |= REPEATED_OVERLOAD;
    else {
      marks[OPTION_OVERLOAD] = this.#mark;
      if (this.#bytes[at - 1] === 1 && this.#bytes[at] !== 0) this.overload = this.#bytes[at]!;
      else this.found |= BAD_OVERLOAD;
    }
  }
}

/** RFC 3396 §5: joins the values of each code, in the order in which the fragments came. Two passes, whatever comes. */
function joinRepeated(bytes: Uint8Array, fragments: readonly number[]): DhcpOptions {
  slotOf.fill(NO_SLOT);
  const codes: number[] = [];
  const lengths: number[] = [];
  let total = 0;
  for (let i = 0; i < fragments.length; i++) {
    const code = fragments[i]! & 0xff;
    const size = bytes[(fragments[i]! >>> 8) - 1]!;
    const slot = slotOf[code]!;
    if (slot === NO_SLOT) {
      slotOf[code] = codes.length;
      codes.push(code);
      lengths.push(size);
    } else lengths[slot]! += size;
    total += size;
  }
  const entries: number[] = [];
  const ends: number[] = [];
  for (let slot = 0, start = 0; slot < codes.length; slot++) {
    entries.push((start << 8) | codes[slot]!);
    ends.push(start);
    start += lengths[slot]!;
  }
  const joined = new Uint8Array(total);
  for (let i = 0; i < fragments.length; i++) {
    const slot = slotOf[fragments[i]! & 0xff]!;
    const from = fragments[i]! >>> 8;
    const size = bytes[from - 1]!;
    copyOctets(joined, ends[slot]!, bytes, from, size);
    ends[slot]! += size;
  }
  return new DhcpOptions(joined, entries, lengths);
}

function namesOf(found: number): readonly DhcpAnomaly[] {
  return found === 0 ? NO_ANOMALY : DHCP_ANOMALIES.filter((_, i) => (found & (1 << i)) !== 0);
}

const bit = (anomaly: DhcpAnomaly): number => 1 << DHCP_ANOMALIES.indexOf(anomaly);
const MISSING_TYPE: number = bit('missing-message-type');
const MISSING_END: number = bit('missing-end');
const TRUNCATED_OPTION: number = bit('truncated-option');
const DATA_AFTER_END: number = bit('data-after-end');
const BAD_OVERLOAD: number = bit('bad-overload');
const REPEATED_OVERLOAD: number = bit('repeated-overload');
const NESTED_OVERLOAD: number = bit('nested-overload');
const RESERVED_FLAGS: number = bit('reserved-flags');
/** How many bits the anomalies of a lent field lie above those of the options area. */
const FIELD: number = DHCP_ANOMALIES.indexOf('missing-end-in-field') - DHCP_ANOMALIES.indexOf('missing-end');
const NO_ANOMALY: readonly DhcpAnomaly[] = Object.freeze([]);
const ABSENT = -1;
/** More than any area has behind its last octet. */
const RUNS_PAST_END = 1;

/**
 * Which message each code was last seen in. Shared by all calls: a table of its own would cost each of them more than the
 * scan, and a mark that no other call has makes clearing needless
 * (53 bits of them last longer than any process).
 */
const marks: Float64Array = new Float64Array(256);
let lastMark = 0;

/** By code: which of the joined options it is. Shared for the same reason. */
const slotOf: Uint8Array = new Uint8Array(256);
const NO_SLOT = 255;
