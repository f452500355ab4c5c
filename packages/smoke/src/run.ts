import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Driver, monotonicClock, systemEntropy } from '@nexus-net/host';
import type { Millis } from '@nexus-net/sansio';
import type { Cause, NodeName, PhaseName, Verdict } from '@nexus-net/verdict';
import { describeFact } from '@nexus-net/wire';
import type { ExitName } from './exit-codes.js';
import type { BusDialect, GuestSink } from './guest.js';
import { startHosted } from './guests/hosted.js';
import { Machines } from './machines.js';
import { placesOf } from './places.js';
import { Refusal } from './refusal.js';
import { annotateCapture, writeReport } from './report/finish-run.js';
import type { RunRequest } from './request.js';
import { RunFolder, type RunFolderLimits } from './run-folder.js';
import { type SmokeEvent, SmokeMachine } from './smoke-machine.js';
import { recordedInput } from './verify/events-file.js';
import { type FarEnd, openFarEnd } from './wire/far-end.js';
import type { WireName } from './wire/wire-name.js';
import type { WireFaults } from './wire-faults.js';

/** What `verdict.json` holds: the verdict of the ladder, and the run that it speaks of. */
export interface RunReport extends Verdict {
  readonly guest: string;
  readonly exit: ExitName;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** The guest's exact command line, of several that of the first; empty where it never ran. */
  readonly argv: readonly string[];
  /** Of several machines, what each was, by its name. */
  readonly machines?: Readonly<
    Record<NodeName, { readonly argv: readonly string[]; readonly versions: Readonly<Record<string, string>> }>
  >;
  readonly versions: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly dhcpServer: boolean;
  /** What was at the other end of the guest's cable. */
  readonly wire: WireName;
  /** What was done to wire and machines on purpose. */
  readonly faults?: Partial<WireFaults>;
  readonly dialect?: BusDialect;
  /** What the second machine of two was. */
  readonly peer?: 'guest' | 'host';
  readonly budgets?: Readonly<Record<PhaseName, Millis>>;
  /** What went wrong beside the guest: channels, files. Empty in a good run. */
  readonly troubles: readonly string[];
  /** Frames of the capture. */
  readonly frames: number;
  /** Facts of the run in order, addresses as text, each with its frames. */
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  /** Facts beyond the limit of the list. */
  readonly factsNotListed: number;
}

export interface RunLimits extends RunFolderLimits {
  /** Facts listed in the report; further ones are counted. Default 65 536. */
  readonly factCountMax?: number;
}

/** Where images and saved states of guests are kept, unless a run says otherwise. */
export const GUEST_CACHE = '.nexus/guest';

export interface RunOptions {
  readonly request: RunRequest;
  /** Folder in which the run makes its own. */
  readonly runsFolder: string;
  /** The folder is made and the guest is about to boot. */
  readonly begun?: () => void;
  /** Hears everything that happens, as it happens. */
  readonly listener?: (event: SmokeEvent) => void;
  /** Stops the run. */
  readonly signal?: AbortSignal;
  /** Default 10 000 ms. */
  readonly startMs?: Millis;
  /** A folder for what is made once and used by many runs. Default {@link GUEST_CACHE}. */
  readonly cache?: string;
  /** Default `cold`. */
  readonly boot?: 'cold' | 'restored';
  readonly limits?: RunLimits;
}

export interface RunOutcome {
  readonly report: RunReport;
  /** The run's folder. */
  readonly folder: string;
}

/**
 * Boots the guest on a wire of its own, waits for the verdict, ends the guest, and leaves the folder. Throws {@link Refusal} where
 * the folder can't be made; whatever goes wrong later is in the report.
 */
