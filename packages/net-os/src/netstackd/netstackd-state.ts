import type { DhcpClientInspection } from '@nexus-net/dhcp';
import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import type { HostSnapshot, InterfaceConfig } from '../host.js';
import type { BringUpPolicy, StaticAddress } from './bring-up-policy.js';

/** Where the bring-up stands. Each variant owns what only it needs; a deadline goes away with its state. */
export type BringUpState =
  | { readonly type: 'link-down' }
  /** Stopped by `release` or `stop` with the link up. */
  | { readonly type: 'stopped' }
  /** DHCP within its budget. `nextAt`: when the time is used up. `over`: it is, but a lease in hand is still being probed. */
  | { readonly type: 'acquiring'; readonly nextAt: Millis; readonly discovers: number; readonly over: boolean }
  /** No address, no budget, DHCP goes on. */
  | { readonly type: 'waiting' }
  /** The link is asked whether the static address is free. */
  | { readonly type: 'checking'; readonly candidate: StaticAddress }
  /** The static address is in use by somebody else. */
  | { readonly type: 'blocked'; readonly candidate: StaticAddress; readonly nextAt: Millis }
  | { readonly type: 'up'; readonly origin: 'dhcp'; readonly address: Ipv4Address }
  | {
      readonly type: 'up';
      readonly origin: 'static' | 'from-mac';
      readonly address: Ipv4Address;
      readonly candidate: StaticAddress;
    };

export interface NetstackdSnapshot {
  readonly state: string;
  readonly policy: BringUpPolicy['type'];
  readonly origin?: string;
  /** Servers to ask for names, as the lease or the configuration has them. */
  readonly dnsServers: readonly string[];
  readonly host: HostSnapshot;
  readonly dhcp: DhcpClientInspection;
  /** Messages of the DHCP client that the host could not send. */
  readonly dhcpUnsent: number;
  /** Frames that came while the link was down: dropped. */
  readonly framesWithoutLink: number;
  readonly eventsDropped: number;
}

export function configOf({ address, prefixLength, gateway, routes, mtu }: InterfaceConfig): InterfaceConfig {
  return {
    address,
    prefixLength,
    ...(gateway === undefined ? {} : { gateway }),
    ...(routes === undefined ? {} : { routes }),
    ...(mtu === undefined ? {} : { mtu }),
  };
}
