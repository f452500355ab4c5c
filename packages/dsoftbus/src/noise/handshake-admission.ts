import { Counters, type Ipv4Address, type Millis, requireArgument } from '@nexus-net/sansio';
import { SourceRates } from '../discovery/source-rates.js';
import type { Rate } from '../discovery/token-bucket.js';

/**
 * Why a connection is not answered: too many handshakes are under way, too many of one address, or they come too fast, from one
 * address or all together.
 */
export type AdmissionRefusal = 'too-many-pending' | 'too-many-of-address' | 'source-rate' | 'total-rate';

export interface AdmissionOptions {
  /** Handshakes under way at most. Default 256. */
  readonly pendingMax?: number;
  /** Of one address at most. Default 8: one address can't fill the table, and an honest peer still gets in. */
  readonly pendingPerAddressMax?: number;
  /** Handshakes that one address may begin. Default 4 a second, 16 at once. */
  readonly sourceRate?: Rate;
  /** Handshakes that all addresses may begin together. Default 200 a second, 256 at once: a tenth of one processor. */
  readonly totalRate?: Rate;
  /** Addresses whose rate is remembered at most. Default 1 024. */
  readonly sourceCountMax?: number;
}

/**
 * Says which connections may begin a handshake, before any cryptography: a first message costs its sender nothing, may be replayed
 * by anybody, and costs the answering side two multiplications and a table entry. With the absolute deadline of each handshake
 * this bounds memory and work, whoever knocks and however slowly they speak.
 */
export class HandshakeAdmission {
  readonly #pendingMax: number;
  readonly #pendingPerAddressMax: number;
  readonly #rates: SourceRates;
  readonly #pending = new Map<Ipv4Address, number>();
  readonly #refusals: Counters<AdmissionRefusal> = new Counters<AdmissionRefusal>();
  #count = 0;

  constructor(options: AdmissionOptions = {}) {
    const {
      pendingMax = 256,
      pendingPerAddressMax = 8,
      sourceRate = { perSecond: 4, burst: 16 },
      totalRate = { perSecond: 200, burst: 256 },
      sourceCountMax = 1_024,
    } = options;
    requireArgument(pendingMax >= 1 && pendingPerAddressMax >= 1 && sourceCountMax >= 1, 'limits are at least 1');
    this.#pendingMax = pendingMax;
    this.#pendingPerAddressMax = pendingPerAddressMax;
    this.#rates = new SourceRates({ sourceRate, strangerRate: totalRate, sourceCountMax });
  }

  /** Handshakes under way. */
  get pending(): number {
    return this.#count;
  }

  /** Takes a place for a handshake with this address, until `release`; or says why there is none. */
  admit(now: Millis, address: Ipv4Address): 'admitted' | AdmissionRefusal {
    const refusal = this.#refusalOf(now, address);
    if (refusal !== undefined) {
      this.#refusals.increment(refusal);
      return refusal;
    }
    this.#pending.set(address, (this.#pending.get(address) ?? 0) + 1);
    this.#count++;
    return 'admitted';
  }

  /** The handshake is over, well or badly. */
  release(address: Ipv4Address): void {
    const pending = this.#pending.get(address) ?? 0;
    requireArgument(pending > 0, 'only what was admitted is released');
    if (pending === 1) this.#pending.delete(address);
    else this.#pending.set(address, pending - 1);
    this.#count--;
  }

  inspect(): {
    readonly pending: number;
    readonly addresses: number;
    readonly refusals: Partial<Record<AdmissionRefusal, number>>;
  } {
    return { pending: this.#count, addresses: this.#pending.size, refusals: this.#refusals.snapshot() };
  }

  #refusalOf(now: Millis, address: Ipv4Address): AdmissionRefusal | undefined {
    if ((this.#pending.get(address) ?? 0) >= this.#pendingPerAddressMax) return 'too-many-of-address';
    if (this.#count >= this.#pendingMax) return 'too-many-pending';
    const rate = this.#rates.take(now, address, false);
    return rate === 'stranger-rate' ? 'total-rate' : rate;
  }
}
