/** One thing to measure. */
export interface Case {
  readonly name: string;
  /** Does it `count` times. What it returns is only looked at so that no compiler can leave the work out. */
  readonly run: (count: number) => number;
}

/** A thing that another process does and measures. */
export interface RemoteCase {
  readonly name: string;
  readonly measure: (count: number) => Promise<Spent>;
}

/** Nanoseconds. */
export interface Spent {
  /** Of processor, in all threads of the process: collecting garbage and compiling are part of it. */
  readonly cpu: number;
  readonly wall: number;
}

/** Cases whose figures are compared with each other: their rounds take turns. */
export interface Group {
  readonly title: string;
  /** What is counted: `message`, `lease`, `frame`. */
  readonly unit: string;
  /** Units in one run of a case. Default 1. */
  readonly unitsPerRun?: number;
  /** Compare the others with the first case. Default false. */
  readonly ratios?: boolean;
  readonly cases: readonly (Case | RemoteCase)[];
}

/**
 * Nanoseconds for one unit. All but `wall` are processor time: on a machine that others use as well it says what the
 * work costs, and the time on the wall says how many others there were.
 */
export interface Figure {
  readonly name: string;
  readonly median: number;
  /** The tenth and the ninetieth of a hundred rounds. */
  readonly low: number;
  readonly high: number;
  readonly best: number;
  /** Median on the wall. */
  readonly wall: number;
  /** Median over the rounds of this case's time divided by that of the group's first case in the same round. */
  readonly ratio: number;
}

export interface GroupResult {
  readonly title: string;
  readonly unit: string;
  readonly ratios: boolean;
  readonly figures: readonly Figure[];
}

export interface Pace {
  /** Rounds that count. */
  readonly rounds: number;
  /** Processor time that one round of one case takes. */
  readonly roundMs: number;
  /** Processor time for each case before anything counts: compilers settle, caches fill. */
  readonly warmUpMs: number;
}

export const DEFAULT_PACE: Pace = { rounds: 41, roundMs: 8, warmUpMs: 400 };

/** Anything that a case returns ends here. */
let sink = 0;

export async function measureGroup(group: Group, pace: Pace = DEFAULT_PACE): Promise<GroupResult> {
  const units = group.unitsPerRun ?? 1;
  const counts: number[] = [];
  for (const each of group.cases) counts.push(await calibrate(each, pace));
  const rounds = group.cases.map((): number[] => []);
  const walls = group.cases.map((): number[] => []);
  for (let round = 0; round < pace.rounds; round++) {
    for (let turn = 0; turn < group.cases.length; turn++) {
      // Each round starts with another case, so that none always runs behind the same neighbour.
      const i = (round + turn) % group.cases.length;
      const count = counts[i] as number;
      const { cpu, wall } = await time(group.cases[i] as Case, count);
      (rounds[i] as number[]).push(cpu / (count * units));
      (walls[i] as number[]).push(wall / (count * units));
    }
  }
  const base = rounds[0] ?? [];
  const figures = group.cases.map(({ name }, i) => {
    const times = rounds[i] as number[];
    const ratios = times.map((each, round) => each / (base[round] as number));
    return {
      name,
      median: quantile(times, 0.5),
      low: quantile(times, 0.1),
      high: quantile(times, 0.9),
      best: quantile(times, 0),
      wall: quantile(walls[i] as number[], 0.5),
      ratio: quantile(ratios, 0.5),
    };
  });
  return { title: group.title, unit: group.unit, ratios: group.ratios ?? false, figures };
}

/** Warms a case up, and says how often it has to run to fill a round. */
async function calibrate(each: Case | RemoteCase, { roundMs, warmUpMs }: Pace): Promise<number> {
  let count = 1;
  let spent = 0;
  for (;;) {
    const { cpu } = await time(each, count);
    spent += cpu;
    if (cpu >= roundMs * 5e5 && spent >= warmUpMs * 1e6) return Math.max(1, Math.round((count * roundMs * 1e6) / cpu));
    if (cpu < roundMs * 5e5) count *= 2;
  }
}

async function time(each: Case | RemoteCase, count: number): Promise<Spent> {
  if ('measure' in each) return each.measure(count);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  sink ^= each.run(count);
  const wall = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) * 1e3, wall };
}

/** The value below which the part `q` of `values` lies, without interpolation. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Keeps the work of all cases alive. */
export function sunk(): number {
  return sink;
}
