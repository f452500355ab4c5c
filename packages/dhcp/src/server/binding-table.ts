import { DeadlineHeap, type Ipv4Address, type Millis, NEVER } from '@nexus-net/sansio';
import { AddressGroup } from './address-group.js';
import { Binding, BindingList, type BindingState } from './binding.js';
import { NO_CLASSES, type ResolvedClass } from './client-class.js';
import type { DhcpPoolRange, ResolvedConfig, ResolvedSubnet } from './config.js';
import { type ClientIdentity, isRelayPortKey, relayPortKey, sameIdentity } from './identity.js';
import { Quota } from './quota.js';
import type { ServerRequest } from './request.js';

/** What the tables of all subnets have in common: one clock order, one set of limits. */
export class BindingPool {
  readonly config: ResolvedConfig;
  /** One entry for each binding at most, so `bindingCountMax` bounds it, with the reservations. */
  readonly deadlines: DeadlineHeap<Binding> = new DeadlineHeap(Number.POSITIVE_INFINITY);
  /** All offers take equally long, so the oldest is the first to end. */
  readonly offers: BindingList = new BindingList();
  readonly quarantined: BindingList = new BindingList();
  readonly hardware: Quota;
  readonly circuits: Quota;
  /** Offered and leased bindings by key of client identifier and of hardware address: only for lease queries. */
  readonly byClient: Map<string, Set<Binding>> | undefined;
  bindingCount = 0;
  leasedCount = 0;
  /** How often each limit was reached. */
  offersEvicted = 0;
  quarantineEvicted = 0;
  bindingsRefused = 0;

  constructor(config: ResolvedConfig) {
    this.config = config;
    this.hardware = new Quota(config.hardwareBindingCountMax);
    this.circuits = new Quota(config.circuitBindingCountMax);
    this.byClient = config.leaseQuery === 'off' ? undefined : new Map();
  }
}

/** What a relay said of the holder. */
export interface RelayTerms {
  readonly circuitKey: string | undefined;
  readonly information: Uint8Array | undefined;
}

export const NO_RELAY_TERMS: RelayTerms = { circuitKey: undefined, information: undefined };

/** Who asks for an address, as a table sees it. */
export interface Claimant {
  /** See `BindingTable.holderKey`. */
  readonly holderKey: string;
  /** What it has now, or had last. */
  readonly held: Binding | undefined;
  /** The address that is reserved for it. */
  readonly reserved: Ipv4Address | undefined;
  readonly classes: readonly ResolvedClass[];
}

/** Why an address can't be given to a client. */
export type Unavailable = 'not-served' | 'address-taken' | 'reserved-elsewhere';

/** The addresses of one subnet. Every request costs a constant number of map and list operations. */
export class BindingTable {
  readonly subnet: ResolvedSubnet;
  readonly #pool: BindingPool;
  readonly #byAddress = new Map<Ipv4Address, Binding>();
  readonly #byHolder = new Map<string, Binding>();
  /** By class; `undefined` is everybody. */
  readonly #groups = new Map<string | undefined, AddressGroup>();
  readonly #isKnown = (address: Ipv4Address): boolean => this.#byAddress.has(address);
  readonly #createAt = (address: Ipv4Address): Binding | undefined => this.#create(address);

  constructor(pool: BindingPool, subnet: ResolvedSubnet) {
    this.#pool = pool;
    this.subnet = subnet;
    for (const name of new Set(subnet.ranges.map(({ forClass }) => forClass)))
      this.#groups.set(name, new AddressGroup(subnet.ranges.filter(({ forClass }) => forClass === name)));
    // Made in advance, so that a table at its limit still serves its reservations.
    for (const address of subnet.reserved.keys()) this.#byAddress.set(address, new Binding(address, this));
  }

  /**
   * The name of the holder that this client is. A reservation by MAC address holds for every client identifier that
   * comes from it: a boot loader and the system it loads seldom send the same one.
   */
  holderKey(client: ClientIdentity): string {
    const { reservedFor } = this.subnet;
    return !reservedFor.has(client.key) && reservedFor.has(client.hardwareKey) ? client.hardwareKey : client.key;
  }

