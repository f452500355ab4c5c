import { type Entropy, type Millis, requireArgument } from '@nexus-net/sansio';
import type { Rate } from '../../discovery/token-bucket.js';
import { CONTROL_OCTETS_MAX, FRAME_HEADER_OCTETS, NAME_OCTETS_MAX } from './frame.js';

export interface MuxOptions {
  /** The initiator opens odd ids, the responder even ones. */
  readonly role: 'initiator' | 'responder';
  /** For the nonces of PING. */
  readonly entropy: Entropy;
  /** What the peer said in its identity. */
  readonly peer: MuxLimits;
  /** What we said in ours. Default 128 streams, 65536 octets. */
  readonly own?: MuxLimits;
  /** The first id of ours; of the role's parity. Default 1 or 2. */
  readonly firstStreamId?: number;
  /** Octets of `pollTransmit` that are left free in front, for the record's type. Default 0. */
  readonly headroomOctets?: number;
  /** A record is filled up to so many octets, headroom included. Default 32768. */
  readonly recordOctetsMax?: number;
  /** Octets that wait to be sent on one stream. Default 262144. */
  readonly sendBufferOctetsMax?: number;
  /** Control frames that wait to be sent. Default 4096. */
  readonly controlCountMax?: number;
  /** Time between two PINGs; `Infinity` for none. Default 15 s. */
  readonly pingIntervalMs?: Millis;
  /** The PONG comes within this time, or the session is dead. Default 10 s. */
  readonly pongTimeoutMs?: Millis;
  /** A stream that has something to send and gets no credit for so long is reset. Default 60 s. */
  readonly stallTimeoutMs?: Millis;
  /** Resets and refused opens of the peer. Default 200 at once, then 50 a second. */
  readonly resetRate?: Rate;
  /** PINGs of the peer. Default 32 at once, then 2 a second. */
  readonly pingRate?: Rate;
}

export interface MuxLimits {
  /** Streams that the other side may have open at once, 1..=65535. */
  readonly streamCountMax: number;
  /** Octets that the other side may send on a new stream, 1024..=16777216. */
  readonly windowOctets: number;
}

export const DEFAULT_MUX_LIMITS: MuxLimits = { streamCountMax: 128, windowOctets: 65_536 };

export function areMuxLimits({ streamCountMax, windowOctets }: MuxLimits): boolean {
  return (
    Number.isInteger(streamCountMax) &&
    streamCountMax >= 1 &&
    streamCountMax <= 65_535 &&
    Number.isInteger(windowOctets) &&
    windowOctets >= 1_024 &&
    windowOctets <= 16_777_216
  );
}

/** Every option with its default. Throws `UsageError` for one out of its range. */
export function muxOptions(options: MuxOptions): Required<MuxOptions> {
  const all: Required<MuxOptions> = {
    own: DEFAULT_MUX_LIMITS,
    firstStreamId: options.role === 'initiator' ? 1 : 2,
    headroomOctets: 0,
    recordOctetsMax: 32_768,
    sendBufferOctetsMax: 262_144,
    controlCountMax: 4_096,
    pingIntervalMs: 15_000,
    pongTimeoutMs: 10_000,
    stallTimeoutMs: 60_000,
    resetRate: { burst: 200, perSecond: 50 },
    pingRate: { burst: 32, perSecond: 2 },
    ...options,
  };
  requireArgument(areMuxLimits(all.own) && areMuxLimits(all.peer), 'limits are 1..=65535 streams and windows of 1024..=16777216');
  const { firstStreamId } = all;
  requireArgument(
    Number.isInteger(firstStreamId) &&
      firstStreamId >= 1 &&
      firstStreamId <= 0xffff_ffff &&
      firstStreamId % 2 === (all.role === 'initiator' ? 1 : 0),
    'firstStreamId is odd for the initiator, even for the responder, below 2^32',
  );
  requireArgument(Number.isInteger(all.headroomOctets) && all.headroomOctets >= 0, 'headroomOctets is a whole number');
  requireArgument(
    Number.isInteger(all.recordOctetsMax) &&
      all.recordOctetsMax >= all.headroomOctets + 2 * FRAME_HEADER_OCTETS + NAME_OCTETS_MAX + CONTROL_OCTETS_MAX &&
      all.recordOctetsMax <= 65_519,
    'recordOctetsMax holds at least an OPEN and a DATA, and at most what a Noise message carries',
  );
  for (const name of ['sendBufferOctetsMax', 'controlCountMax'] as const)
    requireArgument(Number.isInteger(all[name]) && all[name] >= 1, `${name} is a whole number from 1`);
  for (const name of ['pingIntervalMs', 'pongTimeoutMs', 'stallTimeoutMs'] as const)
    requireArgument(all[name] > 0, `${name} is above 0`);
  for (const name of ['resetRate', 'pingRate'] as const)
    requireArgument(all[name].burst >= 1 && all[name].perSecond >= 0, `${name} has a burst of at least 1`);
  return all;
}
