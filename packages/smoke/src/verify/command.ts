import { stat } from 'node:fs/promises';
import { NEVER, UsageError } from '@nexus-net/sansio';
import { type Profile, type ProfileSpec, profileNamed, type Verdict } from '@nexus-net/verdict';
import { readCaptureFile, type VnetHeaderChoice } from '../capture-file.js';
import type { ExitName } from '../exit-codes.js';
import type { GuestDefinition } from '../guest.js';
import { ladderOptionsOf } from '../ladder-of.js';
import { Refusal } from '../refusal.js';
import { type RunRequest, readRequest } from '../request.js';
import { exitOf, type RunReport } from '../run.js';
import { isWireName, type WireName } from '../wire/wire-name.js';
import type { RecordedInput } from './events-file.js';
import { disagreement, framesOnRunClock, readBytes, readEvents, readRunFolder } from './run-files.js';
import { verifyRecording, verifyTimeless } from './verify-recording.js';

/** What is to be verified: the folder of a run, or a console log with its capture. */
export interface VerifyRequest {
  readonly path: string;
  readonly pcap?: string;
  readonly events?: string;
  readonly profile?: string;
  readonly guest?: string;
  readonly wire?: WireName;
  readonly vnetHeader: VnetHeaderChoice;
  readonly guests: Readonly<Record<string, GuestDefinition>>;
  /** Profiles beside those that come with the harness. */
  readonly profiles?: readonly ProfileSpec[];
}

export interface Verification {
  readonly verdict: Verdict;
  readonly exit: ExitName;
  /** `recorded`: each line was judged at its own instant; `end`: there were none, and lines were judged at the end of the capture. */
  readonly times: 'recorded' | 'end';
  /** With the folder of a run: what its `verdict.json` says otherwise, in one sentence each. Empty where the two agree. */
  readonly differences?: readonly string[];
}

/** Judges a recording. Throws {@link Refusal} where it can't be read or the wish can't be granted. */
export async function verify(request: VerifyRequest): Promise<Verification> {
  const isFolder = await stat(request.path).then(
    (each) => each.isDirectory(),
    () => false,
  );
  return isFolder ? await verifyFolder(request) : await verifyLog(request);
}

async function verifyFolder({
  path,
  pcap,
  events,
  profile,
  guest,
  wire,
  guests,
  profiles = [],
}: VerifyRequest): Promise<Verification> {
  if (pcap !== undefined || events !== undefined)
    throw new Refusal('the folder of a run has its own capture and events: --pcap and --events go with a console log.');
  const files = await readRunFolder(path);
  const { report, inputs } = files;
  const options = ladderOptionsOf(requestOf(report, { profile, guest, wire, guests, profiles, path }));
  refuseInputs(path, inputs, options.profile);
  const isCut = report.troubles?.some((trouble) => /^uart[\w-]*\.log is full/.test(trouble)) ?? false;
  for (const [node, bytes] of files.consoles) {
    const differing = disagreement(inputs, bytes, { isCut, node });
    if (differing !== undefined) throw new Refusal(`${path}: ${differing}`, 'unreadable');
  }
  const start = inputs.find((input) => input.type === 'start');
  if (start === undefined) throw new Refusal(`${path}: the events have no start, so their times mean nothing`, 'unreadable');
  const frames = framesOnRunClock(files.capture, start.wallAtZero);
  const verdict = verifyRecording(options, { frames, inputs });
  const differences = profile === undefined ? differencesOf(verdict, report) : [];
  const exit = differences.length > 0 ? 'failed' : exitOf(verdict);
  return { verdict, exit, times: 'recorded', ...(profile === undefined && { differences }) };
}

async function verifyLog(request: VerifyRequest): Promise<Verification> {
  const { path, pcap, events, profile = 'smoke', guest, guests, profiles, wire = 'embedded', vnetHeader } = request;
  if (pcap === undefined) throw new Refusal('verify takes the folder of a run, or a console log and --pcap FILE.');
  const options = ladderOptionsOf({
    guest: guest === undefined ? ANY_GUEST : guestNamed(guest, guests),
    profile: profileOf(profile, profiles),
    until: { type: 'satisfied' },
    runMs: NEVER,
    dhcpServer: true,
    wire,
    environment: {},
  });
  const { nodes, name } = options.profile;
  if (nodes.length > 1)
    throw new Refusal(
      `the profile ${name} is of ${nodes.length} machines, and one console log is of one: verify the folder of the run.`,
    );
  const console = await readBytes(path);
  const capture = await readCaptureFile(pcap, { vnetHeader });
  if (capture.endsEarly !== undefined) throw new Refusal(`${pcap}: ${capture.endsEarly}`, 'unreadable');
  if (events === undefined) {
    const verdict = verifyTimeless(options, { frames: capture.frames, console });
    return { verdict, exit: exitOf(verdict), times: 'end' };
  }
  const inputs = await readEvents(events);
  refuseInputs(events, inputs, options.profile);
  const differing = disagreement(inputs, console);
  if (differing !== undefined) throw new Refusal(`${path}: ${differing}`, 'unreadable');
  const start = inputs.find((input) => input.type === 'start');
  if (start === undefined) throw new Refusal(`${events}: the events have no start, so their times mean nothing`, 'unreadable');
  const verdict = verifyRecording(options, { frames: framesOnRunClock(capture, start.wallAtZero), inputs });
  return { verdict, exit: exitOf(verdict), times: 'recorded' };
}

