import { formatMac, isMacGroup, type MacAddress, type Millis, requireArgument } from '@nexus-net/sansio';
import type { ObservedFrame } from '@nexus-net/wire';
import { TimelessWitness } from './timeless-witness.js';

export interface EthernetWitnessConfig {
  /** Addresses remembered at most; further ones are not reported, only counted. Default 1 024. */
  readonly macCountMax?: number;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 1 024. */
  readonly eventCountMax?: number;
}

/** Says which stations spoke at all (`ethernet.seen`), and who sent from an address that no station can have. */
export class EthernetWitness extends TimelessWitness {
  readonly #macCountMax: number;
  readonly #seen = new Set<MacAddress>();
  #notRemembered = 0;

  constructor(config: EthernetWitnessConfig = {}) {
    const { macCountMax = 1_024, eventCountMax = 1_024 } = config;
    super(eventCountMax);
    requireArgument(macCountMax >= 1, 'macCountMax is at least 1');
    this.#macCountMax = macCountMax;
  }

  override handleFrame(_now: Millis, { at, number, layers }: ObservedFrame): void {
    const mac = layers.ethernet?.source;
    if (mac === undefined || this.#seen.has(mac)) return;
    if (this.#seen.size >= this.#macCountMax) {
      this.#notRemembered++;
      return;
    }
    this.#seen.add(mac);
    if (mac !== 0 && !isMacGroup(mac)) {
      this.tell({ type: 'fact', fact: { kind: 'ethernet.seen', at, frames: [number], mac } });
      return;
    }
    const message = `a frame came from ${formatMac(mac)}, which is the address of no station`;
    const violation = { rule: 'ethernet.source', reference: 'IEEE 802 §8.2', at, frames: [number], message };
    this.tell({ type: 'violation', violation });
  }

  inspect(): { readonly seen: number; readonly notRemembered: number; readonly eventsDropped: number } {
    return { seen: this.#seen.size, notRemembered: this.#notRemembered, eventsDropped: this.eventsDropped };
  }
}
