import { requireArgument } from '@nexus-net/sansio';
import type { MarkerCatalogue } from './catalogue.js';
import type { MarkerReading } from './console-rule.js';
import type { Claim, Finding } from './evidence.js';
import type { ConsoleLine } from './lines.js';
import { type MarkerId, type MarkerValues, renderMarker } from './marker.js';
import type { Requirement } from './profile.js';

/** A claim, the line that made it, and what the wire said to it last. */
export interface HeldClaim {
  readonly claim: Claim;
  readonly line: ConsoleLine;
  readonly origin: MarkerReading['origin'];
  finding: Finding;
}

/**
 * What the guests have claimed, in order. The same marker with other values is another claim: it has to be proven like the
 * first. Bounded: claims beyond the limit are counted and not followed.
 */
export class Claims {
  readonly #catalogue: MarkerCatalogue;
  readonly #countMax: number;
  readonly #held = new Map<string, HeldClaim>();
  #notHeld = 0;

  /** `countMax`: claims held. */
  constructor(catalogue: MarkerCatalogue, countMax: number) {
    requireArgument(Number.isInteger(countMax) && countMax > 0, 'claimCountMax is a positive integer');
    this.#catalogue = catalogue;
    this.#countMax = countMax;
  }

  /** Holds a claim as not weighed yet. False for a marker that was claimed with the same values before, and beyond the limit. */
  add(claim: Claim, line: ConsoleLine, origin: MarkerReading['origin']): boolean {
    const key = `${claim.node}\n${renderMarker(this.#catalogue.get(claim.marker), claim.values)}`;
    if (this.#held.has(key)) return false;
    if (this.#held.size >= this.#countMax) {
      this.#notHeld++;
      return false;
    }
    this.#held.set(key, { claim, line, origin, finding: { state: 'missing', what: 'not weighed yet' } });
    return true;
  }

  all(): readonly HeldClaim[] {
    return [...this.#held.values()];
  }

  /** Claims that wait for the wire. */
  open(): readonly HeldClaim[] {
    return this.all().filter(({ finding }) => finding.state === 'missing');
  }

  /** Was this marker claimed by this node? */
  isClaimed({ marker, node }: Requirement): boolean {
    return this.all().some(({ claim }) => claim.marker === marker && claim.node === node);
  }

  /** Was this marker claimed by this node, and is every claim of it believed? */
  isSettled({ marker, node }: Requirement): boolean {
    const claims = this.all().filter(({ claim }) => claim.marker === marker && claim.node === node);
    return claims.length > 0 && claims.every(isBelieved);
  }

  /** Markers that some node claimed. */
  ids(): ReadonlySet<MarkerId> {
    return new Set(this.all().map(({ claim }) => claim.marker));
  }

  get notHeld(): number {
    return this.#notHeld;
  }
}

/** The wire agrees, or there is nothing that it could say. */
export function isBelieved({ finding }: HeldClaim): boolean {
  return finding.state === 'proven' || finding.state === 'unbacked';
}

/** Has every one of `wanted` the same value among `values`? */
export function valuesMatch(values: MarkerValues, wanted: MarkerValues): boolean {
  return (Object.keys(wanted) as (keyof MarkerValues)[]).every((name) => values[name] === wanted[name]);
}
