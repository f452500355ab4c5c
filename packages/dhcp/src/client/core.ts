import {
  assert,
  Counters,
  type Datagram,
  type Ipv4Address,
  type Millis,
  NEVER,
  Queue,
  requireArgument,
  uniform,
} from '@nexus-net/sansio';
import { type DhcpLease, leaseChanges } from '../lease.js';
import type { ClientReject } from './accept.js';
import type { ClientSettings } from './config.js';
import type { DhcpClientEvent, UnboundReason } from './events.js';
import { ForceRenewKey } from './force-renew.js';
import { MessageBudget } from './message-budget.js';
import * as messages from './messages.js';
import {
  type BoundCause,
  type ClientState,
  type Exchange,
  type ProbedCause,
  rememberedLease,
  stateDeadline,
  usableLease,
} from './state.js';
import { acquisitionDelay, refusalDelay } from './timing.js';
import { CLIENT_TRANSITIONS, type ClientTrigger } from './transitions.js';

/** Everything that is counted: each reject, and what else deserves a number. */
export type ClientCount =
  | ClientReject
  /** The message budget put off a message. */
  | 'budget-reached'
  /** A lease came with an unusable T1 or T2. */
  | 'lease-times-repaired'
  /** `chooseOffer` wanted none. */
  | 'offers-refused'
  /** No `probeResult` in time: the address counts as free. */
  | 'probe-unanswered'
  /** No `attachmentResult` in time. */
  | 'attachment-unanswered';

/**
 * The client's memory and the few ways to change it. Deadlines (`due.ts`), replies (`replies.ts`) and commands
 * (`client.ts`) decide what to do; this does it.
 */
export class ClientCore {
  readonly settings: ClientSettings;
  readonly counters: Counters<ClientCount> = new Counters();
  readonly transmits: Queue<Datagram> = new Queue(TRANSMIT_COUNT_MAX);
  readonly events: Queue<DhcpClientEvent>;
  readonly budget: MessageBudget;
  readonly forceRenewKey: ForceRenewKey | undefined;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #state: ClientState;
  #naksInARow = 0;
  #conflictsInARow = 0;

  constructor(settings: ClientSettings) {
    this.settings = settings;
    this.events = new Queue(settings.eventCountMax);
    this.budget = new MessageBudget({ perMinute: settings.messagesPerMinuteMax });
    this.forceRenewKey = settings.hmacMd5 === undefined ? undefined : new ForceRenewKey(settings.hmacMd5);
    this.#state = { type: 'stopped', linkUp: true, remembered: settings.remembered };
  }

  get now(): Millis {
    return this.#now;
  }

  get state(): ClientState {
    return this.#state;
  }

  get naksInARow(): number {
    return this.#naksInARow;
  }

  get conflictsInARow(): number {
    return this.#conflictsInARow;
  }

  setNow(now: Millis): void {
    requireArgument(Number.isFinite(now), 'now is a finite number of milliseconds');
    this.#now = Math.max(this.#now, now);
  }

