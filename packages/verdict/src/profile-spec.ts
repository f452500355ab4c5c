import { UsageError } from '@nexus-net/sansio';
import { MarkerCatalogue } from './catalogue.js';
import type { Marker, MarkerId } from './marker.js';
import { MARKERS } from './markers.js';
import {
  CAPABILITIES,
  type Capability,
  type Edge,
  type NodeName,
  type OutcomeGroup,
  type Phase,
  type PhaseName,
  type Profile,
} from './profile.js';

/** A profile as it is written down, in code or in a file: data, with everything left out that its parents say. */
export interface ProfileSpec {
  readonly name: string;
  /** One sentence: what a run of it proves. */
  readonly description: string;
  /** Names of profiles whose demands are part of this one. */
  readonly extends?: readonly string[];
  /** The machines of a run. Default: those of the parents, or `guest`. */
  readonly nodes?: readonly NodeName[];
  /** Markers beside those that come with the harness. */
  readonly markers?: Readonly<Record<MarkerId, Marker>>;
  readonly phases?: readonly PhaseSpec[];
  readonly order?: readonly (readonly [earlier: MarkerId, later: MarkerId])[];
  readonly outcomes?: readonly OutcomeSpec[];
  readonly forbidden?: readonly MarkerId[];
  /** Further beginnings of lines that fail the run at once. */
  readonly forbiddenLines?: readonly string[];
  /** Beginnings of lines that would be a failure of some marker, and are let pass here. */
  readonly allowedLines?: readonly string[];
  readonly capabilities?: readonly Capability[];
  readonly notes?: readonly string[];
}

export interface PhaseSpec {
  readonly name: PhaseName;
  /** A marker of every node, or of those that are named. */
  readonly markers: readonly (MarkerId | { readonly marker: MarkerId; readonly nodes: readonly NodeName[] })[];
  /** Milliseconds from the end of the phase before. */
  readonly budgetMs: number;
  /** The phase that it follows. Default: the last one so far. */
  readonly after?: PhaseName;
}

export interface OutcomeSpec {
  readonly name: string;
  readonly of: readonly MarkerId[];
  readonly interchangeable?: boolean;
}

/**
 * A profile with all that its parents say. Of parents, the first ones come first: their phases keep their order, and a phase of the
 * same name is replaced by its heir's. Throws `UsageError` with one sentence for what can't be: an unknown key, parent, marker or
 * node, parents that go in a circle or contradict each other, a marker that is demanded and forbidden or takes more nodes than there are.
 */
export function resolveProfile(name: string, specs: readonly ProfileSpec[]): Profile {
  const merged = merge(lineage(name, specs));
  const catalogue = new MarkerCatalogue({ ...MARKERS, ...merged.markers });
  const refuse = (what: string): never => {
    throw new UsageError(`the profile ${name} ${what}`);
  };
  const known = (marker: MarkerId, where: string): Marker =>
    catalogue.has(marker)
      ? catalogue.get(marker)
      : refuse(`names a marker ${JSON.stringify(marker)} in ${where}, which nobody knows`);
  const phases = merged.phases.map(({ name: phase, markers, budgetMs }): Phase => {
    if (!(budgetMs > 0)) refuse(`gives the phase ${phase} no time`);
    if (markers.length === 0) refuse(`demands nothing in the phase ${phase}`);
    return {
      name: phase,
      budgetMs,
      markers: markers.flatMap((each) => {
        const { marker, nodes } = typeof each === 'string' ? { marker: each, nodes: merged.nodes } : each;
        const { nodes: needed = 1 } = known(marker, `the phase ${phase}`);
        const stranger = nodes.find((node) => !merged.nodes.includes(node));
        if (stranger !== undefined) refuse(`demands ${marker} of a node ${stranger}; its nodes are ${merged.nodes.join(', ')}`);
        if (needed > merged.nodes.length)
          refuse(`demands ${marker}, which takes ${needed} nodes, and starts ${merged.nodes.length}`);
        if (merged.forbidden.includes(marker)) refuse(`demands ${marker} and forbids it`);
        return nodes.map((node) => ({ marker, node }));
      }),
    };
  });
  if (phases.length === 0) refuse('has no phase');
  for (const marker of merged.forbidden) known(marker, 'forbidden');
  for (const { earlier, later } of merged.order) for (const marker of [earlier, later]) known(marker, 'order');
  for (const { of, name: group } of merged.outcomes) for (const marker of of) known(marker, `the outcomes ${group}`);
  const circle = orderCircle(merged.order);
  if (circle !== undefined) refuse(`wants ${circle.join(' before ')}`);
  const demanded = [...new Set(phases.flatMap(({ markers }) => markers.map(({ marker }) => marker)))];
  return {
    name,
    description: merged.description,
    nodes: merged.nodes,
    catalogue,
    phases,
    order: merged.order,
    outcomes: merged.outcomes,
    forbidden: merged.forbidden,
    failures: [
      ...demanded.flatMap((marker) => (catalogue.get(marker).failures ?? []).map((line) => ({ line, marker }))),
      ...merged.forbiddenLines.map((line) => ({ line })),
    ].filter(({ line }) => !merged.allowedLines.includes(line)),
    capabilities: merged.capabilities,
    notes: merged.notes,
  };
}

