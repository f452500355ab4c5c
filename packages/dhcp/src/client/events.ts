import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import type { DhcpLease, LeaseChange, NetworkParameters } from '../lease.js';
import type { ClientReject } from './accept.js';
import type { BoundCause, ClientStateName } from './state.js';

export type UnboundReason =
  | 'expired'
  | 'nak'
  | 'released'
  | 'declined'
  | 'link-down'
  | 'stopped'
  /** A renewal gave another address: the old one is ours no more. */
  | 'address-changed';

/** What happened, for the application. `at` is the instant at which the machine acted. */
export type DhcpClientEvent =
  | { readonly type: 'state'; readonly from: ClientStateName; readonly to: ClientStateName; readonly at: Millis }
  /** Use this lease from now on. `changes`: what differs from the lease in use before; empty where nothing does or there was none. */
  | {
      readonly type: 'bound';
      readonly lease: DhcpLease;
      readonly cause: BoundCause;
      readonly changes: readonly LeaseChange[];
      readonly at: Millis;
    }
  /** Stop using this address at once. */
  | { readonly type: 'unbound'; readonly reason: UnboundReason; readonly address: Ipv4Address; readonly at: Millis }
  /** Look whether somebody uses this address (RFC 5227 §2.1), then call `probeResult`. */
  | { readonly type: 'probe'; readonly address: Ipv4Address; readonly lease: DhcpLease; readonly at: Millis }
  /** Look whether the routers of this lease are where they were (RFC 4436 §4), then call `attachmentResult`. */
  | { readonly type: 'detect'; readonly lease: DhcpLease; readonly at: Millis }
  /** Parameters for an address that the caller has configured itself (DHCPINFORM). */
  | {
      readonly type: 'informed';
      readonly address: Ipv4Address;
      readonly prefixLength: number | undefined;
      readonly parameters: NetworkParameters;
      readonly at: Millis;
    }
  /** We told the server that somebody else uses its address. */
  | { readonly type: 'declined'; readonly address: Ipv4Address; readonly server: Ipv4Address; readonly at: Millis }
  /** A server refused. `waitMs`: until the next attempt. */
  | { readonly type: 'refused'; readonly server: Ipv4Address; readonly waitMs: Millis; readonly at: Millis }
  /** All retransmissions went unanswered. */
  | { readonly type: 'gave-up'; readonly state: 'requesting' | 'rebooting' | 'informing'; readonly at: Millis }
  /** The network asks to do without IPv4 for this long (RFC 8925). */
  | { readonly type: 'ipv6-only'; readonly waitMs: Millis; readonly at: Millis }
  /** A datagram counted for nothing. */
  | { readonly type: 'rejected'; readonly label: ClientReject; readonly at: Millis };
