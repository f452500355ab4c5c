import { type Ipv4Address, ipv4FromU32 } from '@nexus-net/sansio';
import { type Binding, BindingList } from './binding.js';
import type { DhcpPoolRange } from './config.js';

/**
 * Addresses that the same clients may have: all ranges of a network for everybody, or those for one class. Addresses that were
 * never used come from a cursor that only moves forward, all others from lists.
 */
export class AddressGroup {
  readonly fresh: BindingList = new BindingList();
  readonly expired: BindingList = new BindingList();
  readonly released: BindingList = new BindingList();
  readonly #ranges: readonly DhcpPoolRange[];
  #rangeIndex = 0;
  /** The next address that was perhaps never used, in range `#rangeIndex`. */
  #cursor: number;

  constructor(ranges: readonly DhcpPoolRange[]) {
    this.#ranges = ranges;
    this.#cursor = ranges[0]?.first ?? 0;
  }

  /**
   * An address that nobody had yet, else the one that expired longest ago, else the one that was released longest ago. Never one
   * that is offered, leased or quarantined.
   */
  allocate(
    isKnown: (address: Ipv4Address) => boolean,
    create: (address: Ipv4Address) => Binding | undefined,
  ): Binding | undefined {
    return this.fresh.first ?? this.#untouched(isKnown, create) ?? this.expired.first ?? this.released.first;
  }

  #untouched(
    isKnown: (address: Ipv4Address) => boolean,
    create: (address: Ipv4Address) => Binding | undefined,
  ): Binding | undefined {
    for (;;) {
      const range = this.#ranges[this.#rangeIndex];
      if (range === undefined) return undefined;
      for (; this.#cursor <= range.last; this.#cursor++) {
        const address = ipv4FromU32(this.#cursor);
        if (!isKnown(address)) return create(address);
      }
      this.#rangeIndex++;
      this.#cursor = this.#ranges[this.#rangeIndex]?.first ?? 0;
    }
  }
}
