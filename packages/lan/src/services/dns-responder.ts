import { err, ok, type Result, readU16, requireArgument } from '@nexus-net/sansio';
import { DNS_CLASS, DNS_RCODE, DNS_TYPE, type DnsMessage, type DnsRecord, decodeDns, encodeDns } from '@nexus-net/wire';
import { type DnsHost, DnsZone } from './dns-zone.js';

export interface DnsResponderConfig {
  /** The names that are answered; all others do not exist. Default none. */
  readonly hosts?: readonly DnsHost[];
  /** Time to live of every answer, in seconds. Default 60. */
  readonly ttlS?: number;
  /** Longest answer over UDP in octets, to a client that says it takes so much (RFC 6891). Default 1 232; at least 512. */
  readonly udpOctetsMax?: number;
}

/** `truncated`: shorter than a header. `response`: answering one would let two servers talk for ever. */
export type DnsQueryReject = 'truncated' | 'response';

export interface DnsResponse {
  readonly bytes: Uint8Array;
  /** The question's name and type; absent where the query had none that could be read. */
  readonly name?: string;
  readonly questionType?: number;
  /** The whole code, 12 bits with EDNS: 16 is BADVERS. */
  readonly responseCode: number;
  readonly answerCount: number;
  /** TC is set: the answer did not fit. */
  readonly truncated: boolean;
}

/** Answers queries about a fixed set of names, whatever carries them (RFC 1035, RFC 6891). */
export class DnsResponder {
  readonly #zone: DnsZone;
  readonly #udpOctetsMax: number;

  constructor({ hosts = [], ttlS = 60, udpOctetsMax = 1_232 }: DnsResponderConfig = {}) {
    requireArgument(
      Number.isInteger(udpOctetsMax) && udpOctetsMax >= PLAIN_OCTETS_MAX && udpOctetsMax <= 65_507,
      'udpOctetsMax is 512..65507 octets',
    );
    this.#zone = new DnsZone({ hosts, ttlS });
    this.#udpOctetsMax = udpOctetsMax;
  }

  /** Over UDP an answer is cut to what the client takes; over TCP it has room (RFC 7766). */
  respond(query: Uint8Array, transport: 'udp' | 'tcp'): Result<DnsResponse, DnsQueryReject> {
    if (query.length < HEADER_OCTETS) return err('truncated');
    if ((readU16(query, 2) & RESPONSE_FLAG) !== 0) return err('response');
    const answer = this.#answer(query);
    const { bytes, truncated } = this.#fit(answer, transport);
    const [question] = answer.message.questions;
    return ok({
      bytes,
      ...(question === undefined ? {} : { name: question.name, questionType: question.type }),
      responseCode: answer.responseCode,
      answerCount: truncated ? 0 : answer.message.answers.length,
      truncated,
    });
  }

  #answer(payload: Uint8Array): Answer {
    const flags = readU16(payload, 2);
    const opcode = (flags >>> 11) & 0x0f;
    const header: Header = { id: readU16(payload, 0), opcode, recursionDesired: (flags & RECURSION_DESIRED_FLAG) !== 0 };
    const decoded = decodeDns(payload);
    if (opcode !== QUERY) return answerOf(header, DNS_RCODE.notImp);
    if (!decoded.ok) return answerOf(header, DNS_RCODE.formErr);

    const query = decoded.value;
    const { questions } = query;
    const opts = query.additionals.filter(isOpt);
    const misplaced = [...query.answers, ...query.authorities].some(isOpt);
    // RFC 6891 §6.1.1: one OPT at most, in the additional section, owned by the root.
    if (misplaced || opts.length > 1 || opts.some((opt) => opt.name !== '.')) return answerOf(header, DNS_RCODE.formErr);
    const edns = opts[0] === undefined ? undefined : { octetsMax: opts[0].class, version: (opts[0].ttl >>> 16) & 0xff };
    const reply = (responseCode: number, answers: readonly DnsRecord[] = []): Answer =>
      answerOf({ ...header, ...(edns === undefined ? {} : { edns }) }, responseCode, {
        questions: questions.length === 1 ? questions : [], // a thousand questions are not echoed
        answers,
      });
    if (edns !== undefined && edns.version > 0) return reply(BAD_VERSION);

