import { type Endpoint, ipv4 } from '@nexus-net/sansio';
import { DNS_CLASS, DNS_TYPE, type DnsMessage, type DnsRecord } from '@nexus-net/wire';

export const CLIENT: Endpoint = { address: ipv4(10, 0, 2, 15), port: 40_000 };
export const SERVER: Endpoint = { address: ipv4(10, 0, 2, 3), port: 53 };

/** A query for one name, as a stub resolver sends it. */
export function queryOf(name: string, type: number = DNS_TYPE.a, changes: Partial<DnsMessage> = {}): DnsMessage {
  return {
    id: 0x4242,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: 0,
    questions: [{ name, type, class: DNS_CLASS.in }],
    answers: [],
    authorities: [],
    additionals: [],
    ...changes,
  };
}

/** The pseudo-record of EDNS (RFC 6891 §6.1.2). */
export function optOf(octetsMax: number, changes: Partial<DnsRecord> = {}): DnsRecord {
  return { name: '.', type: DNS_TYPE.opt, class: octetsMax, ttl: 0, data: new Uint8Array(0), ...changes };
}
