import { type ConsoleLine, LineAssembler, type Verdict } from '@nexus-net/verdict';
import {
  type CaptureFrame,
  exitCode,
  exitOf,
  ladderOptionsOf,
  type RecordedInput,
  verifyRecording,
  verifyTimeless,
} from '../../src/index.js';
import { filesOf, type RecordedRun } from '../support/recorded-run.js';

/** A line of a recorded console, as octets of Latin-1 text without its end. */
export interface LogLine {
  readonly text: string;
  readonly at: number;
  readonly afterFrame: number;
}

/** A recording that may be lied with. */
export interface Evidence {
  readonly run: RecordedRun;
  readonly start: RecordedInput;
  readonly lines: readonly LogLine[];
  readonly lineEnd: string;
  readonly frames: readonly CaptureFrame[];
  /** The guest's end, where it came before the verdict. */
  readonly exit?: { readonly at: number; readonly afterFrame: number };
}

/** One lie, and what becomes of it: `passed`, or cause and phase. */
export interface Lie {
  readonly kind: string;
  readonly what: string;
  readonly tell: (evidence: Evidence) => Evidence;
  /** With the times of its lines. */
  readonly timed: string;
  /** As a console log without times, where that differs. */
  readonly timeless?: string;
}

export function evidenceOf(run: RecordedRun): Evidence {
  const { inputs, frames } = filesOf(run);
  const lines = inputs.flatMap((input) =>
    input.type === 'line' ? [{ text: input.line.text, at: input.at, afterFrame: input.afterFrame }] : [],
  );
  return { run, start: inputs.find(({ type }) => type === 'start') as RecordedInput, lines, lineEnd: '\n', frames };
}

/** Judges the evidence with the times of its lines, and as a log without. */
export function judge(evidence: Evidence): { readonly timed: Verdict; readonly timeless: Verdict } {
  const options = ladderOptionsOf(evidence.run.request);
  return {
    timed: verifyRecording(options, { frames: evidence.frames, inputs: inputsOf(evidence) }),
    timeless: verifyTimeless(options, { frames: evidence.frames, console: logOf(evidence) }),
  };
}

function logOf({ lines, lineEnd }: Evidence): Uint8Array {
  return latin1(lines.map(({ text }) => text + lineEnd).join(''));
}

/** The inputs that a live run would have recorded of such a console. */
function inputsOf({ lines, lineEnd, start, exit }: Evidence): readonly RecordedInput[] {
  const assembler = new LineAssembler();
  const inputs: RecordedInput[] = [start];
  for (const { text, at, afterFrame } of lines) {
    assembler.handleBytes(at, latin1(text + lineEnd));
    for (let line: ConsoleLine | undefined = assembler.pollEvent(); line !== undefined; line = assembler.pollEvent())
      inputs.push({ type: 'line', at, afterFrame, node: 'guest', source: 'console', line });
  }
  if (exit !== undefined) inputs.push({ type: 'exit', ...exit, node: 'guest', how: 'exit code 0' });
  return inputs;
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

/** `passed`, or cause and phase. */
export function verdictText({ failure }: Verdict): string {
  return failure === undefined ? 'passed' : `${failure.cause} in ${failure.phase}`;
}

export function exitOfText(verdict: string): number {
  const [cause, phase] = verdict.split(' in ');
  if (cause === 'passed') return 0;
  return exitCode(exitOf({ failure: { cause, phase, message: '' } } as unknown as Verdict));
}

/** The index of the first line that begins like this. */
export function indexOf({ lines }: Evidence, beginning: string): number {
  const index = lines.findIndex(({ text }) => text.startsWith(beginning));
  if (index < 0) throw new Error(`the recording has no line ‘${beginning}’`);
  return index;
}

/** Replaces the line at `index` by lines of these texts, at its instant. */
export function withLines(evidence: Evidence, index: number, ...texts: readonly string[]): Evidence {
  const { lines } = evidence;
  const place = lines[index] as LogLine;
  const put = texts.map((text) => ({ ...place, text }));
  return { ...evidence, lines: [...lines.slice(0, index), ...put, ...lines.slice(index + 1)] };
}

/** Lines of these texts after the line at `index`. */
export function after(evidence: Evidence, index: number, ...texts: readonly string[]): Evidence {
  return withLines(evidence, index, (evidence.lines[index] as LogLine).text, ...texts);
}

/** The capture without these frames; a recording counts those that are left. */
export function withoutFrames(evidence: Evidence, drops: (frame: CaptureFrame) => boolean): Evidence {
  const kept = evidence.frames.filter((frame) => !drops(frame));
  const before = (count: number): number => evidence.frames.slice(0, count).filter((frame) => !drops(frame)).length;
  return {
    ...evidence,
    frames: kept.map((frame, i) => ({ ...frame, number: i + 1 })),
    lines: evidence.lines.map((line) => ({ ...line, afterFrame: before(line.afterFrame) })),
  };
}

/** Everything but the line at `index` happens so many milliseconds later; the line itself comes first of all. */
export function tooEarly(evidence: Evidence, index: number, ms: number): Evidence {
  const early = { ...(evidence.lines[index] as LogLine), afterFrame: 0, at: 1 };
  return {
    ...evidence,
    lines: [early, ...evidence.lines.filter((_, i) => i !== index).map((line) => ({ ...line, at: line.at + ms }))],
    frames: evidence.frames.map((frame) => ({ ...frame, at: frame.at + ms })),
  };
}
