import type { Millis } from '@nexus-net/sansio';
import type { AbortCause, ConsoleLine, NodeName } from '@nexus-net/verdict';
import type { JudgedInput } from '../smoke-machine.js';

/** What reached the judge of a run beside the frames, in its order. */
export type RecordedInput =
  | { readonly type: 'start'; readonly at: Millis; readonly wallAtZero: Millis }
  | {
      readonly type: 'abort';
      readonly at: Millis;
      readonly afterFrame: number;
      readonly cause: AbortCause;
      readonly message: string;
    }
  | ({ readonly at: Millis; readonly node: NodeName; readonly afterFrame: number } & (
      | { readonly type: 'line'; readonly line: ConsoleLine; readonly source: 'console' | 'kernel' }
      | { readonly type: 'output' }
      | { readonly type: 'exit'; readonly how: string }
      /** All was typed and the guest will do nothing more. */
      | { readonly type: 'nothing-more' }
    ));

export interface InputPlace {
  /** Frames of the capture that came before it: two things of one instant have an order too. */
  readonly afterFrame: number;
  /** Milliseconds since the Unix epoch at the zero of the run's clock. */
  readonly wallAtZero: Millis;
}

/** An input of the judge as it stands in `events.ndjson`. */
export function recordedInput(
  input: JudgedInput,
  { afterFrame, wallAtZero }: InputPlace,
): { readonly at: Millis; readonly type: string } & Readonly<Record<string, unknown>> {
  switch (input.type) {
    case 'start':
      return { ...input, wallAtZero };
    case 'line': {
      const { at, node, source, line } = input;
      const { text, number, cut } = line;
      return { at, type: 'line', text, number, node, cut, ...(source === 'kernel' && { source }), afterFrame };
    }
    default:
      return { ...input, afterFrame };
  }
}

/** The inputs in an `events.ndjson`; events of other kinds are conclusions and not read. One sentence where it is no such file. */
export function readEventsFile(text: string): readonly RecordedInput[] | string {
  const inputs: RecordedInput[] = [];
  let lineNumber = 0;
  for (const line of text.split('\n')) {
    lineNumber++;
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return `line ${lineNumber} is no JSON`;
    }
    if (typeof value !== 'object' || value === null) return `line ${lineNumber} is no event`;
    const input = readInput(value as Fields);
    if (input === 'invalid') return `line ${lineNumber} is an event with a field that can’t be`;
    if (input !== undefined) inputs.push(input);
  }
  return inputs;
}

type Fields = Readonly<Record<string, unknown>>;

function readInput(fields: Fields): RecordedInput | undefined | 'invalid' {
  const { type, at, node, afterFrame, wallAtZero } = fields;
  if (typeof type !== 'string' || !INPUT_TYPES.includes(type)) return undefined;
  if (!isTime(at)) return 'invalid';
  if (type === 'start') return isTime(wallAtZero) ? { type, at, wallAtZero } : 'invalid';
  if (typeof afterFrame !== 'number' || !Number.isInteger(afterFrame) || afterFrame < 0) return 'invalid';
  const place = { at, afterFrame, node: typeof node === 'string' ? node : 'guest' };
  const text = (name: string): string | undefined => (typeof fields[name] === 'string' ? (fields[name] as string) : undefined);
  switch (type) {
    case 'line': {
      const { number, cut } = fields;
      const said = text('text');
      if (said === undefined || !Number.isInteger(number) || typeof cut !== 'boolean') return 'invalid';
      const line = { number: number as number, at, text: said, cut };
      return { type: 'line', ...place, line, source: fields['source'] === 'kernel' ? 'kernel' : 'console' };
    }
    case 'output':
      return { type: 'output', ...place };
    case 'exit':
      return { type: 'exit', ...place, how: text('how') ?? '' };
    case 'abort': {
      const cause = text('cause') as AbortCause | undefined;
      if (cause === undefined || !ABORT_CAUSES.includes(cause)) return 'invalid';
      return { type: 'abort', at, afterFrame, cause, message: text('message') ?? '' };
    }
    default:
      return { type: 'nothing-more', ...place };
  }
}

function isTime(value: unknown): value is Millis {
  return typeof value === 'number' && Number.isFinite(value);
}

const INPUT_TYPES: readonly string[] = ['start', 'line', 'output', 'exit', 'abort', 'script-finished'];
const ABORT_CAUSES: readonly AbortCause[] = ['guest-missing', 'guest-not-started', 'interrupted'];
