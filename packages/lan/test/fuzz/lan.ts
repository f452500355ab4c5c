import { bytesEqual, type Millis, macToBytes, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { drawAddress, drawFrame } from '../../../net-os/test/support/fuzz-frames.js';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import type { LinkImpairment } from '../../src/impairment.js';
import { Lan, type LinkChange } from '../../src/lan.js';

export const limits: FuzzLimits = { octetsMax: 400, costBase: 400_000, costPerOctet: 30_000, allocatedPerOctet: 30_000 };

const GATEWAY_MAC = macToBytes(ADDRESS_PLAN.smoke.gatewayMac);
const PORTS = ['a', 'b', 'c'] as const;
/** Nothing here changes the octets of a frame: what arrives must have been seen. */
const IMPAIRMENTS: readonly LinkImpairment[] = [
  {},
  { toStation: { delayMs: 5 } },
  { toSwitch: { delayMs: 20, jitterMs: 10 } },
  { toSwitch: { duplicate: 1, duplicateLagMs: 1000 }, toStation: { reorder: 0.5 } },
  { toStation: { loss: 0.5 }, toSwitch: { rateBps: 8000, queueCountMax: 2 } },
  { toSwitch: { cut: true } },
];

/**
 * The octets are a sequence of time, frames at three ports, cables pulled and impaired, and pings of the gateway. Whatever
 * comes: frames are numbered without a gap and no event is of the future; a fact names frames that were seen; what a station
 * gets was seen on the segment before, octet for octet, and not from a cable that is out; the frame of the caller is left
 * alone; what is due has been done.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const lan = new Lan({ entropy: new SeededEntropy(script.u8()), ports: PORTS, lossEvents: true });
  const watch = new Watch(lan);
  watch.call(0, () => lan.handleTimeout(0));
  while (!script.isAtEnd) {
    const now = watch.clock;
    const port = script.pick(PORTS);
    switch (script.u8() % 8) {
      case 0: {
        const due = Math.max(now, Math.min(lan.nextTimeout(), now + 3_600_000));
        watch.call(due, () => lan.handleTimeout(due));
        break;
      }
      case 1: {
        const later = now + script.pick([0, 1, 1000, 61_000, 3_600_000, -1, -5000]);
        watch.call(later, () => lan.handleTimeout(later));
        break;
      }
      case 2: {
        const change = script.pick(['down', 'up', ...IMPAIRMENTS]) as LinkChange;
        if (change === 'down') watch.down.add(port);
        if (change === 'up') watch.down.delete(port);
        watch.call(now, () => lan.setLink(now, port, change));
        break;
      }
      case 3: {
        const destination = drawAddress(script);
        watch.call(now, () => lan.command(now, (gateway, at) => gateway.ping(at, { destination })));
        break;
      }
      default: {
        const frame = drawFrame(script);
        if (script.u8() % 4 > 0) frame.set(GATEWAY_MAC.slice(0, frame.length)); // or else few frames are for it
        const before = frame.slice();
        watch.call(now, () => lan.handleFrame(now, port, frame));
        demand(bytesEqual(frame, before), 'the frame of the caller is left alone');
      }
    }
  }
}

class Watch {
  clock: Millis = 0;
  readonly down = new Set<string>();
  readonly #lan: Lan;
  readonly #seen: Uint8Array[] = [];
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(lan: Lan) {
    this.#lan = lan;
  }

  call(clock: Millis, call: () => void): void {
    const lan = this.#lan;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    call();
    for (const event of drain(() => lan.pollEvent())) {
      if (event.type === 'frame') {
        const { number, at, bytes } = event.observed;
        this.#seen.push(bytes);
        demand(number === this.#seen.length && at <= this.#now, 'frames are numbered as they come');
      } else if (event.type === 'fact' || event.type === 'violation') {
        const { frames, at } = event.type === 'fact' ? event.fact : event.violation;
        demand(at <= this.#now, 'nothing happens in the future');
        demand(frames.length > 0 && frames.every((each) => each >= 1 && each <= this.#seen.length), 'frames were seen');
      }
    }
    for (const { port, frame } of drain(() => lan.pollTransmit())) {
      demand((PORTS as readonly string[]).includes(port) && !this.down.has(port), 'frames go to stations with a cable');
      demand(
        this.#seen.some((seen) => bytesEqual(seen, frame)),
        'what a station gets was seen on the segment',
      );
    }
    demand(lan.nextTimeout() > this.#now, 'what is due has been done');
    const { transmitsDropped, eventsDropped } = lan.inspect();
    demand(transmitsDropped + eventsDropped === 0, 'nothing is dropped that is drained after each call');
  }
}

/** ARP and echo to the gateway from two stations, over perfect cables, slow ones, and one that is pulled. */
export function seeds(): Uint8Array[] {
  const arp = (port: number): number[] => [port, 4, 0, 1, 0, 0, 4, 3, 0, 1];
  const echo = (port: number): number[] => [port, 4, 2, 0, 0, 0, 4, 3, 0, 1, 1, 4, 1, 2, 3, 4, 1];
  const query = (port: number): number[] => [port, 4, 5, 0, 0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 1, 0, 1, 1];
  const talk = [...arp(0), ...echo(0), ...query(0), ...arp(1), ...echo(1), 0, 0, 0, 3, 4, 0, 0];
  return [
    Uint8Array.from([1, ...talk]),
    Uint8Array.from([1, 0, 2, 3, ...talk, 0, 0, 0, 0, 0, 2, 0, ...talk, 0, 2, 1, ...talk]),
    Uint8Array.from([1, 1, 2, 5, ...talk, 0, 1, 3, 0, 2, 6, ...talk, 0, 0, 0, 0]),
  ];
}
