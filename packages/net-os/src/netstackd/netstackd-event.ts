import type { BoundCause, DhcpLease, LeaseChange } from '@nexus-net/dhcp';
import type { Ipv4Address, MacAddress, Millis } from '@nexus-net/sansio';
import type { InterfaceConfig } from '../host.js';
import type { HostEvent } from '../host-event.js';
import type { AddressOrigin } from './bring-up-policy.js';
import type { RefusedPart } from './lease-network.js';
import type { ProofOutcome } from './proofs/proof.js';

/** Why DHCP is tried with a fresh budget. */
export type RoundCause = 'link-up' | 'expired' | 'nak' | 'conflict' | 'address-changed';

/** Why an address is no longer in use. */
export type DownReason = RoundCause | 'link-down' | 'replaced' | 'released' | 'stopped';

/**
 * What a bring-up tells, in the order of truth: `link-up`; then with DHCP `acquiring` and exactly one of `dhcp-bound` and
 * `dhcp-unavailable`; then `interface-up`. `interface-up` and `interface-down` alternate. `at`: when the machine acted.
 */
export type NetstackdEvent =
  | { readonly type: 'link-up'; readonly at: Millis }
  | { readonly type: 'link-down'; readonly at: Millis }
  /** DHCP starts with a fresh budget. */
  | { readonly type: 'acquiring'; readonly cause: RoundCause; readonly at: Millis }
  | { readonly type: 'dhcp-bound'; readonly lease: DhcpLease; readonly cause: BoundCause; readonly at: Millis }
  /** The budget is used up. `fallback`: the static address that comes now, absent with `dhcp-only`. */
  | {
      readonly type: 'dhcp-unavailable';
      readonly reason: 'time' | 'attempts';
      readonly fallback: InterfaceConfig | undefined;
      readonly at: Millis;
    }
  /** `changes`: what of the lease is different now; the interface follows. */
  | {
      readonly type: 'dhcp-renewed';
      readonly lease: DhcpLease;
      readonly cause: BoundCause;
      readonly changes: readonly LeaseChange[];
      readonly at: Millis;
    }
  /** A lease after `dhcp-unavailable`, and what the policy made of it. `refused` is told once for each round. */
  | {
      readonly type: 'late-lease';
      readonly decision: 'applied' | 'refused';
      readonly address: Ipv4Address;
      readonly server: Ipv4Address;
      readonly at: Millis;
    }
  /** The link is being asked whether the address is free. */
  | { readonly type: 'checking-address'; readonly address: Ipv4Address; readonly at: Millis }
  /** Somebody else uses the address. `retryAt`: when it is tried again; absent where DHCP finds another one. */
  | {
      readonly type: 'address-conflict';
      readonly address: Ipv4Address;
      readonly claimant: MacAddress;
      readonly retryAt: Millis | undefined;
      readonly at: Millis;
    }
  /** A part of the lease is not installed; it is told after the `interface-up` or `dhcp-renewed` that it belongs to. */
  | ({ readonly type: 'lease-part-refused'; readonly at: Millis } & RefusedPart)
  /** `dnsServers`: those of the lease, else those of the options. */
  | ({
      readonly type: 'interface-up';
      readonly origin: AddressOrigin;
      readonly dnsServers: readonly Ipv4Address[];
      readonly at: Millis;
    } & InterfaceConfig)
  | { readonly type: 'interface-down'; readonly address: Ipv4Address; readonly reason: DownReason; readonly at: Millis }
  /** A proof has ended: one for each that was asked for, after each `interface-up`. */
  | { readonly type: 'proof'; readonly outcome: ProofOutcome; readonly at: Millis }
  /** What the host has to say beyond the bring-up: datagrams, pings, neighbours. */
  | { readonly type: 'host'; readonly event: HostEvent };

/** What of an event is the host's own: for the sockets of a `Netstackd` (`new HostSockets(netstackd, { hostEvent: hostEventOf })`). */
export function hostEventOf(event: NetstackdEvent): HostEvent | undefined {
  return event.type === 'host' ? event.event : undefined;
}
