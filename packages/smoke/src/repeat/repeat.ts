import type { Clock } from '@nexus-net/host';
import type { Millis } from '@nexus-net/sansio';
import type { Verdict } from '@nexus-net/verdict';
import type { ExitName } from '../exit-codes.js';
import { Refusal } from '../refusal.js';
import type { RunOutcome } from '../run.js';
import { type Rate, type Spread, spreadOf, wilson } from './statistics.js';

/** One attempt of a series, as `repeat.json` has it. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Name of the run's folder beside `repeat.json`; absent where the run was refused before it had one. */
  readonly folder?: string;
  /** `interrupted` and `refused` were not judged and stand for neither a pass nor a failure. */
  readonly outcome: 'passed' | 'failed' | 'interrupted' | 'refused';
  readonly exit: ExitName;
  readonly phase?: string;
  readonly cause?: string;
  readonly message?: string;
  /** From the start of the run to its verdict. */
  readonly durationMs: Millis;
  /** With preparation, the guest's end, and the files. */
  readonly wallMs: Millis;
}

/** Attempts that failed in the same phase for the same cause. */
export interface FailureGroup {
  readonly phase: string;
  readonly cause: string;
  readonly count: number;
  readonly attempts: readonly number[];
  /** Of the first of them. */
  readonly message: string;
}

/** What `repeat.json` holds. */
export interface RepeatReport {
  readonly schema: 'nexus-net/repeat/1';
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly guest: string;
  readonly profile: string;
  readonly boot: 'cold' | 'restored';
  readonly environment: Readonly<Record<string, string>>;
  readonly requested: number;
  /** Every attempt, in order. There is no retry: an attempt that failed stays one. */
  readonly attempts: readonly Attempt[];
  readonly passed: number;
  readonly failed: number;
  /** Failures of judged attempts with the 95 % interval; absent where none was judged. */
  readonly flakeRate?: Rate;
  /** Of judged attempts, `durationMs`. */
  readonly durationMs?: Spread;
  readonly failures: readonly FailureGroup[];
  readonly endedBy: 'done' | 'interrupted' | 'refused' | 'first-failure';
  /** The worst of the attempts. */
  readonly exit: ExitName;
}

/** A series as it goes on. */
export interface RepeatProgress {
  readonly attempt: Attempt;
  readonly report: RepeatReport;
  /** Milliseconds until the last attempt will be over, if the rest takes as long as those so far. */
  readonly leftMs: Millis;
}

export interface RepeatOptions {
  readonly series: Pick<RepeatReport, 'startedAt' | 'guest' | 'profile' | 'boot' | 'environment' | 'requested'>;
  /** One whole run. */
  readonly attempt: (number: number) => Promise<RunOutcome>;
  readonly clock: Clock;
  /** Hears of each attempt when it is over, and is waited for. */
  readonly listener: (progress: RepeatProgress) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Ends after the first attempt that failed. Default false. */
  readonly untilFailure?: boolean;
}

export interface RepeatOutcome {
  readonly report: RepeatReport;
  /** Of the attempts that have one. */
  readonly verdicts: readonly { readonly number: number; readonly verdict: Verdict }[];
}

/**
 * From the best end of an attempt to the worst: a series ends as its worst attempt did. What says that nothing was proven at all is worse
 * than what was judged, and a guest that claims what the wire denies is worse than one that says so itself.
 */
const BEST_TO_WORST: readonly ExitName[] = [
  'passed',
  'failed',
  'guest',
  'violation',
  'unproven',
  'unreadable',
  'altered',
  'untrusted',
  'secret',
  'usage',
  'interrupted',
  'missing',
  'unwritable',
  'internal',
];

