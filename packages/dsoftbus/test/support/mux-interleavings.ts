import type { MuxStep } from './mux-model.js';
import { divergenceOn } from './mux-walk.js';

export type Action = 'frame-data' | 'frame-close' | 'frame-reset' | 'frame-credit' | 'finish' | 'reset' | 'write' | 'read';

/**
 * Stream 1 is ours, stream 2 the peer's. Every pair of scripts of three actions, in each of the 20 ways to weave them, or only in
 * those of the numbers `ways`.
 */
export function explored(
  alphabet: readonly Action[],
  ways: readonly number[] = [...WEAVES.keys()],
): { readonly problem: string | undefined; readonly count: number } {
  const weaves = WEAVES.filter((_, i) => ways.includes(i));
  const scripts = alphabet.flatMap((a) => alphabet.flatMap((b) => alphabet.map((c) => [a, b, c] as const)));
  let count = 0;
  for (const ours of scripts)
    for (const theirs of scripts)
      for (const weave of weaves) {
        count++;
        const queues: readonly Action[][] = [[...ours], [...theirs]];
        const steps = [...OPENED, ...legal(weave.map((stream) => stepOf(stream + 1, queues[stream]?.shift() as Action)))];
        const problem = divergenceOn(steps);
        if (problem !== undefined) return { problem, count };
      }
  return { problem: undefined, count };
}

const OPENED: readonly MuxStep[] = [
  { do: 'open', name: 'ours', priority: 0 },
  { do: 'frame-open', id: 2, name: 'theirs', priority: 0 },
];

/** Which stream is next, for each of the choices of 3 places among 6. */
const WEAVES: readonly (readonly (0 | 1)[])[] = Array.from({ length: 64 }, (_, bits) =>
  Array.from({ length: 6 }, (_place, i) => ((bits >> i) & 1) as 0 | 1),
).filter((weave) => weave.filter((stream) => stream === 1).length === 3);

function stepOf(id: number, action: Action): MuxStep {
  switch (action) {
    case 'frame-data':
      return { do: action, id, priority: 0, length: 400 };
    case 'frame-credit':
      return { do: action, id, priority: 0, delta: 100 };
    case 'frame-close':
    case 'frame-reset':
      return { do: action, id, priority: 0 };
    case 'write':
      return { do: action, id, length: 600 };
    case 'read':
      return { do: action, id, length: 300 };
    default:
      return { do: action, id };
  }
}

/** An application that has finished a stream neither writes to it nor finishes it again: that is misuse, not a case. */
function legal(steps: readonly MuxStep[]): MuxStep[] {
  const finished = new Set<number>();
  return steps.filter((step) => {
    if (step.do !== 'finish' && step.do !== 'write') return true;
    if (finished.has(step.id)) return false;
    if (step.do === 'finish') finished.add(step.id);
    return true;
  });
}
