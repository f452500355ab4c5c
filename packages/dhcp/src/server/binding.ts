import type { DeadlineEntry, Ipv4Address, Millis } from '@nexus-net/sansio';
import { NEVER } from '@nexus-net/sansio';
import type { BindingTable } from './binding-table.js';
import type { Commit } from './commits.js';
import type { ClientIdentity } from './identity.js';

/**
 * What the server knows of one address. `fresh`: touched, but nobody's. `offered`: kept for a client that has not asked
 * for it yet. `leased`: a client may use it at every t < until. `expired`, `released`: free, but remembered for its last
 * client (RFC 2131 §4.3.1). `quarantined`: somebody was seen to use it without a lease (§4.3.3).
 */
export type BindingState =
  | { readonly type: 'fresh' }
  | {
      readonly type: 'offered';
      readonly until: Millis;
      readonly leaseMs: Millis;
      /** What the address falls back to when nobody takes the offer. */
      readonly fallback: 'fresh' | 'expired' | 'released';
    }
  | { readonly type: 'leased'; readonly since: Millis; readonly until: Millis; readonly xid: number }
  | { readonly type: 'expired' | 'released' }
  | { readonly type: 'quarantined'; readonly until: Millis };

export type BindingStateType = BindingState['type'];

const FRESH: BindingState = { type: 'fresh' };

/**
 * One address and its holder. Links of the free list and the place among the deadlines live in the binding itself, so
 * that every move between the tables costs O(1) or O(log n) and no allocation.
 */
export class Binding {
  readonly address: Ipv4Address;
  readonly table: BindingTable;
  /** The name under which the table knows the holder; see `BindingTable.holderKey`. */
  holderKey: string | undefined = undefined;
  /** Who holds it, held it last, or was offered it; `undefined` for a fresh one. */
  client: ClientIdentity | undefined = undefined;
  /** The relay port behind which the holder is, where a relay named it. */
  circuitKey: string | undefined = undefined;
  /** Option 82 as it last came with the client, kept for lease queries. */
  relayInformation: Uint8Array | undefined = undefined;
  /** Do the quotas count it now? While it is offered or leased. */
  counted = false;
  previous: Binding | undefined = undefined;
  next: Binding | undefined = undefined;
  list: BindingList | undefined = undefined;
  /** The lease of it that waits for the store, and may be void by now. */
  commit: Commit | undefined = undefined;
  /** Its place among the deadlines, once it had one. */
  timer: DeadlineEntry<Binding> | undefined = undefined;
  #state: BindingState = FRESH;

  constructor(address: Ipv4Address, table: BindingTable) {
    this.address = address;
    this.table = table;
  }

  get state(): BindingState {
    return this.#state;
  }

  /** The only assignment to the state; tables around it are the business of `BindingTable`. */
  enter(state: BindingState): void {
    this.#state = state;
  }

  /** When the state ends by itself. */
  get deadline(): Millis {
    const state = this.#state;
    return state.type === 'offered' || state.type === 'leased' || state.type === 'quarantined' ? state.until : NEVER;
  }
}

/** Addresses that may be handed out, the one that is free for longest first. Doubly linked through the bindings. */
export class BindingList {
  #first: Binding | undefined = undefined;
  #last: Binding | undefined = undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get first(): Binding | undefined {
    return this.#first;
  }

  append(binding: Binding): void {
    binding.list?.remove(binding);
    binding.list = this;
    binding.previous = this.#last;
    binding.next = undefined;
    if (this.#last === undefined) this.#first = binding;
    else this.#last.next = binding;
    this.#last = binding;
    this.#count++;
  }

  remove(binding: Binding): void {
    if (binding.previous === undefined) this.#first = binding.next;
    else binding.previous.next = binding.next;
    if (binding.next === undefined) this.#last = binding.previous;
    else binding.next.previous = binding.previous;
    binding.list = undefined;
    binding.previous = undefined;
    binding.next = undefined;
    this.#count--;
  }
}
