import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface FuzzRequest {
  readonly list: boolean;
  readonly target: string | undefined;
  readonly seconds: number;
  readonly executions: number;
  readonly seed: number;
  readonly timeoutMs: number;
  readonly keep: boolean;
  readonly unreached: boolean;
}

export const USAGE = `npm run fuzz -- TARGET [options]        npm run fuzz -- --list

  TARGET              package/target, or the target alone where it is unique
  --seconds N         how long (60)
  --executions N      how many executions at most: with the same seed the same run (no limit)
  --seed S            seed of all draws (1)
  --timeout MS        an execution that takes longer is a hang (2000)
  --keep              put the smallest inputs that reach the same places into the corpus of the target
  --unreached         name the functions that no input entered
  --list              the targets, and how many files their corpora have`;

/** Reads the arguments; a text is what is wrong with them. */
export function readArguments(args: readonly string[]): FuzzRequest | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '60' },
        executions: { type: 'string', default: 'Infinity' },
        seed: { type: 'string', default: '1' },
        timeout: { type: 'string', default: '2000' },
        keep: { type: 'boolean', default: false },
        unreached: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
      },
    });
    const numbers = [values.seconds, values.executions, values.seed, values.timeout].map(Number);
    const [seconds, executions, seed, timeoutMs] = numbers as [number, number, number, number];
    if (numbers.some((value) => Number.isNaN(value) || value < 0)) return 'a number is expected';
    if (positionals.length > 1) return 'one target at a time';
    if (positionals.length === 0 && !values.list) return 'which target?';
    const { keep, unreached, list } = values;
    return { list, target: positionals[0], seconds, executions, seed, timeoutMs, keep, unreached };
  } catch (error) {
    return (error as Error).message;
  }
}
