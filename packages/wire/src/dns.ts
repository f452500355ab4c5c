import { concatBytes, err, ok, type Result, readU16, readU32, requireArgument, writeU16, writeU32 } from '@nexus-net/sansio';
import { dnsNameCapacity, encodeDnsName, isDnsRoot, readDnsName, requireDnsNameLength, writeDnsLabel } from './dns-name.js';

/** Record types that this project names (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 6891). */
export const DNS_TYPE: {
  readonly a: 1;
  readonly ns: 2;
  readonly cname: 5;
  readonly soa: 6;
  readonly ptr: 12;
  readonly mx: 15;
  readonly txt: 16;
  readonly aaaa: 28;
  readonly srv: 33;
  readonly dname: 39;
  readonly opt: 41;
  readonly any: 255;
} = { a: 1, ns: 2, cname: 5, soa: 6, ptr: 12, mx: 15, txt: 16, aaaa: 28, srv: 33, dname: 39, opt: 41, any: 255 };

/** Record classes (RFC 1035 §3.2.4). */
export const DNS_CLASS: { readonly in: 1; readonly any: 255 } = { in: 1, any: 255 };

/** Response codes (RFC 1035 §4.1.1). */
export const DNS_RCODE: {
  readonly noError: 0;
  readonly formErr: 1;
  readonly servFail: 2;
  readonly nxDomain: 3;
  readonly notImp: 4;
  readonly refused: 5;
} = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 };

/** A DNS message (RFC 1035 §4.1). The bits Z, AD and CD are read as zero and written as zero. */
export interface DnsMessage {
  /** 0..65535 */
  readonly id: number;
  /** QR: a response, not a query. */
  readonly response: boolean;
  /** 0 is a standard query; 0..15. */
  readonly opcode: number;
  readonly authoritative: boolean;
  /** TC: cut to fit the transport. */
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** One of {@link DNS_RCODE} or another, 0..15. */
  readonly responseCode: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export interface DnsQuestion {
  /** `localhost`: text form of `readDnsName`. Case is kept as sent; compare without regard to it (RFC 4343). */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Seconds, 0..2^32-1 as sent. */
  readonly ttl: number;
  /** Names in the data of NS, CNAME, SOA, PTR, MX, SRV and their like are expanded, so it stands without the message. */
  readonly data: Uint8Array;
}

/**
 * `truncated`: the octets end inside a record. `bad-name`: see `DnsNameError`. `bad-count`: the counts promise more records
 * than the octets could hold. `bad-data`: the data of a record whose type has names in it does not fit its length.
 */
export type DnsDecodeError = 'truncated' | 'bad-name' | 'bad-count' | 'bad-data';

// Wire format: 0..2 id, 2..4 flags, 4..12 four counts; question: name, type, class; record: name, type, class, ttl (4),
// data length, data.
const HEADER_LENGTH = 12;
const QUESTION_LENGTH_MIN = 5;
const RECORD_LENGTH_MIN = 11;
const MESSAGE_OCTETS_MAX = 0xffff;
const POINTER_OFFSET_MAX = 0x3fff;

/** Where names lie in the data of a type: octets before them, how many, octets after them. */
interface DataLayout {
  readonly before: number;
  readonly names: 1 | 2;
  readonly after: number;
  /** RFC 3597 §4: only the types of RFC 1035 may be compressed when sent; others may be when received. */
  readonly compress: boolean;
}

const ONE_NAME: DataLayout = { before: 0, names: 1, after: 0, compress: true };
const DATA_LAYOUTS: ReadonlyMap<number, DataLayout> = new Map<number, DataLayout>([
  [DNS_TYPE.ns, ONE_NAME],
  [3, ONE_NAME], // MD
  [4, ONE_NAME], // MF
  [DNS_TYPE.cname, ONE_NAME],
  [DNS_TYPE.soa, { before: 0, names: 2, after: 20, compress: true }],
  [7, ONE_NAME], // MB
  [8, ONE_NAME], // MG
  [9, ONE_NAME], // MR
  [DNS_TYPE.ptr, ONE_NAME],
  [14, { before: 0, names: 2, after: 0, compress: true }], // MINFO
  [DNS_TYPE.mx, { before: 2, names: 1, after: 0, compress: true }],
  [DNS_TYPE.srv, { before: 6, names: 1, after: 0, compress: false }],
  [DNS_TYPE.dname, { ...ONE_NAME, compress: false }],
]);

/**
 * Reads a message. Octets after the last record are ignored. Data that holds no names is a view. Time is linear in the
 * octets: each name costs a bounded amount, whatever its pointers do.
 */
export function decodeDns(bytes: Uint8Array): Result<DnsMessage, DnsDecodeError> {
  if (bytes.length < HEADER_LENGTH) return err('truncated');
  const questionCount = readU16(bytes, 4);
  const recordCount = readU16(bytes, 6) + readU16(bytes, 8) + readU16(bytes, 10);
  if (HEADER_LENGTH + questionCount * QUESTION_LENGTH_MIN + recordCount * RECORD_LENGTH_MIN > bytes.length)
    return err('bad-count');

  const reader = new SectionReader(bytes);
  const questions = reader.questions(questionCount);
  const answers = reader.records(readU16(bytes, 6));
  const authorities = reader.records(readU16(bytes, 8));
  const additionals = reader.records(readU16(bytes, 10));
  if (reader.error !== undefined) return err(reader.error);

  const flags = readU16(bytes, 2);
  return ok({
    id: readU16(bytes, 0),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >>> 11) & 0x0f,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    responseCode: flags & 0x0f,
    questions,
    answers,
    authorities,
    additionals,
  });
}

