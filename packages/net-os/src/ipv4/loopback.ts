import { MAC_ZERO, type Millis, NEVER, Queue } from '@nexus-net/sansio';
import type { Timed } from '../deadlines.js';
import type { LimitLabel } from '../labels.js';
import { writeLinkHeader } from './packet-frame.js';

export interface LoopbackOptions {
  readonly countMax: number;
  /** Frames kept for an observer; 0: none. */
  readonly observedMax: number;
  readonly deliver: (now: Millis, frame: Uint8Array) => void;
  readonly count: (label: LimitLabel) => void;
}

/**
 * The loopback interface: what a host sends to itself. A packet arrives at the instant at which it was sent, on the next
 * `handleTimeout`, never inside the call that sent it. An observer sees Ethernet frames from and to 00:00:00:00:00:00, as on `lo`.
 */
export class Loopback implements Timed {
  readonly #options: LoopbackOptions;
  readonly #queue: Queue<Uint8Array>;
  readonly #observed: Queue<Uint8Array> | undefined;
  #nextAt: Millis = NEVER;
  #burstAt: Millis = Number.NEGATIVE_INFINITY;
  #burst = 0;

  constructor(options: LoopbackOptions) {
    this.#options = options;
    this.#queue = new Queue(options.countMax);
    this.#observed = options.observedMax > 0 ? new Queue(options.observedMax) : undefined;
  }

  push(now: Millis, frame: Uint8Array): boolean {
    writeLinkHeader(frame, MAC_ZERO, MAC_ZERO);
    if (!this.#queue.push(frame)) {
      this.#options.count('loopback-queue-full');
      return false;
    }
    if (this.#nextAt === NEVER) this.#nextAt = now;
    return true;
  }

  /** The next frame that has arrived, for an observer. */
  pollObserved(): Uint8Array | undefined {
    return this.#observed?.shift();
  }

  /** Delivers the oldest packet. Two ends that answer each other for ever get a millisecond of pause now and then. */
  runNext(now: Millis): void {
    const frame = this.#queue.shift();
    if (now > this.#burstAt) {
      this.#burstAt = now;
      this.#burst = 0;
    }
    this.#burst += 1;
    // Armed before the delivery: what that sends is behind what waits.
    this.#nextAt = this.#queue.length === 0 ? NEVER : now;
    if (frame !== undefined) {
      this.#options.deliver(now, frame);
      if (this.#observed?.push(frame) === false) this.#options.count('loopback-observed-full');
    }
    if (this.#burst >= BURST_MAX && this.#nextAt !== NEVER) this.#nextAt = Math.max(this.#nextAt, now + 1);
  }

  nextTimeout(): Millis {
    return this.#nextAt;
  }
}

/** Packets delivered at one instant. */
const BURST_MAX = 1_024;
