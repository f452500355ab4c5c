import type { Entropy, Ipv4Address } from '@nexus-net/sansio';
import type { Tcb } from './tcb.js';

export interface FourTuple {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
}

/** Connections by their four numbers: chains under a hash that strangers cannot aim at. */
export class ConnectionTable {
  readonly #entropy: Entropy;
  #seed = 0;
  readonly #heads = new Map<number, Tcb>();
  #size = 0;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  get size(): number {
    return this.#size;
  }

  find(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): Tcb | undefined {
    if (this.#size === 0) return undefined;
    let tcb = this.#heads.get(this.#hash(localAddress, localPort, remoteAddress, remotePort));
    while (
      tcb !== undefined &&
      !(
        tcb.remotePort === remotePort &&
        tcb.localPort === localPort &&
        tcb.remoteAddress === remoteAddress &&
        tcb.localAddress === localAddress
      )
    )
      tcb = tcb.chain;
    return tcb;
  }

  has({ localAddress, localPort, remoteAddress, remotePort }: FourTuple): boolean {
    return this.find(localAddress, localPort, remoteAddress, remotePort) !== undefined;
  }

  add(tcb: Tcb): void {
    if (this.#seed === 0) this.#seed = this.#entropy.u32() | 1;
    tcb.hash = this.#hash(tcb.localAddress, tcb.localPort, tcb.remoteAddress, tcb.remotePort);
    tcb.chain = this.#heads.get(tcb.hash);
    this.#heads.set(tcb.hash, tcb);
    this.#size += 1;
  }

  delete(tcb: Tcb): void {
    let before: Tcb | undefined;
    let at = this.#heads.get(tcb.hash);
    while (at !== undefined && at !== tcb) {
      before = at;
      at = at.chain;
    }
    if (at === undefined) return;
    if (before !== undefined) before.chain = tcb.chain;
    else if (tcb.chain !== undefined) this.#heads.set(tcb.hash, tcb.chain);
    else this.#heads.delete(tcb.hash);
    tcb.chain = undefined;
    this.#size -= 1;
  }

  *[Symbol.iterator](): IterableIterator<Tcb> {
    for (const head of this.#heads.values()) for (let tcb: Tcb | undefined = head; tcb !== undefined; tcb = tcb.chain) yield tcb;
  }

  #hash(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): number {
    let h = Math.imul(remoteAddress ^ this.#seed, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15) ^ ((remotePort << 16) | localPort), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13) ^ localAddress, 0x9e3779b1);
    return (h ^ (h >>> 16)) & 0x3fffffff;
  }
}
