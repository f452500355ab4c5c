import { type Millis, NEVER } from '@nexus-net/sansio';
import type { NodeName, PhaseName } from '@nexus-net/verdict';
import type { Moment, WireFaults } from './wire-faults.js';

/** What is done to a run now. */
export type FaultAction =
  | { readonly type: 'cable'; readonly node: NodeName; readonly state: 'pulled' | 'plugged-in' }
  | { readonly type: 'power'; readonly node: NodeName; readonly state: 'off' | 'on' };

/** Knows when which of the faults is due. A machine: time and phases in, actions out. */
export class FaultSchedule {
  #pending: readonly { readonly moment: Moment; readonly action: FaultAction; readonly forMs?: Millis }[];
  readonly #due: FaultAction[] = [];
  readonly #restarts: boolean;
  readonly #startedAt: Millis;

  /** `startedAt`: when the run began; instants of the faults count from there. `nodes`: those of the run. */
  constructor(startedAt: Millis, { partition, cut, kill }: Partial<WireFaults>, nodes: readonly NodeName[]) {
    this.#startedAt = startedAt;
    this.#restarts = kill?.restart ?? false;
    // One cable parts two guests, and that of the only one parts it from the gateway.
    const parted = nodes.at(-1) as NodeName;
    this.#pending = [
      ...(partition === undefined ? [] : [{ moment: partition.from, action: cable(parted, 'pulled'), forMs: partition.forMs }]),
      ...(cut === undefined ? [] : [{ moment: cut.from, action: cable(cut.node, 'pulled') }]),
      ...(kill === undefined ? [] : [{ moment: kill.from, action: { type: 'power', node: kill.node, state: 'off' } as const }]),
    ];
  }

  /** The ladder stands in this phase. */
  handlePhase(now: Millis, phase: PhaseName): void {
    this.#run(now, ({ moment }) => moment.type === 'phase' && moment.phase === phase);
  }

  handleTimeout(now: Millis): void {
    this.#run(now, ({ moment }) => this.#at(moment) <= now);
  }

  nextTimeout(): Millis {
    return Math.min(...this.#pending.map(({ moment }) => this.#at(moment)), NEVER);
  }

  /** A machine whose power was taken is gone. Does it get it back? */
  handleOff(node: NodeName): boolean {
    if (this.#restarts) this.#due.push({ type: 'power', node, state: 'on' });
    return this.#restarts;
  }

  /** What has not been done, in words: a run that went well without it proves less than was asked. */
  get pending(): readonly string[] {
    return [
      ...this.#pending.flatMap(({ moment, action }) => {
        if (action.state === 'plugged-in') return [];
        const when = moment.type === 'phase' ? `phase ${moment.phase}` : `${moment.ms} ms`;
        return [`${action.type} of ${action.node}, ${when}`];
      }),
      ...this.#due.map(({ type, node }) => `${type} of ${node}`),
    ];
  }

  pollEvent(): FaultAction | undefined {
    return this.#due.shift();
  }

  #at(moment: Moment): Millis {
    return moment.type === 'at' ? this.#startedAt + moment.ms : NEVER;
  }

  #run(now: Millis, isDue: (each: { readonly moment: Moment }) => boolean): void {
    const due = this.#pending.filter(isDue);
    if (due.length === 0) return;
    this.#pending = [
      ...this.#pending.filter((each) => !due.includes(each)),
      ...due.flatMap(({ action, forMs }) =>
        forMs === undefined || action.type !== 'cable'
          ? []
          : [
              {
                moment: { type: 'at' as const, ms: now + forMs - this.#startedAt },
                action: cable(action.node, 'plugged-in'),
              },
            ],
      ),
    ];
    this.#due.push(...due.map(({ action }) => action));
  }
}

function cable(node: NodeName, state: 'pulled' | 'plugged-in'): FaultAction {
  return { type: 'cable', node, state };
}
