import { assert, type Ipv4Address, requireArgument, writeU32 } from '@nexus-net/sansio';
import { DNS_CLASS, DNS_TYPE, type DnsRecord, encodeDnsName, readDnsName } from '@nexus-net/wire';

/** A name and its addresses. Each address also answers the reverse question (PTR) with this name. */
export interface DnsHost {
  readonly name: string;
  readonly addresses?: readonly Ipv4Address[];
  /** IPv6 addresses, 16 octets each. */
  readonly addresses6?: readonly Uint8Array[];
}

/** What a name has: `records` of it, or nothing though names below it exist (RFC 8020), or it does not exist at all. */
export type DnsLookup =
  | { readonly type: 'records'; readonly records: readonly DnsRecord[] }
  | { readonly type: 'empty' }
  | { readonly type: 'absent' };

/** The names that a DNS service knows. Without regard to case (RFC 4343). */
export class DnsZone {
  readonly #records = new Map<string, DnsRecord[]>();
  /** Names above known ones: they exist, and have no records. */
  readonly #above = new Set<string>();

  constructor({ hosts, ttlS }: { readonly hosts: readonly DnsHost[]; readonly ttlS: number }) {
    requireArgument(Number.isInteger(ttlS) && ttlS >= 0 && ttlS < 2 ** 31, 'ttlS is 0..2^31-1 (RFC 2181 §8)');
    for (const { name, addresses = [], addresses6 = [] } of hosts) {
      for (const address of addresses) {
        this.#add({ name, type: DNS_TYPE.a, class: DNS_CLASS.in, ttl: ttlS, data: addressOctets(address) });
        this.#add({ name: reverseName(address), type: DNS_TYPE.ptr, class: DNS_CLASS.in, ttl: ttlS, data: encodeDnsName(name) });
      }
      for (const address of addresses6) {
        requireArgument(address.length === 16, 'an IPv6 address is 16 octets');
        this.#add({ name, type: DNS_TYPE.aaaa, class: DNS_CLASS.in, ttl: ttlS, data: address.slice() });
        this.#add({ name: reverseName6(address), type: DNS_TYPE.ptr, class: DNS_CLASS.in, ttl: ttlS, data: encodeDnsName(name) });
      }
    }
  }

  /** `name` in the text form that `readDnsName` gives. */
  lookup(name: string): DnsLookup {
    const key = name.toLowerCase(); // ASCII, other octets escaped with digits: this folds A-Z and nothing else
    const records = this.#records.get(key);
    if (records !== undefined) return { type: 'records', records };
    return { type: this.#above.has(key) ? 'empty' : 'absent' };
  }

  #add(record: DnsRecord): void {
    const [key, ...above] = suffixesOf(record.name.toLowerCase());
    const records = this.#records.get(key as string);
    if (records === undefined) this.#records.set(key as string, [record]);
    else records.push(record);
    for (const name of above) this.#above.add(name);
  }
}

/** The name and all names above it up to the root, in canonical text. Throws `UsageError` for what is not a name. */
function suffixesOf(name: string): string[] {
  const wire = encodeDnsName(name);
  const suffixes: string[] = [];
  for (let at = 0; at < wire.length; at += (wire[at] as number) + 1) {
    const read = readDnsName(wire, at);
    assert(read.ok, 'a name that was encoded can be read');
    suffixes.push(read.value.name);
  }
  return suffixes;
}

/** `15.2.0.10.in-addr.arpa` for 10.0.2.15 (RFC 1035 §3.5). */
export function reverseName(address: Ipv4Address): string {
  return `${address & 0xff}.${(address >>> 8) & 0xff}.${(address >>> 16) & 0xff}.${address >>> 24}.in-addr.arpa`;
}

/** 32 nibbles, last one first, under `ip6.arpa` (RFC 3596 §2.5). */
export function reverseName6(address: Uint8Array): string {
  const nibbles = Array.from(address).flatMap((octet) => [octet >>> 4, octet & 0x0f]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`;
}

function addressOctets(address: Ipv4Address): Uint8Array {
  const octets = new Uint8Array(4);
  writeU32(octets, 0, address);
  return octets;
}
