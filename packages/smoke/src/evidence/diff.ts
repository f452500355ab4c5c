import type { Millis } from '@nexus-net/sansio';
import type { RunReport } from '../run.js';

/** Something of a run that has a place in an order: a marker, a fact, a broken rule. */
interface Item {
  /** The same in every run in which the same thing happens. */
  readonly key: string;
  readonly atMs: Millis;
}

export interface Change {
  readonly what: string;
  readonly change: 'missing' | 'added' | 'moved';
  /** Where it stands in the first run and in the second, from 1. */
  readonly a?: number;
  readonly b?: number;
}

/** How two lists of things differ; each thing counts where it happened first. */
export interface ListDiff {
  readonly changes: readonly Change[];
  /** Things that happened more often in one run than in the other: no difference of what was shown. */
  readonly repeats: readonly { readonly what: string; readonly a: number; readonly b: number }[];
  /** The first place where the two have not the same thing. */
  readonly divergence?: { readonly position: number; readonly a?: string; readonly b?: string };
}

/** A marker that both runs have, and how long after the marker before it (of those that both have) it came. */
export interface TimeDiff {
  readonly what: string;
  readonly aMs: Millis;
  readonly bMs: Millis;
  /** Beyond the threshold. */
  readonly beyond: boolean;
}

export interface RunDiff {
  readonly schema: 'nexus-net/evidence-diff/1';
  /** Differences of verdict, guest, command line, versions and environment. */
  readonly header: readonly { readonly what: string; readonly a: string; readonly b: string }[];
  readonly markers: ListDiff;
  readonly facts: ListDiff;
  readonly violations: ListDiff;
  readonly times: readonly TimeDiff[];
  readonly thresholdMs?: Millis;
  /** Is there any difference but of repeats, and of times within the threshold? */
  readonly same: boolean;
}

/** Fields of facts that are drawn anew for each run, or are times: two runs that do the same differ in them. */
const DRAWN: ReadonlySet<string> = new Set([
  'at',
  'frames',
  'xid',
  'identifier',
  'sequence',
  'id',
  'roundTripMs',
  'clientPort',
  'noiseStatic',
  'turn',
]);

/** What the second run has otherwise than the first. `thresholdMs`: a step may take so much longer or shorter; without it times are shown and not judged. */
export function diffRuns(
  a: Partial<RunReport>,
  b: Partial<RunReport>,
  { thresholdMs }: { readonly thresholdMs?: Millis } = {},
): RunDiff {
  const header = headerDiff(a, b);
  const markers = diffLists(markersOf(a), markersOf(b));
  const facts = diffLists(factsOf(a), factsOf(b));
  const violations = diffLists(violationsOf(a), violationsOf(b));
  const times = diffTimes(markersOf(a), markersOf(b), thresholdMs);
  const changed = [markers, facts, violations].some(({ changes }) => changes.length > 0);
  const same = header.length === 0 && !changed && !times.some(({ beyond }) => beyond);
  return {
    schema: 'nexus-net/evidence-diff/1',
    header,
    markers,
    facts,
    violations,
    times,
    ...(thresholdMs !== undefined && { thresholdMs }),
    same,
  };
}

function headerDiff(a: Partial<RunReport>, b: Partial<RunReport>): RunDiff['header'] {
  const rows: readonly (readonly [what: string, of: (report: Partial<RunReport>) => unknown])[] = [
    ['outcome', ({ outcome }) => outcome],
    ['phase of the failure', ({ failure }) => failure?.phase],
    ['cause', ({ failure }) => failure?.cause],
    ['profile', ({ profile }) => profile],
    ['guest', ({ guest }) => guest],
    ['DHCP server', ({ dhcpServer }) => dhcpServer],
    ['wire', ({ wire }) => wire],
    ['environment', ({ environment }) => environment],
    ['versions', ({ versions }) => versions],
    ['command line', ({ argv }) => argv],
  ];
  return rows.flatMap(([what, of]) => {
    const [one, other] = [JSON.stringify(of(a)) ?? 'none', JSON.stringify(of(b)) ?? 'none'];
    return one === other ? [] : [{ what, a: one, b: other }];
  });
}

