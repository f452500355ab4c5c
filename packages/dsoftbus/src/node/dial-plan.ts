import { type Entropy, type Millis, NEVER, uniform } from '@nexus-net/sansio';

export interface Backoff {
  /** Before the second try. */
  readonly firstMs: Millis;
  readonly maxMs: Millis;
}

interface Plan {
  /** Tries without a session that lasted. */
  attempts: number;
  at: Millis;
}

/**
 * When to dial whom: at once or a little later, then after waits that double, each shortened by up to a half at random, so that nodes
 * that lost each other together don't come back together.
 */
export class DialPlan {
  readonly #entropy: Entropy;
  readonly #backoff: Backoff;
  readonly #plans = new Map<string, Plan>();

  constructor(entropy: Entropy, backoff: Backoff) {
    this.#entropy = entropy;
    this.#backoff = backoff;
  }

  /** The earliest deadline. */
  get nextAt(): Millis {
    let next = NEVER;
    for (const { at } of this.#plans.values()) next = Math.min(next, at);
    return next;
  }

  /** Tries so far. */
  attemptsOf(deviceId: string): number {
    return this.#plans.get(deviceId)?.attempts ?? 0;
  }

  /** Plans a first try where none is planned. */
  want(deviceId: string, at: Millis): void {
    if (!this.#plans.has(deviceId)) this.#plans.set(deviceId, { attempts: 0, at });
  }

  /** A session stands or a dial runs: nothing to do until it is over. */
  hold(deviceId: string): void {
    const plan = this.#plans.get(deviceId);
    if (plan !== undefined) plan.at = NEVER;
  }

  /** A try failed, or a session ended before it had lasted: the next wait is longer. */
  retry(now: Millis, deviceId: string): void {
    const plan = this.#plans.get(deviceId) ?? { attempts: 0, at: NEVER };
    const { firstMs, maxMs } = this.#backoff;
    const wait = Math.min(maxMs, firstMs * 2 ** Math.min(plan.attempts, 30));
    plan.attempts++;
    plan.at = now + uniform(this.#entropy, { low: Math.ceil(wait / 2), high: Math.ceil(wait) });
    this.#plans.set(deviceId, plan);
  }

  /** A session ended that had lasted: the waits begin anew. */
  renew(now: Millis, deviceId: string): void {
    this.#plans.delete(deviceId);
    this.retry(now, deviceId);
  }

  drop(deviceId: string): void {
    this.#plans.delete(deviceId);
  }

  /** Everyone whose time has come, in the order of their deadlines. */
  due(now: Millis): string[] {
    return [...this.#plans]
      .filter(([, { at }]) => at <= now)
      .sort(([, a], [, b]) => a.at - b.at)
      .map(([deviceId]) => deviceId);
  }

  /** Tries again at `at` without counting it. */
  postpone(deviceId: string, at: Millis): void {
    const plan = this.#plans.get(deviceId);
    if (plan !== undefined) plan.at = at;
  }
}