export async function run(options: RunOptions): Promise<RunOutcome> {
  const {
    request,
    runsFolder,
    begun,
    listener,
    signal,
    startMs = 10_000,
    cache = GUEST_CACHE,
    boot = 'cold',
    limits = {},
  } = options;
  const { factCountMax = 65_536 } = limits;
  const startedAt = new Date();
  const wallAtZero = startedAt.getTime();
  const zero = monotonicClock.now();
  const folder = await RunFolder.create(join(runsFolder, runName(startedAt)), {
    wallAtZero,
    limits,
    nodes: request.profile.nodes,
  });
  begun?.();
  const troubles: string[] = [];
  const facts: Readonly<Record<string, unknown>>[] = [];
  let factsNotListed = 0;
  let frames = 0;
  let judge: (verdict: Verdict) => void;
  const judged = new Promise<Verdict>((resolve) => {
    judge = resolve;
  });
  const { profile } = request;
  const only = profile.nodes.length === 1;

  const machine = new SmokeMachine({ request, entropy: systemEntropy() });
  const driver: Driver<SmokeMachine> = new Driver(machine, {
    clock: { now: () => Math.round((monotonicClock.now() - zero) * 1e6) / 1e6 }, // the rest is noise below the nanosecond
    transmit: (output) => machines.send(output),
    event: (event) => {
      listener?.(event);
      switch (event.type) {
        case 'frame':
          frames = event.observed.number;
          folder.frame(event.observed);
          break;
        case 'fact':
          if (facts.length < factCountMax) facts.push({ ...describeFact(event.fact), frames: event.fact.frames });
          else factsNotListed++;
          folder.event({
            ...describeFact(event.fact),
            at: event.fact.at,
            type: 'fact',
            frames: event.fact.frames,
            ...(event.segment !== undefined && { segment: event.segment }),
            ...(event.node !== undefined && !only && { node: event.node }),
          });
          break;
        case 'violation':
          folder.event({ ...event.violation, type: 'violation' });
          break;
        case 'script':
          folder.event({
            ...event.event,
            at: event.at,
            node: event.node,
            type: `script-${event.event.type}`,
            afterFrame: frames,
          });
          break;
        case 'fault': {
          const { type: what, ...action } = event.action;
          folder.event({ ...action, at: event.at, type: 'fault', what, afterFrame: frames });
          break;
        }
        case 'marker':
          folder.event({ ...event.report, at: event.report.atMs, type: 'marker' });
          break;
        case 'phase':
          folder.event({ ...event.report, at: event.report.endedMs ?? 0, type: 'phase' });
          break;
        case 'start':
        case 'line':
        case 'output':
        case 'exit':
        case 'abort':
          folder.event(recordedInput(event, { afterFrame: frames, wallAtZero }));
          break;
        default:
          driver.close();
          judge(event.verdict);
      }
    },
  });
  /** What the log of a node holds ends without a line end. */
  const isTorn = new Map<NodeName, boolean>();
  // After the verdict the guests may go on talking while they are being ended: that is no part of the run.
  const sinkOf = (node: NodeName): GuestSink => {
    const file = only ? undefined : node;
    return {
      frame: (frame, origin) => {
        if (!driver.closed) driver.drive((machine, now) => machine.handleFrame(now, frame, node, origin));
      },
      loopback: (frame) => {
        if (!driver.closed) driver.drive((machine, now) => machine.handleLoopbackFrame(now, frame, node));
      },
      console: (bytes) => {
        folder.uart(bytes, file);
        isTorn.set(node, bytes.at(-1) !== LF);
        if (!driver.closed) driver.drive((machine, now) => machine.handleConsole(now, bytes, node));
      },
      kernel: (bytes) => {
        folder.kernel(bytes, file);
        if (!driver.closed) driver.drive((machine, now) => machine.handleKernel(now, bytes, node));
      },
      trouble: (what) => troubles.push(only ? what : `${node}: ${what}`),
      exited: (how) => {
        // The console of a machine that begins again goes on below the line that it was torn from.
        if (isTorn.get(node)) folder.uart(Uint8Array.of(LF), file);
        isTorn.set(node, false);
        if (!driver.closed) driver.drive((machine, now) => machine.handleExit(now, how, node));
      },
    };
  };
  const fail = (error: unknown): void => {
    const missing = error instanceof Refusal && error.exit === 'missing';
    const message = error instanceof Error ? error.message : String(error);
    if (driver.closed) troubles.push(`the guest did not start: ${message}`);
    else driver.drive((machine, now) => machine.abort(now, { cause: missing ? 'guest-missing' : 'guest-not-started', message }));
  };
  const machines = new Machines({
    nodes: new Map(
      [...placesOf(profile.nodes)].map(([node, place], index) => [
        node,
        { place, start: index > 0 && request.peer === 'host' ? startHosted : request.guest.start },
      ]),
    ),
    directory: folder.path,
    sinkOf,
    startMs,
    cache,
    boot,
    hasDisks: profile.capabilities.includes('crossvm'),
    reached: (node, passed) => {
      if (!driver.closed) driver.drive((machine, now) => machine.handleReached(now, passed, node));
    },
    trouble: (what) => troubles.push(what),
    failed: fail,
  });
  const interrupt = (): void => {
    if (!driver.closed)
      driver.drive((machine, now) => machine.abort(now, { cause: 'interrupted', message: 'stopped from outside' }));
  };
  signal?.addEventListener('abort', interrupt);
  driver.drive((machine, now) => machine.start(now));
  let farEnd: FarEnd | undefined;
  try {
    farEnd = await openFarEnd(request);
    await machines.start(farEnd.wire);
    if (signal?.aborted) interrupt();
  } catch (error) {
    fail(error);
  }
  const verdict = await judged;
  signal?.removeEventListener('abort', interrupt);
  await machines.stop();
  await farEnd?.stop().catch((error: unknown) => {
    troubles.push(`the wire could not be ended: ${error instanceof Error ? error.message : String(error)}`);
  });
  const { unwritten, cut } = await folder.close();
  const inspection = machine.inspect();
  const { faultsPending } = inspection;
  troubles.push(...unwritten, ...cut, ...lossesOf(inspection, machines.dropped));
  if (verdict.outcome === 'passed')
    troubles.push(...faultsPending.map((what) => `the run was over before this was done: ${what}`));
  const started = [...machines.started];
  const first = started[0]?.[1];
  const report: RunReport = {
    ...verdict,
    guest: request.guest.name,
    exit: exitWith(verdict, { unwritable: unwritten.length > 0, unproven: faultsPending.length > 0 }),
    startedAt: startedAt.toISOString(),
    argv: first?.argv ?? [],
    ...(!only && { machines: Object.fromEntries(started.map(([node, { argv, versions }]) => [node, { argv, versions }])) }),
    wire: request.wire ?? 'embedded',
    versions: { node: process.version, ...first?.versions, ...farEnd?.versions },
    environment: request.environment,
    dhcpServer: request.dhcpServer,
    ...(request.faults !== undefined && { faults: request.faults }),
    ...(request.dialect !== undefined && { dialect: request.dialect }),
    ...(request.peer !== undefined && { peer: request.peer }),
    ...(request.budgets !== undefined && { budgets: request.budgets }),
    troubles,
    frames,
    facts,
    factsNotListed,
  };
  const uncommented = unwritten.length === 0 ? await annotateCapture(folder.path, report) : undefined;
  const commented = uncommented === undefined ? report : { ...report, troubles: [...troubles, uncommented] };
  const unwrittenVerdict = await folder.verdict(commented);
  const unwrittenReport = await writeReport(folder.path, commented);
  const lost = [unwrittenVerdict, unwrittenReport].filter((each) => each !== undefined);
  if (lost.length === 0) return { report: commented, folder: folder.path };
  const exit = exitWith(verdict, { unwritable: true, unproven: false });
  const incomplete = { ...commented, exit, troubles: [...commented.troubles, ...lost] };
  await folder.verdict(incomplete); // if it can be: what is on the disk should not say that all is well
  return { report: incomplete, folder: folder.path };
}

