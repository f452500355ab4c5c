import type { Millis } from '@nexus-net/sansio';

/** What an acknowledgment of new octets tells the congestion control. */
export interface AckFacts {
  readonly now: Millis;
  /** Octets acknowledged for the first time. */
  readonly acked: number;
  /** Octets in flight before this acknowledgment. */
  readonly flight: number;
  readonly mss: number;
  /** SRTT, 0 where unknown. */
  readonly smoothedMs: Millis;
  /** Was the window what held the sender back? One that did not use its window learns nothing about a larger one (RFC 9293 §3.8.2, RFC 7661). */
  readonly isLimited: boolean;
}

/** How many octets may be in flight. All windows in octets. */
export interface CongestionControl {
  readonly name: string;
  /** cwnd */
  readonly window: number;
  /** ssthresh */
  readonly slowStartThreshold: number;
  /** New octets were acknowledged, outside of fast recovery. `facts` holds for the call. */
  onAck(facts: AckFacts): void;
  /** Loss told by duplicate or selective acknowledgments: once for each window of data. */
  onLoss(flight: number, mss: number): void;
  /** The retransmission timer ran out. `isFirst`: of this segment, not a repetition (RFC 5681 §3.1). */
  onTimeout(flight: number, mss: number, isFirst: boolean): void;
  /** Nothing was sent for longer than RTO (RFC 5681 §4.1). */
  onIdle(mss: number): void;
  /** The path takes other segments than thought. */
  onMssChange(mss: number): void;
}

export type CongestionFactory = (mss: number) => CongestionControl;

export type CongestionName = 'newreno' | 'cubic';

/** RFC 6928 §2: ten segments, no more than 14 600 octets or two segments. */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}

/** RFC 5681 equation (4). */
function halfOf(flight: number, mss: number): number {
  return Math.max(flight / 2, 2 * mss);
}

/** Slow start and congestion avoidance of RFC 5681, octets counted as in RFC 3465. Recovery itself (RFC 6582, RFC 6675) is the sender's. */
export class NewReno implements CongestionControl {
  readonly name: string = 'newreno';
  window: number;
  slowStartThreshold: number = Number.POSITIVE_INFINITY;
  #ackedOctets = 0;

  constructor(mss: number) {
    this.window = initialWindow(mss);
  }

  onAck({ acked, mss, isLimited }: AckFacts): void {
    if (!isLimited) return;
    if (this.window < this.slowStartThreshold) {
      // RFC 3465 §2.2, §2.3: by what was acknowledged, at most two segments; a receiver that splits its acknowledgments gains nothing.
      this.window += Math.min(acked, 2 * mss);
      return;
    }
    this.#ackedOctets += acked;
    if (this.#ackedOctets < this.window) return;
    this.#ackedOctets -= this.window;
    this.window += mss;
  }

  onLoss(flight: number, mss: number): void {
    this.slowStartThreshold = halfOf(flight, mss);
    this.window = this.slowStartThreshold;
    this.#ackedOctets = 0;
  }

  onTimeout(flight: number, mss: number, isFirst: boolean): void {
    if (isFirst) this.slowStartThreshold = halfOf(flight, mss);
    this.window = mss;
    this.#ackedOctets = 0;
  }

  onIdle(mss: number): void {
    this.window = Math.min(this.window, initialWindow(mss));
  }

  onMssChange(mss: number): void {
    this.window = Math.max(this.window, mss);
  }
}

/** CUBIC (RFC 9438). Windows in octets; the cubic function counts in segments and seconds. */
export class Cubic implements CongestionControl {
  readonly name: string = 'cubic';
  window: number;
  slowStartThreshold: number = Number.POSITIVE_INFINITY;
  /** W_max in segments. */
  #windowMax = 0;
  /** W_est in segments (§4.3). */
  #estimate = 0;
  /** K in seconds (§4.2). */
  #k = 0;
  /** Begin of the present congestion avoidance; -1 before its first acknowledgment. */
  #epochAt = -1;
  /** cwnd at the last loss, before it was lowered: from there on Reno would grow as fast as we (§4.3). */
  #windowPrior = 0;

  constructor(mss: number) {
    this.window = initialWindow(mss);
  }

  onAck({ now, acked, mss, smoothedMs, isLimited }: AckFacts): void {
    if (!isLimited) return;
    if (this.window < this.slowStartThreshold) {
      this.window += Math.min(acked, 2 * mss);
      return;
    }
    const segments = this.window / mss;
    if (this.#epochAt < 0) this.#startEpoch(now, segments);
    const t = (now - this.#epochAt) / 1_000;
    // §4.2: where the window should be a round trip from now; never more than half as much again (§4.4).
    const ahead = this.#cubic(t + smoothedMs / 1_000);
    const target = Math.min(Math.max(ahead, segments), 1.5 * segments);
    // §4.3: what Reno with the same reduction would have.
    const alpha = this.#estimate * mss >= this.#windowPrior ? 1 : RENO_ALPHA;
    this.#estimate += (alpha * (acked / mss)) / segments;
    if (this.#cubic(t) < this.#estimate) this.window = Math.max(this.window, this.#estimate * mss);
    else this.window += ((target - segments) / segments) * acked;
  }

  onLoss(flight: number, mss: number): void {
    this.#reduce(flight, mss);
    this.window = this.slowStartThreshold;
    this.#epochAt = -1;
  }

  onTimeout(flight: number, mss: number, isFirst: boolean): void {
    if (isFirst) this.#reduce(flight, mss);
    this.window = mss;
    this.#epochAt = -1;
  }

  onIdle(mss: number): void {
    this.window = Math.min(this.window, initialWindow(mss));
    this.#epochAt = -1; // §4.2: idle time is no time of growth
  }

  onMssChange(mss: number): void {
    this.window = Math.max(this.window, mss);
  }

  #reduce(flight: number, mss: number): void {
    const segments = this.window / mss;
    this.#windowPrior = this.window;
    // §4.7: another flow took its share, so this one aims lower.
    this.#windowMax = segments < this.#windowMax ? (segments * (1 + BETA)) / 2 : segments;
    // §4.6: by what was in flight, so that a window never used gives no credit.
    this.slowStartThreshold = Math.max(Math.min(flight, this.window) * BETA, 2 * mss);
  }

  #startEpoch(now: Millis, segments: number): void {
    this.#epochAt = now;
    this.#estimate = segments;
    if (segments >= this.#windowMax) {
      this.#windowMax = segments;
      this.#k = 0;
    } else {
      this.#k = Math.cbrt((this.#windowMax - segments) / C);
    }
  }

  #cubic(t: number): number {
    return C * (t - this.#k) ** 3 + this.#windowMax;
  }
}

/** The control of that name. */
export function congestionFactory(name: CongestionName): CongestionFactory {
  return name === 'cubic' ? (mss) => new Cubic(mss) : (mss) => new NewReno(mss);
}

/** §4.6 */
const BETA = 0.7;
/** §5, segments per second cubed. */
const C = 0.4;
/** §4.3: 3 (1 - β) / (1 + β). */
const RENO_ALPHA = (3 * (1 - BETA)) / (1 + BETA);
