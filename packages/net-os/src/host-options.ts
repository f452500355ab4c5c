import { type Entropy, isMacGroup, type MacAddress, type Millis, requireArgument } from '@nexus-net/sansio';
import type { CongestionFactory } from './tcp/congestion.js';
import type { TcpLimits } from './tcp/tcp-options.js';

/** The times of RFC 5227 §1.1 under their names there. The defaults are the RFC's. */
export interface ConflictTiming {
  /** PROBE_WAIT: the first probe goes out after a random part of this. Default 1 000 ms. */
  readonly probeWaitMs: Millis;
  /** PROBE_NUM. Default 3. */
  readonly probeCount: number;
  /** PROBE_MIN: shortest time between probes. Default 1 000 ms. */
  readonly probeMinMs: Millis;
  /** PROBE_MAX: longest time between probes. Default 2 000 ms. */
  readonly probeMaxMs: Millis;
  /** ANNOUNCE_WAIT: silence after the last probe that makes the address ours. Default 2 000 ms. */
  readonly announceWaitMs: Millis;
  /** ANNOUNCE_NUM. Default 2. */
  readonly announceCount: number;
  /** ANNOUNCE_INTERVAL. Default 2 000 ms. */
  readonly announceIntervalMs: Millis;
  /** MAX_CONFLICTS: from this many on, new probes are held back. Default 10. */
  readonly conflictCountMax: number;
  /** RATE_LIMIT_INTERVAL: the distance at which they are held. Default 60 000 ms. */
  readonly rateLimitMs: Millis;
  /** DEFEND_INTERVAL: at most one defence in this time. Default 10 000 ms. */
  readonly defendIntervalMs: Millis;
}

export interface HostLimits {
  /** Largest IPv4 datagram sent, in octets, without the Ethernet header. Default 1 500; at least 68 (RFC 791). */
  readonly mtu: number;
  /** Frames waiting for `pollTransmit`. Default 1 024. */
  readonly transmitCountMax: number;
  /** Events waiting for `pollEvent`. Default 1 024. */
  readonly eventCountMax: number;
  /** Addresses of the interface. Default 8. */
  readonly addressCountMax: number;
  /** Routes beyond the connected networks, the default one included. Default 64. */
  readonly routeCountMax: number;
  /** Multicast groups joined. Default 32. */
  readonly groupCountMax: number;
  /** Packets to ourselves on their way. Default 256. */
  readonly loopbackCountMax: number;
  /** Destinations whose path MTU is remembered. Default 256. */
  readonly pathCountMax: number;
  /** A path MTU below the link's is forgotten after this. Default 600 000 ms (RFC 1191 §6.3). */
  readonly pathAgeMs: Millis;
  /** No report gets a path MTU below this many octets; at least 68. Default 552, as Linux has it. */
  readonly pathMtuFloor: number;
  /** How long a datagram may stay without some of its fragments. Default 30 000 ms; 15 000..60 000. */
  readonly reassemblyTimeoutMs: Millis;
  /** Incomplete datagrams of all sources. Default 64. */
  readonly reassemblyCountMax: number;
  /** Octets of incomplete datagrams of all sources, with the cost of keeping them. Default 1 048 576. */
  readonly reassemblyOctetsMax: number;
  /** What one source may take of them. Default 262 144. */
  readonly reassemblySourceOctetsMax: number;
  /** UDP endpoints. Default 256. */
  readonly udpSocketCountMax: number;
  /** Echo requests without an answer yet. Default 64. */
  readonly pingCountMax: number;
  /** Addresses being probed at one time. Default 4. */
  readonly probeCountMax: number;
  /** Resolved neighbours. Default 256; the one unused for longest makes room. */
  readonly neighbourCountMax: number;
  /** Neighbours being resolved. Default 64; a packet for one more is refused. */
  readonly resolvingCountMax: number;
  /** Packets waiting for one neighbour. Default 16; the oldest makes room (RFC 1122 §2.3.2.2). */
  readonly pendingCountMax: number;
  /** Octets of packets waiting for one neighbour, but for the latest one. Default 131 072. */
  readonly pendingOctetsMax: number;
  /** A neighbour is asked for again after this. Default 60 000 ms (RFC 1122 §2.3.2.1). */
  readonly neighbourAgeMs: Millis;
  /** A neighbour confirmed more recently than this keeps its MAC, whoever claims the address. Default 5 000 ms. */
  readonly neighbourHoldMs: Millis;
  /** Time between requests for one neighbour. Default 1 000 ms (RFC 1122 §2.3.2.1: not faster than one a second). */
  readonly arpRequestIntervalMs: Millis;
  /** Requests without an answer before the neighbour is given up. Default 3. */
  readonly arpRequestCountMax: number;
  /** ARP replies a second, in the long run. Default 200. */
  readonly arpRepliesPerSecond: number;
  /** ARP replies at once. Default 100. */
  readonly arpReplyBurst: number;
  /** ICMP errors a second, in the long run (RFC 1812 §4.3.2.8). Default 10. */
  readonly icmpErrorsPerSecond: number;
  /** ICMP errors at once. Default 20. */
  readonly icmpErrorBurst: number;
}

