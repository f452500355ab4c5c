import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import type { DhcpLease, LeaseTerms } from '../lease.js';

/** One request with its retransmissions: one xid, one answer (RFC 2131 §4.1). */
export interface Exchange {
  /** The same over all retransmissions; drawn anew for each exchange. */
  readonly xid: number;
  /** When the client began to want an address, or to renew: the origin of `secs`. */
  readonly since: Millis;
  /** First sending of the message that waits for an answer; `Infinity` as long as the message budget holds it back. */
  readonly sentAt: Millis;
  /** Sendings so far. */
  readonly sends: number;
  /** When to send again. */
  readonly retryAt: Millis;
}

/** Why the client waits before it starts over. */
export type WaitReason = 'nak' | 'declined';

/**
 * RFC 2131 figure 5, and what it leaves out: being stopped, having no link, waiting for the address probe, waiting after a
 * refusal, DHCPINFORM, RFC 4436 and RFC 8925. Each variant owns its timers, so leaving it disarms them.
 */
export type ClientState =
  /** Not wanted. `remembered`: the lease to start with next time. */
  | { readonly type: 'stopped'; readonly linkUp: boolean; readonly remembered: DhcpLease | undefined }
  /** Wanted, but the link is down. */
  | { readonly type: 'halted'; readonly remembered: DhcpLease | undefined }
  | { readonly type: 'init'; readonly since: Millis; readonly startAt: Millis; readonly hint: Ipv4Address | undefined }
  | {
      readonly type: 'selecting';
      readonly exchange: Exchange;
      /** An address to ask for (option 50): the last one we had. */
      readonly hint: Ipv4Address | undefined;
      /** `secs` of the last DISCOVER: the REQUEST repeats it (RFC 2131 §3.1.3). */
      readonly secs: number;
      readonly offers: readonly LeaseTerms[];
      /** When to choose among the offers; `Infinity` while there is none. */
      readonly chooseAt: Millis;
    }
  | { readonly type: 'requesting'; readonly exchange: Exchange; readonly secs: number; readonly offer: LeaseTerms }
  /** The lease is ours, but first the caller looks whether somebody else uses the address (RFC 2131 §2.2, RFC 5227 §2.1). */
  | { readonly type: 'probing'; readonly lease: DhcpLease; readonly cause: ProbedCause; readonly until: Millis }
  | { readonly type: 'bound'; readonly lease: DhcpLease }
  | { readonly type: 'renewing'; readonly lease: DhcpLease; readonly exchange: Exchange }
  | { readonly type: 'rebinding'; readonly lease: DhcpLease; readonly exchange: Exchange }
  | { readonly type: 'init-reboot'; readonly lease: DhcpLease; readonly startAt: Millis }
  | { readonly type: 'rebooting'; readonly lease: DhcpLease; readonly exchange: Exchange }
  /** Between a NAK or DECLINE and INIT. */
  | { readonly type: 'waiting'; readonly reason: WaitReason; readonly since: Millis; readonly until: Millis }
  /** DHCPINFORM for an address that the caller has configured itself. */
  | {
      readonly type: 'informing';
      readonly address: Ipv4Address;
      readonly exchange: Exchange;
      readonly remembered: DhcpLease | undefined;
    }
  /** The caller looks whether the link is the one we left (RFC 4436). */
  | { readonly type: 'detecting'; readonly lease: DhcpLease; readonly until: Millis }
  /** The network is better used without IPv4 (RFC 8925): V6ONLY_WAIT. */
  | { readonly type: 'ipv6-only'; readonly until: Millis };

export type ClientStateName = ClientState['type'];

/** How a lease came to be ours. */
export type BoundCause = 'acquired' | 'renewed' | 'rebound' | 'rebooted' | 'kept' | 'reattached';
/** A lease whose address we did not have a moment ago is probed, however it came. */
export type ProbedCause = Exclude<BoundCause, 'reattached'>;

/** The time of the next thing that the state itself does. */
export function stateDeadline(state: ClientState): Millis {
  switch (state.type) {
    case 'stopped':
    case 'halted':
      return Number.POSITIVE_INFINITY;
    case 'init':
      return state.startAt;
    case 'selecting':
      return Math.min(state.exchange.retryAt, state.chooseAt);
    case 'requesting':
    case 'informing':
      return state.exchange.retryAt;
    case 'probing':
    case 'detecting':
      return Math.min(state.until, state.lease.expiresAt);
    case 'bound':
      return state.lease.renewAt; // T1 <= T2 <= end, always
    case 'renewing':
      return Math.min(state.exchange.retryAt, state.lease.rebindAt);
    case 'rebinding':
    case 'rebooting':
      return Math.min(state.exchange.retryAt, state.lease.expiresAt);
    case 'init-reboot':
      return state.startAt;
    case 'waiting':
    case 'ipv6-only':
      return state.until;
  }
}

/** The address that the application may use in this state: told with a `bound` event, not yet withdrawn. */
export function usableLease(state: ClientState): DhcpLease | undefined {
  return state.type === 'bound' || state.type === 'renewing' || state.type === 'rebinding' ? state.lease : undefined;
}

/** The lease to begin with after a pause: the present one, or the one remembered. */
export function rememberedLease(state: ClientState): DhcpLease | undefined {
  switch (state.type) {
    case 'stopped':
    case 'halted':
    case 'informing':
      return state.remembered;
    case 'probing':
    case 'bound':
    case 'renewing':
    case 'rebinding':
    case 'init-reboot':
    case 'rebooting':
    case 'detecting':
      return state.lease;
    default:
      return undefined;
  }
}

/** A state that waits for the answer to something. */
export type AskingState = Extract<ClientState, { readonly exchange: Exchange }>;

/** The state, where it has sent something and waits for the answer. */
export function askingState(state: ClientState): AskingState | undefined {
  return 'exchange' in state && state.exchange.sends > 0 ? state : undefined;
}
