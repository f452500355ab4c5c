import { type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import { type CongestionFactory, type CongestionName, congestionFactory } from './congestion.js';
import type { TcpTunable } from './tcp-api.js';

/** Options of one connection, or of a listener's connections. */
export interface TcpOptions extends TcpTunable {
  /** Octets between `send` and the peer's acknowledgment. Default 262 144; 1..2^30. */
  readonly sendBufferMax?: number;
  /** Octets between the wire and `receive`; the largest window offered. Default 262 144; 1..2^30. */
  readonly receiveBufferMax?: number;
  /** Congestion control: RFC 5681 with RFC 6582, or RFC 9438. Default `cubic`. */
  readonly congestion?: CongestionName;
  /** Largest segment accepted, as announced in the MSS option. Default: what the MTU permits. */
  readonly mssMax?: number;
  /** Offer RFC 7323 timestamps. Default true. */
  readonly timestamps?: boolean;
  /** Offer RFC 7323 window scaling. Default true. */
  readonly windowScaling?: boolean;
  /** Offer RFC 2018 selective acknowledgments. Default true. */
  readonly selectiveAcks?: boolean;
  /** An acknowledgment waits so long for company; 0: none waits. Default 40 ms; below 500 (RFC 9293 MUST-40). */
  readonly delayedAckMs?: Millis;
  /** RFC 6298 §2.1. Default 1 000 ms. */
  readonly rtoInitialMs?: Millis;
  /** RFC 6298 §2.4. Default 1 000 ms. */
  readonly rtoMinMs?: Millis;
  /** RFC 6298 §2.5. Default 60 000 ms. */
  readonly rtoMaxMs?: Millis;
  /** How long SYNs are repeated. Default 180 000 ms (RFC 9293 MUST-23: at least that). */
  readonly connectTimeoutMs?: Millis;
  /** Time between keepalives that nobody answers. Default 75 000 ms. */
  readonly keepAliveIntervalMs?: Millis;
  /** Keepalives without an answer that end the connection. Default 9 (RFC 9293 MUST-29: more than one). */
  readonly keepAliveCountMax?: number;
  /** How long a closed connection waits for the peer's FIN. Default 60 000 ms. */
  readonly finWait2Ms?: Millis;
  /** TTL of every segment (RFC 9293 MUST-49), 1..255. Default 64. */
  readonly ttl?: number;
  /** DSCP and ECN bits of every segment (RFC 9293 MUST-48), 0..255. Default 0. */
  readonly trafficClass?: number;
  /** Tell the peer our user timeout (RFC 5482 ADV_UTO). Default false. */
  readonly advertiseUserTimeout?: boolean;
  /** Follow the peer's user timeout, between 100 s and an hour, unless the user has set one (RFC 5482 §3.1). Default true. */
  readonly followUserTimeout?: boolean;
}

/** Limits of the TCP of one host. */
export interface TcpLimits {
  /** Connections. Default 16 384. */
  readonly connectionCountMax: number;
  /** Listeners. Default 256. */
  readonly listenerCountMax: number;
  /** Handshakes in progress at one listener; further ones are answered with SYN cookies (RFC 4987). Default 256. */
  readonly handshakeCountMax: number;
  /** Connections in TIME-WAIT; the oldest makes room. Default 16 384. */
  readonly timeWaitCountMax: number;
  /** MSL; TIME-WAIT lasts two. Default 30 000 ms. */
  readonly segmentLifetimeMs: Millis;
  /** Octets in the buffers of all connections. Default 268 435 456. */
  readonly bufferOctetsMax: number;
  /** Holes in the received sequence of one connection. Default 64. */
  readonly holeCountMax: number;
  /** Free ports are drawn from here (RFC 6056). Default 32 768. */
  readonly ephemeralPortMin: number;
  /** Default 65 535. */
  readonly ephemeralPortMax: number;
  /** Resets a second, sent for segments of no connection. Default 500. */
  readonly resetsPerSecond: number;
  /** Challenge acknowledgments a second, of all connections (RFC 5961 §7); each second a random number between half of it and all. Default 200. */
  readonly challengesPerSecond: number;
}

export const TCP_LIMITS: TcpLimits = {
  connectionCountMax: 16_384,
  listenerCountMax: 256,
  handshakeCountMax: 256,
  timeWaitCountMax: 16_384,
  segmentLifetimeMs: 30_000,
  bufferOctetsMax: 268_435_456,
  holeCountMax: 64,
  ephemeralPortMin: 32_768,
  ephemeralPortMax: 65_535,
  resetsPerSecond: 500,
  challengesPerSecond: 200,
};

/** Options with their defaults. */
export interface ResolvedTcpOptions {
  readonly sendBufferMax: number;
  readonly receiveBufferMax: number;
  readonly congestion: CongestionFactory;
  readonly mssMax: number;
  readonly timestamps: boolean;
  readonly windowScaling: boolean;
  readonly selectiveAcks: boolean;
  readonly delayedAckMs: Millis;
  readonly rtoInitialMs: Millis;
  readonly rtoMinMs: Millis;
  readonly rtoMaxMs: Millis;
  readonly connectTimeoutMs: Millis;
  readonly keepAliveIntervalMs: Millis;
  readonly keepAliveCountMax: number;
  readonly finWait2Ms: Millis;
  readonly ttl: number;
  readonly trafficClass: number;
  readonly advertiseUserTimeout: boolean;
  readonly followUserTimeout: boolean;
  readonly noDelay: boolean;
  readonly keepAliveMs: Millis | undefined;
  /** `undefined`: the default, which the peer may change. */
  readonly userTimeoutMs: Millis | undefined;
  readonly zeroWindowTimeoutMs: Millis;
}

/** Fills in defaults; throws `UsageError` for a value out of range. `congestion`: a control of the caller's own, for experiments. */
export function resolveTcpOptions(options: TcpOptions = {}, congestion?: CongestionFactory): ResolvedTcpOptions {
  const {
    sendBufferMax = 262_144,
    receiveBufferMax = 262_144,
    mssMax = 65_495,
    delayedAckMs = 40,
    rtoInitialMs = 1_000,
    rtoMinMs = 1_000,
    rtoMaxMs = 60_000,
    connectTimeoutMs = 180_000,
    keepAliveIntervalMs = 75_000,
    keepAliveCountMax = 9,
    finWait2Ms = 60_000,
    ttl = 64,
    trafficClass = 0,
  } = options;
  requireInteger({ sendBufferMax, receiveBufferMax }, 1, 2 ** 30);
  requireInteger({ mssMax }, MSS_FLOOR, 65_495);
  requireArgument(delayedAckMs >= 0 && delayedAckMs < 500, 'delayedAckMs is 0..499');
  requireInteger({ rtoInitialMs, rtoMinMs, rtoMaxMs, connectTimeoutMs, keepAliveIntervalMs, finWait2Ms }, 1, 2 ** 40);
  requireInteger({ keepAliveCountMax }, 2, 255);
  requireInteger({ ttl }, 1, 255);
  requireInteger({ trafficClass }, 0, 255);
  requireArgument(rtoMinMs <= rtoMaxMs && rtoInitialMs <= rtoMaxMs, 'rtoMinMs and rtoInitialMs do not exceed rtoMaxMs');
  requireTunable(options);
  return {
    sendBufferMax,
    receiveBufferMax,
    congestion: congestion ?? congestionFactory(options.congestion ?? 'cubic'),
    mssMax,
    timestamps: options.timestamps ?? true,
    windowScaling: options.windowScaling ?? true,
    selectiveAcks: options.selectiveAcks ?? true,
    delayedAckMs,
    rtoInitialMs,
    rtoMinMs,
    rtoMaxMs,
    connectTimeoutMs,
    keepAliveIntervalMs,
    keepAliveCountMax,
    finWait2Ms,
    ttl,
    trafficClass,
    advertiseUserTimeout: options.advertiseUserTimeout ?? false,
    followUserTimeout: options.followUserTimeout ?? true,
    noDelay: options.noDelay ?? false,
    keepAliveMs: options.keepAliveMs,
    userTimeoutMs: options.userTimeoutMs,
    zeroWindowTimeoutMs: options.zeroWindowTimeoutMs ?? NEVER,
  };
}

/** Throws `UsageError` for a value out of range. */
export function requireTunable({ keepAliveMs, userTimeoutMs, zeroWindowTimeoutMs }: TcpTunable): void {
  requireArgument(keepAliveMs === undefined || keepAliveMs >= 1_000, 'keepAliveMs is at least 1000');
  requireArgument(userTimeoutMs === undefined || userTimeoutMs > 0, 'userTimeoutMs is positive');
  requireArgument(zeroWindowTimeoutMs === undefined || zeroWindowTimeoutMs > 0, 'zeroWindowTimeoutMs is positive');
}

/** Limits with their defaults; throws `UsageError` for a value out of range. */
export function resolveTcpLimits(options: Partial<TcpLimits> = {}): TcpLimits {
  const limits: { -readonly [K in keyof TcpLimits]: TcpLimits[K] } = { ...TCP_LIMITS };
  for (const name of Object.keys(TCP_LIMITS) as (keyof TcpLimits)[]) {
    const value = options[name] ?? TCP_LIMITS[name];
    requireInteger({ [name]: value }, 1, Number.MAX_SAFE_INTEGER);
    limits[name] = value;
  }
  requireArgument(
    limits.ephemeralPortMin <= limits.ephemeralPortMax && limits.ephemeralPortMax <= 0xffff,
    'ephemeral ports are a range within 1..65535',
  );
  return limits;
}

function requireInteger(values: Readonly<Record<string, number>>, low: number, high: number): void {
  for (const [name, value] of Object.entries(values))
    requireArgument(Number.isSafeInteger(value) && value >= low && value <= high, `${name} is an integer ${low}..${high}`);
}

/** RFC 9293 §3.9.1.1. */
export const USER_TIMEOUT_MS = 300_000;
/** RFC 5482 §3.1: L_LIMIT, at least R2 of RFC 9293 MUST-21. */
export const USER_TIMEOUT_MIN_MS = 100_000;
/** RFC 5482 §3.1: U_LIMIT. */
export const USER_TIMEOUT_MAX_MS = 3_600_000;
/** Where the peer names no MSS (RFC 9293 MUST-15). */
export const MSS_DEFAULT = 536;
/** No peer makes us send smaller segments than this: 20 octets of header for each few of text is an attack (CVE-2019-11479). */
export const MSS_FLOOR = 48;
