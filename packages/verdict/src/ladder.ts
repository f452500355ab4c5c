import { type Millis, NEVER, Queue, UsageError } from '@nexus-net/sansio';
import type { Fact, Violation } from '@nexus-net/wire';
import { Claims, type HeldClaim, isBelieved, valuesMatch } from './claims.js';
import { type MarkerReading, readLine } from './console-rule.js';
import { diagnose } from './diagnose.js';
import { CHANNEL_SKEW_MS, type Claim, findEvidence, tenancyAt } from './evidence.js';
import { FactLog } from './fact-log.js';
import { factText } from './fact-text.js';
import { type LadderOptions, withDefaults } from './ladder-options.js';
import type { ConsoleLine } from './lines.js';
import { MARKERS, type MarkerId, type MarkerValues, renderMarker } from './markers.js';
import type { Phase, PhaseName } from './profile.js';
import { newestAck } from './tenancy.js';
import type { AbortCause, Cause, FailureReport, MarkerReport, PhaseReport, Verdict, ViolationReport } from './verdict.js';

export type LadderEvent =
  | { readonly type: 'marker'; readonly report: MarkerReport }
  | { readonly type: 'phase'; readonly report: PhaseReport }
  | { readonly type: 'verdict'; readonly verdict: Verdict };

/**
 * The judge of a run: console lines and facts in, one verdict out, as early as it is certain. A machine without clock and
 * wire of its own: the same lines and facts at the same times give the same verdict, live or from files.
 *
 * A marker counts when it was claimed **and** the wire agrees. Line and frames come over different channels, so the wire has a
 * little time to agree (`evidenceWithinMs` of the marker); then the claim is a failure, not a success that waits.
 */
