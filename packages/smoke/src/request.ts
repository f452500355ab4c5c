import type { Millis } from '@nexus-net/sansio';
import { NEVER } from '@nexus-net/sansio';
import {
  type Capability,
  DHCP,
  MARKER_IDS,
  MARKERS,
  markerLiteral,
  type PhaseName,
  type Profile,
  readMarker,
  SMOKE,
  type StopCondition,
} from '@nexus-net/verdict';
import type { GuestDefinition } from './guest.js';
import { Refusal } from './refusal.js';

/** What a run is asked to do, after every check that needs no boot. */
export interface RunRequest {
  readonly guest: GuestDefinition;
  readonly profile: Profile;
  readonly until: StopCondition;
  readonly runMs: Millis;
  /** Does the gateway lease addresses? */
  readonly dhcpServer: boolean;
  /** The environment variables that shaped the request, as they were set. */
  readonly environment: Readonly<Record<string, string>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of ADR-0025 that are honoured, for the help text and the check of unknown ones. */
export const VARIABLES: Readonly<Record<VariableName, string>> = {
  REQUIRE_QEMU_DHCP: '1 demands a lease from the server on our wire and a gateway ping; 0 (default) does not',
  REQUIRE_DSOFTBUS: '1 demands the DSoftBus ladder of a guest that has it; 0 (default) does not',
  RUN_UNTIL_MARKER:
    '1 (default) ends as soon as the ladder is satisfied; the text of a marker, with or without its values, ends when that one is',
  RUN_TIMEOUT: 'time for the whole run: 90 or 90s, 2m, 1h; 0 is no limit; default 90s',
  RUN_PHASE: 'ends when this phase of the profile has passed',
};

export type VariableName = 'REQUIRE_QEMU_DHCP' | 'REQUIRE_DSOFTBUS' | 'RUN_UNTIL_MARKER' | 'RUN_TIMEOUT' | 'RUN_PHASE';

/** Reads the environment of ADR-0025. Throws {@link Refusal}: nothing is ignored, nothing reduced, nothing guessed. */
export function readRequest(
  environment: Environment,
  { guest, dhcpServer }: { readonly guest: GuestDefinition; readonly dhcpServer: boolean },
): RunRequest {
  refuseUnknown(environment);
  const dhcp = readSwitch(environment, 'REQUIRE_QEMU_DHCP');
  const dsoftbus = readSwitch(environment, 'REQUIRE_DSOFTBUS');
  const profile = dhcp ? DHCP : SMOKE;
  const demanded: [Capability, string][] = profile.capabilities.map((capability) => [
    capability,
    dhcp ? 'REQUIRE_QEMU_DHCP=1' : `the profile ${profile.name}`,
  ]);
  if (dsoftbus) demanded.push(['dsoftbus', 'REQUIRE_DSOFTBUS=1']);
  for (const [capability, by] of demanded) {
    if (!guest.capabilities.has(capability)) {
      const has = [...guest.capabilities].join(', ');
      throw new Refusal(
        `${by} needs a guest with the capability ‘${capability}’, and ${guest.name} has: ${has}. Nothing was booted.`,
      );
    }
  }
  return {
    guest,
    profile,
    until: readUntil(environment, profile),
    runMs: readTimeout(environment['RUN_TIMEOUT']),
    dhcpServer,
    environment: Object.fromEntries(
      Object.keys(VARIABLES).flatMap((name) => {
        const value = environment[name];
        return value === undefined || value === '' ? [] : [[name, value]];
      }),
    ),
  };
}

function refuseUnknown(environment: Environment): void {
  const known = Object.keys(VARIABLES);
  for (const name of Object.keys(environment).sort()) {
    // The harness's own name space, and the gates of the ADR's harness that don't exist here: a gate nobody reads is a lie.
    if (!/^REQUIRE_(QEMU|DSOFTBUS|SMP|STATEFS|SUPPLY)|^RUN_(UNTIL|TIMEOUT|PHASE|OS2VM)/.test(name) || known.includes(name))
      continue;
    if (environment[name] === '' || environment[name] === '0') continue;
    throw new Refusal(`${name} is set, and nothing here reads it. Known are: ${known.join(', ')}.`);
  }
}

function readSwitch(environment: Environment, name: VariableName): boolean {
  const value = environment[name] ?? '';
  if (value === '1') return true;
  if (value === '' || value === '0') return false;
  throw new Refusal(`${name} is 1 or 0, not ‘${value}’.`);
}

function readUntil(environment: Environment, profile: Profile): StopCondition {
  const phase = environment['RUN_PHASE'] ?? '';
  const marker = environment['RUN_UNTIL_MARKER'] ?? '';
  const untilMarker = marker !== '' && marker !== '1';
  if (phase !== '' && untilMarker)
    throw new Refusal('RUN_PHASE and a marker in RUN_UNTIL_MARKER both say when to end: set one of them.');
  if (phase !== '') {
    const names = profile.phases.map(({ name }) => name);
    if (!names.includes(phase as PhaseName))
      throw new Refusal(`RUN_PHASE ‘${phase}’ is no phase of the profile ${profile.name}: ${names.join(', ')}.`);
    return { type: 'phase', phase: phase as PhaseName };
  }
  if (!untilMarker) return { type: 'satisfied' };
  // With values it is a claim of its own: only a marker with these values ends the run.
  const read = readMarker(marker);
  const id = read?.id ?? MARKER_IDS.find((each) => marker === markerLiteral(each) || marker === MARKERS[each].form);
  const inLadder = profile.phases.flatMap(({ markers }) => markers);
  if (id === undefined || !inLadder.includes(id)) {
    const literals = inLadder.map((each) => `‘${markerLiteral(each)}’`).join(', ');
    throw new Refusal(`RUN_UNTIL_MARKER ‘${marker}’ is neither 1 nor a marker of the profile ${profile.name}: ${literals}.`);
  }
  return { type: 'marker', marker: id, values: read?.values ?? {} };
}

const UNITS: Readonly<Record<string, Millis>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000 };

function readTimeout(text: string | undefined): Millis {
  if (text === undefined || text === '') return 90_000;
  const match = /^(\d{1,6}(?:\.\d{1,3})?)([smh]?)$/.exec(text);
  if (match === null) throw new Refusal(`RUN_TIMEOUT ‘${text}’ is no time: write 90, 90s, 2m, 1h, or 0 for no limit.`);
  const runMs = Number(match[1]) * (UNITS[match[2] as string] as Millis);
  return runMs === 0 ? NEVER : runMs;
}
