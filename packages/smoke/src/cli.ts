import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PROFILE_SPECS } from '@nexus-net/verdict';
import { readCaptureFile, type VnetHeaderChoice } from './capture-file.js';
import { chooseGuest, GUEST_OPTIONS, knownWith } from './config/guest-options.js';
import { doctor } from './doctor.js';
import { EVIDENCE_HELP, evidence } from './evidence/command.js';
import { EXIT_CODES, exitCode } from './exit-codes.js';
import type { GuestDefinition } from './guest.js';
import { IPXE } from './guests/ipxe.js';
import { LINUX } from './guests/linux.js';
import { NEXUS } from './guests/nexus.js';
import { U_BOOT } from './guests/u-boot.js';
import { inspectFrames, inspectionLines } from './inspect.js';
import { OS2VM_HELP, testOs2vm } from './os2vm/command.js';
import { OS2VM_EXITS } from './os2vm/exit-codes.js';
import { Refusal } from './refusal.js';
import { repeatTestOs, timesOf } from './repeat/command.js';
import { type LiveFacts, replayFrames, replayLines } from './replay.js';
import { writeFormats } from './report/write-formats.js';
import { HumanReport } from './report.js';
import { type Environment, readRequest, VARIABLES } from './request.js';
import { GUEST_CACHE, type RunReport, run } from './run.js';
import { RUN_FILES } from './run-folder.js';
import { verify } from './verify/command.js';
import { verificationLines } from './verify/verification-lines.js';
import { checkWire } from './wire/check-wire.js';
import { isWireName, WIRES, type WireName } from './wire/wire-name.js';
import { readWireFaults, WIRE_HELP, WIRE_OPTIONS } from './wire-options.js';
import { parseWords } from './words.js';

/** Guests by name. */
export const GUESTS: Readonly<Record<string, GuestDefinition>> = Object.fromEntries(
  [NEXUS, LINUX, U_BOOT, IPXE].map((guest) => [guest.name, guest]),
);

export interface CliContext {
  readonly arguments: readonly string[];
  readonly environment: Environment;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  /** The lines go to a terminal that shows colours. Default false. */
  readonly colour?: boolean;
  /** Stops what runs. */
  readonly signal?: AbortSignal;
  /** Guests that may be named. Default {@link GUESTS}. */
  readonly guests?: Readonly<Record<string, GuestDefinition>>;
}

/** Runs `nexus-net` with these arguments; the exit code. Never throws and never exits by itself. */
export async function cli(context: CliContext): Promise<number> {
  const [command = 'help', ...rest] = context.arguments;
  try {
    if (rest.some((word) => word === '--help' || word === '-h')) {
      context.print(helpText());
      return 0;
    }
    switch (command) {
      case 'test-os':
        return await testOs(rest, context);
      case 'test-os2vm':
        return await testOs2vm(rest, { ...context, guest: (context.guests ?? GUESTS)[NEXUS.name] ?? NEXUS });
      case 'prepare':
        return await prepare(rest, context);
      case 'doctor':
        return await examine(rest, context);
      case 'inspect':
        return await inspect(rest, context);
      case 'replay':
        return await replay(rest, context);
      case 'verify':
        return await verifyCommand(rest, context);
      case 'evidence':
        return exitCode(await evidence(rest, { guests: GUESTS, ...context }));
      case 'help':
      case '--help':
      case '-h':
        context.print(helpText());
        return 0;
      default:
        throw new Refusal(`there is no command ‘${command}’; nexus-net help lists them.`);
    }
  } catch (error) {
    if (error instanceof Refusal) {
      context.printError(`nexus-net: ${error.message}`);
      return exitCode(error.exit);
    }
    context.printError(`nexus-net: a defect of its own: ${error instanceof Error ? error.stack : String(error)}`);
    return exitCode('internal');
  }
}

async function testOs(argv: readonly string[], context: CliContext): Promise<number> {
  const { values, positionals } = parseWords(argv, {
    ...GUEST_OPTIONS,
    profile: { type: 'string' },
    boot: { type: 'string', default: 'cold' },
    wire: { type: 'string', default: 'embedded' },
    'no-dhcp-server': { type: 'boolean', default: false },
    fault: { type: 'string' },
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: 'runs' },
    junit: { type: 'string' },
    tap: { type: 'string' },
    repeat: { type: 'string' },
    'until-failure': { type: 'boolean', default: false },
    ...WIRE_OPTIONS,
  });
  if (positionals.length > 0) throw new Refusal(`test-os takes options only, not ‘${positionals.join(' ')}’.`);
  const boot = bootNamed(values.boot);
  const { guest, profiles } = await chooseGuest(values, context.guests ?? GUESTS);
  const faults = readWireFaults(values, ['guest']);
  const request = readRequest(context.environment, {
    guest,
    profiles,
    dhcpServer: !values['no-dhcp-server'],
    wire: wireNamed(values.wire),
    ...(faults !== undefined && { faults }),
    ...(values.profile !== undefined && { profile: values.profile }),
    ...(values.fault !== undefined && { fault: values.fault }),
  });
  await checkWire(request);
  if (values['until-failure'] && values.repeat === undefined) throw new Refusal('--until-failure goes with --repeat N.');
  if (values.repeat !== undefined) {
    const { 'until-failure': untilFailure, repeat: times } = values;
    const series = { request, boot, runsFolder: values.runs, times: timesOf(times), untilFailure, json: values.json };
    const { exit, verdicts } = await repeatTestOs(series, context);
    await writeFormats(verdicts, values, context);
    return exitCode(exit);
  }
  const human = values.json ? undefined : new HumanReport(context.print, { colour: context.colour ?? false });
  const outcome = await run({
    request,
    runsFolder: values.runs,
    boot,
    begun: () => human?.begin(request),
    listener: (event) => human?.event(event),
    ...(context.signal !== undefined && { signal: context.signal }),
  });
  if (human === undefined) context.print(JSON.stringify({ folder: outcome.folder, ...outcome.report }, undefined, 2));
  else human.end(outcome);
  await writeFormats([{ verdict: outcome.report }], values, context);
  return exitCode(outcome.report.exit);
}

