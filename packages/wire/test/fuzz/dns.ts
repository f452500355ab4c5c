import { UsageError } from '@nexus-net/sansio';
import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import { DNS_CLASS, DNS_TYPE, type DnsMessage, decodeDns, encodeDns } from '../../src/dns.js';
import { encodeDnsName } from '../../src/dns-name.js';
import { codecLaws } from '../support/fuzz-codec.js';

const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<DnsMessage>({ decode: decodeDns, encode });
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
// A record of twelve octets may point to a name of 255.
export const limits: FuzzLimits = { octetsMax: 1024, costBase: 10_000, costPerOctet: 1000 };

/** Names that were compressed may take more than a message holds once they are written out: of SRV, where they have to be. */
function encode(message: DnsMessage): Uint8Array | undefined {
  try {
    return encodeDns(message);
  } catch (error) {
    if (error instanceof UsageError && error.message.includes('65535')) return undefined;
    throw error;
  }
}

/** A query, and a response with names in data, compressed. */
export function seeds(): Uint8Array[] {
  const head = {
    id: 4711,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: 0,
  };
  const name = 'gateway.nexus.test';
  const empty = { answers: [], authorities: [], additionals: [] };
  const question = { name, type: DNS_TYPE.a, class: DNS_CLASS.in };
  const record = { name, class: DNS_CLASS.in, ttl: 60 };
  const text = new TextEncoder().encode('\x05hello');
  const soa = Uint8Array.from([...encodeDnsName('ns.nexus.test'), ...encodeDnsName('root.nexus.test'), ...new Uint8Array(20)]);
  const answers = [
    { ...record, type: DNS_TYPE.a, data: Uint8Array.of(10, 0, 2, 2) },
    { ...record, type: DNS_TYPE.cname, data: encodeDnsName('nexus.test') },
    { ...record, type: DNS_TYPE.srv, data: Uint8Array.from([0, 0, 0, 0, 0, 53, ...encodeDnsName(name)]) },
    { ...record, type: DNS_TYPE.mx, data: Uint8Array.from([0, 10, ...encodeDnsName(name)]) },
    { ...record, type: DNS_TYPE.txt, data: text },
  ];
  const authorities = [{ ...record, name: 'nexus.test', type: DNS_TYPE.soa, data: soa }];
  return [
    encodeDns({ ...head, response: false, questions: [question], ...empty }),
    encodeDns({ ...head, response: true, questions: [question], answers, authorities, additionals: [] }),
  ];
}
