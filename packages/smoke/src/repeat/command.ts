import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { monotonicClock } from '@nexus-net/host';
import type { ExitName } from '../exit-codes.js';
import { Refusal } from '../refusal.js';
import type { NamedVerdict } from '../report/test-formats.js';
import type { RunRequest } from '../request.js';
import { run } from '../run.js';
import { makeFolders } from '../run-folder.js';
import { writeWhole } from '../write-whole.js';
import { type RepeatReport, repeat } from './repeat.js';
import { progressLine, repeatLines } from './repeat-lines.js';

/** Beside the folders of the attempts. */
export const REPEAT_FILE = 'repeat.json';

const TIMES_MAX = 10_000;

/** The N of `--repeat N`. Throws {@link Refusal} where it is none. */
export function timesOf(text: string): number {
  const times = Number(text);
  if (!/^\d{1,5}$/.test(text) || times < 1 || times > TIMES_MAX)
    throw new Refusal(`--repeat is a number from 1 to ${TIMES_MAX}, not ‘${text}’.`);
  return times;
}

export interface SeriesOptions {
  readonly request: RunRequest;
  readonly boot: 'cold' | 'restored';
  /** Where the series makes its folder. */
  readonly runsFolder: string;
  readonly times: number;
  readonly untilFailure: boolean;
  /** Print the report as JSON and nothing else. */
  readonly json: boolean;
}

/** `test-os --repeat N`: the attempts are in a folder of the series, with `repeat.json`, which is whole after each attempt. */
export async function repeatTestOs(
  { request, boot, runsFolder, times, untilFailure, json }: SeriesOptions,
  { print, signal }: { readonly print: (line: string) => void; readonly signal?: AbortSignal },
): Promise<{ readonly exit: ExitName; readonly verdicts: readonly NamedVerdict[] }> {
  const startedAt = new Date().toISOString();
  const folder = join(runsFolder, `repeat-${startedAt.replaceAll(/[:.]/g, '-')}-${randomBytes(3).toString('hex')}`);
  await makeFolders(folder).catch((error: Error) => {
    throw new Refusal(`the folder of the series can’t be made: ${error.message}`, 'unwritable');
  });
  const { guest, profile, environment } = request;
  const series = { startedAt, guest: guest.name, profile: profile.name, boot, environment, requested: times };
  if (!json) print(`${guest.name} · ${profile.name} · ${boot}, ${times} times`);
  const { report, verdicts } = await repeat({
    series,
    clock: monotonicClock,
    untilFailure,
    ...(signal !== undefined && { signal }),
    attempt: () => run({ request, runsFolder: folder, boot, ...(signal !== undefined && { signal }) }),
    listener: async (progress) => {
      await writeReport(folder, progress.report); // whether it could be is said at the end
      if (!json) print(progressLine(progress));
    },
  });
  const unwritten = await writeReport(folder, report);
  if (json) print(JSON.stringify({ folder, ...report }, undefined, 2));
  else
    for (const line of [...repeatLines(report), ...(unwritten === undefined ? [] : [`  ! ${unwritten}`]), `  ${folder}`])
      print(line);
  return {
    exit: unwritten !== undefined && report.exit === 'passed' ? 'unwritable' : report.exit,
    verdicts: verdicts.map(({ number, verdict }) => ({ name: `attempt ${number}`, verdict })),
  };
}

/** Replaces the report of the series in one step, so that a reader never sees half of it. What went wrong, in words. */
async function writeReport(folder: string, report: RepeatReport): Promise<string | undefined> {
  try {
    await writeWhole(join(folder, REPEAT_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
    return undefined;
  } catch (error) {
    return `${REPEAT_FILE} could not be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}
