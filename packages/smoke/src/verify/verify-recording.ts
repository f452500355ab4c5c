import { segmentWitnesses } from '@nexus-net/lan';
import { type Millis, NEVER } from '@nexus-net/sansio';
import {
  type ConsoleLine,
  type FactSource,
  type FailureReport,
  Ladder,
  type LadderOptions,
  LineAssembler,
  type NodeName,
  type Verdict,
} from '@nexus-net/verdict';
import { FrameDissector, type Witness } from '@nexus-net/wire';
import type { CaptureFrame } from '../capture-file.js';
import { loopbackWitnesses } from '../loopback.js';
import { loopbackNodeOf, stationsOf } from '../places.js';
import { guardedAddresses } from '../wire/wire-name.js';
import type { RecordedInput } from './events-file.js';

/** A run as its folder holds it. */
export interface Recording {
  /** Times on the run's own clock. */
  readonly frames: readonly CaptureFrame[];
  /** What else reached the judge, with times and in order. */
  readonly inputs: readonly RecordedInput[];
}

/** A console log of anybody and a capture: frames have times, lines have none. */
export interface TimelessRecording {
  readonly frames: readonly CaptureFrame[];
  readonly console: Uint8Array;
}

/**
 * The verdict that the run of this recording gave, or would have given: the same judge, the same witnesses, the same instants. A
 * recording that ends before its verdict is one of a guest that fell silent. Pure and total.
 */
export function verifyRecording(options: LadderOptions, { frames, inputs }: Recording): Verdict {
  const judge = new RecordedJudge(options);
  let next = 0;
  const framesBefore = (count: number): void => {
    for (let frame = frames[next]; frame !== undefined && next < count; frame = frames[++next]) judge.frame(frame);
  };
  judge.start(inputs.find(({ type }) => type === 'start')?.at ?? 0);
  for (const input of inputs) {
    if (input.type === 'start') continue;
    framesBefore(input.afterFrame);
    judge.input(input);
  }
  framesBefore(frames.length);
  return judge.end();
}

/**
 * The verdict of a console log without times: the frames are judged at their own, and each line as if it had come after the last frame. So
 * no budget of a phase can run out, and a line that was true when it was said and no longer at the end is contradicted.
 *
 * The whole log is judged: a crash or a failure after the last marker is one, as nobody knows here when the run had ended.
 */
export function verifyTimeless(options: LadderOptions, { frames, console: bytes }: TimelessRecording): Verdict {
  const { profile } = options;
  const phases = profile.phases.map((phase) => ({ ...phase, budgetMs: NEVER }));
  const judge = new RecordedJudge({ ...options, profile: { ...profile, phases }, runMs: NEVER, silenceMs: NEVER });
  judge.start(Math.min(0, frames[0]?.at ?? 0));
  for (const frame of frames) judge.frame(frame);
  let late: FailureReport | undefined;
  for (const line of linesOf(bytes)) {
    if (judge.verdict?.outcome === 'passed') late ??= lateFailure(options, line);
    else judge.line(line);
  }
  const verdict = judge.end();
  if (verdict.failure !== undefined || late === undefined) return verdict;
  return { ...verdict, outcome: 'failed', failure: { ...late, phase: verdict.phases.at(-1)?.name ?? '' } };
}

/** The lines of a whole log. */
export function* linesOf(bytes: Uint8Array): Generator<ConsoleLine> {
  const lines = new LineAssembler();
  const chunk = 32_768; // fewer octets than lines may wait
  for (let offset = 0; offset < bytes.length; offset += chunk) {
    lines.handleBytes(0, bytes.subarray(offset, offset + chunk));
    for (let line = lines.pollEvent(); line !== undefined; line = lines.pollEvent()) yield line;
  }
  lines.handleEnd(0);
  for (let line = lines.pollEvent(); line !== undefined; line = lines.pollEvent()) yield line;
}

