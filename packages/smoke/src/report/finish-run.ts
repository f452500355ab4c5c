import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { summarizeFrame } from '@nexus-net/lan';
import type { MacAddress } from '@nexus-net/sansio';
import type { MarkerReport, ViolationReport } from '@nexus-net/verdict';
import { decodeCapture, encodePcapng, FrameDissector } from '@nexus-net/wire';
import { type CaptureFrame, type CaptureFrames, decodeFrames } from '../capture-file.js';
import { inspectFrames } from '../inspect.js';
import type { RunReport } from '../run.js';
import { RUN_FILES } from '../run-folder.js';
import { framesOnRunClock } from '../verify/run-files.js';
import { writeWhole } from '../write-whole.js';
import type { DiagramFrame } from './ladder-diagram.js';
import { reportHtml } from './report-html.js';

/** A longer capture is left as it is, and the report shows only its beginning. Octets. */
const CAPTURE_BYTES_MAX = 64 * 2 ** 20;
/** Frames that the report looks at. */
const FRAME_COUNT_MAX = 20_000;

/** Gives each packet that backs a claim, or broke a rule, its comment in `wire.pcapng`. What went wrong, in words. */
export async function annotateCapture(folder: string, report: RunReport): Promise<string | undefined> {
  const path = join(folder, RUN_FILES.wire);
  try {
    const comments = commentsOf(report.markers, report.violations);
    const bytes = new Uint8Array(await readFile(path));
    if (comments.size === 0) return undefined;
    if (bytes.length > CAPTURE_BYTES_MAX) return `${RUN_FILES.wire} is too long for comments on its packets`;
    const annotated = withComments(bytes, comments);
    if (annotated === undefined) return `${RUN_FILES.wire} can’t be read again for comments on its packets`;
    await writeWhole(path, annotated);
    return undefined;
  } catch (error) {
    return `${RUN_FILES.wire} has no comments: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Writes `report.html`. What went wrong, in words. */
export async function writeReport(folder: string, report: RunReport): Promise<string | undefined> {
  try {
    const bytes = new Uint8Array(await readFile(join(folder, RUN_FILES.wire)));
    const capture = decodeFrames(bytes, 0);
    const wallAtZero = Date.parse(report.startedAt);
    const frames = typeof capture === 'string' ? [] : framesOnRunClock(capture, wallAtZero).slice(0, FRAME_COUNT_MAX);
    const shown: CaptureFrames =
      typeof capture === 'string' ? { format: 'pcapng', vnetHeader: 0, frames: [], otherPackets: 0 } : { ...capture, frames };
    const files = await hashes(folder);
    const html = reportHtml({ report, frames: diagramFrames(frames, report), inspection: inspectFrames(shown), files });
    await writeWhole(join(folder, RUN_FILES.report), html);
    return undefined;
  } catch (error) {
    return `${RUN_FILES.report} could not be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function withComments(bytes: Uint8Array, comments: ReadonlyMap<number, readonly string[]>): Uint8Array | undefined {
  const capture = decodeCapture(bytes);
  if (!capture.ok || capture.value.end !== undefined) return undefined;
  const packets = capture.value.packets.map((packet, i) => {
    const comment = comments.get(i + 1);
    return comment === undefined ? packet : { ...packet, comment: comment.join('\n') };
  });
  return encodePcapng({ application: 'nexus-net', interfaces: capture.value.interfaces, packets });
}

/** What is said of each frame that backs something, by its number. */
export function commentsOf(
  markers: readonly MarkerReport[],
  violations: readonly ViolationReport[],
): ReadonlyMap<number, readonly string[]> {
  const comments = new Map<number, string[]>();
  const add = (frames: readonly number[], text: string): void => {
    for (const frame of frames) comments.set(frame, [...(comments.get(frame) ?? []), text]);
  };
  for (const { marker, node, evidence, frames, lineNumber } of markers)
    add(frames, `${evidence === 'proven' ? 'backs' : evidence} ‘${marker}’ (${node}, console line ${lineNumber})`);
  for (const { rule, reference, message, frames } of violations) add(frames, `breaks ${rule}, ${reference}: ${message}`);
  return comments;
}

function diagramFrames(frames: readonly CaptureFrame[], { violations }: RunReport): readonly DiagramFrame[] {
  const odd = new Set(violations.flatMap((violation) => violation.frames));
  const dissector = new FrameDissector();
  const dissected = frames.map((frame) => ({ frame, layers: dissector.dissect(frame.at, frame.bytes) }));
  const ports = new Map<MacAddress, string>();
  for (const { frame, layers } of dissected)
    if (layers.ethernet !== undefined) ports.set(layers.ethernet.source, frame.port ?? 'wire');
  return dissected.map(({ frame, layers }) => ({
    number: frame.number,
    atMs: frame.at,
    from: frame.port ?? 'wire',
    to: (layers.ethernet && ports.get(layers.ethernet.destination)) ?? 'all',
    label: summarizeFrame(layers),
    odd: odd.has(frame.number) || layers.problem !== undefined,
  }));
}

async function hashes(
  folder: string,
): Promise<readonly { readonly name: string; readonly octets: number; readonly sha256: string }[]> {
  const own = new Set(Object.values(RUN_FILES));
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.flatMap((entry) =>
    entry.isFile() && (own.has(entry.name) || CONSOLE_OF_NODE.test(entry.name)) && entry.name !== RUN_FILES.report
      ? entry.name
      : [],
  );
  return Promise.all(
    names.sort().map(async (name) => {
      const bytes = await readFile(join(folder, name));
      return { name, octets: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
}

/** Of several machines each has logs of its own. */
const CONSOLE_OF_NODE = /^(?:uart|kernel)-\w+\.log$/;