export class Ladder {
  readonly #options: Required<LadderOptions>;
  readonly #facts = new FactLog();
  readonly #claims: Claims;
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
    this.#claims = new Claims(this.#options.claimCountMax);
  }

  /** The run begins: its clock and its first phase. */
  start(now: Millis): void {
    if (this.#state.type !== 'idle') throw new UsageError('the ladder was started before');
    this.#now = now;
    this.#state = { type: 'running', startedAt: now, phase: 0, phaseStartedAt: now, movedAt: now };
  }

  /** A whole line of the guest's console. */
  handleLine(now: Millis, line: ConsoleLine): void {
    const state = this.#tick(now);
    if (state === undefined) return;
    this.#lastLine = line.text;
    this.#state = { ...state, movedAt: this.#now };
    if (this.#options.panics.some((panic) => panic.test(line.text))) {
      this.#fail('guest-panic', { message: `the console shows a crash: ${line.text}` });
      return;
    }
    if (line.cut) return; // a marker is a whole line
    const reading = readLine(line.text, this.#options.rules, this.#phase(state)?.name);
    if (reading !== undefined) this.#claim(line, reading);
  }

  /** Console or wire moved, and there is no line or fact in it: the guest is not silent. */
  handleMovement(now: Millis): void {
    const state = this.#tick(now);
    if (state !== undefined) this.#state = { ...state, movedAt: this.#now };
  }

  /** A fact that a witness saw. */
  handleFact(now: Millis, fact: Fact): void {
    const state = this.#tick(now);
    if (state === undefined) return;
    this.#lastFact = fact;
    this.#state = { ...state, movedAt: this.#now };
    this.#facts.add(fact);
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

  /** The guest is gone; `how` says it in words, e.g. `exit code 0`. Nothing more can come. */
  handleExit(now: Millis, how: string): void {
    if (this.#tick(now) === undefined) return;
    const [unproven] = this.#claims.open();
    if (unproven === undefined) this.#fail('guest-exit', { message: `the guest ended (${how}) before the ladder was satisfied` });
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
      facts: this.#facts.counts(),
      factsForgotten: this.#facts.forgotten,
      claimed: [...new Set(this.#claims.all().map(({ claim }) => claim.marker))],
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
      deadlines.push({ at: state.phaseStartedAt + phase.budgetMs, expire: () => this.#expirePhase(phase.name) });
    }
    for (const held of this.#claims.open()) {
      const { evidenceWithinMs = CHANNEL_SKEW_MS } = MARKERS[held.claim.marker];
      deadlines.push({ at: held.claim.at + evidenceWithinMs, expire: () => this.#failClaim(held) });
    }
    return deadlines.reduce((earliest, deadline) => (deadline.at < earliest.at ? deadline : earliest));
  }

  #phase(state: Running): Phase | undefined {
    return this.#options.profile.phases[state.phase];
  }

  #claim(line: ConsoleLine, { id, origin, values }: MarkerReading): void {
    if (this.#options.profile.forbidden.includes(id)) {
      this.#fail('forbidden-marker', {
        marker: renderMarker(id, values),
        message: `this profile forbids the line: ${line.text}`,
      });
      return;
    }
    const claim: Claim = { marker: id, at: this.#now, values };
    if (this.#claims.add(claim, line, origin)) {
      this.#advance();
      return;
    }
    // What was true when it was said first may be false when it is said again; silence adds nothing to it.
    const finding = findEvidence(claim, this.#facts, this.#options.context);
    if (finding.state === 'contradicted') this.#failClaim({ claim, line, origin, finding });
  }

  /** Weighs the open claims against the facts, passes the phases that are complete, and ends the run where all is said. */
  #advance(): void {
    for (const held of this.#claims.open()) {
      held.finding = findEvidence(held.claim, this.#facts, this.#options.context);
      if (held.finding.state === 'contradicted') {
        this.#failClaim(held);
        return;
      }
      if (isBelieved(held)) this.#events.push({ type: 'marker', report: this.#markerReport(held) });
    }
    for (let state = this.#state; state.type === 'running'; state = this.#state) {
      const phase = this.#phase(state);
      if (phase === undefined || !phase.markers.every((id) => this.#claims.isSettled(id))) break;
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
      this.#end();
      return;
    }
    const marker = renderMarker(until.marker, until.values);
    this.#fail('missing-marker', {
      marker,
      message: 'every phase passed, and the marker that was to end the run has other values',
    });
  }

  /** Is the marker there that was to end the run? */
  #isMarkerReached(): boolean {
    const { until } = this.#options;
    if (until.type !== 'marker' || !this.#claims.isSettled(until.marker)) return false;
    return this.#claims
      .all()
      .some(({ claim }) => claim.marker === until.marker && valuesMatch(this.#valuesOf(claim), until.values ?? {}));
  }

  #expirePhase(phase: PhaseName): void {
    const { markers } = this.#options.profile.phases.find(({ name }) => name === phase) as Phase;
    const open = markers.find((id) => !this.#claims.isSettled(id)) as MarkerId;
    const held = this.#claims.open().find(({ claim }) => claim.marker === open);
    if (held !== undefined) {
      this.#failClaim(held);
      return;
    }
    const { cause, message } = diagnose(phase, this.#facts, this.#options.context);
    this.#fail(cause, { message, marker: renderMarker(open) });
  }

  /** In the claim's own phase; in the present one where that has passed on the strength of an earlier claim. */
  #failClaim({ claim, finding, line }: HeldClaim): void {
    const own = this.#options.profile.phases.find(({ markers }) => markers.includes(claim.marker))?.name;
    const phase = this.#phases.some(({ name }) => name === own) ? undefined : own;
    const marker = renderMarker(claim.marker, this.#valuesOf(claim));
    const said = `the console says ‘${line.text}’`;
    if (finding.state === 'contradicted')
      this.#fail('contradicted-marker', { marker, message: `${said}, but ${finding.what}` }, phase);
    else if (finding.state === 'missing')
      this.#fail('unproven-marker', { marker, message: `${said}, and the wire does not show it: ${finding.what}` }, phase);
  }

  #fail(cause: Cause, { message, marker }: { readonly message: string; readonly marker?: string }, phaseName?: PhaseName): void {
    const state = this.#state as Running;
    const phase = phaseName ?? this.#phase(state)?.name ?? (this.#options.profile.phases.at(-1) as Phase).name;
    this.#end({
      phase,
      cause,
      message,
      ...(marker !== undefined && { marker }),
      ...(this.#lastLine !== undefined && { lastLine: this.#lastLine }),
      ...(this.#lastFact !== undefined && { lastFact: factText(this.#lastFact) }),
    });
  }

  #end(failure?: FailureReport): void {
    const state = this.#state as Running;
    for (const phase of this.#options.profile.phases.slice(this.#phases.length)) {
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
      schema: 'nexus-net/verdict/1',
      outcome: failure === undefined ? 'passed' : 'failed',
      profile: this.#options.profile.name,
      durationMs: sinceStart(state, this.#now),
      phases: this.#phases,
      markers: this.#claims.all().map((held) => this.#markerReport(held)),
      ...(failure !== undefined && { failure }),
      violations: this.#violations,
      violationsNotListed: this.#violationsUncounted,
      unbacked: this.#claims.all().flatMap(({ claim, finding }) => (finding.state === 'unbacked' ? [claim.marker] : [])),
    };
    this.#state = { type: 'ended' };
    this.#events.push({ type: 'verdict', verdict });
  }

  #markerReport({ claim, line, origin, finding }: HeldClaim): MarkerReport {
    const state = this.#state;
    return {
      id: claim.marker,
      marker: renderMarker(claim.marker, this.#valuesOf(claim)),
      origin,
      line: line.text,
      lineNumber: line.number,
      atMs: state.type === 'running' ? sinceStart(state, claim.at) : claim.at,
      backing: MARKERS[claim.marker].backing,
      evidence: finding.state,
      frames: finding.state === 'proven' || finding.state === 'contradicted' ? finding.frames : [],
    };
  }

  /** The values of the line; what a mapped line does not say is taken from the lease or the static address. */
  #valuesOf(claim: Claim): MarkerValues {
    const { context } = this.#options;
    const tenancy = tenancyAt(claim.at, this.#facts, context);
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
