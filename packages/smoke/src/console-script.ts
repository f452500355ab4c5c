import { type Millis, NEVER, Queue } from '@nexus-net/sansio';
import { withhold } from './evidence/withheld.js';

/** One thing to type, and when. */
export interface ScriptStep {
  /** Types when the console's last, unfinished line is like this: a prompt. */
  readonly when: RegExp;
  /** What is typed, its line end included. */
  readonly type: string;
  /** Secrets within `type`, in hexadecimal: the record of the run has their hashes in their place. Default none. */
  readonly secrets?: readonly string[];
  /**
   * While the command runs, the gateway pings the guest; when the guest has answered, the command is interrupted with Ctrl-C.
   * For guests that answer only while a command of theirs uses the network.
   */
  readonly probed?: true;
}

export type ScriptEvent =
  /** Without its secrets. */
  | { readonly type: 'typed'; readonly text: string }
  /** From now on the guest should be pinged. */
  | { readonly type: 'probe-wanted' }
  | { readonly type: 'probe-over' }
  /** All was typed and the prompt is back: the guest will do nothing more. */
  | { readonly type: 'finished' };

/** Drives a prompt. A machine: console state in, key strokes out. */
export class ConsoleScript {
  readonly #steps: readonly ScriptStep[];
  readonly #transmits = new Queue<Uint8Array>(64);
  readonly #events = new Queue<ScriptEvent>(256);
  #state: State;

  /** `steps`: none for a guest that acts by itself; such a guest is never finished. */
  constructor(steps: readonly ScriptStep[]) {
    this.#steps = steps;
    this.#state = steps.length === 0 ? { type: 'finished' } : { type: 'waiting', step: 0, lineTyped: -1 };
  }

  /** The console moved: so many whole lines so far, and this text after the last line end. */
  handleConsole({ lines, tail }: { readonly lines: number; readonly tail: string }): void {
    const state = this.#state;
    // The echo of what was typed ends with a line: before that, the prompt on the screen is the old one.
    if (state.type === 'finished' || lines <= state.lineTyped) return;
    const last = this.#steps[state.step - 1];
    const step = this.#steps[state.step];
    if (step === undefined) {
      if (last?.when.test(tail) ?? true) this.#finish(state);
      return;
    }
    if (!step.when.test(tail)) return;
    if (state.type === 'probing') this.#events.push({ type: 'probe-over' });
    this.#type(step);
    if (step.probed) this.#events.push({ type: 'probe-wanted' });
    this.#state = { type: step.probed ? 'probing' : 'waiting', step: state.step + 1, lineTyped: lines };
  }

  /** The guest answered the gateway's ping. */
  handleProbeAnswered(): void {
    const state = this.#state;
    if (state.type !== 'probing') return;
    this.#type({ type: CTRL_C });
    this.#events.push({ type: 'probe-over' });
    this.#state = { ...state, type: 'waiting' };
  }

  handleTimeout(_now: Millis): void {}

  nextTimeout(): Millis {
    return NEVER;
  }

  /** Octets to type. */
  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): ScriptEvent | undefined {
    return this.#events.shift();
  }

  inspect(): State {
    return this.#state;
  }

  #type({ type, secrets = [] }: Pick<ScriptStep, 'type' | 'secrets'>): void {
    this.#transmits.push(Uint8Array.from(type, (character) => character.charCodeAt(0)));
    const text = secrets.reduce((said, secret) => said.replaceAll(secret, withhold(secret)), type);
    this.#events.push({ type: 'typed', text });
  }

  #finish(state: Exclude<State, { type: 'finished' }>): void {
    if (state.type === 'probing') this.#events.push({ type: 'probe-over' });
    this.#state = { type: 'finished' };
    this.#events.push({ type: 'finished' });
  }
}

type State =
  /** `step` is typed next, once a line after `lineTyped` has ended. */
  { readonly type: 'waiting' | 'probing'; readonly step: number; readonly lineTyped: number } | { readonly type: 'finished' };

const CTRL_C = '\x03';
