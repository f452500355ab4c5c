import { type Millis, requireArgument, UsageError } from '@nexus-net/sansio';
import type { Violation } from '@nexus-net/wire';
import type { ConsoleRule } from './console-rule.js';
import type { WireContext } from './evidence.js';
import { type MarkerId, type MarkerValues, markerLiteral } from './marker.js';
import { demandedMarkers, type NodeName, type PhaseName, type Profile } from './profile.js';

/** When a run that goes well ends. */
export type StopCondition =
  | { readonly type: 'satisfied' }
  /** With `values`: only a marker with these values ends it. */
  | { readonly type: 'marker'; readonly marker: MarkerId; readonly values?: MarkerValues }
  | { readonly type: 'phase'; readonly phase: PhaseName };

export type LadderOptions = {
  readonly profile: Profile;
  /** Who is who on the wire: for each node of the profile, or for its only one. */
  readonly context: WireContext | Readonly<Record<NodeName, WireContext>>;
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
  /** Milliseconds by which evidence may come later than its marker says, and phases take longer: for a wire that is made bad on purpose. Default 0. */
  readonly slackMs?: Millis;
  /** What a run that is satisfied may have taken: phases by name, and `total`. Beyond it the run fails as over budget. Default: no limit. */
  readonly budgets?: Readonly<Record<PhaseName, Millis>>;
  /** May a violation with this rule id pass? Default: every violation is reported and none is fatal. */
  readonly fatalViolation?: (violation: Violation) => boolean;
  /** Violations kept in the verdict; further ones are only counted. Default 256. */
  readonly violationCountMax?: number;
  /** Claims followed: a marker with other values is another claim. Further ones are only counted. Default 256. */
  readonly claimCountMax?: number;
};

/** All options, with a context for each node. */
export interface ResolvedLadderOptions extends Required<Omit<LadderOptions, 'context'>> {
  readonly contexts: Readonly<Record<NodeName, WireContext>>;
}

/** Options with their defaults. Throws `UsageError` where they can't be, or ask for an end that the profile doesn't have. */
export function withDefaults(options: LadderOptions): ResolvedLadderOptions {
  const {
    profile,
    rules = [],
    panics = [],
    until = { type: 'satisfied' },
    runMs = 90_000,
    silenceMs = 30_000,
    slackMs = 0,
    budgets = {},
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
  const stranger = Object.keys(budgets).find((each) => each !== 'total' && !phases.some((phase) => phase.name === each));
  if (stranger !== undefined) throw new UsageError(`the profile ${name} has no phase ${stranger} to give a budget`);
  const demanded = demandedMarkers(profile);
  if (until.type === 'marker' && !demanded.includes(until.marker)) {
    const known = demanded.map((id) => markerLiteral(profile.catalogue.get(id))).join(', ');
    throw new UsageError(`the profile ${name} does not demand the marker ${until.marker}: ${known}`);
  }
  const { context, ...rest } = options;
  const contexts = isContext(context) ? { [profile.nodes[0] as NodeName]: context } : context;
  const strangers = profile.nodes.filter((node) => contexts[node] === undefined);
  requireArgument(strangers.length === 0, `every node of the profile has a context; ${strangers.join(', ')} has none`);
  return {
    ...rest,
    contexts,
    rules,
    panics,
    until,
    runMs,
    silenceMs,
    slackMs,
    budgets,
    fatalViolation,
    violationCountMax,
    claimCountMax,
  };
}

function isContext(context: LadderOptions['context']): context is WireContext {
  return typeof context['guestMac'] === 'number';
}
