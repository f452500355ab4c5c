import { type ExitName, exitCode } from '../exit-codes.js';
import type { RunReport } from '../run.js';

/**
 * How `test-os2vm` ends: by the numbers of the OS's own two-machine harness where it has one for what happened, and by those of `nexus-net` for what
 * it could not say.
 */
export interface Os2vmExit {
  readonly code: number;
  readonly meaning: string;
}

type Phase = 'discovery' | 'session' | 'mux' | 'remote';

/** A phase whose time ran out, and one in which a machine ended; `a` and `b` by their names. */
const PHASES: Readonly<
  Record<Phase, { readonly timeout?: number; readonly a?: number; readonly b?: number; readonly said?: number }>
> = {
  discovery: { timeout: 31, a: 32, b: 33 },
  session: { timeout: 41, a: 42, b: 43 },
  mux: { timeout: 46, a: 47, b: 48, said: 49 },
  remote: { timeout: 57, said: 66 },
};

/** The step of the phase `remote` that is missing, by the beginning of its line. */
const REMOTE_STEPS: readonly (readonly [line: string, code: number])[] = [
  ['SELFTEST: remote resolve', 51],
  ['SELFTEST: remote query', 52],
  ['SELFTEST: remote statefs', 60],
  ['SELFTEST: remote pkgfs stat', 53],
  ['SELFTEST: remote pkgfs open', 54],
  ['SELFTEST: remote pkgfs read step', 55],
  ['SELFTEST: remote pkgfs close', 56],
  ['SELFTEST: remote pkgfs read', 57],
  ['dsoftbusd: remote packagefs served', 58],
  ['dsoftbusd: remote statefs served', 65],
];

const BUDGETS: Readonly<Record<string, number>> = { discovery: 81, session: 82, mux: 83, remote: 84, total: 85 };

/** Every number, for the help text and the documents. */
export const OS2VM_EXITS: readonly Os2vmExit[] = [
  { code: 31, meaning: 'discovery: the time ran out' },
  { code: 32, meaning: 'discovery: node a ended' },
  { code: 33, meaning: 'discovery: node b ended' },
  { code: 41, meaning: 'session: the time ran out' },
  { code: 42, meaning: 'session: node a ended' },
  { code: 43, meaning: 'session: node b ended' },
  { code: 44, meaning: 'session: no SYN between the two' },
  { code: 45, meaning: 'session: no SYN-ACK' },
  { code: 46, meaning: 'mux: the time ran out' },
  { code: 47, meaning: 'mux: node a ended' },
  { code: 48, meaning: 'mux: node b ended' },
  { code: 49, meaning: 'mux: a node says itself that it failed' },
  { code: 51, meaning: 'remote: resolve' },
  { code: 52, meaning: 'remote: query' },
  { code: 53, meaning: 'remote: packagefs stat' },
  { code: 54, meaning: 'remote: packagefs open' },
  { code: 55, meaning: 'remote: packagefs read step' },
  { code: 56, meaning: 'remote: packagefs close' },
  { code: 57, meaning: 'remote: packagefs as a whole, or the phase without a step that is to blame' },
  { code: 58, meaning: 'remote: packagefs served' },
  { code: 60, meaning: 'remote: statefs' },
  { code: 65, meaning: 'remote: statefs served' },
  { code: 66, meaning: 'remote: a node says itself that it failed' },
  { code: 61, meaning: 'something that is needed is not installed' },
  { code: 62, meaning: 'the run’s files could not be written' },
  { code: 71, meaning: 'a machine did not start' },
  { code: 81, meaning: 'over budget: discovery' },
  { code: 82, meaning: 'over budget: session' },
  { code: 83, meaning: 'over budget: mux' },
  { code: 84, meaning: 'over budget: remote' },
  { code: 85, meaning: 'over budget: the whole run' },
  { code: 99, meaning: 'everything else that failed; `verdict.json` has phase and cause' },
];

/** What the OS's harness has no number for keeps that of `nexus-net`: claims that the wire denies, broken rules, an end from outside, our own defects. */
const OWN: readonly ExitName[] = ['passed', 'usage', 'unproven', 'violation', 'interrupted', 'internal'];

/** The number for a run of two machines. Pure and total. */
export function os2vmExitCode({ exit, failure }: Pick<RunReport, 'exit' | 'failure'>): number {
  if (OWN.includes(exit)) return exitCode(exit);
  if (exit === 'missing') return 61;
  if (exit === 'unwritable') return 62;
  if (failure === undefined) return 99;
  const { phase, cause, node, marker } = failure;
  if (cause === 'guest-not-started') return 71;
  if (cause === 'over-budget') return BUDGETS[phase] ?? 99;
  if (!Object.hasOwn(PHASES, phase)) return 99;
  const { timeout = 99, a = 99, b = 99, said = 99 } = PHASES[phase as Phase];
  if (cause === 'guest-exit' || cause === 'guest-panic') return node === 'b' ? b : a;
  if (cause === 'failure-marker') return said;
  if (cause === 'no-session-dial' && phase === 'session') return 44;
  if (cause === 'no-session-connection' && phase === 'session') return 45;
  const step = phase === 'remote' ? REMOTE_STEPS.find(([line]) => marker?.startsWith(line)) : undefined;
  return step?.[1] ?? timeout;
}
