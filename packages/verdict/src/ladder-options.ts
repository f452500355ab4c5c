import { type Millis, requireArgument, UsageError } from '@nexus-net/sansio';
import type { Violation } from '@nexus-net/wire';
import type { ConsoleRule } from './console-rule.js';
import type { WireContext } from './evidence.js';
import { type MarkerId, type MarkerValues, markerLiteral } from './markers.js';
import type { PhaseName, Profile } from './profile.js';

/** When a run that goes well ends. */
export type StopCondition =
  | { readonly type: 'satisfied' }
  /** With `values`: only a marker with these values ends it. */
  | { readonly type: 'marker'; readonly marker: MarkerId; readonly values?: MarkerValues }
  | { readonly type: 'phase'; readonly phase: PhaseName };

export type LadderOptions = {
  readonly profile: Profile;
  readonly context: WireContext;
  /** Lines that stand for markers. Default: none, the guest prints the markers themselves. */
  readonly rules?: readonly ConsoleRule[];
  /** Lines that mean that the guest crashed. Default: none. */
  readonly panics?: readonly RegExp[];
  /** Default: the ladder is satisfied. */
  readonly until?: StopCondition;
  /** Milliseconds for the whole run. Default 90 000; `NEVER` for no limit. */
  readonly runMs?: Millis;
  /** Milliseconds in which neither console nor wire moves. Default 30 000; `NEVER` for no limit. */
  readonly silenceMs?: Millis;
  /** May a violation with this rule id pass? Default: every violation is reported and none is fatal. */
  readonly fatalViolation?: (violation: Violation) => boolean;
  /** Violations kept in the verdict; further ones are only counted. Default 256. */
  readonly violationCountMax?: number;
  /** Claims followed: a marker with other values is another claim. Further ones are only counted. Default 256. */
  readonly claimCountMax?: number;
};

/** Options with their defaults. Throws `UsageError` where they can't be, or ask for an end that the profile doesn't have. */
export function withDefaults(options: LadderOptions): Required<LadderOptions> {
  const {
    profile,
    rules = [],
    panics = [],
    until = { type: 'satisfied' },
    runMs = 90_000,
    silenceMs = 30_000,
    fatalViolation = () => false,
    violationCountMax = 256,
    claimCountMax = 256,
  } = options;
  const { name, phases } = profile;
  requireArgument(phases.length > 0, 'a profile has at least one phase');
  requireArgument(runMs > 0 && silenceMs > 0, 'runMs and silenceMs are above 0');
  if (until.type === 'phase' && !phases.some((phase) => phase.name === until.phase)) {
    const known = phases.map((phase) => phase.name).join(', ');
    throw new UsageError(`the profile ${name} has no phase ${until.phase}: ${known}`);
  }
  if (until.type === 'marker' && !phases.some(({ markers }) => markers.includes(until.marker))) {
    const known = phases.flatMap(({ markers }) => markers.map(markerLiteral)).join(', ');
    throw new UsageError(`the profile ${name} has no marker ${markerLiteral(until.marker)}: ${known}`);
  }
  return { ...options, rules, panics, until, runMs, silenceMs, fatalViolation, violationCountMax, claimCountMax };
}
