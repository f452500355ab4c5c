import { Queue, requireArgument } from '@nexus-net/sansio';
import type { Fact, Violation, WitnessEvent } from '@nexus-net/wire';

/** Limits of a witness. */
export interface WitnessOptions {
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 4 096. */
  readonly eventCountMax?: number;
  /** Exchanges remembered at one time; the oldest makes room, counted. Default 1 024. */
  readonly exchangeCountMax?: number;
  /** An exchange whose second half comes later than this is forgotten. Default 10 000 ms. */
  readonly exchangeAgeMs?: number;
}

export interface WitnessSnapshot {
  readonly facts: number;
  readonly violations: number;
  readonly remembered: number;
  /** Exchanges forgotten because `exchangeCountMax` was reached. */
  readonly evicted: number;
  /** Events lost because `eventCountMax` was reached. */
  readonly eventsDropped: number;
}

/** What a witness has to say, with its bound and counts. */
export class WitnessEvents {
  readonly #queue: Queue<WitnessEvent>;
  #factCount = 0;
  #violationCount = 0;

  constructor({ eventCountMax = 4_096 }: WitnessOptions) {
    requireArgument(Number.isSafeInteger(eventCountMax) && eventCountMax >= 1, 'eventCountMax is a positive integer');
    this.#queue = new Queue(eventCountMax);
  }

  fact(fact: Fact): void {
    this.#factCount += 1;
    this.#queue.push({ type: 'fact', fact });
  }

  violation(violation: Violation): void {
    this.#violationCount += 1;
    this.#queue.push({ type: 'violation', violation });
  }

  poll(): WitnessEvent | undefined {
    return this.#queue.shift();
  }

  snapshot({ size, evicted }: { readonly size: number; readonly evicted: number }): WitnessSnapshot {
    return {
      facts: this.#factCount,
      violations: this.#violationCount,
      remembered: size,
      evicted,
      eventsDropped: this.#queue.dropped,
    };
  }
}
