import { type DeadlineEntry, DeadlineHeap, type Millis } from '@nexus-net/sansio';
import type { Binding, BindingState } from './binding.js';
import type { ServerRequest } from './request.js';

/** Is the address of an offer free on the wire? The OFFER waits for the answer. */
export interface Probe {
  readonly id: number;
  readonly binding: Binding;
  /** The offer that waits; when the binding has left it, the answer means nothing. */
  readonly offered: BindingState;
  readonly leaseMs: Millis;
  /** How many addresses this client was about to get and others used. */
  readonly conflicts: number;
  /** The DISCOVER to answer: the last one that came. */
  request: ServerRequest;
}

/** The probes that run. */
export class ProbeTable {
  readonly #deadlines: DeadlineHeap<Probe>;
  readonly #byId = new Map<number, { readonly probe: Probe; readonly timer: DeadlineEntry<Probe> }>();
  readonly #byBinding = new Map<Binding, Probe>();

  constructor(countMax: number) {
    this.#deadlines = new DeadlineHeap(countMax);
  }

  get count(): number {
    return this.#byId.size;
  }

  /** When the next one counts as unanswered. */
  get nextAt(): Millis {
    return this.#deadlines.nextAt;
  }

  /** The probe that the offer of this binding waits for. */
  of(binding: Binding): Probe | undefined {
    const probe = this.#byBinding.get(binding);
    return probe?.offered === binding.state ? probe : undefined;
  }

  /** `false` where too many run. */
  add(probe: Probe, until: Millis): boolean {
    const timer = this.#deadlines.schedule(until, probe);
    if (timer === undefined) return false;
    this.#byId.set(probe.id, { probe, timer });
    this.#byBinding.set(probe.binding, probe);
    return true;
  }

  /** Takes the probe out. `undefined` for an id that is not waiting. */
  take(id: number): Probe | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) return undefined;
    this.#deadlines.cancel(entry.timer);
    this.#byId.delete(id);
    if (this.#byBinding.get(entry.probe.binding) === entry.probe) this.#byBinding.delete(entry.probe.binding);
    return entry.probe;
  }

  /** Takes the one out that nobody has answered in time. */
  takeDue(now: Millis): Probe | undefined {
    const probe = this.#deadlines.first;
    return probe !== undefined && this.#deadlines.nextAt <= now ? this.take(probe.id) : undefined;
  }
}
