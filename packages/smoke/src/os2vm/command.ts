import type { Millis } from '@nexus-net/sansio';
import type { BusDialect, GuestDefinition } from '../guest.js';
import { Refusal } from '../refusal.js';
import { writeFormats } from '../report/write-formats.js';
import { HumanReport } from '../report.js';
import { type Environment, type RunRequest, readRequest } from '../request.js';
import { run } from '../run.js';
import type { WireFaults } from '../wire-faults.js';
import { duration, readTarget, readWireFaults, WIRE_HELP, WIRE_OPTIONS } from '../wire-options.js';
import { parseWords } from '../words.js';
import { os2vmExitCode } from './exit-codes.js';

/** The two machines of the profile. */
const NODES = ['a', 'b'];

export interface Os2vmContext {
  readonly environment: Environment;
  readonly print: (line: string) => void;
  readonly colour?: boolean;
  readonly signal?: AbortSignal;
  /** Who boots, twice. */
  readonly guest: GuestDefinition;
}

/** `test-os2vm`: two guests on one wire. The exit code. Throws {@link Refusal}. */
export async function testOs2vm(argv: readonly string[], context: Os2vmContext): Promise<number> {
  const { values, positionals } = parseWords(argv, {
    dialect: { type: 'string', default: 'bus' },
    peer: { type: 'string', default: 'guest' },
    profile: { type: 'string' },
    boot: { type: 'string', default: 'cold' },
    ...WIRE_OPTIONS,
    kill: { type: 'string' },
    restart: { type: 'boolean', default: false },
    fault: { type: 'string' },
    budgets: { type: 'string' },
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: 'runs' },
    junit: { type: 'string' },
    tap: { type: 'string' },
  });
  if (positionals.length > 0) throw new Refusal(`test-os2vm takes options only, not ‘${positionals.join(' ')}’.`);
  const { dialect, peer, boot, runs, json, restart, kill, fault } = values;
  if (dialect !== 'bus' && dialect !== 'os') throw new Refusal(`--dialect is bus or os, not ‘${dialect}’.`);
  if (peer !== 'guest' && peer !== 'host') throw new Refusal(`--peer is guest or host, not ‘${peer}’.`);
  if (boot !== 'cold' && boot !== 'restored') throw new Refusal(`--boot is cold or restored, not ‘${boot}’.`);
  const faults = withKill(readWireFaults(values, NODES), { kill, restart });
  if (peer === 'host' && faults?.kill?.node === 'b')
    throw new Refusal('--peer host has no machine b whose power could be taken: kill a, or leave --peer host away.');
  const request = readRequest(context.environment, {
    guest: context.guest,
    dhcpServer: false,
    nodeCount: NODES.length,
    profile: values.profile ?? profileFor(faults),
    dialect: dialect satisfies BusDialect,
    peer,
    ...(fault !== undefined && { fault }),
    ...(faults !== undefined && { faults }),
    ...(values.budgets !== undefined && { budgets: readBudgets(values.budgets) }),
  });
  const human = json ? undefined : new HumanReport(context.print, { colour: context.colour ?? false });
  const outcome = await run({
    request,
    runsFolder: runs,
    boot,
    begun: () => human?.begin(request),
    listener: (event) => human?.event(event),
    ...(context.signal !== undefined && { signal: context.signal }),
  });
  const code = os2vmExitCode(outcome.report);
  if (human === undefined)
    context.print(JSON.stringify({ folder: outcome.folder, exitCode: code, ...outcome.report }, undefined, 2));
  else human.end(outcome);
  await writeFormats([{ verdict: outcome.report }], values, context);
  return code;
}

/** What a person may write behind `test-os2vm`. */
export const OS2VM_HELP: readonly (readonly [option: string, text: string])[] = [
  ['--dialect NAME', 'what the nodes speak with each other: bus (default) or os'],
  ['--peer WHO', 'the second machine: guest (default), or host, a node in this process'],
  ['--profile NAME', 'what is demanded (default os2vm; with --restart os2vm-restart)'],
  ...WIRE_HELP,
  ['--kill NODE@PHASE', 'a machine loses its power when the phase begins'],
  ['--restart', 'and gets it back at once; without --kill it is b, when all else is proven'],
  ['--budgets LIST', 'how long phases may take: session=5s,total=120s; os: those of the OS’s own harness'],
];

/** What a machine wrote before it ended can only be looked for if the profile goes on after that. */
function profileFor(faults: Partial<WireFaults> | undefined): string {
  const from = faults?.kill?.restart ? faults.kill.from : undefined;
  return from?.type === 'phase' && from.phase === PERSIST ? 'os2vm-restart' : 'os2vm';
}

function withKill(
  faults: Partial<WireFaults> | undefined,
  { kill, restart }: { readonly kill: string | undefined; readonly restart: boolean },
): Partial<WireFaults> | undefined {
  if (kill === undefined && !restart) return faults;
  return { ...faults, kill: { ...readTarget('--kill', kill ?? `b@${PERSIST}`, NODES), restart } };
}

const PERSIST = 'persist';

/** Milliseconds, as the OS's harness has them; its total is without the build. */
const OS_BUDGETS: NonNullable<RunRequest['budgets']> = {
  discovery: 15_000,
  session: 5_000,
  mux: 5_000,
  remote: 60_000,
  total: 120_000,
};

function readBudgets(text: string): Readonly<Record<string, Millis>> {
  if (text === 'os') return OS_BUDGETS;
  const rows = text.split(',').map((row): [string, Millis] => {
    const [name = '', value = '', ...more] = row.split('=');
    const ms = duration(value);
    if (name === '' || ms === undefined || more.length > 0)
      throw new Refusal(`--budgets is os, or a list as session=5s,total=120s, not ‘${text}’.`);
    return [name, ms];
  });
  return Object.fromEntries(rows);
}