async function prepare(argv: readonly string[], context: CliContext): Promise<number> {
  const { values, positionals } = parseWords(argv, {
    guest: { type: 'string' },
    boot: { type: 'string', default: 'cold' },
  });
  if (positionals.length > 0) throw new Refusal(`prepare takes options only, not ‘${positionals.join(' ')}’.`);
  const { guest } = await chooseGuest({ guest: values.guest }, context.guests ?? GUESTS);
  await guest.prepare?.({ cache: GUEST_CACHE, boot: bootNamed(values.boot) });
  return exitCode('passed');
}

async function examine(argv: readonly string[], context: CliContext): Promise<number> {
  if (argv.length > 0) throw new Refusal(`doctor takes nothing, not ‘${argv.join(' ')}’.`);
  const whole = await doctor(Object.values(context.guests ?? GUESTS), context.print);
  return exitCode(whole ? 'passed' : 'missing');
}

function wireNamed(wire: string): WireName {
  if (!isWireName(wire)) throw new Refusal(`there is no wire ‘${wire}’: ${Object.keys(WIRES).join(', ')}.`);
  return wire;
}

function bootNamed(boot: string): 'cold' | 'restored' {
  if (boot !== 'cold' && boot !== 'restored') throw new Refusal(`--boot is cold or restored, not ‘${boot}’.`);
  return boot;
}

async function inspect(argv: readonly string[], context: CliContext): Promise<number> {
  const { path, json, vnetHeader } = parseCapture('inspect', argv);
  const inspection = inspectFrames(await readCaptureFile(path, { vnetHeader }));
  if (json) context.print(JSON.stringify(inspection, undefined, 2));
  else for (const line of inspectionLines(inspection)) context.print(line);
  if (inspection.endsEarly !== undefined) return exitCode('unreadable');
  return exitCode(inspection.violations.length === 0 ? 'passed' : 'violation');
}

async function replay(argv: readonly string[], context: CliContext): Promise<number> {
  const { path, json, vnetHeader } = parseCapture('replay', argv);
  const result = replayFrames(await readCaptureFile(path, { vnetHeader }), await liveFacts(path));
  if (json) context.print(JSON.stringify(result, undefined, 2));
  else for (const line of replayLines(result)) context.print(line);
  if (result.endsEarly !== undefined) return exitCode('unreadable');
  return exitCode(result.sameFacts === false ? 'failed' : 'passed');
}

async function verifyCommand(argv: readonly string[], context: CliContext): Promise<number> {
  const { values, positionals } = parseWords(argv, {
    pcap: { type: 'string' },
    events: { type: 'string' },
    profile: { type: 'string' },
    guest: { type: 'string' },
    wire: { type: 'string' },
    'guest-config': { type: 'string' },
    profiles: { type: 'string' },
    junit: { type: 'string' },
    tap: { type: 'string' },
    json: { type: 'boolean', default: false },
    'vnet-header': { type: 'string', default: 'auto' },
  });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new Refusal('verify takes one console log, or one folder of a run.');
  const { pcap, events, profile, guest } = values;
  const verification = await verify({
    path,
    vnetHeader: vnetHeaderOf(values['vnet-header']),
    ...(await knownWith(values, context.guests ?? GUESTS)),
    ...(pcap !== undefined && { pcap }),
    ...(events !== undefined && { events }),
    ...(profile !== undefined && { profile }),
    ...(guest !== undefined && { guest }),
    ...(values.wire !== undefined && { wire: wireNamed(values.wire) }),
  });
  if (values.json) context.print(JSON.stringify(verification, undefined, 2));
  else for (const line of verificationLines(verification)) context.print(line);
  await writeFormats([{ verdict: verification.verdict }], values, context);
  return exitCode(verification.exit);
}

