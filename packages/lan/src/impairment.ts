import { type Millis, requireArgument, UsageError } from '@nexus-net/sansio';

/**
 * What a wire does to the frames of one direction. Everything is off by default. Probabilities are 0..1 for each frame,
 * durations milliseconds. A frame meets them in this order: outage, scripted drop, burst, loss, size, rate, corruption,
 * delay and jitter, reordering, duplication.
 */
export interface Impairment {
  /** Each frame is lost with this probability, independent of all others. */
  readonly loss?: number;
  /** Losses that come in bursts: the two-state model of Gilbert and Elliott. */
  readonly burst?: BurstLoss;
  /** Frames lost by their number: the first one under this impairment is 1. For "lose exactly the n-th". */
  readonly drop?: readonly number[];
  /** Constant delay. */
  readonly delayMs?: Millis;
  /** Added delay, uniform in 0..jitterMs. It keeps the order: a frame never overtakes the one before it. */
  readonly jitterMs?: Millis;
  /** A frame arrives twice with this probability. */
  readonly duplicate?: number;
  /** The second copy comes up to this much after the first, uniform. Default 0: right behind it. Minutes make a late replay. */
  readonly duplicateLagMs?: Millis;
  /** A frame is held back with this probability, so that later ones overtake it. */
  readonly reorder?: number;
  /** How long a frame is held back: exponentially distributed with this mean. Default 50. */
  readonly reorderMeanMs?: Millis;
  /** A frame arrives damaged with this probability. */
  readonly corrupt?: number;
  /**
   * `bit` flips one bit, `octet` changes one octet, `swap` exchanges two unequal 16-bit words, which keeps every Internet
   * checksum right (RFC 1071 §2). Default `bit`.
   */
  readonly corruptKind?: 'bit' | 'octet' | 'swap';
  /** First octet that may be damaged; even for `swap`. Default 14: behind the Ethernet header. */
  readonly corruptFromOctet?: number;
  /** Frames longer than this many octets vanish: a wire whose MTU is smaller than its ends believe. */
  readonly frameOctetsMax?: number;
  /** Bits per second, of the frame's own octets. Frames wait behind each other; see `queueCountMax`. */
  readonly rateBps?: number;
  /** Frames that wait for a limited rate at most, the one being sent included; further ones are lost. Default 64. */
  readonly queueCountMax?: number;
  /** Nothing passes until further notice: one direction of a partition. */
  readonly cut?: boolean;
  /** Nothing passes in these intervals of the caller's time axis, `until` excluded. What is under way then is lost too. */
  readonly outages?: readonly Outage[];
}

export interface BurstLoss {
  /** Good to bad, for each frame. */
  readonly enter: number;
  /** Bad to good, for each frame: the mean burst is `1 / leave` frames. */
  readonly leave: number;
  /** Loss while bad. Default 1. */
  readonly lossBad?: number;
  /** Loss while good. Default 0. */
  readonly lossGood?: number;
}

export interface Outage {
  readonly from: Millis;
  readonly until: Millis;
}

/** Both directions of a link; a direction left out is a perfect wire. */
export interface LinkImpairment {
  readonly toSwitch?: Impairment;
  readonly toStation?: Impairment;
}

/** The same impairment in both directions (with draws of its own in each). */
export function bothWays(impairment: Impairment): LinkImpairment {
  return { toSwitch: impairment, toStation: impairment };
}

/** `count` outages of `forMs`, one in each `everyMs`, the first at `from`: a wire that works by fits and starts. */
export function periodicOutages(plan: {
  readonly from: Millis;
  readonly everyMs: Millis;
  readonly forMs: Millis;
  readonly count: number;
}): readonly Outage[] {
  requireArgument(plan.forMs > 0 && plan.everyMs > plan.forMs, 'an outage is shorter than its period');
  return Array.from({ length: plan.count }, (_, i) => {
    const from = plan.from + i * plan.everyMs;
    return { from, until: from + plan.forMs };
  });
}

/** Does nothing to any frame? */
export function isPerfect(impairment: Impairment): boolean {
  return Object.values(impairment).every((value) => {
    if (Array.isArray(value)) return value.length === 0;
    return value === undefined || value === 0 || value === false;
  });
}

/** Throws `UsageError` for a number outside its range. */
export function requireImpairment(impairment: Impairment): void {
  for (const name of PROBABILITIES) requireProbability(name, impairment[name]);
  const { burst } = impairment;
  if (burst !== undefined) for (const name of BURST_PROBABILITIES) requireProbability(`burst.${name}`, burst[name]);
  for (const name of DURATIONS) {
    const value = impairment[name];
    requireArgument(value === undefined || (Number.isFinite(value) && value >= 0), `${name} is a finite duration`);
  }
  for (const name of POSITIVES) {
    const value = impairment[name];
    requireArgument(value === undefined || (Number.isFinite(value) && value > 0), `${name} is above 0`);
  }
  const from = impairment.corruptFromOctet ?? 0;
  requireArgument(Number.isInteger(from) && from >= 0, 'corruptFromOctet is a whole number');
  requireArgument(impairment.corruptKind !== 'swap' || from % 2 === 0, 'corruptFromOctet is even for swap');
  for (const { from: start, until } of impairment.outages ?? []) requireArgument(until > start, 'an outage ends after it starts');
}

function requireProbability(name: string, value: number | undefined): void {
  if (value !== undefined && !(value >= 0 && value <= 1)) throw new UsageError(`${name} is a probability 0..1`);
}

const PROBABILITIES = ['loss', 'duplicate', 'reorder', 'corrupt'] as const;
const BURST_PROBABILITIES = ['enter', 'leave', 'lossBad', 'lossGood'] as const;
const DURATIONS = ['delayMs', 'jitterMs', 'duplicateLagMs'] as const;
const POSITIVES = ['reorderMeanMs', 'frameOctetsMax', 'rateBps', 'queueCountMax'] as const;
