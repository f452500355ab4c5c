import type { Millis } from '@nexus-net/sansio';
import type { Binding, BindingState } from './binding.js';
import type { ServerRequest } from './request.js';

/** A lease that waits for the store. */
export interface Commit {
  readonly id: number;
  readonly binding: Binding;
  /** The binding's state before this lease: what a failure of the store goes back to. */
  readonly before: BindingState;
  /** The lease that waits; when the binding has left it, the commit is void. */
  readonly leased: BindingState;
  readonly leaseMs: Millis;
  readonly renewal: boolean;
  /** The REQUESTs to answer: the first one and its copies. */
  readonly requests: ServerRequest[];
}

/** Copies of one REQUEST that get an ACK each: a retransmission, and what relays double. */
const REQUESTS_PER_COMMIT_MAX = 4;

/** Leases that are made but not yet stored, so not yet acknowledged. */
export class CommitTable {
  readonly #countMax: number;
  readonly #byId = new Map<number, Commit>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#byId.size;
  }

  get full(): boolean {
    return this.#byId.size >= this.#countMax;
  }

  add(commit: Commit): void {
    this.#byId.set(commit.id, commit);
    commit.binding.commit = commit;
  }

  /** `false` where enough copies wait already. */
  addRequest(commit: Commit, request: ServerRequest): boolean {
    if (commit.requests.length >= REQUESTS_PER_COMMIT_MAX) return false;
    commit.requests.push(request);
    return true;
  }

  /** Takes the commit out. `undefined` for an id that is not waiting. */
  take(id: number): Commit | undefined {
    const commit = this.#byId.get(id);
    if (commit === undefined) return undefined;
    this.#byId.delete(id);
    if (commit.binding.commit === commit) commit.binding.commit = undefined;
    return commit;
  }

  /** The client gave the address back before the store answered: nobody waits for the ACK any more. */
  cancel({ commit }: Binding): void {
    if (commit !== undefined) this.take(commit.id);
  }
}
