import { GATEWAY_PORT, Gateway, NEIGHBOUR_PORT, segmentWitnesses, Tap } from '@nexus-net/lan';
import { type Entropy, type Ipv4Address, type Machine, type Millis, Queue } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { Segment, SegmentEvent, SegmentTransmit } from './segment.js';

export interface ObservedSegmentOptions {
  readonly entropy: Entropy;
  /** Addresses that only the far side may speak under: it says nothing before it is asked, and a guest could be first. */
  readonly guarded: readonly Ipv4Address[];
  /** Draws the number of each frame. */
  readonly nextNumber: () => number;
}

/**
 * A segment that is not ours: frames between the guest and somebody else's gateway, seen on their way by the same witnesses. The only
 * station of ours is a neighbour, which asks for the guest, answers it, and leases and routes nothing. It hears the guest alone.
 */
export class ObservedSegment implements Segment, Machine<SegmentTransmit, SegmentEvent> {
  readonly #tap: Tap;
  readonly #neighbour: Gateway;
  readonly #transmits = new Queue<SegmentTransmit>(4_096);
  readonly #events = new Queue<SegmentEvent>(65_536);
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor({ entropy, guarded, nextNumber }: ObservedSegmentOptions) {
    const { neighbour, neighbourMac } = ADDRESS_PLAN.smoke;
    this.#tap = new Tap({ witnesses: segmentWitnesses({ guarded }), nextNumber });
    this.#neighbour = new Gateway({
      entropy,
      mac: neighbourMac,
      address: neighbour,
      dnsAddress: 'none',
      dhcp: 'off',
      dns: 'off',
    });
  }

  /** A frame that crossed the cable: `port` is where it came from. */
  handleFrame(now: Millis, port: string, frame: Uint8Array): void {
    this.#advance(now);
    this.#tap.handleFrame(this.#now, port, frame);
    if (port !== GATEWAY_PORT) this.#neighbour.handleFrame(this.#now, frame);
    this.#pump();
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#neighbour.start(this.#now);
    this.#pump();
  }

  command<R>(now: Millis, run: (gateway: Gateway, now: Millis) => R): R {
    this.#advance(now);
    const result = run(this.#neighbour, this.#now);
    this.#pump();
    return result;
  }

  pollTransmit(): SegmentTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): SegmentEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(this.#tap.nextTimeout(), this.#neighbour.nextTimeout());
  }

  inspect(): ReturnType<Segment['inspect']> {
    return {
      tap: this.#tap.inspect(),
      gateway: this.#neighbour.inspect(),
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: this.#events.dropped,
    };
  }

  #advance(now: Millis): void {
    for (let at = this.nextTimeout(), steps = 0; at <= now && steps < STEP_COUNT_MAX; at = this.nextTimeout(), steps++) {
      this.#now = Math.max(this.#now, at);
      this.#tap.handleTimeout(this.#now);
      this.#neighbour.handleTimeout(this.#now);
      this.#pump();
    }
    this.#now = Math.max(this.#now, now);
  }

  #pump(): void {
    for (let event = this.#neighbour.pollEvent(); event !== undefined; event = this.#neighbour.pollEvent()) {
      this.#events.push({ type: 'gateway', event });
    }
    for (let frame = this.#neighbour.pollTransmit(); frame !== undefined; frame = this.#neighbour.pollTransmit()) {
      // What is added for the guest is in no mirror: it is seen here.
      this.#tap.handleFrame(this.#now, NEIGHBOUR_PORT, frame);
      this.#transmits.push({ frame });
    }
    for (let event = this.#tap.pollEvent(); event !== undefined; event = this.#tap.pollEvent()) this.#events.push(event);
  }
}

const STEP_COUNT_MAX = 10_000;