/** The facts of the live run that left this capture, where its verdict stands beside it. Whatever else stands there is none. */
async function liveFacts(capture: string): Promise<LiveFacts | undefined> {
  try {
    const report = JSON.parse(await readFile(join(dirname(capture), RUN_FILES.verdict), 'utf8')) as Partial<RunReport> | null;
    const facts: unknown = report?.facts;
    if (!Array.isArray(facts) || !facts.every((fact) => typeof fact === 'object' && fact !== null)) return undefined;
    return { facts, isWhole: (report?.factsNotListed ?? 0) === 0 };
  } catch {
    return undefined;
  }
}

function parseCapture(
  command: string,
  argv: readonly string[],
): { readonly path: string; readonly json: boolean; readonly vnetHeader: VnetHeaderChoice } {
  const { values, positionals } = parseWords(argv, {
    json: { type: 'boolean', default: false },
    'vnet-header': { type: 'string', default: 'auto' },
  });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new Refusal(`${command} takes one file.`);
  return { path, json: values.json, vnetHeader: vnetHeaderOf(values['vnet-header']) };
}

function vnetHeaderOf(choice: string): VnetHeaderChoice {
  if (choice !== 'auto' && choice !== '0' && choice !== '10' && choice !== '12')
    throw new Refusal('--vnet-header is auto, 0, 10 or 12.');
  return choice === 'auto' ? 'auto' : (Number(choice) as VnetHeaderChoice);
}

function helpText(): string {
  const row = (name: string, text: string): string => `  ${name.padEnd(24)} ${text}`;
  return [
    'nexus-net COMMAND [options]',
    '',
    row('test-os', 'boots a guest on a wire of our own and judges what it says by what the wire shows'),
    row('  --guest NAME', `who boots: ${Object.keys(GUESTS).join(', ')} (default ${NEXUS.name})`),
    row('  --guest-config FILE', 'who boots: the guest that this file describes (docs/guest-config.md)'),
    row('  --kernel, --initrd FILE', 'with --guest-config: what it boots'),
    row('  --append TEXT', 'with --guest-config: its kernel’s command line'),
    row('  --profiles FILE', 'profiles beside those that come with the harness (verify too)'),
    row('  --profile NAME', `what is demanded: ${PROFILE_SPECS.map(({ name }) => name).join(', ')}; default by the gates below`),
    row('  --boot HOW', 'cold (default), or restored: from a saved state of the guest that waits for its configuration'),
    row('  --wire NAME', 'what is at the other end of the guest’s cable; default embedded'),
    ...Object.entries(WIRES).map(([name, text]) => row(`    ${name}`, text)),
    row('  --no-dhcp-server', 'the gateway leases nothing'),
    row('  --fault NAME', 'a defect that the guest has on purpose: wrong-peer-key, forged-marker (nexus)'),
    ...WIRE_HELP.map(([option, text]) => row(`  ${option}`, text)),
    row('  --json', 'the verdict on standard output, and nothing else'),
    row('  --junit, --tap FILE', 'the verdict as JUnit XML or TAP, a case for each marker; - is standard output (verify too)'),
    row('  --runs DIR', 'where each run leaves its folder (default runs)'),
    row('  --repeat N', 'runs N times, keeps every attempt, and says how often it failed; ends as the worst attempt did'),
    row('  --until-failure', 'with --repeat: ends after the first attempt that failed'),
    row('test-os2vm', 'boots two guests on one wire: static addresses, no DHCP; options as test-os, and'),
    ...OS2VM_HELP.filter(([option]) => !WIRE_HELP.some(([known]) => known === option)).map(([option, text]) =>
      row(`  ${option}`, text),
    ),
    row('prepare', 'makes what a guest needs once: its image, and with --boot restored its saved state'),
    row('doctor', 'says what each guest needs of this machine and has not got, and how to get it'),
    row('inspect FILE', 'every frame of a capture, DHCP in full, and the rules that were broken'),
    row('replay FILE', 'the same capture fed to our machines; the facts are those of the live run'),
    row('  --vnet-header N', 'octets of virtio-net header before each frame: auto (default), 0, 10, 12'),
    row('  --json', 'the same for machines'),
    row('verify FOLDER', 'judges the recording of a run again: the verdict has to be the one that it left'),
    row('verify LOG', 'judges a console log and a capture; lines without times count at the end of the capture'),
    row('  --pcap FILE', 'the capture that goes with the log'),
    row('  --events FILE', 'the events.ndjson that has the times of its lines'),
    row('  --profile NAME', 'what is demanded (default: that of the run; of a log: smoke)'),
    row('  --guest NAME', 'whose console it is (default: that of the run; of a log: any that prints the markers itself)'),
    row('  --wire NAME', 'what was at the other end of its cable (default: that of the run; of a log: embedded)'),
    row('  --json', 'the verdict as JSON'),
    ...EVIDENCE_HELP.map(([name, text]) => row(name, text)),
    '',
    'Environment of test-os:',
    ...Object.entries(VARIABLES).map(([name, text]) => row(name, text)),
    '',
    'Exit codes:',
    ...Object.values(EXIT_CODES).map(({ code, meaning }) => row(String(code), meaning)),
    '',
    'Exit codes of test-os2vm beside 0, 2, 3, 5, 70 and 130:',
    ...OS2VM_EXITS.map(({ code, meaning }) => row(String(code), meaning)),
  ].join('\n');
}