/** What was dropped at a limit on its way through the harness itself: a verdict that lacks something has to say so. */
function lossesOf(
  { consoles, lan, ladder, transmitsDropped, eventsDropped }: ReturnType<SmokeMachine['inspect']>,
  earlyDropped: number,
): readonly string[] {
  const losses: readonly (readonly [what: string, count: number])[] = [
    ['console lines', Object.values(consoles).reduce((sum, { linesDropped }) => sum + linesDropped, 0)],
    ['frames and key strokes for the guest', transmitsDropped + lan.transmitsDropped + earlyDropped],
    ['events', eventsDropped + lan.eventsDropped + lan.tap.eventsDropped + ladder.eventsDropped],
    ['facts forgotten before they were asked for', ladder.factsForgotten],
    ['claims', ladder.claimsNotHeld],
  ];
  return losses.flatMap(([what, count]) => (count === 0 ? [] : [`beyond a limit: ${count} ${what}`]));
}

/** Proof that could not be kept is none, nor is that of a run in which the fault never came; a failure stays the failure that it is. */
function exitWith(
  verdict: Verdict,
  { unwritable, unproven }: { readonly unwritable: boolean; readonly unproven: boolean },
): ExitName {
  const exit = exitOf(verdict);
  if (exit !== 'passed') return exit;
  return unwritable ? 'unwritable' : unproven ? 'failed' : exit;
}

/** How a program ends that ran into this verdict. */
export function exitOf(verdict: Verdict): ExitName {
  return verdict.failure === undefined ? 'passed' : (EXIT_OF_CAUSE[verdict.failure.cause] ?? 'failed');
}

const EXIT_OF_CAUSE: Readonly<Partial<Record<Cause, ExitName>>> = {
  'unproven-marker': 'unproven',
  'contradicted-marker': 'unproven',
  'wire-violation': 'violation',
  'guest-panic': 'guest',
  'guest-exit': 'guest',
  'guest-silent': 'guest',
  'guest-not-started': 'guest',
  'guest-missing': 'missing',
  interrupted: 'interrupted',
};

const LF = 0x0a;

/** `2026-11-23T02-59-59-123Z-1f3a9c`: sorts by time, and two runs of the same millisecond differ. */
function runName(startedAt: Date): string {
  return `${startedAt.toISOString().replaceAll(/[:.]/g, '-')}-${randomBytes(3).toString('hex')}`;
}