function markersOf({ markers = [] }: Partial<RunReport>): readonly Item[] {
  return markers.map(({ node, marker, evidence, atMs }) => ({ key: `${node}: ${marker} (${evidence})`, atMs }));
}

function factsOf({ facts = [] }: Partial<RunReport>): readonly Item[] {
  return facts.map((fact) => {
    const { kind, at, ...fields } = fact;
    const kept = Object.entries(fields).filter(([name]) => !DRAWN.has(name));
    return { key: [kind, ...kept.map(([name, value]) => `${name}=${String(value)}`)].join(' '), atMs: Number(at) };
  });
}

function violationsOf({ violations = [] }: Partial<RunReport>): readonly Item[] {
  return violations.map(({ rule, message }) => ({ key: `${rule}: ${message}`, atMs: 0 }));
}

function diffLists(a: readonly Item[], b: readonly Item[]): ListDiff {
  const [inA, inB] = [countsOf(a), countsOf(b)];
  const [orderA, orderB] = [[...inA.keys()], [...inB.keys()]];
  const placeB = new Map(orderB.map((key, i) => [key, i]));
  const placeA = new Map(orderA.map((key, i) => [key, i]));
  const common = orderA.filter((key) => placeB.has(key));
  const kept = longestIncreasing(common.map((key) => placeB.get(key) as number));
  const moved = common.filter((_, i) => !kept.has(i));
  const changes: Change[] = [
    ...orderA.flatMap((what, i): Change[] => (placeB.has(what) ? [] : [{ what, change: 'missing', a: i + 1 }])),
    ...orderB.flatMap((what, i): Change[] => (placeA.has(what) ? [] : [{ what, change: 'added', b: i + 1 }])),
    ...moved.map(
      (what): Change => ({
        what,
        change: 'moved',
        a: (placeA.get(what) as number) + 1,
        b: (placeB.get(what) as number) + 1,
      }),
    ),
  ];
  const at = orderA.findIndex((key, i) => key !== orderB[i]);
  const position = at >= 0 ? at : orderA.length < orderB.length ? orderA.length : undefined;
  const [one, other] = position === undefined ? [] : [orderA[position], orderB[position]];
  return {
    changes,
    repeats: common.flatMap((what) => {
      const [timesA, timesB] = [inA.get(what) as number, inB.get(what) as number];
      return timesA === timesB ? [] : [{ what, a: timesA, b: timesB }];
    }),
    ...(position !== undefined && {
      divergence: {
        position: position + 1,
        ...(one !== undefined && { a: one }),
        ...(other !== undefined && { b: other }),
      },
    }),
  };
}

/** How often each thing is there, in the order of its first time. */
function countsOf(items: readonly Item[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { key } of items) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** Indices of a longest increasing subsequence: the fewest things are said to have moved. */
function longestIncreasing(values: readonly number[]): ReadonlySet<number> {
  const tails: number[] = [];
  const before: (number | undefined)[] = [];
  values.forEach((value, i) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((values[tails[middle] as number] as number) < value) low = middle + 1;
      else high = middle;
    }
    before[i] = low === 0 ? undefined : tails[low - 1];
    tails[low] = i;
  });
  const kept = new Set<number>();
  for (let i = tails.at(-1); i !== undefined; i = before[i]) kept.add(i);
  return kept;
}

function diffTimes(a: readonly Item[], b: readonly Item[], thresholdMs: Millis | undefined): readonly TimeDiff[] {
  const firstA = new Map([...a].reverse().map(({ key, atMs }) => [key, atMs]));
  const firstB = new Map([...b].reverse().map(({ key, atMs }) => [key, atMs]));
  let [lastA, lastB] = [0, 0];
  return [...countsOf(a).keys()].flatMap((what) => {
    const [atA, atB] = [firstA.get(what) as Millis, firstB.get(what)];
    if (atB === undefined) return [];
    const [aMs, bMs] = [atA - lastA, atB - lastB];
    [lastA, lastB] = [atA, atB];
    return [{ what, aMs, bMs, beyond: thresholdMs !== undefined && Math.abs(bMs - aMs) > thresholdMs }];
  });
}
