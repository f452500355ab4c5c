import { DeadlineHeap, type Ipv4Address, ipv4, type Millis, SeededEntropy, uniform } from '@nexus-net/sansio';
import { Host, type HostEvent, type HostOptions, HostSockets } from '../../src/index.js';
import { OUR_IP, OUR_MAC, PEER_IP, PEER_MAC } from '../support/wire.js';
import { ContractWorld, type Side } from './contract-world.js';

export interface HostWorldOptions {
  readonly latencyMs?: Millis;
  readonly seed?: number;
  /** Share of frames that are lost, and that come late enough to be overtaken, in thousandths. */
  readonly lossPerMille?: number;
  readonly reorderPerMille?: number;
  readonly host?: Partial<HostOptions>;
}

/** Two hosts on one cable. */
export class HostWorld extends ContractWorld {
  readonly a: HostSockets<HostEvent>;
  readonly b: HostSockets<HostEvent>;
  readonly hosts: Readonly<Record<Side, Host>>;
  readonly latencyMs: Millis;
  readonly nobody: Ipv4Address = ipv4(10, 1, 0, 99);
  readonly faraway: Ipv4Address = ipv4(192, 0, 2, 1);
  /** Frames that were sent, lost or not. */
  frameCount = 0;
  readonly #cable = new DeadlineHeap<{ readonly to: Side; readonly frame: Uint8Array }>(100_000);
  readonly #options: HostWorldOptions;
  readonly #luck: SeededEntropy;
  #now: Millis = 1_000;

  constructor(options: HostWorldOptions = {}) {
    super();
    this.latencyMs = options.latencyMs ?? 2;
    this.#options = options;
    const entropy = new SeededEntropy(options.seed ?? 1);
    this.#luck = entropy.fork('cable');
    const host = (side: Side): Host => {
      const made = new Host({ mac: side === 'a' ? OUR_MAC : PEER_MAC, entropy: entropy.fork(side), ...options.host });
      made.configure(this.#now, { address: this.address(side), prefixLength: 24 });
      return made;
    };
    this.hosts = { a: host('a'), b: host('b') };
    this.a = new HostSockets(this.hosts.a);
    this.b = new HostSockets(this.hosts.b);
    this.a.poll(this.#now);
    this.b.poll(this.#now);
  }

  address(side: Side): Ipv4Address {
    return side === 'a' ? OUR_IP : PEER_IP;
  }

  step(limit: Millis): void {
    this.#send('a');
    this.#send('b');
    const next = Math.min(this.#cable.nextAt, this.a.nextWake(), this.b.nextWake());
    this.#now = Math.max(this.#now, Math.min(next, limit));
    const arrival = this.#cable.popDue(this.#now);
    if (arrival !== undefined) this[arrival.to].handleFrame(this.#now, arrival.frame);
    else for (const side of ['a', 'b'] as const) if (this[side].nextWake() <= this.#now) this[side].poll(this.#now);
    // Both sides are told the time, whoever had something to do.
    for (const side of ['a', 'b'] as const) if (this[side].now < this.#now) this[side].poll(this.#now);
  }

  #send(from: Side): void {
    const { lossPerMille = 0, reorderPerMille = 0 } = this.#options;
    for (let frame = this[from].pollTransmit(); frame !== undefined; frame = this[from].pollTransmit()) {
      this.frameCount += 1;
      const isLost = lossPerMille > 0 && uniform(this.#luck, { low: 0, high: 999 }) < lossPerMille;
      const isLate = reorderPerMille > 0 && uniform(this.#luck, { low: 0, high: 999 }) < reorderPerMille;
      const lateness = isLate ? uniform(this.#luck, { low: 1, high: 30 }) : 0;
      if (!isLost) this.#cable.push(this.#now + this.latencyMs + lateness, { to: from === 'a' ? 'b' : 'a', frame });
    }
  }
}
