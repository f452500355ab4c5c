import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProfileSpec, Verdict } from '@nexus-net/verdict';
import { decodeFrames } from '../capture-file.js';
import type { GuestDefinition } from '../guest.js';
import { Refusal } from '../refusal.js';
import { replayFrames, sameFacts } from '../replay.js';
import type { RunReport } from '../run.js';
import { RUN_FILES } from '../run-folder.js';
import { verify } from '../verify/command.js';
import type { ArchiveFile } from './archive.js';

/** Whether a run's verdict is what its evidence shows. */
export type Recomputed =
  | { readonly state: 'follows' }
  /** What the evidence says otherwise, in one sentence each. */
  | { readonly state: 'does-not-follow'; readonly differences: readonly string[] }
  /** The evidence can't be judged: why, in one sentence. */
  | { readonly state: 'not-judged'; readonly reason: string };

/** The guests and profiles that a recording may name. */
export interface Known {
  readonly guests: Readonly<Record<string, GuestDefinition>>;
  readonly profiles?: readonly ProfileSpec[];
}

/**
 * Judges the recording in these files again, as `nexus-net verify` does, and holds the verdict against the one beside it: all of it where the run passed.
 * Of a run that failed the instants are left out, since a deadline is noticed when the clock of the machine lets it be.
 */
export async function recompute(files: readonly ArchiveFile[], known: Known): Promise<Recomputed> {
  const base = await mkdtemp(join(tmpdir(), 'nexus-evidence-'));
  const folder = join(base, 'run');
  try {
    await mkdir(folder);
    for (const { name, bytes } of files) await writeFile(join(folder, name), bytes, { flag: 'wx' });
    const { verdict, exit, differences = [] } = await verify({ path: folder, vnetHeader: 0, ...known });
    const report = JSON.parse(new TextDecoder().decode(bytesOf(files, RUN_FILES.verdict))) as RunReport;
    const all = [...differences, ...furtherDifferences(verdict, report)];
    if (differences.length === 0 && exit !== report.exit && report.exit !== 'unwritable')
      all.push(`exit: the evidence says ${exit}, verdict.json says ${JSON.stringify(report.exit)}`);
    if (!followsFacts(files, report)) all.push('facts: the capture shows others than verdict.json lists');
    return all.length === 0 ? { state: 'follows' } : { state: 'does-not-follow', differences: all };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { state: 'not-judged', reason: error.message.replaceAll(`${folder}/`, '').replaceAll(folder, 'the run') };
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

/** What `verify` itself does not hold against the report. */
function furtherDifferences(verdict: Verdict, report: RunReport): readonly string[] {
  const timeless = ['schema', 'profile', 'unbacked', 'outcomes', 'unclaimed', 'violationsNotListed', 'notes'] as const;
  const names: readonly (keyof Verdict)[] =
    verdict.outcome === 'passed' ? [...timeless, 'durationMs', 'phases', 'markers'] : timeless;
  return names.flatMap((name) =>
    JSON.stringify(verdict[name]) === JSON.stringify(report[name])
      ? []
      : [`${name}: verdict.json does not say what the evidence says`],
  );
}

/** Kinds of facts that the report has none of are left out: a newer version of this program may see more than the one that ran. */
function followsFacts(files: readonly ArchiveFile[], { facts, factsNotListed }: Partial<RunReport>): boolean {
  const capture = decodeFrames(bytesOf(files, RUN_FILES.wire), 0);
  if (typeof capture === 'string' || !Array.isArray(facts) || !facts.every((fact) => typeof fact === 'object' && fact !== null))
    return false;
  const kinds = new Set(facts.map(({ kind }) => kind));
  const shown = replayFrames(capture).facts.filter(({ kind }) => kinds.has(kind));
  return sameFacts(shown, { facts, isWhole: factsNotListed === 0 });
}

function bytesOf(files: readonly ArchiveFile[], name: string): Uint8Array {
  return files.find((file) => file.name === name)?.bytes ?? new Uint8Array(0);
}
