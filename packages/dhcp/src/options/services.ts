import { concatBytes, err, type Ipv4Address, ok, readU16, requireArgument, writeU16 } from '@nexus-net/sansio';
import { addressAt, addresses, addressesIn, addressesOrNone, encodeAddresses } from './addresses.js';
import { decodeNames, domainName, encodeNames } from './domain-names.js';
import { lengthError, requireWhole, u32Octets } from './numbers.js';
import type { Shape } from './shape.js';
import { decodeCounted, encodeCounted } from './sub-options.js';
import { decodeText, encodeText } from './text.js';

/** RFC 3361 §3: names in order of preference, or addresses. */
export type SipServers =
  | { readonly form: 'names'; readonly names: readonly string[] }
  | { readonly form: 'addresses'; readonly addresses: readonly Ipv4Address[] };

export const sipServers: Shape<SipServers> = {
  layout: '1 octet: 0 then domain names, or 1 then addresses of 4 octets',
  decode(octets) {
    if (octets.length < 2) return lengthError(octets);
    const rest = octets.subarray(1);
    if (octets[0] === 0) {
      const names = decodeNames(rest, 'compressed'); // §3.1: a client understands compression
      return names.ok ? ok({ form: 'names', names: names.value }) : names;
    }
    if (octets[0] !== 1) return err('bad-value');
    const list = addresses.decode(rest);
    return list.ok ? ok({ form: 'addresses', addresses: list.value }) : list;
  },
  encode(value) {
    return value.form === 'names'
      ? concatBytes([Uint8Array.of(0), encodeNames(value.names, 'plain')])
      : concatBytes([Uint8Array.of(1), addresses.encode(value.addresses)]);
  },
};

/** RFC 2610 §3: `mandatory` forbids the client to look for others. */
export interface DirectoryAgents {
  readonly mandatory: boolean;
  readonly addresses: readonly Ipv4Address[];
}

export const directoryAgents: Shape<DirectoryAgents> = {
  layout: '1 octet mandatory 0 or 1, none or more addresses of 4 octets',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    if (octets[0]! > 1) return err('bad-value');
    const list = addressesOrNone.decode(octets.subarray(1));
    return list.ok ? ok({ mandatory: octets[0] === 1, addresses: list.value }) : list;
  },
  encode: (value) => concatBytes([Uint8Array.of(value.mandatory ? 1 : 0), encodeAddresses(value.addresses)]),
};

/** RFC 2610 §4. */
export interface ServiceScope {
  readonly mandatory: boolean;
  readonly scopes: string;
}

export const serviceScope: Shape<ServiceScope> = {
  layout: '1 octet mandatory 0 or 1, text',
  decode(octets) {
    if (octets.length < 2) return lengthError(octets);
    if (octets[0]! > 1) return err('bad-value');
    const scopes = decodeText(octets.subarray(1));
    return scopes.ok ? ok({ mandatory: octets[0] === 1, scopes: scopes.value }) : scopes;
  },
  encode: (value) => concatBytes([Uint8Array.of(value.mandatory ? 1 : 0), encodeText(value.scopes)]),
};

/** RFC 6731 §4.3. */
export interface ResolverSelection {
  /** 0 high, 1 medium, 3 low. */
  readonly preference: number;
  readonly primary: Ipv4Address;
  readonly secondary: Ipv4Address;
  readonly domains: readonly string[];
}

export const resolverSelection: Shape<ResolverSelection> = {
  layout: '1 octet preference 0..3, two addresses, domain names',
  decode(octets) {
    if (octets.length < 10) return lengthError(octets);
    const preference = octets[0]! & 3; // the other bits are reserved
    const names = decodeNames(octets.subarray(9), 'plain');
    if (!names.ok) return names;
    const [primary, secondary] = [addressAt(octets, 1), addressAt(octets, 5)];
    return ok({ preference, primary, secondary, domains: names.value });
  },
  encode({ preference, primary, secondary, domains }) {
    requireWhole(preference, 0, 3);
    return concatBytes([Uint8Array.of(preference), u32Octets(primary), u32Octets(secondary), encodeNames(domains, 'plain')]);
  },
};

/** RFC 9463 §5: an encrypted resolver. No addresses means authentication-domain-name-only mode. */
export interface EncryptedResolver {
  /** Lower is preferred. */
  readonly priority: number;
  readonly name: string;
  readonly addresses: readonly Ipv4Address[];
  /** SvcParams in wire form (RFC 9460 §2.2), for the resolver's client to read. */
  readonly parameters: Uint8Array;
}