  claimant(request: ServerRequest): Claimant {
    const { reservedFor } = this.subnet;
    const holderKey = this.holderKey(request.client);
    let reserved = reservedFor.get(holderKey);
    const { circuit, remote } = request.relay;
    if (reserved === undefined && circuit !== undefined && reservedFor.size > 0)
      reserved = reservedFor.get(relayPortKey(circuit, remote)) ?? reservedFor.get(relayPortKey(circuit, undefined));
    return { holderKey, held: this.#byHolder.get(holderKey), reserved, classes: request.classes };
  }

  /** What the holder has now, or had last. */
  ofHolder(holderKey: string): Binding | undefined {
    return this.#byHolder.get(holderKey);
  }

  at(address: Ipv4Address): Binding | undefined {
    return this.#byAddress.get(address);
  }

  /** Every binding that was touched, in no special order: for `inspect` and tests. */
  bindings(): IterableIterator<Binding> {
    return this.#byAddress.values();
  }

  /** May this client have this address now? `undefined` says yes. */
  unavailable(address: Ipv4Address, { holderKey, held, reserved, classes }: Claimant): Unavailable | undefined {
    // While somebody else sits on the reserved address its owner is served from the pool.
    if (reserved !== undefined && reserved !== address && !this.#blocked(reserved, holderKey)) return 'reserved-elsewhere';
    const owner = this.subnet.reserved.get(address);
    // A renewal comes past the relay, without option 82: what was leased by that stays with its holder.
    const holds = held?.address === address && held.state.type === 'leased';
    if (owner !== undefined) {
      if (reserved !== address && !(holds && isRelayPortKey(owner))) return 'address-taken';
    } else {
      const range = this.#rangeOf(address);
      if (range === undefined || !(holds || isFor(range, classes))) return 'not-served';
    }
    return this.#blocked(address, holderKey) ? 'address-taken' : undefined;
  }

  #blocked(address: Ipv4Address, holderKey: string): boolean {
    const binding = this.#byAddress.get(address);
    if (binding === undefined) return false;
    const { type } = binding.state;
    return type === 'quarantined' || ((type === 'leased' || type === 'offered') && binding.holderKey !== holderKey);
  }

  /** Is it in a pool or reserved? */
  serves(address: Ipv4Address): boolean {
    return this.subnet.reserved.has(address) || this.#rangeOf(address) !== undefined;
  }

  /** The binding of an address that `unavailable` allowed; `undefined` where the table is full. */
  claim(address: Ipv4Address): Binding | undefined {
    return this.#byAddress.get(address) ?? this.#create(address);
  }

  /** An address for a new holder, first of those that are for its classes. */
  allocate(classes: readonly ResolvedClass[] = NO_CLASSES): Binding | undefined {
    for (const { name } of classes) {
      const binding = this.#groups.get(name)?.allocate(this.#isKnown, this.#createAt);
      if (binding !== undefined) return binding;
    }
    return this.#groups.get(undefined)?.allocate(this.#isKnown, this.#createAt);
  }

  offer(binding: Binding, client: ClientIdentity, terms: { until: Millis; leaseMs: Millis; relay: RelayTerms }): void {
    const { state } = binding;
    const holderKey = this.holderKey(client);
    const own = binding.holderKey === holderKey;
    const fallback =
      state.type === 'offered' && own
        ? state.fallback
        : own && (state.type === 'expired' || state.type === 'released')
          ? state.type
          : 'fresh';
    const { offers, config } = this.#pool;
    if (state.type !== 'offered' && offers.count >= config.offerCountMax) {
      const oldest = offers.first as Binding;
      oldest.table.lapse(oldest);
      this.#pool.offersEvicted++;
    }
    this.#hold(binding, client, holderKey, terms.relay);
    this.#enter(binding, { type: 'offered', until: terms.until, leaseMs: terms.leaseMs, fallback });
    offers.append(binding);
  }

  lease(binding: Binding, client: ClientIdentity, terms: { since: Millis; until: Millis; xid: number; relay: RelayTerms }): void {
    this.#hold(binding, client, this.holderKey(client), terms.relay);
    const { since, until, xid } = terms;
    this.#enter(binding, { type: 'leased', since, until, xid });
    binding.list?.remove(binding);
  }

  /** Ends an offer that nobody took. */
  lapse(binding: Binding): void {
    const { state } = binding;
    if (state.type === 'offered') this.#free(binding, state.fallback);
  }

  expire(binding: Binding): void {
    this.#free(binding, 'expired');
  }

  release(binding: Binding): void {
    this.#free(binding, 'released');
  }

  /** Somebody else uses the address: it is nobody's until then. */
  quarantine(binding: Binding, until: Millis): void {
    const { quarantined, config } = this.#pool;
    if (binding.state.type !== 'quarantined' && quarantined.count >= config.quarantineCountMax) {
      const oldest = quarantined.first as Binding;
      oldest.table.endQuarantine(oldest);
      this.#pool.quarantineEvicted++;
    }
    this.#enter(binding, { type: 'quarantined', until });
    this.#forget(binding);
    quarantined.append(binding);
  }

  /** Takes back a lease that the store refused: no ACK went out, so a first lease is an offer again. */
  revert(binding: Binding, before: BindingState, retry: { until: Millis; leaseMs: Millis }): void {
    if (before.type === 'leased') this.#enter(binding, before);
    else {
      this.#enter(binding, { type: 'offered', until: retry.until, leaseMs: retry.leaseMs, fallback: 'fresh' });
      this.#pool.offers.append(binding);
    }
  }

  endQuarantine(binding: Binding): void {
    this.#free(binding, 'fresh');
  }

  #free(binding: Binding, type: 'fresh' | 'expired' | 'released'): void {
    this.#enter(binding, { type });
    if (type === 'fresh') this.#forget(binding);
    binding.list?.remove(binding);
    // A reserved address, or one outside the pool (a restored lease of an older configuration), is never handed to others.
    if (!this.subnet.reserved.has(binding.address)) this.#groupOf(binding.address)?.[type].append(binding);
  }

