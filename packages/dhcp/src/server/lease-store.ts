import { type Ipv4Address, isHostAddress, type Millis } from '@nexus-net/sansio';
import type { Binding } from './binding.js';
import { NO_RELAY_TERMS } from './binding-table.js';
import type { DhcpLeaseRecord } from './events.js';
import { CLIENT_ID_OCTETS_MAX, makeIdentity } from './identity.js';
import { type Tables, tableOf } from './select-table.js';

/** The row that describes the binding, `undefined` where it has no holder. */
export function recordOf(
  binding: Binding,
  row: { readonly state: DhcpLeaseRecord['state']; readonly until: Millis; readonly revision: number },
): DhcpLeaseRecord | undefined {
  const { client, address } = binding;
  if (client === undefined) return undefined;
  const { htype, hardware, clientId } = client;
  const { state, until, revision } = row;
  return clientId === undefined
    ? { address, htype, hardware, state, until, revision }
    : { address, htype, hardware, clientId, state, until, revision };
}

export interface RestoreResult {
  readonly restored: number;
  /** Rows that make no sense, or of networks that are not configured any more. */
  readonly skipped: number;
  readonly revisionMax: number;
}

/**
 * Fills the tables from the rows of an earlier run, in any order: a row with a higher revision replaces a lower one of the
 * same address or client. What has run out since ends at the first call of the machine.
 */
export function restoreLeases(tables: Tables, records: readonly DhcpLeaseRecord[]): RestoreResult {
  const usable = records.filter(isUsable).sort((a, b) => a.revision - b.revision);
  const latest = new Map<Ipv4Address, DhcpLeaseRecord>();
  for (const record of usable) latest.set(record.address, record);
  let restored = 0;
  let unknown = 0;
  let revisionMax = 0;
  for (const record of usable) {
    revisionMax = Math.max(revisionMax, record.revision);
    if (latest.get(record.address) !== record) continue;
    const table = tableOf(tables, record.address);
    // Whatever the configuration lets be leased is restored, loopback and the reserved ranges not excepted.
    const binding = table && isHostAddress(table.subnet.prefix, record.address) ? table.claim(record.address) : undefined;
    if (table === undefined || binding === undefined) {
      unknown++;
      continue;
    }
    const client = makeIdentity(record);
    table.lease(binding, client, { since: Number.NEGATIVE_INFINITY, until: record.until, xid: 0, relay: NO_RELAY_TERMS });
    if (record.state === 'released') table.release(binding);
    else if (record.state === 'quarantined') table.quarantine(binding, record.until);
    restored++;
  }
  return { restored, skipped: records.length - usable.length + unknown, revisionMax };
}

/** A store is outside of us: its rows are checked like bytes from the wire. */
function isUsable(record: DhcpLeaseRecord): boolean {
  const { address, htype, hardware, clientId, state, until, revision } = record;
  return (
    Number.isInteger(address) &&
    address >= 0 &&
    address <= 0xffffffff &&
    Number.isInteger(htype) &&
    htype >= 0 &&
    htype <= 255 &&
    hardware instanceof Uint8Array &&
    hardware.length <= 16 &&
    (clientId === undefined ||
      (clientId instanceof Uint8Array && clientId.length > 0 && clientId.length <= CLIENT_ID_OCTETS_MAX)) &&
    (clientId !== undefined || hardware.length > 0) &&
    (state === 'leased' || state === 'released' || state === 'quarantined') &&
    typeof until === 'number' &&
    !Number.isNaN(until) &&
    Number.isSafeInteger(revision) &&
    revision >= 0
  );
}