/** The request that a run was made of, as its report has it. */
function requestOf(
  report: Partial<RunReport>,
  wish: Pick<VerifyRequest, 'guests' | 'path' | 'profiles'> & {
    readonly profile: string | undefined;
    readonly guest: string | undefined;
    readonly wire: WireName | undefined;
  },
): RunRequest {
  const { guests, path, profiles = [] } = wish;
  const guest = guestNamed(wish.guest ?? String(report.guest), guests);
  const { environment, dhcpServer = true, faults, dialect, peer, budgets } = report;
  const wire = wish.wire ?? report.wire ?? 'embedded'; // a report from before there was a choice is of the embedded one
  if (!isWireName(wire)) throw new Refusal(`${path}: the verdict names a wire that there isn’t`, 'unreadable');
  const wanted = wish.profile ?? report.profile;
  if (typeof wanted !== 'string') throw new Refusal(`${path}: the verdict names no profile`, 'unreadable');
  const further = {
    ...(faults !== undefined && { faults }),
    ...(dialect !== undefined && { dialect }),
    ...(peer !== undefined && { peer }),
    ...(budgets !== undefined && { budgets }),
  };
  const variables = Object.entries(environment ?? {}).filter(([name]) => !name.startsWith('REQUIRE_'));
  // A profile that two gates made together has no name of its own in any list.
  return wanted.includes('+') && wish.profile === undefined
    ? readRequest(environment ?? {}, { guest, dhcpServer, wire, profiles })
    : readRequest(Object.fromEntries(variables), {
        guest,
        dhcpServer,
        wire,
        profiles,
        profile: wanted,
        nodeCount: profileOf(wanted, profiles).nodes.length,
        ...further,
      });
}

function guestNamed(name: string, guests: VerifyRequest['guests']): GuestDefinition {
  const guest = Object.hasOwn(guests, name) ? guests[name] : undefined;
  if (guest === undefined) throw new Refusal(`there is no guest ‘${name}’: ${Object.keys(guests).join(', ')}.`);
  return guest;
}

function profileOf(name: string, profiles: readonly ProfileSpec[] = []): Profile {
  try {
    return profileNamed(name, profiles);
  } catch (error) {
    if (error instanceof UsageError) throw new Refusal(`${error.message}.`);
    throw error;
  }
}

function refuseInputs(path: string, inputs: readonly RecordedInput[], { name, nodes }: Profile): void {
  const stranger = inputs.flatMap((input) => ('node' in input && !nodes.includes(input.node) ? [input] : []))[0];
  if (stranger !== undefined)
    throw new Refusal(
      `${path}: an event is of a node ‘${stranger.node}’, and the profile ${name} has ${nodes.join(', ')}`,
      'unreadable',
    );
}

/** What the report of a run says otherwise than its evidence. */
export function differencesOf(verdict: Verdict, report: Partial<RunReport>): readonly string[] {
  const claims = (each: Pick<Verdict, 'markers'> | Partial<RunReport>): unknown =>
    Array.isArray(each.markers)
      ? each.markers.map(({ id, node, marker, origin, line, evidence, frames }) => [
          id,
          node,
          marker,
          origin,
          line,
          evidence,
          frames,
        ])
      : undefined;
  const rows: readonly (readonly [what: string, mine: unknown, theirs: unknown])[] = [
    ['outcome', verdict.outcome, report.outcome],
    ['phase of the failure', verdict.failure?.phase, report.failure?.phase],
    ['cause', verdict.failure?.cause, report.failure?.cause],
    ['marker of the failure', verdict.failure?.marker, report.failure?.marker],
    [
      'phases',
      verdict.phases.map(({ name, outcome }) => [name, outcome]),
      report.phases?.map(({ name, outcome }) => [name, outcome]),
    ],
    ['markers', claims(verdict), claims(report)],
    ['broken rules', verdict.violations, report.violations],
  ];
  return rows.flatMap(([what, mine, theirs]) => {
    const [found, written] = [JSON.stringify(mine) ?? 'none', JSON.stringify(theirs) ?? 'none'];
    return found === written ? [] : [`${what}: the evidence says ${short(found)}, verdict.json says ${short(written)}`];
  });
}

function short(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

/** A guest that nobody named: it prints the contract's markers itself, and crashes as kernels do. */
const ANY_GUEST: GuestDefinition = {
  name: 'any',
  description: 'a console log of any guest that prints the markers itself',
  capabilities: new Set(),
  answers: 'always',
  script: () => [],
  rules: () => [],
  // Of Linux, and those that the harness of ADR-0025 looked for.
  panics: [
    /Kernel panic - not syncing/,
    /^\s*(?:Oops|BUG): /,
    /^(?:\[[\w.: -]*\] ?)?(?:PANIC\b|EXC: scause=|ILLEGAL|rx guard:|LOCKDEP:|PT-VERIFY:|HEAP: |SELFTEST: fail)/,
  ],
  start: () => Promise.reject(new Error('a log does not boot')),
};