  /** Makes the client the holder: the last holder of the address and the last address of the client are forgotten. */
  #hold(binding: Binding, client: ClientIdentity, holderKey: string, relay: RelayTerms): void {
    const held = this.#byHolder.get(holderKey);
    // A lease that still runs stays taken until it ends: the client was promised it, and may use it.
    if (held !== undefined && held !== binding && held.state.type !== 'leased') this.#free(held, 'fresh');
    const same = binding.holderKey === holderKey;
    const sameClient = same && binding.client !== undefined && sameIdentity(binding.client, client);
    // A renewal comes past the relay: where the holder is has been said before.
    const circuitKey = relay === NO_RELAY_TERMS && same ? binding.circuitKey : relay.circuitKey;
    // Most leases go to whom they went to before: then no limit, and no index, has anything to count anew.
    if (!sameClient || !binding.counted || circuitKey !== binding.circuitKey) {
      if (!same) this.#unindex(binding);
      this.#uncount(binding);
      if (!sameClient) binding.client = client;
      binding.holderKey = holderKey;
      binding.circuitKey = circuitKey;
      this.#count(binding);
    }
    if (relay !== NO_RELAY_TERMS || !same) binding.relayInformation = relay.information;
    if (held !== binding) this.#byHolder.set(holderKey, binding);
  }

  #forget(binding: Binding): void {
    this.#unindex(binding);
    this.#uncount(binding);
    binding.client = undefined;
    binding.holderKey = undefined;
    binding.circuitKey = undefined;
    binding.relayInformation = undefined;
  }

  #unindex(binding: Binding): void {
    const { holderKey } = binding;
    if (holderKey !== undefined && this.#byHolder.get(holderKey) === binding) this.#byHolder.delete(holderKey);
  }

  #enter(binding: Binding, state: BindingState): void {
    if (binding.state.type === 'leased') this.#pool.leasedCount--;
    if (state.type === 'leased') this.#pool.leasedCount++;
    const counted = state.type === 'leased' || state.type === 'offered';
    if (!counted) this.#uncount(binding);
    binding.enter(state);
    this.#setDeadline(binding);
  }

  #setDeadline(binding: Binding): void {
    const { deadlines } = this.#pool;
    const { deadline, timer } = binding;
    if (deadline === NEVER) {
      if (timer !== undefined) deadlines.cancel(timer);
    } else if (timer !== undefined) deadlines.reschedule(timer, deadline);
    else binding.timer = deadlines.schedule(deadline, binding);
  }

  #count(binding: Binding): void {
    if (binding.client === undefined) return;
    binding.counted = true;
    this.#index(binding.client, binding);
    this.#pool.hardware.add(binding.client.hardwareKey);
    if (binding.circuitKey !== undefined) this.#pool.circuits.add(binding.circuitKey);
  }

  #uncount(binding: Binding): void {
    if (!binding.counted || binding.client === undefined) return;
    binding.counted = false;
    this.#unindexClient(binding.client, binding);
    this.#pool.hardware.remove(binding.client.hardwareKey);
    if (binding.circuitKey !== undefined) this.#pool.circuits.remove(binding.circuitKey);
  }

  #index({ key, hardwareKey }: ClientIdentity, binding: Binding): void {
    const { byClient } = this.#pool;
    if (byClient === undefined) return;
    for (const each of [key, hardwareKey]) {
      const bindings = byClient.get(each);
      if (bindings === undefined) byClient.set(each, new Set([binding]));
      else bindings.add(binding);
    }
  }

  #unindexClient({ key, hardwareKey }: ClientIdentity, binding: Binding): void {
    const { byClient } = this.#pool;
    if (byClient === undefined) return;
    for (const each of [key, hardwareKey]) {
      const bindings = byClient.get(each);
      bindings?.delete(binding);
      if (bindings?.size === 0) byClient.delete(each);
    }
  }

  #create(address: Ipv4Address): Binding | undefined {
    if (this.#pool.bindingCount >= this.#pool.config.bindingCountMax) {
      this.#pool.bindingsRefused++;
      return undefined;
    }
    this.#pool.bindingCount++;
    const binding = new Binding(address, this);
    this.#byAddress.set(address, binding);
    this.#groupOf(address)?.fresh.append(binding);
    return binding;
  }

  #rangeOf(address: Ipv4Address): DhcpPoolRange | undefined {
    return this.subnet.ranges.find(({ first, last }) => address >= first && address <= last);
  }

  #groupOf(address: Ipv4Address): AddressGroup | undefined {
    const range = this.#rangeOf(address);
    return range && this.#groups.get(range.forClass);
  }
}

function isFor({ forClass }: DhcpPoolRange, classes: readonly ResolvedClass[]): boolean {
  return forClass === undefined || classes.some(({ name }) => name === forClass);
}
