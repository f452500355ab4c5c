import {
  type Entropy,
  IPV4_BROADCAST,
  type Ipv4Address,
  type Ipv4Prefix,
  isIpv4Multicast,
  type Millis,
  NEVER,
  requireArgument,
} from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { ANNOUNCE_LENGTH_MAX, type Announce, encodeAnnounce } from './announce.js';
import type { AnnounceSchedule } from './announce-schedule.js';
import { PEER_COUNT_DEFAULT } from './peer-lru.js';
import type { Rate } from './token-bucket.js';

export interface DiscoveryOptions {
  /** What we announce. Absent: we only listen. */
  readonly self?: Announce;
  /** Our own address: source of announces. What comes from it is an echo. */
  readonly address: Ipv4Address;
  /** For the jitter of announces. */
  readonly entropy: Entropy;
  /** UDP port of announces, both ends. Default 37020. */
  readonly port?: number;
  /** Where announces go. */
  readonly targets?: DiscoveryTargets;
  /**
   * Without a peer for so long, announces go to the next kind of target as well: group, then broadcast, then unicast. A kind that
   * was needed once stays in use. 0: all of them from the start. Default 2 000 ms.
   */
  readonly fallbackAfterMs?: number;
  /** Default steady: three quick ones, then each 5 s. */
  readonly schedule?: AnnounceSchedule;
  /** Only what comes from here counts. Default: any unicast address. */
  readonly network?: Ipv4Prefix;
  /** `key-hash`: an id is 64 hexadecimal digits, as in the `host` dialect; others are refused. Default `any`. */
  readonly deviceIds?: 'any' | 'key-hash';
  /** Static keys that are known beforehand, by device id: an announce with another key for such an id is refused. */
  readonly pinned?: ReadonlyMap<string, Uint8Array>;
  /** Our own announces may come back to us as those of a peer: the single-node test of the OS. Default false. */
  readonly loopback?: boolean;
  /** Octets of a datagram that are looked at; the OS has 256. Default 1 145, the longest announce. */
  readonly receiveLengthMax?: number;
  /** An unbound peer that is unheard for this long is gone; `NEVER` as in the OS. 1 000 ms to a day. Default 60 000 ms. */
  readonly ttlMs?: Millis;
  /** Devices remembered. Default 16. */
  readonly peerCountMax?: number;
  /** Pairs of key and address remembered for a device. Default 4. */
  readonly candidateCountMax?: number;
  /** Devices that one source address may introduce. Default 4. */
  readonly peersPerSourceMax?: number;
  /** Changes of one peer within this time are told as one. Default 1 000 ms; 0: each at once. */
  readonly changeEventMs?: number;
  /** Datagrams taken from one source address. Default 10 a second, 20 at once. */
  readonly sourceRate?: Rate;
  /** Datagrams taken from all addresses that no bound peer has. Default 10 a second, 50 at once. */
  readonly strangerRate?: Rate;
  /** Source addresses whose rate is known. Default 64. */
  readonly sourceCountMax?: number;
  /** Datagrams that wait for `pollTransmit`; further ones are dropped and counted. Default 64. */
  readonly transmitCountMax?: number;
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 1 024. */
  readonly eventCountMax?: number;
}

export interface DiscoveryTargets {
  /** Multicast group. Default 239.42.0.1; `undefined` said explicitly: none. */
  readonly group?: Ipv4Address | undefined;
  /** Broadcast address. Default 255.255.255.255; `undefined` said explicitly: none. */
  readonly broadcast?: Ipv4Address | undefined;
  /** Single nodes. Default none. */
  readonly unicast?: readonly Ipv4Address[];
}

export interface ResolvedDiscovery {
  readonly self: Announce | undefined;
  /** The announce as octets. */
  readonly announce: Uint8Array | undefined;
  readonly address: Ipv4Address;
  readonly port: number;
  /** Kinds of targets in the order of their use. */
  readonly targets: readonly (readonly Ipv4Address[])[];
  readonly group: Ipv4Address | undefined;
  readonly fallbackAfterMs: number;
  readonly network: Ipv4Prefix | undefined;
  readonly deviceIds: 'any' | 'key-hash';
  readonly loopback: boolean;
  readonly receiveLengthMax: number;
  readonly peers: PeerTableLimits;
  readonly sourceRate: Rate;
  readonly strangerRate: Rate;
  readonly sourceCountMax: number;
  readonly transmitCountMax: number;
  readonly eventCountMax: number;
}

export interface PeerTableLimits {
  readonly pinned: ReadonlyMap<string, Uint8Array>;
  readonly ttlMs: Millis;
  readonly peerCountMax: number;
  readonly candidateCountMax: number;
  readonly peersPerSourceMax: number;
  readonly changeEventMs: number;
}

/** Fills in the defaults and refuses what makes no sense, with a `UsageError`. */
export function resolveDiscovery(options: DiscoveryOptions): ResolvedDiscovery {
  const { self, address, port = ADDRESS_PLAN.ports.dsoftbusDiscovery, targets = {}, fallbackAfterMs = 2_000 } = options;
  const { ttlMs = 60_000, peerCountMax = PEER_COUNT_DEFAULT, candidateCountMax = 4, peersPerSourceMax = 4 } = options;
  const { changeEventMs = 1_000, receiveLengthMax = ANNOUNCE_LENGTH_MAX, sourceCountMax = 64 } = options;
  const { transmitCountMax = 64, eventCountMax = 1_024 } = options;
  const group = 'group' in targets ? targets.group : ADDRESS_PLAN.os2vm.discoveryGroup;
  const broadcast = 'broadcast' in targets ? targets.broadcast : IPV4_BROADCAST;
  const unicast = targets.unicast ?? [];
  requireArgument(Number.isInteger(port) && port >= 1 && port <= 0xffff, 'port is an integer 1..65535');
  requireArgument(group === undefined || isIpv4Multicast(group), 'group is a multicast address');
  requireArgument(fallbackAfterMs >= 0, 'fallbackAfterMs is at least 0');
  requireArgument(ttlMs === NEVER || (ttlMs >= 1_000 && ttlMs <= DAY), 'ttlMs is 1 000 ms to a day, or NEVER');
  requireArgument(changeEventMs >= 0, 'changeEventMs is at least 0');
  const limits = { peerCountMax, candidateCountMax, peersPerSourceMax, receiveLengthMax, sourceCountMax };
  for (const [name, limit] of Object.entries(limits))
    requireArgument(Number.isSafeInteger(limit) && limit >= 1, `${name} is a whole number of at least 1`);
  const kinds = [group === undefined ? [] : [group], broadcast === undefined ? [] : [broadcast], unicast];
  return {
    self,
    announce: self === undefined ? undefined : encodeAnnounce(self),
    address,
    port,
    targets: kinds.filter((kind) => kind.length > 0),
    group,
    fallbackAfterMs,
    network: options.network,
    deviceIds: options.deviceIds ?? 'any',
    loopback: options.loopback ?? false,
    receiveLengthMax,
    peers: { pinned: options.pinned ?? new Map(), ttlMs, peerCountMax, candidateCountMax, peersPerSourceMax, changeEventMs },
    sourceRate: options.sourceRate ?? { perSecond: 10, burst: 20 },
    strangerRate: options.strangerRate ?? { perSecond: 10, burst: 50 },
    sourceCountMax,
    transmitCountMax,
    eventCountMax,
  };
}

const DAY: Millis = 86_400_000;
