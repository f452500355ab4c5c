import {
  type Ipv4Address,
  type Ipv4Prefix,
  ipv4FromU32,
  isHostAddress,
  isIpv4Unicast,
  type MacAddress,
  type Millis,
  NEVER,
  prefixLength,
  prefixNetwork,
  prefixOf,
  requireArgument,
} from '@nexus-net/sansio';
import type { InterfaceConfig } from '../host.js';

/** Where the address of the interface comes from. Configuration, read at run time: never a property of the build. */
export type BringUpPolicy =
  /** A lease or nothing. When the budget is used up that is told once, and DHCP goes on. */
  | { readonly type: 'dhcp-only' }
  /**
   * A lease, or the static address when the budget is used up. `lateLease`: what happens to a lease after that. `apply`: DHCP
   * goes on and its lease replaces the static address. `refuse`: DHCP stops, and an offer or lease still on its way is
   * reported and ignored.
   */
  | ({ readonly type: 'dhcp-then-static'; readonly lateLease: 'apply' | 'refuse' } & InterfaceConfig)
  | ({ readonly type: 'static' } & InterfaceConfig)
  /** The last octet of the MAC is the host part of the address: see {@link addressFromMac}. */
  | { readonly type: 'from-mac'; readonly network: Ipv4Prefix; readonly gateway?: Ipv4Address };

/** How much DHCP gets before `dhcp unavailable`. Whichever is used up first counts. */
export interface BringUpBudget {
  /** From the start of the attempt, in milliseconds of the caller's time. Default 30 000 ms. */
  readonly timeMs: Millis;
  /** DISCOVER messages; the budget is used up when one more would be due. Default 4. */
  readonly attempts: number;
}

export const BRING_UP_BUDGET: BringUpBudget = { timeMs: 30_000, attempts: 4 };

/** The address of an interface and why it has that one. */
export type AddressOrigin = 'dhcp' | 'static' | 'from-mac';

export interface StaticAddress extends InterfaceConfig {
  readonly origin: Exclude<AddressOrigin, 'dhcp'>;
}

/**
 * The address that a node gives itself on a wire without DHCP: the network and the last octet of its MAC, so that nodes
 * numbered by MAC are numbered alike by IP. 0 becomes 1, and the broadcast address the one before it. In a network of less
 * than 8 host bits the octet is cut to them.
 */
export function addressFromMac(mac: MacAddress, network: Ipv4Prefix): Ipv4Address {
  const length = prefixLength(network);
  requireArgument(length >= 1 && length <= 30, 'network has 1..30 bits');
  const hostMask = length >= 24 ? 2 ** (32 - length) - 1 : 0xff;
  const host = (mac % 256) & hostMask;
  const base = prefixNetwork(network);
  if (host === 0) return ipv4FromU32(base + 1);
  const address = ipv4FromU32(base + host);
  return isHostAddress(network, address) ? address : ipv4FromU32(address - 1);
}

/** The static address that a policy names; `undefined` for `dhcp-only`. Throws `UsageError` where no host can own it. */
export function staticAddressOf(policy: BringUpPolicy, mac: MacAddress): StaticAddress | undefined {
  if (policy.type === 'dhcp-only') return undefined;
  const fromMac = policy.type === 'from-mac';
  const address = fromMac ? addressFromMac(mac, policy.network) : policy.address;
  const length = fromMac ? prefixLength(policy.network) : policy.prefixLength;
  const { gateway } = policy;
  const network = prefixOf(address, length);
  const possible = length >= 1 && isIpv4Unicast(address) && isHostAddress(network, address);
  requireArgument(possible, 'the static address is one that a host can have');
  requireArgument(
    gateway === undefined || (isHostAddress(network, gateway) && gateway !== address),
    'the gateway is another host of the same network',
  );
  return {
    origin: fromMac ? 'from-mac' : 'static',
    address,
    prefixLength: length,
    ...(gateway === undefined ? {} : { gateway }),
  };
}

export function usesDhcp(policy: BringUpPolicy): boolean {
  return policy.type === 'dhcp-only' || policy.type === 'dhcp-then-static';
}

export function resolveBudget(given: Partial<BringUpBudget> = {}): BringUpBudget {
  const budget = { ...BRING_UP_BUDGET, ...given };
  requireArgument(budget.timeMs > 0 && budget.timeMs <= NEVER, 'budget.timeMs is positive');
  const counts = Number.isSafeInteger(budget.attempts) || budget.attempts === NEVER;
  requireArgument(counts && budget.attempts >= 1, 'budget.attempts is a positive integer or Infinity');
  return budget;
}
