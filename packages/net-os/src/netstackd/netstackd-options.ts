import type { DhcpClientConfig } from '@nexus-net/dhcp';
import type { Entropy, Ipv4Address, MacAddress, Millis } from '@nexus-net/sansio';
import type { HostOptions } from '../host-options.js';
import type { BringUpBudget, BringUpPolicy } from './bring-up-policy.js';
import type { AcceptRoute } from './lease-network.js';
import type { ProofOptions } from './proofs/proof.js';

export interface NetstackdOptions {
  readonly mac: MacAddress;
  readonly entropy: Entropy;
  readonly policy: BringUpPolicy;
  readonly budget?: Partial<BringUpBudget>;
  /** Ask the link before an address is used, leased or static (RFC 5227, RFC 2131 §2.2): 4 to 7 s. Default true. */
  readonly conflictCheck?: boolean;
  /** A static address that was in use is tried again after this. Default 60 000 ms (RFC 5227 RATE_LIMIT_INTERVAL). */
  readonly conflictRetryMs?: Millis;
  /** Asked about each route of a lease; false refuses it. Default: all that the link can reach are installed. */
  readonly acceptRoute?: AcceptRoute;
  /** Servers to ask for names where the lease names none, and with a static address. Default none. */
  readonly dnsServers?: readonly Ipv4Address[];
  /** What is proven each time that an address has come up. Default nothing. */
  readonly proofs?: ProofOptions;
  /** Limits and rules of the host below. */
  readonly host?: Omit<HostOptions, 'mac' | 'entropy'>;
  /** What the DHCP client is told beyond its MAC. */
  readonly dhcp?: Omit<DhcpClientConfig, 'mac' | 'entropy' | 'conflictDetection'>;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 1 024. */
  readonly eventCountMax?: number;
}