    const [question] = questions;
    if (question === undefined || questions.length > 1) return reply(DNS_RCODE.formErr); // RFC 9619: exactly one
    if (question.type === DNS_TYPE.opt) return reply(DNS_RCODE.formErr);
    if (question.class !== DNS_CLASS.in && question.class !== DNS_CLASS.any) return reply(DNS_RCODE.refused);
    if (TRANSFER_TYPES.has(question.type)) return reply(DNS_RCODE.refused);
    if (isMetaType(question.type)) return reply(DNS_RCODE.notImp);
    const found = this.#zone.lookup(question.name);
    if (found.type === 'absent') return reply(DNS_RCODE.nxDomain);
    if (found.type === 'empty') return reply(DNS_RCODE.noError);
    const matching = found.records.filter(({ type }) => question.type === DNS_TYPE.any || type === question.type);
    // The owner in the case in which it was asked: clients that mix case against spoofing compare it.
    return reply(
      DNS_RCODE.noError,
      matching.map((record) => ({ ...record, name: question.name })),
    );
  }

  /** The answer in octets; without its records and with TC set where it is longer than the client takes (RFC 2181 §9). */
  #fit({ message, edns }: Answer, transport: 'udp' | 'tcp'): { readonly bytes: Uint8Array; readonly truncated: boolean } {
    const additionals = edns === undefined ? [] : [optRecord(this.#udpOctetsMax, edns.extendedCode)];
    const plain =
      edns === undefined ? PLAIN_OCTETS_MAX : Math.min(Math.max(edns.octetsMax, PLAIN_OCTETS_MAX), this.#udpOctetsMax);
    const octetsMax = transport === 'tcp' ? TCP_OCTETS_MAX : plain;
    if (mayEncode(message)) {
      const bytes = encodeDns({ ...message, additionals });
      if (bytes.length <= octetsMax) return { bytes, truncated: false };
    }
    return { bytes: encodeDns({ ...message, truncated: true, answers: [], additionals }), truncated: true };
  }
}

/** The owner of each record is the question's name, two octets; a name that has more records than a message holds is cut like any other. */
function mayEncode({ answers }: DnsMessage): boolean {
  let octets = HEADER_OCTETS + 255 + 4 + 11;
  for (const { data } of answers) octets += 12 + data.length;
  return octets <= TCP_OCTETS_MAX;
}

interface Edns {
  /** What the client takes, in octets. */
  readonly octetsMax: number;
  readonly version: number;
}

interface Header {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly edns?: Edns;
}

interface Answer {
  readonly message: DnsMessage;
  readonly responseCode: number;
  readonly edns?: { readonly octetsMax: number; readonly extendedCode: number };
}

function answerOf(
  { edns, ...header }: Header,
  responseCode: number,
  content: Partial<Pick<DnsMessage, 'questions' | 'answers'>> = {},
): Answer {
  const message: DnsMessage = {
    ...header,
    response: true,
    authoritative: responseCode === DNS_RCODE.noError || responseCode === DNS_RCODE.nxDomain,
    truncated: false,
    recursionAvailable: true,
    responseCode: responseCode & 0x0f,
    questions: content.questions ?? [],
    answers: content.answers ?? [],
    authorities: [],
    additionals: [],
  };
  if (edns === undefined) return { message, responseCode };
  return { message, responseCode, edns: { octetsMax: edns.octetsMax, extendedCode: responseCode >>> 4 } };
}

/** RFC 6891 §6.1.2: the class is what we take, the TTL holds the upper bits of the response code and version 0. */
function optRecord(octetsMax: number, extendedCode: number): DnsRecord {
  return { name: '.', type: DNS_TYPE.opt, class: octetsMax, ttl: extendedCode * 2 ** 24, data: new Uint8Array(0) };
}

function isOpt(record: DnsRecord): boolean {
  return record.type === DNS_TYPE.opt;
}

/** RFC 6895 §3.1: 128..255 are questions, not data; ANY is the one that is answered. */
function isMetaType(type: number): boolean {
  return type >= 128 && type <= 254;
}

const HEADER_OCTETS = 12;
const RESPONSE_FLAG = 0x8000;
const RECURSION_DESIRED_FLAG = 0x0100;
const QUERY = 0;
/** RFC 1035 §2.3.4: what every client takes. */
const PLAIN_OCTETS_MAX = 512;
/** RFC 1035 §4.2.2: the length in front of a message has two octets. */
const TCP_OCTETS_MAX = 65_535;
/** BADVERS (RFC 6891 §9). */
const BAD_VERSION = 16;
/** IXFR and AXFR: no zone is handed out. */
const TRANSFER_TYPES: ReadonlySet<number> = new Set([251, 252]);
