import { type Millis, NEVER, Queue, UsageError } from '@nexus-net/sansio';
import type { Fact, Violation } from '@nexus-net/wire';
import { ClaimRules } from './claim-rules.js';
import { Claims, type HeldClaim, isBelieved, valuesMatch } from './claims.js';
import { type MarkerReading, readLine } from './console-rule.js';
import { DamageWatch } from './damage.js';
import { diagnose } from './diagnose.js';
import { CHANNEL_SKEW_MS, type Circumstances, type Claim, type Finding, findEvidence, tenancyAt } from './evidence.js';
import { FactLog } from './fact-log.js';
import { factText } from './fact-text.js';
import { type LadderOptions, type ResolvedLadderOptions, withDefaults } from './ladder-options.js';
import type { ConsoleLine } from './lines.js';
import { type Marker, type MarkerId, type MarkerValues, renderMarker } from './marker.js';
import { demandedMarkers, type NodeName, type Phase, type PhaseName, type Requirement } from './profile.js';
import { newestAck } from './tenancy.js';
import type { AbortCause, Cause, FailureReport, MarkerReport, PhaseReport, Verdict, ViolationReport } from './verdict.js';

export type LadderEvent =
  | { readonly type: 'marker'; readonly report: MarkerReport }
  | { readonly type: 'phase'; readonly report: PhaseReport }
  | { readonly type: 'verdict'; readonly verdict: Verdict };

/** Where a fact was seen: on the segment, or on the loopback interface of a node, which exports it. */
export type FactSource = { readonly segment: 'wire' } | { readonly segment: 'loopback'; readonly node: NodeName };

/**
 * The judge of a run: console lines and facts in, one verdict out, as early as it is certain. A machine without clock and
 * wire of its own: the same lines and facts at the same times give the same verdict, live or from files.
 *
 * A marker counts when it was claimed **and** the wire agrees. Line and frames come over different channels, so the wire has a
 * little time to agree (`evidenceWithinMs` of the marker); then the claim is a failure, not a success that waits.
 */
export class Ladder {
  readonly #options: ResolvedLadderOptions;
  readonly #wire = new FactLog();
  readonly #loopbacks: ReadonlyMap<NodeName, FactLog>;
  readonly #damage: ReadonlyMap<NodeName, DamageWatch>;
  readonly #claims: Claims;
  readonly #rules: ClaimRules;
  readonly #phases: PhaseReport[] = [];
  readonly #violations: ViolationReport[] = [];
  readonly #events = new Queue<LadderEvent>(1_024);
  #violationsUncounted = 0;
  #state: State = { type: 'idle' };
  #now: Millis = 0;
  #lastLine: string | undefined;
  #lastFact: Fact | undefined;

  constructor(options: LadderOptions) {
    this.#options = withDefaults(options);
    const { profile, claimCountMax } = this.#options;
    const { catalogue, nodes } = profile;
    const demanded = demandedMarkers(profile).map((id): [MarkerId, Marker] => [id, catalogue.get(id)]);
    this.#claims = new Claims(catalogue, claimCountMax);
    this.#rules = new ClaimRules(profile, this.#claims, (claim) => this.#weigh(claim));
    this.#loopbacks = new Map(nodes.map((node) => [node, new FactLog()]));
    this.#damage = new Map(nodes.map((node) => [node, new DamageWatch(demanded, (line) => catalogue.read(line)?.id)]));
  }

