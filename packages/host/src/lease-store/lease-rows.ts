import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import type { Ipv4Address } from '@nexus-net/sansio';

/** The row with the highest revision of each address. */
export class LeaseRows {
  readonly #rows = new Map<Ipv4Address, DhcpLeaseRecord>();

  get size(): number {
    return this.#rows.size;
  }

  has(address: Ipv4Address): boolean {
    return this.#rows.has(address);
  }

  put(record: DhcpLeaseRecord): void {
    const present = this.#rows.get(record.address);
    if (present === undefined || present.revision < record.revision) this.#rows.set(record.address, record);
  }

  all(): DhcpLeaseRecord[] {
    return [...this.#rows.values()];
  }
}
