import { Script } from 'node:vm';
import type { FuzzLimits } from '../../packages/sansio/test/support/fuzz.js';
import { AllocationError, type Program } from './program.js';

/** What is wrong with an input. */
export interface Finding {
  /**
   * `throw`: the target threw, a law is broken. `hang`: it did not come back. `cost`: more counted steps than allowed for its
   * length. `memory`: more octets allocated than allowed. `unstable`: a second execution took another way.
   */
  readonly kind: 'throw' | 'hang' | 'cost' | 'memory' | 'unstable';
  /** For people; the numbers in it may differ between inputs. */
  readonly message: string;
  /** The same for findings that are the same defect, as far as can be told. */
  readonly signature: string;
}

/** Limits that hold where a target sets none. Generous: above them something is not linear, or not bounded. */
export const LIMITS: Required<FuzzLimits> = {
  octetsMax: 2048,
  costBase: 100_000,
  costPerOctet: 2000,
  allocatedBase: 1_000_000,
  allocatedPerOctet: 2000,
};

/** Runs single inputs and judges them. */
export class Executor {
  readonly program: Program;
  readonly limits: Required<FuzzLimits>;
  readonly #timeoutMs: number;
  /** What is being executed; after a hang, the culprit. */
  current: Uint8Array = new Uint8Array(0);

  constructor(program: Program, { timeoutMs }: { readonly timeoutMs: number }) {
    this.program = program;
    this.limits = { ...LIMITS, ...program.module.limits };
    this.#timeoutMs = timeoutMs;
  }

  /** One execution; afterwards the counters stand. A hang is only noticed inside of {@link guarded}. */
  execute(bytes: Uint8Array): Finding | undefined {
    const { module, counters, memory } = this.program;
    this.current = bytes;
    counters.fill(0);
    memory.octets = 0;
    memory.limit = this.limits.allocatedBase + this.limits.allocatedPerOctet * bytes.length;
    try {
      module.target(bytes);
      return undefined;
    } catch (error) {
      return findingOf(error);
    }
  }

  /** Judges what an execution cost: the sum of its counters. */
  judgeCost(cost: number, octets: number): Finding | undefined {
    const allowed = this.limits.costBase + this.limits.costPerOctet * octets;
    if (cost <= allowed) return undefined;
    return { kind: 'cost', message: `${cost} steps for ${octets} octets, allowed are ${allowed}`, signature: 'cost' };
  }

  /**
   * Everything about one input, slow laws included. A finding of one of them is what is wrong with the input. `patience`: how
   * many times the time-out it may take.
   */
  examine(bytes: Uint8Array, patience = 1): Finding | undefined {
    try {
      const extraMs = (patience - 1) * this.#timeoutMs;
      return this.guarded(() => {
        const found = this.execute(bytes);
        if (found !== undefined) return found;
        const first = this.program.counters.slice();
        const expensive = this.judgeCost(
          first.reduce((sum, count) => sum + count, 0),
          bytes.length,
        );
        if (expensive !== undefined) return expensive;
        const again = this.execute(bytes);
        if (again !== undefined || first.some((count, i) => count !== this.program.counters[i])) {
          const message = again === undefined ? 'a second execution takes another way' : `only the second time: ${again.message}`;
          return { kind: 'unstable', message, signature: 'unstable' };
        }
        try {
          this.program.module.strict?.(bytes);
          return undefined;
        } catch (error) {
          return findingOf(error);
        }
      }, extraMs);
    } catch (error) {
      if (error instanceof HangError) return { kind: 'hang', message: error.message, signature: 'hang' };
      throw error;
    }
  }

  /** Runs `work`; throws {@link HangError} when it takes longer than the time-out and `extraMs`. */
  guarded<T>(work: () => T, extraMs = 0): T {
    const timeout = Math.ceil(this.#timeoutMs + extraMs);
    const slot = globalThis as { nexusFuzzWork?: (() => unknown) | undefined };
    slot.nexusFuzzWork = work;
    try {
      return CALL.runInThisContext({ timeout }) as T;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw new HangError(`no end within ${timeout} ms`);
    } finally {
      slot.nexusFuzzWork = undefined;
    }
  }
}

export class HangError extends Error {
  override readonly name = 'HangError';
}

function findingOf(error: unknown): Finding {
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  // A stack that has overflown does so in any of its functions.
  const where =
    name === 'RangeError' && message.startsWith('Maximum') ? undefined : /\n\s+at (?:new )?([\w$.#<>]+)/.exec(stack)?.[1];
  const text = message.split('\n')[0]?.slice(0, 300) ?? '';
  return {
    kind: error instanceof AllocationError ? 'memory' : 'throw',
    message: `${name}: ${text}${where === undefined ? '' : ` (in ${where})`}`,
    signature:
      error instanceof AllocationError ? 'memory' : `${name} ${text.replaceAll(/[\d,]+/g, '#').slice(0, 60)} ${where ?? ''}`,
  };
}

// vm is the one way of Node to stop code that does not come back, short of another thread. A watchdog for each execution
// would cost more than most executions, so a whole batch runs under one.
const CALL = new Script('globalThis.nexusFuzzWork()', { filename: 'fuzz-call.js' });