  isDue(): boolean {
    return stateDeadline(this.#state) <= this.#now;
  }

  /** The only assignment to the state. */
  enter(next: ClientState, trigger: ClientTrigger): void {
    const from = this.#state.type;
    const to = next.type;
    this.#state = next;
    if (from === to) return;
    assert(CLIENT_TRANSITIONS[from][trigger].includes(to), `${trigger} leads from ${from} to ${to}`);
    this.events.push({ type: 'state', from, to, at: this.#now });
  }

  /** Starts, or starts again after the link was away: with the remembered lease where there is one that lasts. */
  begin(trigger: 'start' | 'linkUp', remembered: DhcpLease | undefined): void {
    const { startDelayMs, requestedAddress, detectAttachment, detectMsMax } = this.settings;
    const now = this.#now;
    const startAt = now + uniform(this.settings.entropy, startDelayMs);
    if (remembered === undefined || remembered.expiresAt <= now) {
      const hint = remembered?.address ?? requestedAddress;
      this.enter({ type: 'init', since: now, startAt, hint }, trigger);
    } else if (detectAttachment && remembered.routers.length > 0) {
      this.events.push({ type: 'detect', lease: remembered, at: now });
      this.enter({ type: 'detecting', lease: remembered, until: now + detectMsMax }, trigger);
    } else this.enter({ type: 'init-reboot', lease: remembered, startAt }, trigger);
  }

  /** To INIT, with the first DISCOVER at once. */
  restart({ since, hint }: { readonly since: Millis; readonly hint: Ipv4Address | undefined }, trigger: 'timeout' | 'nak'): void {
    this.enter({ type: 'init', since, startAt: this.#now, hint }, trigger);
  }

  /** Tells the application to leave the address that it uses, if any. */
  withdraw(reason: UnboundReason): void {
    const lease = usableLease(this.#state);
    if (lease !== undefined) this.events.push({ type: 'unbound', reason, address: lease.address, at: this.#now });
  }

  /** Takes a new lease into use, after a probe where the configuration wants one. */
  probeOrBind(lease: DhcpLease, { cause, trigger }: { readonly cause: ProbedCause; readonly trigger: ClientTrigger }): void {
    if (!this.settings.conflictDetection) {
      this.bind(lease, { cause, trigger });
      return;
    }
    this.enter({ type: 'probing', lease, cause, until: this.#now + this.settings.probeMsMax }, trigger);
    this.events.push({ type: 'probe', address: lease.address, lease, at: this.#now });
  }

  bind(lease: DhcpLease, { cause, trigger }: { readonly cause: BoundCause; readonly trigger: ClientTrigger }): void {
    const before = usableLease(this.#state);
    this.#conflictsInARow = 0;
    this.enter({ type: 'bound', lease }, trigger);
    const changes = before === undefined ? [] : leaseChanges(before, lease);
    this.events.push({ type: 'bound', lease, cause, changes, at: this.#now });
  }

  /** DECLINE, and a pause: 10 s (RFC 2131 §3.1.5), a minute after many conflicts in a row (RFC 5227 §2.1.1). */
  decline(lease: DhcpLease, trigger: 'decline' | 'probeInUse'): void {
    const { profile, conflictCountMax, conflictWaitMs, declineWaitMs } = this.settings;
    this.#conflictsInARow++;
    this.#send(messages.decline(profile, { xid: this.#xid(), lease }));
    this.withdraw('declined');
    this.events.push({ type: 'declined', address: lease.address, server: lease.server, at: this.#now });
    const wait = this.#conflictsInARow >= conflictCountMax ? conflictWaitMs : declineWaitMs;
    this.enter({ type: 'waiting', reason: 'declined', since: this.#now, until: this.#now + wait }, trigger);
  }

  release(lease: DhcpLease): void {
    this.#send(messages.release(this.settings.profile, { xid: this.#xid(), lease }));
  }

  /**
   * A server refused. In REQUESTING the next attempt waits, longer each time. A refused address of our own is gone at
   * once, and so is the wait: nothing but a lease leads there, so it cannot loop faster than leases come.
   */
  refused(server: Ipv4Address): void {
    const { nakWaitMsMin: min, nakWaitMsMax: max } = this.settings;
    const state = this.#state;
    this.#naksInARow++;
    const waitMs = state.type === 'requesting' ? refusalDelay(this.#naksInARow, { min, max }) : 0;
    this.withdraw('nak');
    this.events.push({ type: 'refused', server, waitMs, at: this.#now });
    if (state.type === 'requesting') {
      const { since } = state.exchange;
      this.enter({ type: 'waiting', reason: 'nak', since, until: this.#now + waitMs }, 'nak');
    } else this.restart({ since: this.#now, hint: undefined }, 'nak');
  }

  /** A server granted a lease: refusals are forgiven. */
  granted(): void {
    this.#naksInARow = 0;
  }

  stop({ linkUp, remember, trigger }: StopOptions): void {
    const remembered = remember ? rememberedLease(this.#state) : undefined;
    this.enter({ type: 'stopped', linkUp, remembered }, trigger);
  }

  /** A new exchange, due for its first sending now. */
  openExchange(since: Millis): Exchange {
    return { xid: this.#xid(), since, sentAt: NEVER, sends: 0, retryAt: this.#now };
  }

  /** Sends the message of an exchange, or puts it off to when the message budget allows it. */
  ask(exchange: Exchange, message: () => Datagram, retryAt?: Millis): Exchange {
    const allowedAt = this.budget.allowedAt(this.#now);
    if (allowedAt > this.#now) {
      this.counters.increment('budget-reached');
      return { ...exchange, retryAt: allowedAt };
    }
    this.#send(message());
    const sends = exchange.sends + 1;
    return {
      ...exchange,
      sends,
      sentAt: Math.min(exchange.sentAt, this.#now),
      retryAt: retryAt ?? this.#now + acquisitionDelay(this.settings.entropy, sends),
    };
  }

  #send(datagram: Datagram): void {
    this.budget.spend(this.#now);
    this.transmits.push(datagram);
  }

  #xid(): number {
    return this.settings.entropy.u32();
  }
}

export interface StopOptions {
  readonly linkUp: boolean;
  /** Keep the lease for the next start. */
  readonly remember: boolean;
  readonly trigger: ClientTrigger;
}

/** Datagrams that wait for `pollTransmit`; a driver that drains as it should never sees more than two. */
const TRANSMIT_COUNT_MAX = 64;
