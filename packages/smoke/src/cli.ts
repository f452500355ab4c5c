import { parseArgs } from 'node:util';
import { EXIT_CODES, exitCode } from './exit-codes.js';
import type { GuestDefinition } from './guest.js';
import { U_BOOT } from './guests/u-boot.js';
import { Refusal } from './refusal.js';
import { HumanReport } from './report.js';
import { type Environment, readRequest, VARIABLES } from './request.js';
import { run } from './run.js';

/** Guests by name. */
export const GUESTS: Readonly<Record<string, GuestDefinition>> = { [U_BOOT.name]: U_BOOT };

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
    switch (command) {
      case 'test-os':
        return await testOs(rest, context);
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
  const { values } = parse(argv, {
    guest: { type: 'string', default: 'u-boot' },
    'no-dhcp-server': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: 'runs' },
  });
  const guests = context.guests ?? GUESTS;
  const guest = guests[values.guest];
  if (guest === undefined) throw new Refusal(`there is no guest ‘${values.guest}’: ${Object.keys(guests).join(', ')}.`);
  const request = readRequest(context.environment, { guest, dhcpServer: !values['no-dhcp-server'] });
  const human = values.json ? undefined : new HumanReport(context.print, { colour: context.colour ?? false });
  human?.begin(request);
  const outcome = await run({
    request,
    runsFolder: values.runs,
    listener: (event) => human?.event(event),
    ...(context.signal !== undefined && { signal: context.signal }),
  });
  if (human === undefined) context.print(JSON.stringify({ folder: outcome.folder, ...outcome.report }, undefined, 2));
  else human.end(outcome);
  return exitCode(outcome.report.exit);
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse<T extends Options>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; strict: true; args: string[] }>> {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error));
  }
}

function helpText(): string {
  const row = (name: string, text: string): string => `  ${name.padEnd(22)} ${text}`;
  return [
    'nexus-net COMMAND [options]',
    '',
    row('test-os', 'boots a guest on a wire of our own and judges what it says by what the wire shows'),
    row('  --guest NAME', `who boots: ${Object.keys(GUESTS).join(', ')} (default u-boot)`),
    row('  --no-dhcp-server', 'the gateway leases nothing'),
    row('  --json', 'the verdict on standard output, and nothing else'),
    row('  --runs DIR', 'where each run leaves its folder (default runs)'),
    '',
    'Environment of test-os:',
    ...Object.entries(VARIABLES).map(([name, text]) => row(name, text)),
    '',
    'Exit codes:',
    ...Object.values(EXIT_CODES).map(({ code, meaning }) => row(String(code), meaning)),
  ].join('\n');
}