/** Refuses a key that no profile has, by name: what nobody reads must not look as if it counted. */
export function checkProfileSpec(value: unknown): ProfileSpec {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageError('a profile is an object');
  const spec = value as Readonly<Record<string, unknown>>;
  const label = typeof spec['name'] === 'string' ? `the profile ${spec['name']}` : 'a profile';
  for (const key of Object.keys(spec)) {
    if (!SPEC_KEYS.includes(key)) throw new UsageError(`${label} has a key ${key}; known are ${SPEC_KEYS.join(', ')}`);
  }
  for (const key of ['name', 'description']) {
    if (typeof spec[key] !== 'string' || spec[key] === '') throw new UsageError(`${label} has no ${key}`);
  }
  for (const key of LIST_KEYS) {
    if (spec[key] !== undefined && !Array.isArray(spec[key])) throw new UsageError(`${label}: ${key} is a list`);
  }
  for (const capability of (spec['capabilities'] as readonly unknown[] | undefined) ?? []) {
    if (!CAPABILITIES.includes(capability as Capability))
      throw new UsageError(`${label} wants a capability ${String(capability)}; known are ${CAPABILITIES.join(', ')}`);
  }
  return value as ProfileSpec;
}

const LIST_KEYS = [
  'extends',
  'nodes',
  'phases',
  'order',
  'outcomes',
  'forbidden',
  'forbiddenLines',
  'allowedLines',
  'capabilities',
  'notes',
];
const SPEC_KEYS = ['name', 'description', 'markers', ...LIST_KEYS];

interface Merged {
  readonly description: string;
  readonly nodes: readonly NodeName[];
  readonly markers: Readonly<Record<MarkerId, Marker>>;
  readonly phases: readonly PhaseSpec[];
  readonly order: readonly Edge[];
  readonly outcomes: readonly OutcomeGroup[];
  readonly forbidden: readonly MarkerId[];
  readonly forbiddenLines: readonly string[];
  readonly allowedLines: readonly string[];
  readonly capabilities: readonly Capability[];
  readonly notes: readonly string[];
}

/** A profile and its ancestors, those furthest away first, each once. */
function lineage(name: string, specs: readonly ProfileSpec[], path: readonly string[] = []): readonly ProfileSpec[] {
  const spec = specs.find((each) => each.name === name);
  if (spec === undefined) {
    const known = specs.map((each) => each.name).join(', ');
    const by = path.length === 0 ? '' : `, which ${path.at(-1)} extends`;
    throw new UsageError(`there is no profile ${JSON.stringify(name)}${by}: ${known}`);
  }
  if (path.includes(name)) throw new UsageError(`profiles extend each other: ${[...path, name].join(' → ')}`);
  const found = (spec.extends ?? []).flatMap((parent) => lineage(parent, specs, [...path, name]));
  return [...new Set([...found, spec])];
}

function merge(line: readonly ProfileSpec[]): Merged {
  const heir = line.at(-1) as ProfileSpec;
  const nodes = line.findLast((spec) => spec.nodes !== undefined)?.nodes ?? ['guest'];
  const union = <T>(of: (spec: ProfileSpec) => readonly T[] | undefined): readonly T[] => [
    ...new Set(line.flatMap((spec) => of(spec) ?? [])),
  ];
  const outcomes = new Map(line.flatMap((spec) => spec.outcomes ?? []).map((group) => [group.name, group]));
  const demanded = (spec: ProfileSpec): readonly MarkerId[] =>
    (spec.phases ?? []).flatMap(({ markers }) => markers.map((each) => (typeof each === 'string' ? each : each.marker)));
  return {
    description: heir.description,
    nodes,
    markers: Object.assign({}, ...line.map((spec) => spec.markers ?? {})) as Readonly<Record<MarkerId, Marker>>,
    phases: mergePhases(line),
    order: union((spec) => spec.order?.map(([earlier, later]) => `${earlier}\n${later}`)).map((edge) => {
      const [earlier, later] = edge.split('\n') as [MarkerId, MarkerId];
      return { earlier, later };
    }),
    outcomes: [...outcomes.values()].map(({ name, of, interchangeable = false }) => ({ name, of, interchangeable })),
    // What an heir demands its ancestors no longer forbid: only what one and the same profile says can contradict itself.
    forbidden: union((spec) => spec.forbidden).filter((marker) => {
      const last = line.findLastIndex((spec) => spec.forbidden?.includes(marker));
      return !line.slice(last + 1).some((spec) => demanded(spec).includes(marker));
    }),
    forbiddenLines: union((spec) => spec.forbiddenLines),
    allowedLines: union((spec) => spec.allowedLines),
    capabilities: union((spec) => spec.capabilities),
    notes: union((spec) => spec.notes),
  };
}

function mergePhases(line: readonly ProfileSpec[]): readonly PhaseSpec[] {
  const merged: PhaseSpec[] = [];
  for (const { name, phases = [] } of line) {
    let previous: PhaseName | undefined;
    for (const phase of phases) {
      const at = merged.findIndex((each) => each.name === phase.name);
      if (at >= 0) merged[at] = phase;
      else {
        const { after = previous } = phase;
        const before = after === undefined ? merged.length - 1 : merged.findIndex((each) => each.name === after);
        if (after !== undefined && before < 0)
          throw new UsageError(`the profile ${name} puts the phase ${phase.name} after ${after}, which is none of its phases`);
        merged.splice(before + 1, 0, phase);
      }
      previous = phase.name;
    }
  }
  return merged;
}

/** Markers that would each have to come before themselves; `undefined` where the order can be. */
function orderCircle(order: readonly Edge[]): readonly MarkerId[] | undefined {
  const done = new Set<MarkerId>();
  const visit = (marker: MarkerId, path: readonly MarkerId[]): readonly MarkerId[] | undefined => {
    if (path.includes(marker)) return [...path.slice(path.indexOf(marker)), marker];
    if (done.has(marker)) return undefined;
    for (const { earlier, later } of order) {
      const circle = earlier === marker ? visit(later, [...path, marker]) : undefined;
      if (circle !== undefined) return circle;
    }
    done.add(marker);
    return undefined;
  };
  for (const { earlier } of order) {
    const circle = visit(earlier, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
