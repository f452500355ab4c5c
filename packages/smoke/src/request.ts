import { type Millis, NEVER, UsageError } from '@nexus-net/sansio';
import {
  demandedMarkers,
  type MarkerCatalogue,
  type MarkerId,
  type MarkerValues,
  markerLiteral,
  type PhaseName,
  PROFILE_SPECS,
  type Profile,
  type ProfileSpec,
  resolveProfile,
  type StopCondition,
} from '@nexus-net/verdict';
import type { BusDialect, Gate, GuestDefinition } from './guest.js';
import { Refusal } from './refusal.js';
import type { WireName } from './wire/wire-name.js';
import type { WireFaults } from './wire-faults.js';

/** What a run is asked to do, after every check that needs no boot. */
export interface RunRequest {
  readonly guest: GuestDefinition;
  readonly profile: Profile;
  readonly until: StopCondition;
  readonly runMs: Millis;
  /** Does the gateway lease addresses? */
  readonly dhcpServer: boolean;
  /** What is at the other end of the guest's cable. Default `embedded`. */
  readonly wire?: WireName;
  /** A defect that the guest is told to have; of two guests, the second. */
  readonly fault?: string;
  /** What is done to wire and machines on purpose. Default: nothing. */
  readonly faults?: Partial<WireFaults>;
  /** What nodes of the bus speak with each other. Default `bus`. */
  readonly dialect?: BusDialect;
  /** What runs as the second guest of two. `host`: a node in the process of the harness. Default `guest`: a machine like the first. */
  readonly peer?: 'guest' | 'host';
  /** How long a phase, or all (`total`), may take in a run that passes. Default: no limit. */
  readonly budgets?: Readonly<Record<PhaseName, Millis>>;
  /** The environment variables that shaped the request, as they were set. */
  readonly environment: Readonly<Record<string, string>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of ADR-0025 that are honoured, for the help text and the check of unknown ones. */
export const VARIABLES: Readonly<Record<VariableName, string>> = {
  REQUIRE_QEMU_DHCP: '1 demands a lease from the server on our wire, gateway ping, DNS and a TCP listener; 0 (default) does not',
  REQUIRE_QEMU_DHCP_STRICT: '1 demands an ICMP ping of a program of the guest too; goes with REQUIRE_QEMU_DHCP=1',
  REQUIRE_DSOFTBUS: '1 demands the DSoftBus ladder of a guest that has it; 0 (default) does not',
  RUN_UNTIL_MARKER:
    '1 (default) ends as soon as the ladder is satisfied; the text of a marker, with or without its values, ends when that one is',
  RUN_TIMEOUT: 'time for the whole run: 90 or 90s, 2m, 1h; 0 is no limit; default 90s',
  RUN_PHASE: 'ends when this phase of the profile has passed',
};

export type VariableName =
  | 'REQUIRE_QEMU_DHCP'
  | 'REQUIRE_QEMU_DHCP_STRICT'
  | 'REQUIRE_DSOFTBUS'
  | 'RUN_UNTIL_MARKER'
  | 'RUN_TIMEOUT'
  | 'RUN_PHASE';

export interface RequestOptions {
  readonly guest: GuestDefinition;
  readonly dhcpServer: boolean;
  readonly wire?: WireName;
  /** A defect that the guest is told to have, to show that it is found. */
  readonly fault?: string;
  /** A profile by name, instead of the gates. */
  readonly profile?: string;
  /** Profiles beside those that come with the harness. */
  readonly profiles?: readonly ProfileSpec[];
  /** How many machines the command starts. Default 1. */
  readonly nodeCount?: number;
  readonly faults?: Partial<WireFaults>;
  readonly dialect?: BusDialect;
  readonly peer?: 'guest' | 'host';
  readonly budgets?: Readonly<Record<PhaseName, Millis>>;
}

/** Reads the environment of ADR-0025. Throws {@link Refusal}: nothing is ignored, nothing reduced, nothing guessed. */
export function readRequest(environment: Environment, options: RequestOptions): RunRequest {
  const { guest, dhcpServer, wire, fault, faults, dialect, peer, budgets } = options;
  refuseUnknown(environment);
  const { profile, by } = chooseProfile(environment, options);
  refuseNodes(profile, options.nodeCount ?? 1);
  refuseFaults(profile, { faults, budgets });
  for (const capability of profile.capabilities) {
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
    ...(wire !== undefined && { wire }),
    ...(fault !== undefined && { fault: knownFault(guest, fault) }),
    ...(faults !== undefined && { faults }),
    ...(dialect !== undefined && { dialect }),
    ...(peer !== undefined && { peer }),
    ...(budgets !== undefined && { budgets }),
    environment: Object.fromEntries(
      Object.keys(VARIABLES).flatMap((name) => {
        const value = environment[name];
        return value === undefined || value === '' ? [] : [[name, value]];
      }),
    ),
  };
}

/** The gates are sugar: each stands for a profile, or for the guest's own lane of it, and several for a profile that extends all. */
function chooseProfile(
  environment: Environment,
  { guest, profile, profiles = [] }: RequestOptions,
): { readonly profile: Profile; readonly by: string } {
  const dhcp = readSwitch(environment, 'REQUIRE_QEMU_DHCP');
  const strict = readSwitch(environment, 'REQUIRE_QEMU_DHCP_STRICT');
  const dsoftbus = readSwitch(environment, 'REQUIRE_DSOFTBUS');
  if (strict && !dhcp) throw new Refusal('REQUIRE_QEMU_DHCP_STRICT=1 goes with REQUIRE_QEMU_DHCP=1: set both.');
  const specs = [...PROFILE_SPECS, ...profiles];
  const gates = [
    ...(dhcp ? [strict ? 'REQUIRE_QEMU_DHCP_STRICT' : 'REQUIRE_QEMU_DHCP'] : []),
    ...(dsoftbus ? ['REQUIRE_DSOFTBUS'] : []),
  ] as readonly Gate[];
  const named = gates.map((gate) => `${gate}=1`).join(' and ');
  if (profile !== undefined) {
    if (gates.length > 0) throw new Refusal(`${named} and --profile ${profile} both say what is demanded: set one of them.`);
    return { profile: resolve(profile, specs), by: `the profile ${profile}` };
  }
  const missing = dsoftbus && !guest.capabilities.has('dsoftbus');
  if (missing) {
    const has = [...guest.capabilities].join(', ');
    throw new Refusal(
      `${named} needs a guest with the capability ‘dsoftbus’, and ${guest.name} has: ${has}. Nothing was booted.`,
    );
  }
  const wanted = gates.map((gate) => guest.lanes?.[gate] ?? GATE_PROFILES[gate]);
  const [only = guest.lanes?.default ?? 'smoke', ...more] = wanted;
  if (more.length === 0) return { profile: resolve(only, specs), by: gates.length === 0 ? `the profile ${only}` : named };
  const all = { name: wanted.join('+'), description: descriptions(wanted, specs), extends: wanted };
  return { profile: resolve(all.name, [...specs, all]), by: named };
}

const GATE_PROFILES: Readonly<Record<Gate, string>> = {
  REQUIRE_QEMU_DHCP: 'dhcp',
  REQUIRE_QEMU_DHCP_STRICT: 'dhcp-strict',
  REQUIRE_DSOFTBUS: 'dsoftbus',
};

function knownFault({ name, faults = {} }: GuestDefinition, fault: string): string {
  if (Object.hasOwn(faults, fault)) return fault;
  const known = Object.keys(faults);
  throw new Refusal(
    `${name} can’t be told to have the fault ‘${fault}’: ${known.length === 0 ? 'it has none' : known.join(', ')}.`,
  );
}

function descriptions(names: readonly string[], specs: readonly ProfileSpec[]): string {
  return names.map((name) => specs.find((each) => each.name === name)?.description ?? name).join('; ');
}

function resolve(name: string, specs: readonly ProfileSpec[]): Profile {
  try {
    return resolveProfile(name, specs);
  } catch (error) {
    if (error instanceof UsageError) throw new Refusal(`${capitalised(error.message)}.`);
    throw error;
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function refuseNodes({ name, nodes }: Profile, nodeCount: number): void {
  if (nodes.length === nodeCount) return;
  const command = nodeCount === 1 ? 'test-os starts one' : `test-os2vm starts ${nodeCount}`;
  const machines = nodes.length === 1 ? 'one machine' : `${nodes.length} machines (${nodes.join(', ')})`;
  throw new Refusal(`The profile ${name} is of ${machines}, and ${command}.`);
}

/** A fault, or a budget, for a machine or a phase that the profile has not would never come. */
function refuseFaults(
  { name, nodes, phases }: Profile,
  { faults = {}, budgets = {} }: { readonly faults: RunRequest['faults']; readonly budgets: RunRequest['budgets'] },
): void {
  const { partition, cut, kill } = faults;
  const moments = [partition?.from, cut?.from, kill?.from];
  const named = [
    ...moments.flatMap((moment) => (moment?.type === 'phase' ? [moment.phase] : [])),
    ...Object.keys(budgets).filter((each) => each !== 'total'),
  ];
  const phase = named.find((each) => !phases.some((known) => known.name === each));
  if (phase !== undefined)
    throw new Refusal(`The profile ${name} has no phase ‘${phase}’: ${phases.map((each) => each.name).join(', ')}.`);
  const node = [cut?.node, kill?.node].find((each) => each !== undefined && !nodes.includes(each));
  if (node !== undefined) throw new Refusal(`The profile ${name} has no machine ‘${node}’: ${nodes.join(', ')}.`);
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
    if (!names.includes(phase))
      throw new Refusal(`RUN_PHASE ‘${phase}’ is no phase of the profile ${profile.name}: ${names.join(', ')}.`);
    return { type: 'phase', phase };
  }
  if (!untilMarker) return { type: 'satisfied' };
  const demanded = demandedMarkers(profile);
  const read = readMarkerText(marker, profile.catalogue);
  if (read === undefined || !demanded.includes(read.id)) {
    const literals = demanded.map((id) => `‘${markerLiteral(profile.catalogue.get(id))}’`).join(', ');
    throw new Refusal(`RUN_UNTIL_MARKER ‘${marker}’ is neither 1 nor a marker of the profile ${profile.name}: ${literals}.`);
  }
  return { type: 'marker', marker: read.id, values: read.values };
}

/** A marker as it is asked for: with values, so that only a marker with these ends the run; as its form; or its beginning. */
function readMarkerText(
  text: string,
  catalogue: MarkerCatalogue,
): { readonly id: MarkerId; readonly values: MarkerValues } | undefined {
  const read = catalogue.read(text);
  if (read !== undefined) return read;
  const id = catalogue.ids.find((each) => {
    const marker = catalogue.get(each);
    return text === markerLiteral(marker) || text === marker.form;
  });
  return id === undefined ? undefined : { id, values: {} };
}

const UNITS: Readonly<Record<string, Millis>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000 };

function readTimeout(text: string | undefined): Millis {
  if (text === undefined || text === '') return 90_000;
  const match = /^(\d{1,6}(?:\.\d{1,3})?)([smh]?)$/.exec(text);
  if (match === null) throw new Refusal(`RUN_TIMEOUT ‘${text}’ is no time: write 90, 90s, 2m, 1h, or 0 for no limit.`);
  const runMs = Number(match[1]) * (UNITS[match[2] as string] as Millis);
  return runMs === 0 ? NEVER : runMs;
}
