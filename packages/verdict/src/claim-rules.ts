import type { Claims } from './claims.js';
import type { Claim, Finding } from './evidence.js';
import type { MarkerId } from './marker.js';
import { demands, type NodeName, type OutcomeGroup, type Profile, type Requirement } from './profile.js';
import type { Verdict } from './verdict.js';

/** What a profile says about claims among each other: which exclude, which stand for one another, which come first. */
export class ClaimRules {
  readonly #profile: Profile;
  readonly #claims: Claims;
  readonly #weigh: (claim: Claim) => Finding;

  /** `weigh`: what the wire says to a claim by now. */
  constructor(profile: Profile, claims: Claims, weigh: (claim: Claim) => Finding) {
    this.#profile = profile;
    this.#claims = claims;
    this.#weigh = weigh;
  }

  /** Is a requirement claimed: by itself, or by an outcome that is as good? */
  isClaimed({ marker, node }: Requirement): boolean {
    return this.#standIns(marker).some((each) => this.#claims.isClaimed({ marker: each, node }));
  }

  /** Is every claim of a requirement believed, or of an outcome that is as good? */
  isSettled({ marker, node }: Requirement): boolean {
    return this.#standIns(marker).some((each) => this.#claims.isSettled({ marker: each, node }));
  }

  /** An outcome that this node claimed before, that excludes this one, and that is not over by now. */
  rivalOf(node: NodeName, id: MarkerId, now: number): MarkerId | undefined {
    return this.#profile.outcomes
      .filter(({ of }) => of.includes(id))
      .flatMap(({ of }) => of)
      .find((marker) => {
        if (marker === id) return false;
        const held = this.#claims.all().findLast(({ claim }) => claim.marker === marker && claim.node === node);
        // A lease that came after a fallback replaces it: the first claim speaks of another time.
        return held !== undefined && this.#weigh({ ...held.claim, at: now }).state !== 'contradicted';
      });
  }

  /** A marker that this node has to claim before this one, and has not. What nobody demands nobody waits for. */
  preconditionOf(node: NodeName, id: MarkerId): MarkerId | undefined {
    return this.#profile.order.find(({ earlier, later }) => {
      const requirement = { marker: earlier, node };
      return later === id && demands(this.#profile, requirement) && !this.isClaimed(requirement);
    })?.earlier;
  }

  /** Which outcome of each group each node claimed last. */
  outcomes(): Verdict['outcomes'] {
    const { outcomes, nodes } = this.#profile;
    return outcomes.flatMap((group) => nodes.flatMap((node) => this.#outcome(group, node)));
  }

  #outcome({ name, of }: OutcomeGroup, node: NodeName): Verdict['outcomes'] {
    const last = this.#claims.all().findLast(({ claim }) => claim.node === node && of.includes(claim.marker));
    return last === undefined ? [] : [{ group: name, node, marker: last.claim.marker }];
  }

  #standIns(marker: MarkerId): readonly MarkerId[] {
    return this.#profile.outcomes.find(({ interchangeable, of }) => interchangeable && of.includes(marker))?.of ?? [marker];
  }
}