/**
 * Writes a message. Names are compressed against all names before them, exactly: a name in another case is written out, so
 * that decoding gives back what was encoded. Throws `UsageError` for a bad name, or above 65535 octets.
 */
export function encodeDns(message: DnsMessage): Uint8Array {
  requireArgument((message.id & 0xffff) === message.id, 'id is an integer 0..65535');
  requireArgument((message.opcode & 0x0f) === message.opcode, 'opcode is an integer 0..15');
  requireArgument((message.responseCode & 0x0f) === message.responseCode, 'responseCode is an integer 0..15');
  const records = [message.answers, message.authorities, message.additionals];
  let capacity = HEADER_LENGTH;
  for (const { name } of message.questions) capacity += dnsNameCapacity(name) + 4;
  for (const section of records) for (const { name, data } of section) capacity += dnsNameCapacity(name) + 10 + data.length;

  const writer = new SectionWriter(capacity);
  writer.header(message);
  for (const question of message.questions) writer.question(question);
  for (const section of records) for (const record of section) writer.record(record);
  return writer.finish();
}

/** Reads sections in order. After the first error every section is empty. */
class SectionReader {
  readonly #bytes: Uint8Array;
  #offset = HEADER_LENGTH;
  #error: DnsDecodeError | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get error(): DnsDecodeError | undefined {
    return this.#error;
  }

  questions(count: number): DnsQuestion[] {
    const questions: DnsQuestion[] = [];
    for (let i = 0; i < count; i++) {
      const name = this.#name(4);
      if (name === undefined) return [];
      const at = this.#offset;
      questions.push({ name, type: readU16(this.#bytes, at), class: readU16(this.#bytes, at + 2) });
      this.#offset = at + 4;
    }
    return questions;
  }

  records(count: number): DnsRecord[] {
    const records: DnsRecord[] = [];
    for (let i = 0; i < count && this.#error === undefined; i++) {
      const name = this.#name(10);
      if (name === undefined) return [];
      const at = this.#offset;
      const end = at + 10 + readU16(this.#bytes, at + 8);
      if (end > this.#bytes.length) {
        this.#error = 'truncated';
        return [];
      }
      const type = readU16(this.#bytes, at);
      const data = expandData(this.#bytes, { start: at + 10, end, layout: DATA_LAYOUTS.get(type) });
      if (!data.ok) {
        this.#error = data.error;
        return [];
      }
      records.push({ name, type, class: readU16(this.#bytes, at + 2), ttl: readU32(this.#bytes, at + 4), data: data.value });
      this.#offset = end;
    }
    return records;
  }

  /** Reads a name that `following` octets of fixed fields must follow. */
  #name(following: number): string | undefined {
    const read = readDnsName(this.#bytes, this.#offset);
    if (!read.ok) {
      this.#error = read.error;
      return undefined;
    }
    if (read.value.end + following > this.#bytes.length) {
      this.#error = 'truncated';
      return undefined;
    }
    this.#offset = read.value.end;
    return read.value.name;
  }
}

/** The data at `start..end` with its names written out in full. */
function expandData(
  bytes: Uint8Array,
  { start, end, layout }: { readonly start: number; readonly end: number; readonly layout: DataLayout | undefined },
): Result<Uint8Array, 'bad-name' | 'bad-data'> {
  // RFC 2136 §2.4: a prerequisite or deletion names a type and has no data.
  if (layout === undefined || start === end) return ok(bytes.subarray(start, end));
  const parts: Uint8Array[] = [bytes.subarray(start, start + layout.before)];
  let at = start + layout.before;
  if (at > end) return err('bad-data');
  const upToEnd = bytes.subarray(0, end);
  for (let i = 0; i < layout.names; i++) {
    const read = readDnsName(upToEnd, at);
    if (!read.ok) return err(read.error === 'truncated' ? 'bad-data' : read.error);
    parts.push(encodeDnsName(read.value.name));
    at = read.value.end;
  }
  if (end - at !== layout.after) return err('bad-data');
  parts.push(bytes.subarray(at, end));
  return ok(concatBytes(parts));
}

class SectionWriter {
  readonly #bytes: Uint8Array;
  #offset = HEADER_LENGTH;
  /** Where each name suffix, in text form, was written, and how many octets it has when written out: offset × 256 + octets. */
  readonly #suffixes = new Map<string, number>();

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  header(message: DnsMessage): void {
    const flags =
      (message.response ? 0x8000 : 0) |
      (message.opcode << 11) |
      (message.authoritative ? 0x0400 : 0) |
      (message.truncated ? 0x0200 : 0) |
      (message.recursionDesired ? 0x0100 : 0) |
      (message.recursionAvailable ? 0x0080 : 0) |
      message.responseCode;
    writeU16(this.#bytes, 0, message.id);
    writeU16(this.#bytes, 2, flags);
    const counts = [message.questions.length, message.answers.length, message.authorities.length, message.additionals.length];
    counts.forEach((count, i) => {
      requireArgument(count <= 0xffff, 'a DNS section has at most 65535 entries');
      writeU16(this.#bytes, 4 + 2 * i, count);
    });
  }

  question(question: DnsQuestion): void {
    this.#name(question.name);
    writeU16(this.#bytes, this.#offset, question.type);
    writeU16(this.#bytes, this.#offset + 2, question.class);
    this.#offset += 4;
  }

  record(record: DnsRecord): void {
    requireArgument(record.data.length <= 0xffff, 'the data of a DNS record has at most 65535 octets');
    this.#name(record.name);
    const at = this.#offset;
    writeU16(this.#bytes, at, record.type);
    writeU16(this.#bytes, at + 2, record.class);
    writeU32(this.#bytes, at + 4, record.ttl);
    this.#offset = at + 10;
    this.#data(record);
    writeU16(this.#bytes, at + 8, this.#offset - at - 10);
  }

  finish(): Uint8Array {
    requireArgument(this.#offset <= MESSAGE_OCTETS_MAX, 'a DNS message has at most 65535 octets');
    return this.#bytes.slice(0, this.#offset);
  }

  #data({ type, data }: DnsRecord): void {
    const layout = DATA_LAYOUTS.get(type);
    const names = layout?.compress === true ? namesIn(data, layout) : undefined;
    if (layout === undefined || names === undefined) {
      this.#octets(data);
      return;
    }
    this.#octets(data.subarray(0, layout.before));
    for (const name of names) this.#name(name);
    this.#octets(data.subarray(data.length - layout.after));
  }

  #octets(octets: Uint8Array): void {
    this.#bytes.set(octets, this.#offset);
    this.#offset += octets.length;
  }

  #name(name: string): void {
    const bytes = this.#bytes;
    const starts: number[] = []; // of each label written out: text index, then offset
    let at = this.#offset;
    let tail = 1; // octets of what stands after the labels written out, when written out itself
    let i = isDnsRoot(name) ? name.length : 0;
    let known: number | undefined;
    while (i < name.length) {
      known = this.#suffixes.get(name.slice(i));
      if (known !== undefined) {
        tail = known % 256;
        break;
      }
      starts.push(i, at);
      i = writeDnsLabel(bytes, at, { name, from: i });
      at += 1 + (bytes[at] as number);
      requireDnsNameLength(at + 1 - this.#offset);
    }
    requireDnsNameLength(at - this.#offset + tail);
    for (let k = 0; k < starts.length; k += 2) {
      const offset = starts[k + 1] as number;
      if (offset <= POINTER_OFFSET_MAX) this.#suffixes.set(name.slice(starts[k]), offset * 256 + at - offset + tail);
    }
    if (known === undefined) {
      this.#offset = at + 1; // the root's zero is there already
      return;
    }
    writeU16(bytes, at, 0xc000 | Math.floor(known / 256));
    this.#offset = at + 2;
  }
}

/** The names in data that is laid out as its type demands, not compressed; `undefined` where the data is anything else. */
function namesIn(data: Uint8Array, layout: DataLayout): string[] | undefined {
  const names: string[] = [];
  let at = layout.before;
  for (let i = 0; i < layout.names; i++) {
    const read = readDnsName(data, at);
    if (!read.ok) return undefined;
    names.push(read.value.name);
    at = read.value.end;
  }
  return data.length - at === layout.after ? names : undefined;
}
