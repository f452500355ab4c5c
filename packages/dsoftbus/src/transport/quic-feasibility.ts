import { err, ok, type Result } from '@nexus-net/sansio';

/** What somebody claims of a QUIC for the OS. */
export interface QuicClaim {
  readonly implementation: 'implemented-and-wired' | 'not-implemented';
  /** Does the standard library's runtime stay behind a boundary? */
  readonly boundary: 'isolated' | 'unisolated';
  readonly timers: 'deterministic-bounded' | 'runtime-dependent';
  readonly entropy: 'ready' | 'unavailable';
  readonly budget: {
    /** Retransmissions of one packet. */
    readonly retransmitMax: number;
    /** Packets under way. */
    readonly inFlightMax: number;
    /** Packets kept out of order. */
    readonly reorderMax: number;
  };
}

export type QuicClaimReject =
  | 'not-implemented'
  | 'runtime-coupling'
  | 'timers-not-deterministic'
  | 'entropy-unavailable'
  | 'budget-unbounded';

/** Limits within which a loss and retry budget counts as bounded. */
export const QUIC_BUDGET = { retransmitMax: 64, inFlightMin: 1, inFlightMax: 2_048, reorderMax: 512 } as const;

/** The checklist of RFC-0035's phase D. What passes still needs a person to unlock it: nothing is switched on by this. */
export function checkQuicClaim(claim: QuicClaim): Result<{ readonly needsManualReview: true }, QuicClaimReject> {
  const { retransmitMax, inFlightMax, reorderMax } = claim.budget;
  if (claim.implementation !== 'implemented-and-wired') return err('not-implemented');
  if (claim.boundary !== 'isolated') return err('runtime-coupling');
  if (claim.timers !== 'deterministic-bounded') return err('timers-not-deterministic');
  if (claim.entropy !== 'ready') return err('entropy-unavailable');
  const bounded =
    retransmitMax <= QUIC_BUDGET.retransmitMax &&
    inFlightMax >= QUIC_BUDGET.inFlightMin &&
    inFlightMax <= QUIC_BUDGET.inFlightMax &&
    reorderMax <= QUIC_BUDGET.reorderMax;
  return bounded ? ok({ needsManualReview: true }) : err('budget-unbounded');
}

/** How the OS says each refusal. */
export const QUIC_CLAIM_REJECT_TEXT: Readonly<Record<QuicClaimReject, string>> = {
  'not-implemented': 'quic feasibility reject: os runtime implementation is missing',
  'runtime-coupling': 'quic feasibility reject: std runtime coupling is not isolated',
  'timers-not-deterministic': 'quic feasibility reject: timer model is not deterministic/bounded',
  'entropy-unavailable': 'quic feasibility reject: entropy prerequisites unavailable',
  'budget-unbounded': 'quic feasibility reject: loss/retry budgets are unbounded',
};
