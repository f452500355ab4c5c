import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import { type Rate, TokenBucket } from './token-bucket.js';

/**
 * How many datagrams may come: each source address has a rate, and all that aren't bound peers share one more. A flood from forged
 * sources empties the shared one, and bound peers are heard all the same.
 */
export class SourceRates {
  readonly #limits: { readonly sourceRate: Rate; readonly strangerRate: Rate; readonly sourceCountMax: number };
  /** The source that sent longest ago first. */
  readonly #sources = new Map<Ipv4Address, TokenBucket>();
  #strangers: TokenBucket | undefined;

  constructor(limits: { readonly sourceRate: Rate; readonly strangerRate: Rate; readonly sourceCountMax: number }) {
    this.#limits = limits;
  }

  /** Takes one datagram of `source`, or says which rate has none left. */
  take(now: Millis, source: Ipv4Address, isBound: boolean): 'source-rate' | 'stranger-rate' | undefined {
    if (!this.#bucketOf(now, source).take(now)) return 'source-rate';
    if (isBound) return undefined;
    this.#strangers ??= new TokenBucket(this.#limits.strangerRate, now);
    return this.#strangers.take(now) ? undefined : 'stranger-rate';
  }

  #bucketOf(now: Millis, source: Ipv4Address): TokenBucket {
    const bucket = this.#sources.get(source) ?? new TokenBucket(this.#limits.sourceRate, now);
    this.#sources.delete(source);
    this.#sources.set(source, bucket);
    if (this.#sources.size > this.#limits.sourceCountMax) this.#sources.delete(this.#sources.keys().next().value as Ipv4Address);
    return bucket;
  }
}
