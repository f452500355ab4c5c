import { formatIpv4, formatPrefix, type Millis } from '@nexus-net/sansio';
import type { BindingStateType } from './binding.js';
import type { BindingPool } from './binding-table.js';
import { describeIdentity } from './identity.js';
import type { RestoreResult } from './lease-store.js';
import type { Tables } from './select-table.js';

export interface DhcpBindingInspection {
  readonly address: string;
  readonly state: BindingStateType;
  /** Absent where the address is nobody's. */
  readonly client?: string;
  /** `Infinity` where the state doesn't end by itself. */
  readonly until: Millis;
}

export interface DhcpServerInspection {
  readonly subnets: readonly { readonly prefix: string; readonly bindings: readonly DhcpBindingInspection[] }[];
  readonly counts: {
    readonly bindings: number;
    readonly leased: number;
    readonly offered: number;
    readonly quarantined: number;
    readonly commits: number;
    readonly probes: number;
  };
  /** How often each limit was reached. */
  readonly limits: {
    readonly offersEvicted: number;
    readonly quarantineEvicted: number;
    readonly bindingsRefused: number;
    readonly transmitsDropped: number;
    readonly eventsDropped: number;
  };
  /** How the probes ended; `skipped`: offered without one, for too many ran. */
  readonly probes: Readonly<Partial<Record<'started' | 'free' | 'in-use' | 'unanswered' | 'skipped', number>>>;
  readonly restore: RestoreResult;
  readonly rejects: Readonly<Partial<Record<string, number>>>;
  /** The codec's labels behind `rejects.malformed`. */
  readonly malformed: Readonly<Partial<Record<string, number>>>;
  readonly received: Readonly<Partial<Record<string, number>>>;
  readonly sent: Readonly<Partial<Record<string, number>>>;
}

export function inspectServer(
  server: Pick<DhcpServerInspection, 'restore' | 'probes' | 'rejects' | 'malformed' | 'received' | 'sent'> & {
    readonly tables: Tables;
    readonly pool: BindingPool;
    readonly commitCount: number;
    readonly probeCount: number;
    readonly transmitsDropped: number;
    readonly eventsDropped: number;
  },
): DhcpServerInspection {
  const { tables, pool, commitCount, probeCount, transmitsDropped, eventsDropped, ...rest } = server;
  const { offersEvicted, quarantineEvicted, bindingsRefused } = pool;
  return {
    subnets: tables.map((table) => ({
      prefix: formatPrefix(table.subnet.prefix),
      bindings: [...table.bindings()]
        .sort((a, b) => a.address - b.address)
        .map(({ address, state, client, deadline }) => ({
          address: formatIpv4(address),
          state: state.type,
          ...(client === undefined ? {} : { client: describeIdentity(client) }),
          until: deadline,
        })),
    })),
    counts: {
      bindings: pool.bindingCount,
      leased: pool.leasedCount,
      offered: pool.offers.count,
      quarantined: pool.quarantined.count,
      commits: commitCount,
      probes: probeCount,
    },
    limits: { offersEvicted, quarantineEvicted, bindingsRefused, transmitsDropped, eventsDropped },
    ...rest,
  };
}