  /** The run begins: its clock and its first phase. */
  start(now: Millis): void {
    if (this.#state.type !== 'idle') throw new UsageError('the ladder was started before');
    this.#now = now;
    this.#state = { type: 'running', startedAt: now, phase: 0, phaseStartedAt: now, movedAt: now };
  }

  /** A whole line of a guest's console. `node`: whose; default the first of the profile. */
  handleLine(now: Millis, line: ConsoleLine, node: NodeName = this.#firstNode): void {
    const state = this.#tick(now);
    if (state === undefined) return;
    const { panics, rules, profile } = this.#options;
    this.#lastLine = line.text;
    this.#state = { ...state, movedAt: this.#now };
    if (panics.some((panic) => panic.test(line.text))) {
      this.#fail('guest-panic', { node, message: `the console shows a crash: ${line.text}` });
      return;
    }
    const failure = profile.failures.find((each) => line.text.startsWith(each.line));
    if (failure !== undefined) {
      this.#failLine(node, line, failure.marker);
      return;
    }
    const phase = this.#phase(state)?.name;
    const reading = line.cut ? undefined : readLine(line.text, { catalogue: profile.catalogue, rules, phase }); // a marker is a whole line
    if (reading === undefined) this.#damage.get(node)?.handleLine(line.text);
    else {
      this.#damage.get(node)?.handleMarker();
      this.#claim(node, line, reading);
    }
  }

  /** Console or wire moved, and there is no line or fact in it: the guest is not silent. */
  handleMovement(now: Millis): void {
    const state = this.#tick(now);
    if (state !== undefined) this.#state = { ...state, movedAt: this.#now };
  }

  /** A fact that a witness saw. Default: on the segment. */
  handleFact(now: Millis, fact: Fact, source: FactSource = { segment: 'wire' }): void {
    const state = this.#tick(now);
    if (state === undefined) return;
    this.#lastFact = fact;
    this.#state = { ...state, movedAt: this.#now };
    const log = source.segment === 'wire' ? this.#wire : this.#loopbacks.get(source.node);
    if (log === undefined) throw new UsageError(`the profile has no node ${JSON.stringify((source as { node: string }).node)}`);
    log.add(fact);
    this.#advance();
  }

  /** A broken rule that a witness saw. */
  handleViolation(now: Millis, violation: Violation): void {
    const state = this.#tick(now);
    if (state === undefined) return;
    const fatal = this.#options.fatalViolation(violation);
    const { rule, reference, message, frames } = violation;
    if (this.#violations.length < this.#options.violationCountMax)
      this.#violations.push({ rule, reference, message, frames, fatal });
    else this.#violationsUncounted++;
    if (fatal) this.#fail('wire-violation', { message: `${reference}: ${message}` });
  }

  /** A guest is gone; `how` says it in words, e.g. `exit code 0`. `node`: which; default the first of the profile. */
  handleExit(now: Millis, how: string, node: NodeName = this.#firstNode): void {
    if (this.#tick(now) === undefined) return;
    const unproven = this.#claims.open().find(({ claim }) => claim.node === node);
    const who = this.#options.profile.nodes.length === 1 ? 'the guest' : `node ${node}`;
    if (unproven === undefined)
      this.#fail('guest-exit', { node, message: `${who} ended (${how}) before the ladder was satisfied` });
    else this.#failClaim(unproven);
  }

  /**
   * The guest was told everything and will do nothing more: what the ladder still lacks cannot come. Claims that wait for the
   * wire keep their time.
   */
  handleNothingMore(now: Millis): void {
    const state = this.#tick(now);
    if (state === undefined || this.#claims.open().length > 0) return;
    const phase = this.#phase(state);
    if (phase !== undefined) this.#expirePhase(phase.name);
  }

  /** The run can't go on for a reason outside of console and wire; `message` says it in words. */
  abort(now: Millis, { cause, message }: { readonly cause: AbortCause; readonly message: string }): void {
    if (this.#tick(now) !== undefined) this.#fail(cause, { message });
  }

  handleTimeout(now: Millis): void {
    this.#tick(now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): LadderEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return this.#state.type === 'running' ? this.#deadline(this.#state).at : NEVER;
  }

  /** The phase that the ladder stands in, or `undefined` before the start and after the verdict. */
  get phase(): PhaseName | undefined {
    return this.#state.type === 'running' ? this.#phase(this.#state)?.name : undefined;
  }

  inspect(): {
    readonly state: State['type'];
    readonly phase: PhaseName | undefined;
    readonly facts: object;
    readonly factsForgotten: number;
    readonly claimed: readonly MarkerId[];
    readonly claimsNotHeld: number;
    readonly eventsDropped: number;
  } {
    return {
      state: this.#state.type,
      phase: this.phase,
      facts: this.#wire.counts(),
      factsForgotten: [...this.#loopbacks.values()].reduce((sum, log) => sum + log.forgotten, this.#wire.forgotten),
      claimed: [...this.#claims.ids()],
      claimsNotHeld: this.#claims.notHeld,
      eventsDropped: this.#events.dropped,
    };
  }

  /** Runs what is due before `now`; the running state, or `undefined` where nothing matters any more. */
  #tick(now: Millis): Running | undefined {
    this.#now = Math.max(this.#now, now);
    if (this.#state.type !== 'running') return undefined;
    const deadline = this.#deadline(this.#state);
    if (this.#now >= deadline.at) {
      this.#now = deadline.at; // the verdict speaks of the instant that decided, however late the call
      deadline.expire();
      return undefined;
    }
    return this.#state;
  }

  #deadline(state: Running): Deadline {
    const phase = this.#phase(state);
    const deadlines: Deadline[] = [
      {
        at: state.startedAt + this.#options.runMs,
        expire: () => this.#fail('run-timeout', { message: `the run took ${this.#options.runMs} ms` }),
      },
      {
        at: state.movedAt + this.#options.silenceMs,
        expire: () => this.#fail('guest-silent', { message: `nothing from console or wire for ${this.#options.silenceMs} ms` }),
      },
    ];
    if (phase !== undefined) {
      const { slackMs } = this.#options;
      deadlines.push({ at: state.phaseStartedAt + phase.budgetMs + slackMs, expire: () => this.#expirePhase(phase.name) });
    }
    for (const held of this.#claims.open()) {
      const { evidenceWithinMs = CHANNEL_SKEW_MS } = this.#marker(held.claim.marker);
      deadlines.push({ at: held.claim.at + evidenceWithinMs + this.#options.slackMs, expire: () => this.#failClaim(held) });
    }
    return deadlines.reduce((earliest, deadline) => (deadline.at < earliest.at ? deadline : earliest));
  }

  #phase(state: Running): Phase | undefined {
    return this.#options.profile.phases[state.phase];
  }

  get #firstNode(): NodeName {
    return this.#options.profile.nodes[0] as NodeName;
  }

  #marker(id: MarkerId): Marker {
    return this.#options.profile.catalogue.get(id);
  }

  #claim(node: NodeName, line: ConsoleLine, { id, origin, values }: MarkerReading): void {
    const { profile } = this.#options;
    const marker = renderMarker(this.#marker(id), values);
    if (profile.forbidden.includes(id)) {
      this.#fail('forbidden-marker', { marker, node, message: `this profile forbids the line: ${line.text}` });
      return;
    }
    const rival = this.#rules.rivalOf(node, id, this.#now);
    if (rival !== undefined) {
      const message = `the console says ‘${line.text}’, and said ‘${renderMarker(this.#marker(rival))}’ before`;
      this.#fail('both-outcomes', { marker, node, message });
      return;
    }
    const missing = this.#rules.preconditionOf(node, id);
    if (missing !== undefined) {
      const first = renderMarker(this.#marker(missing));
      if (this.#failDamaged({ marker: missing, node })) return;
      const message = `the console says ‘${line.text}’, and ‘${first}’ has to come before it`;
      this.#fail('out-of-order', { marker: first, node, message });
      return;
    }
    const claim: Claim = { marker: id, node, at: this.#now, values };
    if (this.#claims.add(claim, line, origin)) {
      this.#advance();
      return;
    }
    // What was true when it was said first may be false when it is said again; silence adds nothing to it.
    const finding = this.#weigh(claim);
    if (finding.state === 'contradicted') this.#failClaim({ claim, line, origin, finding });
  }

  #weigh(claim: Claim): Finding {
    return findEvidence(this.#marker(claim.marker), claim, this.#circumstances(claim.node));
  }

  #circumstances(node: NodeName): Circumstances {
    const { contexts } = this.#options;
    return {
      wire: this.#wire,
      loopback: this.#loopbacks.get(node) as FactLog,
      context: contexts[node] as Circumstances['context'],
      nodes: contexts,
    };
  }

  /** Weighs the open claims against the facts, passes the phases that are complete, and ends the run where all is said. */
  #advance(): void {
    for (const held of this.#claims.open()) {
      held.finding = this.#weigh(held.claim);
      if (held.finding.state === 'contradicted') {
        this.#failClaim(held);
        return;
      }
      if (isBelieved(held)) this.#events.push({ type: 'marker', report: this.#markerReport(held) });
    }
    for (let state = this.#state; state.type === 'running'; state = this.#state) {
      const phase = this.#phase(state);
      if (phase === undefined || !phase.markers.every((each) => this.#rules.isSettled(each))) break;
      const report: PhaseReport = {
        name: phase.name,
        outcome: 'passed',
        markers: phase.markers,
        startedMs: sinceStart(state, state.phaseStartedAt),
        endedMs: sinceStart(state, this.#now),
      };
      this.#phases.push(report);
      this.#events.push({ type: 'phase', report });
      this.#state = { ...state, phase: state.phase + 1, phaseStartedAt: this.#now };
      const { until } = this.#options;
      if (until.type === 'phase' && until.phase === phase.name) this.#end();
      else if (state.phase + 1 === this.#options.profile.phases.length) this.#complete();
    }
    if (this.#state.type === 'running' && this.#isMarkerReached()) this.#end();
  }

  /** Every phase has passed. */
  #complete(): void {
    const { until } = this.#options;
    if (until.type !== 'marker' || this.#isMarkerReached()) {
      this.#endWithin();
      return;
    }
    const marker = renderMarker(this.#marker(until.marker), until.values);
    this.#fail('missing-marker', {
      marker,
      message: 'every phase passed, and the marker that was to end the run has other values',
    });
  }

  /** Ends a run that is satisfied, and looks whether it took longer than it may. */
  #endWithin(): void {
    const { budgets } = this.#options;
    const total: PhaseReport[] = [
      { name: 'total', outcome: 'passed', markers: [], startedMs: 0, endedMs: sinceStart(this.#state as Running, this.#now) },
    ];
    for (const { name, startedMs = 0, endedMs = 0 } of [...this.#phases, ...total]) {
      const { [name]: budget = NEVER } = budgets;
      if (endedMs - startedMs <= budget) continue;
      const took = Math.round(endedMs - startedMs);
      const what = name === 'total' ? 'the run' : `the phase ${name}`;
      this.#fail('over-budget', { message: `${what} took ${took} ms, and may take ${budget} ms` }, name);
      return;
    }
    this.#end();
  }

  /** Is the marker there that was to end the run? */
  #isMarkerReached(): boolean {
    const { until } = this.#options;
    if (until.type !== 'marker') return false;
    return this.#claims
      .all()
      .some(
        ({ claim }) =>
          claim.marker === until.marker &&
          this.#claims.isSettled(claim) &&
          valuesMatch(this.#valuesOf(claim), until.values ?? {}),
      );
  }

  #expirePhase(phase: PhaseName): void {
    const { markers } = this.#options.profile.phases.find(({ name }) => name === phase) as Phase;
    const open = markers.find((each) => !this.#rules.isSettled(each)) as Requirement;
    const held = this.#claims.open().find(({ claim }) => claim.marker === open.marker && claim.node === open.node);
    if (held !== undefined) {
      this.#failClaim(held);
      return;
    }
    const marker = renderMarker(this.#marker(open.marker));
    if (this.#failDamaged(open)) return;
    const { cause, message } = diagnose(this.#marker(open.marker).proof, open.node, this.#circumstances(open.node));
    this.#fail(cause, { message, marker, node: open.node });
  }

  /** A marker that a line of the console hides is not missing: the log is corrupt. False where no line does. */
  #failDamaged({ marker: id, node }: Requirement): boolean {
    const damage = this.#damage.get(node)?.of(id);
    if (damage === undefined) return false;
    const marker = renderMarker(this.#marker(id));
    const message = `a line of the console is ${damage.how}, and ‘${marker}’ was in it: ‘${damage.line}’`;
    this.#fail('corrupt-log', { message, marker, node });
    return true;
  }

  /** The console says itself that something went wrong: in the phase of the marker that it is the opposite of. */
  #failLine(node: NodeName, line: ConsoleLine, marker: MarkerId | undefined): void {
    const message = `the console says ‘${line.text}’`;
    if (marker === undefined) this.#fail('failure-marker', { node, message });
    else this.#fail('failure-marker', { node, message, marker: renderMarker(this.#marker(marker)) }, this.#openPhaseOf(marker));
  }

  /** The phase that demands a marker, where it has not passed. */
  #openPhaseOf(marker: MarkerId): PhaseName | undefined {
    const own = this.#options.profile.phases.find(({ markers }) => markers.some((each) => each.marker === marker))?.name;
    return this.#phases.some(({ name }) => name === own) ? undefined : own;
  }

  /** In the claim's own phase; in the present one where that has passed on the strength of an earlier claim. */
  #failClaim({ claim, finding, line }: HeldClaim): void {
    const phase = this.#openPhaseOf(claim.marker);
    const { node } = claim;
    const marker = renderMarker(this.#marker(claim.marker), this.#valuesOf(claim));
    const said = `the console says ‘${line.text}’`;
    const where = this.#marker(claim.marker).backing === 'loopback' ? 'the loopback interface' : 'the wire';
    if (finding.state === 'contradicted')
      this.#fail('contradicted-marker', { marker, node, message: `${said}, but ${finding.what}` }, phase);
    else if (finding.state === 'missing')
      this.#fail('unproven-marker', { marker, node, message: `${said}, and ${where} does not show it: ${finding.what}` }, phase);
  }

  #fail(
    cause: Cause,
    { message, marker, node }: { readonly message: string; readonly marker?: string; readonly node?: NodeName },
    phaseName?: PhaseName,
  ): void {
    const state = this.#state as Running;
    const phase = phaseName ?? this.#phase(state)?.name ?? (this.#options.profile.phases.at(-1) as Phase).name;
    this.#end({
      phase,
      ...(node !== undefined && { node }),
      cause,
      message,
      ...(marker !== undefined && { marker }),
      ...(this.#lastLine !== undefined && { lastLine: this.#lastLine }),
      ...(this.#lastFact !== undefined && { lastFact: factText(this.#lastFact) }),
    });
  }

  #end(failure?: FailureReport): void {
    const state = this.#state as Running;
    const { profile } = this.#options;
    for (const phase of profile.phases.slice(this.#phases.length)) {
      const failed = failure?.phase === phase.name;
      const report: PhaseReport = {
        name: phase.name,
        outcome: failed ? 'failed' : 'not-reached',
        markers: phase.markers,
        ...(failed && { startedMs: sinceStart(state, state.phaseStartedAt), endedMs: sinceStart(state, this.#now) }),
      };
      this.#phases.push(report);
      if (failed) this.#events.push({ type: 'phase', report });
    }
    const verdict: Verdict = {
      schema: 'nexus-net/verdict/2',
      outcome: failure === undefined ? 'passed' : 'failed',
      profile: profile.name,
      durationMs: sinceStart(state, this.#now),
      phases: this.#phases,
      markers: this.#claims.all().map((held) => this.#markerReport(held)),
      ...(failure !== undefined && { failure }),
      violations: this.#violations,
      violationsNotListed: this.#violationsUncounted,
      unbacked: [
        ...new Set(this.#claims.all().flatMap(({ claim, finding }) => (finding.state === 'unbacked' ? [claim.marker] : []))),
      ],
      outcomes: this.#rules.outcomes(),
      unclaimed: profile.phases.flatMap(({ markers }) => markers).filter((each) => !this.#claims.isClaimed(each)),
      notes: profile.notes,
    };
    this.#state = { type: 'ended' };
    this.#events.push({ type: 'verdict', verdict });
  }

  #markerReport({ claim, line, origin, finding }: HeldClaim): MarkerReport {
    const state = this.#state;
    return {
      id: claim.marker,
      node: claim.node,
      marker: renderMarker(this.#marker(claim.marker), this.#valuesOf(claim)),
      origin,
      line: line.text,
      lineNumber: line.number,
      atMs: state.type === 'running' ? sinceStart(state, claim.at) : claim.at,
      backing: this.#marker(claim.marker).backing,
      evidence: finding.state,
      frames: finding.state === 'proven' || finding.state === 'contradicted' ? finding.frames : [],
    };
  }

  /** The values of the line; what a mapped line does not say is taken from the lease or the static address. */
  #valuesOf(claim: Claim): MarkerValues {
    const { context } = this.#circumstances(claim.node);
    const tenancy = tenancyAt(claim.at, this.#wire, context);
    const lease = tenancy === undefined ? undefined : newestAck(tenancy);
    const address = lease?.address ?? context.staticAddress;
    return {
      ...(address !== undefined && { address }),
      ...(lease?.prefixLength !== undefined && { prefixLength: lease.prefixLength }),
      ...(lease !== undefined && { gateway: lease.router ?? 'none' }),
      ...claim.values,
    };
  }
}

/** Milliseconds of the run, to the nanosecond: what a difference of doubles has beyond that is noise. */
function sinceStart({ startedAt }: Running, at: Millis): Millis {
  return Math.round((at - startedAt) * 1e6) / 1e6;
}

type Running = {
  readonly type: 'running';
  readonly startedAt: Millis;
  /** Index into the profile's phases. */
  readonly phase: number;
  readonly phaseStartedAt: Millis;
  /** When console or wire last moved. */
  readonly movedAt: Millis;
};

type State = { readonly type: 'idle' } | Running | { readonly type: 'ended' };

interface Deadline {
  readonly at: Millis;
  readonly expire: () => void;
}
