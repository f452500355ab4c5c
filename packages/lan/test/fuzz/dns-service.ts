import { type Datagram, parseIpv4, readU16 } from '@nexus-net/sansio';
import { DNS_TYPE, decodeDns, encodeDns } from '@nexus-net/wire';
import { demand, drain, type FuzzLimits, isSame } from '../../../sansio/test/support/fuzz.js';
import { surroundingsPlayNoPart } from '../../../wire/test/support/fuzz-codec.js';
import { DnsService } from '../../src/services/dns-service.js';

export const limits: FuzzLimits = { octetsMax: 800, costBase: 80_000, costPerOctet: 500, allocatedPerOctet: 500 };

const CLIENT = { address: parseIpv4('10.0.2.15'), port: 4000 };
const SERVER = { address: parseIpv4('10.0.2.3'), port: 53 };
const OCTETS_MAX = 1232;
const HOSTS = [
  { name: 'gateway.test', addresses: [parseIpv4('10.0.2.2')] },
  { name: 'many.test', addresses: Array.from({ length: 35 }, (_, i) => parseIpv4(`10.0.3.${i + 1}`)) },
] as const;

/**
 * The octets are what a client sends to the service. Whatever comes: at most one answer, from where it was asked to who asked;
 * it can be read, is a response with the id of the query and not longer than the client takes; no response is answered.
 */
export function target(bytes: Uint8Array): void {
  const { answers, service } = ask(bytes);
  demand(answers.length <= 1, 'one query has one answer');
  const { answered, rejects } = service.inspect();
  const rejected = Object.values(rejects).reduce((sum, count) => sum + count, 0);
  demand(answered === answers.length && answered + rejected === 1, 'a datagram is answered or counted');
  const [answer] = answers;
  if (answer === undefined) {
    demand(bytes.length < 12 || (readU16(bytes, 2) & 0x8000) !== 0, 'every query has an answer');
    return;
  }
  demand(isSame(answer.source, SERVER) && isSame(answer.destination, CLIENT), 'an answer comes from where it was asked');
  const decoded = decodeDns(answer.payload);
  demand(decoded.ok, 'an answer can be read');
  const { id, response, questions, answers: records, truncated, additionals } = decoded.value;
  demand(response && id === readU16(bytes, 0), 'an answer is the response to its query');
  demand((readU16(bytes, 2) & 0x8000) === 0, 'no response is answered');

  const query = decodeDns(bytes);
  const opt = query.ok ? query.value.additionals.find(({ type }) => type === DNS_TYPE.opt) : undefined;
  const octetsMax = opt === undefined ? 512 : Math.min(Math.max(512, opt.class), OCTETS_MAX);
  demand(answer.payload.length <= octetsMax, 'an answer is not longer than the client takes');
  demand(additionals.length <= (opt === undefined ? 0 : 1), 'OPT answers OPT');
  if (questions.length > 0) demand(query.ok && isSame(questions, query.value.questions), 'the question comes back as it was');
  demand(!truncated || records.length === 0, 'a cut answer has no records');
  for (const { name } of records) demand(name === questions[0]?.name, 'records are of the name that was asked for');
}

export function strict(bytes: Uint8Array): void {
  surroundingsPlayNoPart((octets) => ask(octets).answers, bytes);
}

function ask(payload: Uint8Array): { readonly answers: readonly Datagram[]; readonly service: DnsService } {
  const service = new DnsService({ hosts: HOSTS });
  service.handleDatagram(0, { source: CLIENT, destination: SERVER, payload });
  drain(() => service.pollEvent(), 1);
  return { answers: drain(() => service.pollTransmit()), service };
}

/** A name that is known, one that has more addresses than fit, with EDNS and without, one that is not there. */
export function seeds(): Uint8Array[] {
  const opt = { name: '.', type: DNS_TYPE.opt, class: 4096, ttl: 0, data: new Uint8Array(0) };
  const query = (name: string, type: number, edns: boolean): Uint8Array =>
    encodeDns({
      id: 7,
      response: false,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      responseCode: 0,
      questions: [{ name, type, class: 1 }],
      answers: [],
      authorities: [],
      additionals: edns ? [opt] : [],
    });
  return [
    query('gateway.test', 1, false),
    query('GateWay.Test', 255, true),
    query('many.test', 1, false),
    query('many.test', 1, true),
    query('nobody.test', 28, true),
  ];
}