export interface HostOptions extends Partial<HostLimits> {
  readonly mac: MacAddress;
  readonly entropy: Entropy;
  /**
   * RFC 5227 §2.4: `give-up` (a) at the first conflict; `defend-once` (b), giving up at a second one within
   * DEFEND_INTERVAL; `defend-always` (c). Default `defend-once`.
   */
  readonly defence?: DefencePolicy;
  /** Times of conflict detection that differ from RFC 5227. */
  readonly conflictTiming?: Partial<ConflictTiming>;
  /** Answer echo requests sent to a broadcast address or a group. Default false: RFC 1122 §3.2.2.6 permits silence, and smurf lived on answers. */
  readonly answerBroadcastEcho?: boolean;
  /** Limits of TCP that differ from their defaults. */
  readonly tcp?: Partial<TcpLimits>;
  /** Congestion control of the caller's own for every TCP connection, for experiments. Default: what each connection's options name. */
  readonly congestion?: CongestionFactory;
  /** Receive what we send to a group that we have joined (RFC 1112 §6.1). Default false. */
  readonly multicastLoop?: boolean;
  /** Frames of the loopback interface waiting for `pollLoopback`. Default 0: none are kept. */
  readonly loopbackObservedMax?: number;
}

export type DefencePolicy = 'give-up' | 'defend-once' | 'defend-always';

export const HOST_LIMITS: HostLimits = {
  mtu: 1_500,
  transmitCountMax: 1_024,
  eventCountMax: 1_024,
  addressCountMax: 8,
  routeCountMax: 64,
  groupCountMax: 32,
  loopbackCountMax: 256,
  pathCountMax: 256,
  pathAgeMs: 600_000,
  pathMtuFloor: 552,
  reassemblyTimeoutMs: 30_000,
  reassemblyCountMax: 64,
  reassemblyOctetsMax: 1_048_576,
  reassemblySourceOctetsMax: 262_144,
  udpSocketCountMax: 256,
  pingCountMax: 64,
  probeCountMax: 4,
  neighbourCountMax: 256,
  resolvingCountMax: 64,
  pendingCountMax: 16,
  pendingOctetsMax: 131_072,
  neighbourAgeMs: 60_000,
  neighbourHoldMs: 5_000,
  arpRequestIntervalMs: 1_000,
  arpRequestCountMax: 3,
  arpRepliesPerSecond: 200,
  arpReplyBurst: 100,
  icmpErrorsPerSecond: 10,
  icmpErrorBurst: 20,
};

export const CONFLICT_TIMING: ConflictTiming = {
  probeWaitMs: 1_000,
  probeCount: 3,
  probeMinMs: 1_000,
  probeMaxMs: 2_000,
  announceWaitMs: 2_000,
  announceCount: 2,
  announceIntervalMs: 2_000,
  conflictCountMax: 10,
  rateLimitMs: 60_000,
  defendIntervalMs: 10_000,
};

/** The limits with defaults filled in; throws `UsageError` for a value out of range. */
export function resolveLimits(options: HostOptions): HostLimits {
  requireArgument(!isMacGroup(options.mac) && options.mac !== 0, 'mac is the address of one station');
  const limits: { -readonly [K in keyof HostLimits]: HostLimits[K] } = { ...HOST_LIMITS };
  for (const name of Object.keys(HOST_LIMITS) as (keyof HostLimits)[]) {
    const value = options[name] ?? HOST_LIMITS[name];
    requireArgument(Number.isSafeInteger(value) && value >= 1, `${name} is a positive integer`);
    limits[name] = value;
  }
  requireArgument(limits.mtu >= 68 && limits.mtu <= 65_535, 'mtu is 68..65535 octets');
  requireArgument(limits.pathMtuFloor >= 68, 'pathMtuFloor is at least 68');
  requireArgument(
    limits.reassemblyTimeoutMs >= 15_000 && limits.reassemblyTimeoutMs <= 60_000,
    'reassemblyTimeoutMs is 15000..60000',
  );
  requireArgument(limits.neighbourHoldMs <= limits.neighbourAgeMs, 'neighbourHoldMs does not exceed neighbourAgeMs');
  return limits;
}

/** The times with defaults filled in; throws `UsageError` for a value out of range. */
export function resolveConflictTiming(given: Partial<ConflictTiming> = {}): ConflictTiming {
  const timing: { -readonly [K in keyof ConflictTiming]: ConflictTiming[K] } = { ...CONFLICT_TIMING };
  for (const name of Object.keys(CONFLICT_TIMING) as (keyof ConflictTiming)[]) {
    const value = given[name] ?? CONFLICT_TIMING[name];
    const least = name === 'probeWaitMs' ? 0 : 1;
    requireArgument(Number.isSafeInteger(value) && value >= least, `${name} is an integer of at least ${least}`);
    timing[name] = value;
  }
  requireArgument(timing.probeMinMs <= timing.probeMaxMs, 'probeMinMs does not exceed probeMaxMs');
  return timing;
}
