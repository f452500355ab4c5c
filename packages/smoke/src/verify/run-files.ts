import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Millis } from '@nexus-net/sansio';
import type { NodeName } from '@nexus-net/verdict';
import { type CaptureFrames, readCaptureFile } from '../capture-file.js';
import { Refusal } from '../refusal.js';
import type { RunReport } from '../run.js';
import { consoleFile, RUN_FILES } from '../run-folder.js';
import { type RecordedInput, readEventsFile } from './events-file.js';
import { linesOf } from './verify-recording.js';

/** A file as octets. `bytesMax`: its length at most. Throws {@link Refusal} where it can't be read. */
export async function readBytes(path: string, bytesMax: number = 512 * 2 ** 20): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > bytesMax) throw new Error(`longer than ${bytesMax} octets, the limit of what is read`);
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Refusal(`${path}: ${error instanceof Error ? error.message : String(error)}`, 'unreadable');
  }
}

/** The `events.ndjson` of a run. Throws {@link Refusal} where it is none. */
export async function readEvents(path: string): Promise<readonly RecordedInput[]> {
  const inputs = readEventsFile(new TextDecoder().decode(await readBytes(path)));
  if (typeof inputs === 'string') throw new Refusal(`${path}: ${inputs}`, 'unreadable');
  return inputs;
}

/** The frames of a capture with times on the clock of a run: `wallAtZero` is the Unix time of its zero. */
export function framesOnRunClock(capture: CaptureFrames, wallAtZero: Millis): CaptureFrames['frames'] {
  const { firstNs, frames } = capture;
  if (firstNs === undefined) return frames;
  const zeroNs = BigInt(Math.round(wallAtZero)) * 1_000_000n;
  const first = Number(firstNs - zeroNs);
  return frames.map((frame) => ({ ...frame, at: (first + Math.round(frame.at * 1e6)) / 1e6 }));
}

/** What a run left, as far as it is there and can be read. */
export interface RunFiles {
  readonly report: Partial<RunReport>;
  /** The console log of each machine, by its name. */
  readonly consoles: ReadonlyMap<NodeName, Uint8Array>;
  readonly capture: CaptureFrames;
  readonly inputs: readonly RecordedInput[];
}

/** Reads the folder of a run. Throws {@link Refusal} where one of its files is missing or unreadable. */
export async function readRunFolder(folder: string): Promise<RunFiles> {
  const text = new TextDecoder().decode(await readBytes(join(folder, RUN_FILES.verdict)));
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    throw new Refusal(`${join(folder, RUN_FILES.verdict)}: this is no JSON`, 'unreadable');
  }
  if (typeof report !== 'object' || report === null) throw new Refusal(`${folder}: the verdict is no object`, 'unreadable');
  const { machines } = report as Partial<RunReport>;
  const names = machines === undefined ? [undefined] : Object.keys(machines);
  const consoles = new Map<NodeName, Uint8Array>();
  for (const name of names) consoles.set(name ?? 'guest', await readBytes(join(folder, consoleFile('uart', name))));
  return {
    report,
    consoles,
    capture: await readCaptureFile(join(folder, RUN_FILES.wire), { vnetHeader: 0 }),
    inputs: await readEvents(join(folder, RUN_FILES.events)),
  };
}

/**
 * The first line where console log and recorded lines say different things, in one sentence: a log that somebody wrote in is no evidence
 * of its run. `node`: whose log it is; default that of the only one. `isCut`: the log reached its limit and has only the beginning. Lines of the log after the last recorded one came when the run was over.
 */
export function disagreement(
  inputs: readonly RecordedInput[],
  bytes: Uint8Array,
  { isCut = false, node }: { readonly isCut?: boolean; readonly node?: NodeName } = {},
): string | undefined {
  const lines = linesOf(isCut ? bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1) : bytes);
  for (const input of inputs) {
    if (input.type !== 'line' || input.source !== 'console' || (node !== undefined && input.node !== node)) continue;
    const { value } = lines.next() as { value: { text: string } | undefined };
    if (value === undefined && isCut) return undefined;
    if (value === undefined) return `the console log ends before the recorded line ${input.line.number}`;
    if (value.text !== input.line.text)
      return `line ${input.line.number} of the console log is ‘${value.text}’, and ‘${input.line.text}’ was recorded`;
  }
  return undefined;
}
