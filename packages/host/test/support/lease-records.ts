import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { ipv4FromU32, type SeededEntropy, uniform } from '@nexus-net/sansio';
import fc from 'fast-check';
import type { LeaseStore, LeaseStoreError } from '../../src/index.js';

/** Every record that a DHCP server may make. */
export const leaseRecord: fc.Arbitrary<DhcpLeaseRecord> = fc
  .record({
    address: fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromU32),
    htype: fc.integer({ min: 0, max: 255 }),
    hardware: fc.uint8Array({ maxLength: 16 }),
    clientId: fc.option(fc.uint8Array({ minLength: 1, maxLength: 255 }), { nil: undefined }),
    state: fc.constantFrom('leased', 'released', 'quarantined'),
    until: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(Number.POSITIVE_INFINITY)),
    revision: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  })
  // -0 is 0 to every reader but not to a comparison of objects.
  .map(({ clientId, until, ...rest }) => ({ ...rest, until: until + 0, ...(clientId === undefined ? {} : { clientId }) }));

/** The `index`th address's row. */
export function row(index: number, more: Partial<DhcpLeaseRecord> = {}): DhcpLeaseRecord {
  return {
    address: ipv4FromU32(0x0a000000 + index),
    htype: 1,
    hardware: Uint8Array.of(2, 0, 0, 0, index >> 8, index & 255),
    state: 'leased',
    until: 1_700_000_000_000.5 + index,
    revision: index + 1,
    ...more,
  };
}

/** A history of few addresses, with and without identifiers. */
export function history(entropy: SeededEntropy, count: number): DhcpLeaseRecord[] {
  const below = (limit: number): number => uniform(entropy, { low: 0, high: limit - 1 });
  return Array.from({ length: count }, (_, i) => {
    const clientId = new Uint8Array(1 + below(12));
    entropy.fill(clientId);
    return row(below(5), { revision: i + 1, ...(below(2) === 0 ? { clientId } : {}) });
  });
}

/** What a store has to have after these records: the one with the highest revision of each address. */
export function latest(records: readonly DhcpLeaseRecord[]): DhcpLeaseRecord[] {
  const rows = new Map<number, DhcpLeaseRecord>();
  for (const record of records)
    if ((rows.get(record.address)?.revision ?? -1) < record.revision) rows.set(record.address, record);
  return inOrder([...rows.values()]);
}

export function inOrder(records: readonly DhcpLeaseRecord[]): DhcpLeaseRecord[] {
  return [...records].sort((a, b) => a.address - b.address || a.revision - b.revision);
}

/** Stores a record; the label of the failure, or `stored`. */
export function store(target: LeaseStore, record: DhcpLeaseRecord): Promise<LeaseStoreError['code'] | 'stored'> {
  return new Promise((resolve) => target.append(record, (error) => resolve(error?.code ?? 'stored')));
}
