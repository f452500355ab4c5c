import type { Ipv4Address, Millis } from '@nexus-net/sansio';

/** One row of a lease store. Addresses and instants are numbers, identifiers octets: easy to put into JSON or SQL. */
export interface DhcpLeaseRecord {
  readonly address: Ipv4Address;
  readonly htype: number;
  /** The hlen octets of chaddr. */
  readonly hardware: Uint8Array;
  /** Option 61; absent for a client known by its hardware address. */
  readonly clientId?: Uint8Array;
  /** `quarantined`: nobody may have the address before `until`. `released`: free, but remembered for this client. */
  readonly state: 'leased' | 'released' | 'quarantined';
  /**
   * The lease or the quarantine holds at every t < until, on the axis of `now`; `Infinity` = for ever. A server with a
   * store runs on an axis that survives a restart (milliseconds since 1970).
   */
  readonly until: Millis;
  /** Rises with every record, over restarts too: of two rows for one address the higher one counts. */
  readonly revision: number;
}

/** Who and where: common to most events. */
interface Held {
  readonly at: Millis;
  readonly client: string;
  readonly address: Ipv4Address;
}

/**
 * What happened. `client` is text for people (`hw 1/525400123456`, `id 01525400123456`). `leased` and `renewed` come when
 * the ACK goes out, in `confirmed` mode thus after `confirmStored`.
 */
export type DhcpServerEvent =
  | ({ readonly type: 'offered'; readonly xid: number } & Held)
  | ({ readonly type: 'leased' | 'renewed'; readonly xid: number; readonly until: Millis } & Held)
  | ({ readonly type: 'released' | 'expired' } & Held)
  | ({ readonly type: 'declined'; readonly until: Millis } & Held)
  | ({ readonly type: 'informed' } & Held)
  /** A relay asked who has an address (RFC 4388). */
  | {
      readonly type: 'lease-query';
      readonly at: Millis;
      readonly giaddr: Ipv4Address;
      readonly answer: 'active' | 'unassigned' | 'unknown';
    }
  /** Is anybody using the address? By ARP (RFC 5227 §2.1.1) where `local`, else by ICMP echo. The answer is `probeResult`. */
  | { readonly type: 'probe'; readonly at: Millis; readonly id: number; readonly address: Ipv4Address; readonly local: boolean }
  /** Somebody does: nobody gets the address before `until`. */
  | { readonly type: 'conflict'; readonly at: Millis; readonly address: Ipv4Address; readonly until: Millis }
  | { readonly type: 'nak'; readonly at: Millis; readonly client: string; readonly reason: DhcpNakReason; readonly xid: number }
  | { readonly type: 'rejected'; readonly at: Millis; readonly label: DhcpServerReject }
  | { readonly type: 'store'; readonly id: number; readonly record: DhcpLeaseRecord };

/** Why a client was told to start over. */
export type DhcpNakReason =
  /** The address is not of the network that the client is on. */
  | 'wrong-network'
  /** Another client holds it, or it is kept for one. */
  | 'address-taken'
  /** In no pool and reserved for nobody. */
  | 'not-served'
  /** This client holds another address, or is offered one. */
  | 'other-address'
  /** This client has another address reserved. */
  | 'reserved-elsewhere'
  /** A limit of the tables or quotas. */
  | 'quota';

/** Why a datagram got no answer. One counter each, in `inspect().rejects`. */
export type DhcpServerReject =
  /** Not a DHCP message: see the codec's error labels. */
  | 'malformed'
  /** Sent to another port than 67. */
  | 'wrong-port'
  /** `op` is not BOOTREQUEST. */
  | 'not-request'
  /** No option 53, or one of a wrong length: BOOTP (RFC 1534), which is not served. */
  | 'no-message-type'
  /** An option 53 that no client sends to a server, or that this server does not know. */
  | 'unexpected-type'
  /** No client identifier and no hardware address, or an identifier of absurd length. */
  | 'no-identity'
  /** giaddr is our own address: our own message came back. */
  | 'own-relay'
  /** No network is configured for giaddr, link selection or option 118. */
  | 'unknown-network'
  /** The client is of a class that gets no answer. */
  | 'denied'
  /** A DISCOVER or REQUEST, but every address is taken. */
  | 'pool-exhausted'
  | 'hardware-quota'
  | 'circuit-quota'
  /** REQUEST or DECLINE for another server. */
  | 'other-server'
  /** REQUEST with an option 54 and a ciaddr that is not its source (RFC 2131 §4.3.2). */
  | 'selecting-with-ciaddr'
  /** REQUEST that names a server but no address. */
  | 'selecting-without-address'
  /** REQUEST that fits no state: no server, no address (RFC 2131 table 4). */
  | 'request-without-address'
  /** REQUEST of a client without a record here, and this server is not authoritative. */
  | 'unknown-lease'
  /** RELEASE or DECLINE of an address that the sender does not hold. */
  | 'not-the-owner'
  /** INFORM with no address to answer to, or from a network that is not served. */
  | 'inform-without-address'
  /** Others use every address that the client could get. */
  | 'every-candidate-in-use'
  /** A lease query, and this server tells nobody, or not this one (RFC 4388). */
  | 'lease-query-refused'
  /** A lease query without address, client identifier and hardware address. */
  | 'lease-query-for-nothing'
  /** In `confirmed` mode: too many leases wait for the store. */
  | 'commit-table-full'
  /** In `confirmed` mode: the store failed, so the client gets no ACK. */
  | 'store-failed';
