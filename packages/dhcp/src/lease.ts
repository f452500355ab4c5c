import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import type { DhcpOption } from './option-list.js';
import type { ClasslessRoute } from './options/routes.js';

/** What a server says about the network, checked and typed. All but the addresses may be absent. */
export interface NetworkParameters {
  /** The server's identifier (option 54). Not always the address that its datagrams come from. */
  readonly server: Ipv4Address;
  /** Option 3 as it came, without addresses that no host can own, 64 at most. What to install is `routes`. */
  readonly routers: readonly Ipv4Address[];
  /**
   * The routes to install: option 121 where there is a valid one, else 249, else one default route for each of `routers`
   * (RFC 3442: a client that gets 121 ignores option 3, even when 121 has no default route).
   */
  readonly routes: readonly ClasslessRoute[];
  /** Option 6, without addresses that no host can own, 64 at most. */
  readonly dnsServers: readonly Ipv4Address[];
  /** Option 15, where it is a name that is safe to pass on. */
  readonly domainName: string | undefined;
  /** Option 26 in octets; below 68 it counts as absent (RFC 2132 §5.1). */
  readonly mtu: number | undefined;
  /** Every option of the message, as it came. */
  readonly options: readonly DhcpOption[];
}

/** What a server proposes: a lease without its clock. */
export interface LeaseTerms extends NetworkParameters {
  readonly address: Ipv4Address;
  /** Bits of the subnet mask, 1..32. */
  readonly prefixLength: number;
  /** Length of the lease; `Infinity` is for ever (RFC 2131 §3.3). */
  readonly leaseMs: Millis;
  /** T1, from the start of the lease. `renewMs <= rebindMs < leaseMs`, or all `Infinity`. */
  readonly renewMs: Millis;
  /** T2, from the start of the lease. */
  readonly rebindMs: Millis;
}

/** An address with the time for which it is ours. Instants are on the caller's time axis; `Infinity` never comes. */
export interface DhcpLease extends LeaseTerms {
  /** When the acknowledged request was first sent: the lease counts from there (RFC 2131 §4.4.1). */
  readonly obtainedAt: Millis;
  /** T1: ask the server for more. */
  readonly renewAt: Millis;
  /** T2: ask any server. */
  readonly rebindAt: Millis;
  /** From this instant on the address is not ours. */
  readonly expiresAt: Millis;
}

/** Ties terms to the clock: the lease runs from the first sending of the request that was acknowledged. */
export function startLease(terms: LeaseTerms, obtainedAt: Millis): DhcpLease {
  return {
    ...terms,
    obtainedAt,
    renewAt: obtainedAt + terms.renewMs,
    rebindAt: obtainedAt + terms.rebindMs,
    expiresAt: obtainedAt + terms.leaseMs,
  };
}

/** A part of a lease in which two leases may differ. */
export type LeaseChange = 'address' | 'prefix' | 'routes' | 'dns' | 'domain' | 'mtu' | 'server';

/** What somebody who configured `before` has to change for `after`. Times are not among it: they change always. */
export function leaseChanges(before: DhcpLease, after: DhcpLease): readonly LeaseChange[] {
  const changes: LeaseChange[] = [];
  if (before.address !== after.address) changes.push('address');
  if (before.prefixLength !== after.prefixLength) changes.push('prefix');
  if (!sameRoutes(before.routes, after.routes)) changes.push('routes');
  if (!sameList(before.dnsServers, after.dnsServers)) changes.push('dns');
  if (before.domainName !== after.domainName) changes.push('domain');
  if (before.mtu !== after.mtu) changes.push('mtu');
  if (before.server !== after.server) changes.push('server');
  return changes;
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function sameRoutes(a: readonly ClasslessRoute[], b: readonly ClasslessRoute[]): boolean {
  return a.length === b.length && a.every((r, i) => r.prefix === b[i]?.prefix && r.router === b[i]?.router);
}
