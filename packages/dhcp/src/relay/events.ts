import type { Millis } from '@nexus-net/sansio';

/** Why a datagram was not passed on. One counter each, in `inspect().rejects`. */
export const RELAY_REJECTS = [
  /** Fewer octets than the fixed fields of BOOTP. */
  'too-short',
  /** More than 65507 octets. */
  'too-long',
  /** `op` is neither 1 nor 2. */
  'bad-op',
  /** `hlen` is above 16. */
  'bad-hlen',
  /** A request to another port than 67, or a reply to a port that is not ours. */
  'wrong-port',
  /** A request that came in where there are no clients of ours. */
  'unknown-interface',
  /** A request that is neither a broadcast nor to an address of ours: a renewal on its way to the server. */
  'not-for-us',
  /** A request whose giaddr is an address of ours: forged, or a loop (RFC 3046 §2.1.1). */
  'own-giaddr',
  /** A request whose giaddr no relay can have: broadcast, multicast, loopback. */
  'bad-giaddr',
  /** A request that another relay has passed on, at an interface that takes none. */
  'chained-request',
  /** A lease query (RFC 4388): what relays and servers have with each other, and no client with anybody. */
  'not-a-client-message',
  /** As many relays as allowed have passed it on (RFC 1542 §4.1.1). */
  'hops-limit',
  /** The client has not asked for long enough yet (RFC 1542 §4.1.1). */
  'secs-below-minimum',
  /** Option 82 from a client, at an interface that is not trusted (RFC 3046 §2.1). */
  'untrusted-information',
  /** Option 82 at a trusted interface where the policy is `drop`. */
  'information-present',
  /** Without option 82 the server would lease from the wrong network, and there is no room for it. */
  'no-room',
  /** A reply without giaddr: not through a relay. */
  'no-giaddr',
  /** A reply for another relay. */
  'foreign-giaddr',
  /** A reply from an address that is not among the servers, where that matters. */
  'unknown-server',
  /** A reply with an option 82 that we did not add. */
  'foreign-information',
  /** A reply for an address that several interfaces have as giaddr, and nothing in it says which. */
  'unknown-client-interface',
  /** A reply to a lease query: no client wants it. */
  'not-for-clients',
] as const;

export type DhcpRelayReject = (typeof RELAY_REJECTS)[number];

/**
 * What became of option 82. `none`: there was none and none was added. `left-out`: it did not fit. `kept`: passed on as it came.
 * `removed`: taken out of a reply. `restored`: ours was taken out, that of the network element before us is left.
 */
export type InformationFate = 'none' | 'added' | 'left-out' | 'kept' | 'replaced' | 'appended' | 'removed' | 'restored';

export type DhcpRelayEvent =
  | {
      readonly type: 'request-relayed';
      readonly at: Millis;
      /** Index of the interface that it came in at. */
      readonly interface: number;
      readonly xid: number;
      /** As passed on. */
      readonly hops: number;
      readonly information: InformationFate;
    }
  | {
      readonly type: 'reply-relayed';
      readonly at: Millis;
      /** Index of the interface that it went out at. */
      readonly interface: number;
      readonly xid: number;
      readonly information: InformationFate;
    }
  | { readonly type: 'rejected'; readonly at: Millis; readonly interface: number; readonly label: DhcpRelayReject };