export const encryptedResolvers: Shape<readonly EncryptedResolver[]> = {
  layout: 'each: 2 octets length, 2 octets priority, counted name, and optionally counted addresses and parameters',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const list: EncryptedResolver[] = [];
    let at = 0;
    while (at < octets.length) {
      if (at + 5 > octets.length) return err('bad-length');
      const end = at + 2 + readU16(octets, at);
      if (end > octets.length || at + 5 > end) return err('bad-length');
      const nameEnd = at + 5 + octets[at + 4]!;
      if (nameEnd > end) return err('bad-length');
      const name = domainName.decode(octets.subarray(at + 5, nameEnd));
      if (!name.ok) return name;
      let hosts: Ipv4Address[] = [];
      let parameters = octets.subarray(end, end);
      if (nameEnd < end) {
        const hostsEnd = nameEnd + 1 + octets[nameEnd]!;
        // §5.1: where the address length is there, at least one address is.
        if (hostsEnd > end || octets[nameEnd]! === 0 || octets[nameEnd]! % 4 !== 0) return err('bad-length');
        hosts = addressesIn(octets.subarray(nameEnd + 1, hostsEnd));
        if (hosts.length === 0) return err('bad-value');
        parameters = octets.subarray(hostsEnd, end);
      }
      list.push({ priority: readU16(octets, at + 2), name: name.value, addresses: hosts, parameters });
      at = end;
    }
    return ok(list);
  },
  encode(list) {
    requireArgument(list.length > 0, 'the list is not empty');
    return concatBytes(
      list.flatMap(({ priority, name, addresses: hosts, parameters }) => {
        requireWhole(priority, 0, 0xffff);
        requireArgument(hosts.length > 0 || parameters.length === 0, 'parameters need an address');
        const tail = hosts.length === 0 ? [] : [encodeCounted([encodeAddresses(hosts)]), parameters];
        const body = concatBytes([encodeCounted([domainName.encode(name)]), ...tail]);
        const head = new Uint8Array(4);
        requireWhole(body.length + 2, 0, 0xffff);
        writeU16(head, 0, body.length + 2);
        writeU16(head, 2, priority);
        return [head, body];
      }),
    );
  },
};

/** RFC 7291 §4: each PCP server with its addresses in order of preference. */
export const serverAddressSets: Shape<readonly (readonly Ipv4Address[])[]> = {
  layout: 'each server: length, addresses of 4 octets',
  decode(octets) {
    const sets = decodeCounted(octets);
    if (!sets.ok) return sets;
    if (sets.value.length === 0) return err('empty');
    const servers: (readonly Ipv4Address[])[] = [];
    for (const set of sets.value) {
      const list = addresses.decode(set);
      if (!list.ok) return list;
      servers.push(list.value);
    }
    return ok(servers);
  },
  encode(servers) {
    requireArgument(servers.length > 0, 'the list is not empty');
    return encodeCounted(servers.map((list) => addresses.encode(list)));
  },
};

/** RFC 8572 §8.1: URIs of bootstrap servers. */
export const counted16Texts: Shape<readonly string[]> = {
  layout: 'each: 2 octets length, text',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const list: string[] = [];
    let at = 0;
    while (at < octets.length) {
      if (at + 2 > octets.length) return err('bad-length');
      const end = at + 2 + readU16(octets, at);
      if (end > octets.length) return err('bad-length');
      const one = decodeText(octets.subarray(at + 2, end));
      if (!one.ok) return one;
      list.push(one.value);
      at = end;
    }
    return ok(list);
  },
  encode(list) {
    requireArgument(list.length > 0, 'the list is not empty');
    return concatBytes(
      list.flatMap((one) => {
        const octets = encodeText(one);
        requireWhole(octets.length, 1, 0xffff);
        return [Uint8Array.of(octets.length >>> 8, octets.length), octets];
      }),
    );
  },
};

/** RFC 6926 §6.2.2: how a bulk lease query ended. */
export interface LeaseQueryStatus {
  readonly code: number;
  /** May be empty. */
  readonly message: string;
}

export const leaseQueryStatus: Shape<LeaseQueryStatus> = {
  layout: '1 octet code, text or nothing',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const message = decodeText(octets.subarray(1));
    if (message.ok) return ok({ code: octets[0]!, message: message.value });
    return message.error === 'empty' ? ok({ code: octets[0]!, message: '' }) : message;
  },
  encode({ code, message }) {
    requireWhole(code, 0, 0xff);
    return concatBytes([Uint8Array.of(code), message === '' ? new Uint8Array(0) : encodeText(message)]);
  },
};