/** Runs one attempt after another, each to its end. */
export async function repeat(options: RepeatOptions): Promise<RepeatOutcome> {
  const { series, attempt: run, clock, listener, signal, untilFailure = false } = options;
  const attempts: Attempt[] = [];
  const verdicts: { readonly number: number; readonly verdict: Verdict }[] = [];
  let endedBy: RepeatReport['endedBy'] = 'done';
  const startedMs = clock.now();
  for (let number = 1; number <= series.requested && endedBy === 'done'; number++) {
    if (signal?.aborted) {
      endedBy = 'interrupted';
      break;
    }
    const begunMs = clock.now();
    let attempt: Attempt;
    try {
      const { report, folder } = await run(number);
      const wallMs = clock.now() - begunMs;
      attempt = attemptOf(report, { number, folder, wallMs });
      verdicts.push({ number, verdict: verdictOnly(report) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { exit, message } = error;
      attempt = { number, outcome: 'refused', exit, message, durationMs: 0, wallMs: clock.now() - begunMs };
    }
    attempts.push(attempt);
    if (attempt.outcome === 'interrupted' || attempt.outcome === 'refused') endedBy = attempt.outcome;
    else if (untilFailure && attempt.outcome === 'failed') endedBy = 'first-failure';
    const perAttempt = (clock.now() - startedMs) / attempts.length;
    const left = endedBy === 'done' ? series.requested - number : 0;
    await listener({ attempt, report: reportOf(series, { attempts, endedBy }), leftMs: perAttempt * left });
  }
  return { report: reportOf(series, { attempts, endedBy }), verdicts };
}

function attemptOf(
  report: RunOutcome['report'],
  { number, folder, wallMs }: { readonly number: number; readonly folder: string; readonly wallMs: Millis },
): Attempt {
  const { failure, durationMs, exit } = report;
  const passed = failure === undefined && exit === 'passed';
  // A run that passed and could not keep its proof is none that passed.
  const { phase, cause, message } = failure ?? { phase: 'end', cause: exit, message: report.troubles.join('; ') };
  return {
    number,
    folder: folder.slice(folder.lastIndexOf('/') + 1),
    outcome: passed ? 'passed' : cause === 'interrupted' ? 'interrupted' : 'failed',
    exit,
    ...(!passed && { phase, cause, message }),
    durationMs,
    wallMs,
  };
}

/** Without the lists of a report that may be long: a series keeps many. */
function verdictOnly({ schema, outcome, profile, durationMs, phases, markers, failure, ...rest }: RunOutcome['report']): Verdict {
  const { violations, violationsNotListed, unbacked, outcomes, unclaimed, notes } = rest;
  return {
    schema,
    outcome,
    profile,
    durationMs,
    phases,
    markers,
    ...(failure !== undefined && { failure }),
    violations,
    violationsNotListed,
    unbacked,
    outcomes,
    unclaimed,
    notes,
  };
}

function reportOf(
  series: RepeatOptions['series'],
  { attempts, endedBy }: { readonly attempts: readonly Attempt[]; readonly endedBy: RepeatReport['endedBy'] },
): RepeatReport {
  const judged = attempts.filter(({ outcome }) => outcome === 'passed' || outcome === 'failed');
  const failed = judged.filter(({ outcome }) => outcome === 'failed').length;
  const flakeRate = wilson({ count: failed, total: judged.length });
  const durationMs = spreadOf(judged.map((each) => each.durationMs));
  return {
    schema: 'nexus-net/repeat/1',
    ...series,
    attempts: [...attempts],
    passed: judged.length - failed,
    failed,
    ...(flakeRate !== undefined && { flakeRate }),
    ...(durationMs !== undefined && { durationMs }),
    failures: groupsOf(judged),
    endedBy,
    exit: worstOf([...attempts.map(({ exit }) => exit), ...(endedBy === 'interrupted' ? (['interrupted'] as const) : [])]),
  };
}

/** Failures by phase and cause, the most frequent first. */
function groupsOf(attempts: readonly Attempt[]): readonly FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const { outcome, number, phase = '', cause = '', message = '' } of attempts) {
    if (outcome !== 'failed') continue;
    const key = `${phase}\n${cause}`;
    const { attempts: before, message: first } = groups.get(key) ?? { attempts: [], message };
    groups.set(key, { phase, cause, count: before.length + 1, attempts: [...before, number], message: first });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/** How a series ends whose attempts ended like this. */
export function worstOf(exits: readonly ExitName[]): ExitName {
  const rank = (exit: ExitName): number => BEST_TO_WORST.indexOf(exit);
  return exits.reduce((worst, exit) => (rank(exit) > rank(worst) ? exit : worst), 'passed' as ExitName);
}