/** What a line after the last marker says against the run. */
function lateFailure({ profile, panics = [] }: LadderOptions, { text }: ConsoleLine): FailureReport | undefined {
  const phase = '';
  const marker = profile.catalogue.read(text)?.id;
  if (marker !== undefined && profile.forbidden.includes(marker))
    return {
      phase,
      cause: 'forbidden-marker',
      message: `after the last marker comes what the profile forbids: ${text}`,
      lastLine: text,
    };
  if (panics.some((panic) => panic.test(text)))
    return { phase, cause: 'guest-panic', message: `the console shows a crash after the last marker: ${text}`, lastLine: text };
  if (profile.failures.some(({ line }) => text.startsWith(line)))
    return { phase, cause: 'failure-marker', message: `after the last marker the console says ‘${text}’`, lastLine: text };
  return undefined;
}

/** The judge and its witnesses, fed from a recording. */
class RecordedJudge {
  readonly #ladder: Ladder;
  readonly #witnesses: readonly Witness[];
  readonly #loopbacks: ReadonlyMap<NodeName, readonly Witness[]>;
  readonly #nodes: readonly NodeName[];
  readonly #dissector = new FrameDissector();
  #now: Millis = Number.NEGATIVE_INFINITY;
  verdict: Verdict | undefined;

  constructor(options: LadderOptions) {
    this.#ladder = new Ladder(options);
    this.#nodes = options.profile.nodes;
    const [stations, guarded] = [stationsOf(this.#nodes), guardedAddresses(options.context)];
    this.#witnesses = segmentWitnesses({ stations, guarded });
    this.#loopbacks = new Map(this.#nodes.map((node) => [node, loopbackWitnesses()]));
  }

  start(at: Millis): void {
    this.#now = at;
    this.#ladder.start(at);
  }

  frame({ at, number, bytes, port }: CaptureFrame): void {
    this.#now = Math.max(this.#now, at);
    // What the gateway sends is no sign of life of the guest.
    if (port !== 'gateway') this.#ladder.handleMovement(this.#now);
    const observed = { number, at, bytes, layers: this.#dissector.dissect(at, bytes), ...(port !== undefined && { port }) };
    const node = loopbackNodeOf(this.#nodes, port);
    const source: FactSource = node === undefined ? { segment: 'wire' } : { segment: 'loopback', node };
    for (const witness of (node === undefined ? undefined : this.#loopbacks.get(node)) ?? this.#witnesses) {
      witness.handleFrame(at, observed);
      for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) {
        if (event.type === 'fact') this.#ladder.handleFact(this.#now, event.fact, source);
        if (event.type === 'violation') this.#ladder.handleViolation(this.#now, event.violation);
      }
    }
    this.#drain();
  }

  line(line: ConsoleLine): void {
    this.#ladder.handleLine(this.#now, line);
    this.#drain();
  }

  input(input: Exclude<RecordedInput, { type: 'start' }>): void {
    this.#now = Math.max(this.#now, input.at);
    switch (input.type) {
      case 'line':
        this.#ladder.handleLine(this.#now, input.line, input.node);
        break;
      case 'output':
        this.#ladder.handleMovement(this.#now);
        break;
      case 'exit':
        this.#ladder.handleExit(this.#now, input.how, input.node);
        break;
      case 'abort':
        this.#ladder.abort(this.#now, input);
        break;
      default:
        this.#ladder.handleNothingMore(this.#now);
    }
    this.#drain();
  }

  /** Lets every deadline come; what has none gets no time at all. */
  end(): Verdict {
    for (let at = this.#ladder.nextTimeout(); Number.isFinite(at); at = this.#ladder.nextTimeout()) {
      this.#now = Math.max(this.#now, at);
      this.#ladder.handleTimeout(this.#now);
    }
    this.#ladder.handleNothingMore(this.#now);
    this.#drain();
    return this.verdict as Verdict;
  }

  #drain(): void {
    for (let event = this.#ladder.pollEvent(); event !== undefined; event = this.#ladder.pollEvent())
      if (event.type === 'verdict') this.verdict = event.verdict;
  }
}
