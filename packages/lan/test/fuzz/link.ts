import { bytesEqual, type Millis, SeededEntropy } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import type { ChannelView } from '../../src/channel.js';
import type { Impairment } from '../../src/impairment.js';
import { Link, type LinkEnd } from '../../src/link.js';

export const limits: FuzzLimits = { octetsMax: 400, costBase: 100_000, costPerOctet: 5000, allocatedPerOctet: 5000 };

const IN_FLIGHT_MAX = 8;
const PROBABILITIES = [0, 0.5, 1, 0.01];
const TIMES: readonly Millis[] = [0, 1, 20, 0.5, 1000, 3600_000];

/**
 * The octets are impairments and a sequence of time, frames and cables pulled. Whatever comes: each frame, and each second
 * copy, is delivered, lost or under way; what arrives was sent from the other end, whole unless the link damages frames, and
 * even then with its Ethernet header; nothing comes through a cable that is out; what is due has been done.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const impairment = { toSwitch: drawImpairment(script), toStation: drawImpairment(script) };
  const link = new Link({
    entropy: new SeededEntropy(script.u8()),
    impairment,
    inFlightCountMax: IN_FLIGHT_MAX,
    lossEvents: true,
  });
  const watch = new Watch(link);
  watch.damages ||= damages(impairment.toSwitch) || damages(impairment.toStation);
  while (!script.isAtEnd) {
    const now = watch.clock;
    const kind = script.u8();
    switch (kind % 8) {
      case 0:
        watch.sleep(Math.max(now, Math.min(link.nextTimeout(), now + 3_600_000)));
        break;
      case 1:
        watch.sleep(now + script.pick([0, 1, 100, 0.25, 5000, -1, -2000]));
        break;
      case 2:
        watch.call(now, () => link.setState(now, (kind & 8) === 0 ? 'down' : 'up'));
        break;
      case 3: {
        const next = { toSwitch: drawImpairment(script), toStation: {} };
        watch.damages ||= damages(next.toSwitch);
        watch.call(now, () => link.impair(now, next));
        break;
      }
      default:
        watch.send((kind & 8) === 0 ? 'station' : 'switch', script.take(script.u8() % 40));
    }
  }
}

/** Any impairment that is allowed. */
function drawImpairment(script: FuzzScript): Impairment {
  const bits = script.u16();
  const probability = (): number => script.pick(PROBABILITIES);
  const time = (): Millis => script.pick(TIMES);
  const outageFrom = time();
  return {
    ...((bits & 1) !== 0 && { loss: probability() }),
    ...((bits & 2) !== 0 && { burst: { enter: probability(), leave: probability(), lossGood: probability() } }),
    ...((bits & 4) !== 0 && { drop: [script.u8() % 8, script.u8() % 8] }),
    ...((bits & 8) !== 0 && { delayMs: time() }),
    ...((bits & 16) !== 0 && { jitterMs: time() }),
    ...((bits & 32) !== 0 && { duplicate: probability(), duplicateLagMs: time() }),
    ...((bits & 64) !== 0 && { reorder: probability() }),
    ...((bits & 128) !== 0 && { corrupt: probability(), corruptKind: script.pick(['bit', 'octet', 'swap'] as const) }),
    ...((bits & 256) !== 0 && { frameOctetsMax: 20 }),
    ...((bits & 512) !== 0 && { rateBps: script.pick([1, 8000, 1e9]), queueCountMax: 1 + (script.u8() % 4) }),
    ...((bits & 1024) !== 0 && { cut: (bits & 2048) !== 0 }),
    ...((bits & 4096) !== 0 && { outages: [{ from: outageFrom, until: outageFrom + 1 + time() }] }),
  };
}

function damages({ corrupt = 0 }: Impairment): boolean {
  return corrupt > 0;
}

class Watch {
  clock: Millis = 0;
  damages = false;
  readonly #link: Link;
  readonly #sent: Record<LinkEnd, Uint8Array[]> = { station: [], switch: [] };
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(link: Link) {
    this.#link = link;
  }

  sleep(until: Millis): void {
    this.call(until, () => this.#link.handleTimeout(until));
    demand(this.#link.nextTimeout() > this.#now, 'what is due has been done');
  }

  send(from: LinkEnd, frame: Uint8Array): void {
    this.#sent[from].push(frame.slice());
    this.call(this.clock, () => this.#link.handleFrame(this.clock, from, frame));
    demand(bytesEqual(frame, this.#sent[from].at(-1) as Uint8Array), 'the frame of the caller is left alone');
  }

  call(clock: Millis, call: () => void): void {
    const link = this.#link;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    call();
    const arrived = drain(() => link.pollTransmit(), 4 * IN_FLIGHT_MAX);
    for (const { to, frame } of arrived) {
      const candidates = this.#sent[to === 'switch' ? 'station' : 'switch'];
      demand(
        candidates.some((sent) => (this.damages ? isDamaged(frame, sent) : bytesEqual(frame, sent))),
        'what arrives was sent',
      );
    }
    drain(() => link.pollEvent(), 64);
    const { state, toSwitch, toStation } = link.inspect();
    if (state === 'down') demand(toSwitch.inFlight + toStation.inFlight === 0, 'nothing is under way in a cable that is out');
    for (const view of [toSwitch, toStation]) checkSums(view);
    if (link.transparent) demand(link.nextTimeout() === Number.POSITIVE_INFINITY, 'a transparent link waits for nothing');
  }
}

/** Is `frame` the one that was sent, with changes behind the Ethernet header at most? */
function isDamaged(frame: Uint8Array, sent: Uint8Array): boolean {
  return frame.length === sent.length && bytesEqual(frame.subarray(0, 14), sent.subarray(0, 14));
}

function checkSums({ received, duplicated, delivered, inFlight, losses }: ChannelView): void {
  const lost = Object.values(losses).reduce((sum, count) => sum + count, 0);
  demand(received + duplicated === delivered + inFlight + lost, 'each frame is delivered, lost or under way');
  demand(inFlight <= IN_FLIGHT_MAX, 'as many frames as allowed are under way');
}

/** A perfect link, a slow one that doubles and reorders, one that damages and has an outage. */
export function seeds(): Uint8Array[] {
  const frame = (end: number, octet: number): number[] => [4 | (end << 3), 20, ...Array.from({ length: 20 }, () => octet)];
  const talk = [...frame(0, 1), ...frame(1, 2), 0, 0, ...frame(0, 3), 1, 1, ...frame(0, 4)];
  return [
    Uint8Array.from([0, 0, 0, 0, 0, 0, 9, ...talk, 2, ...talk, 10, ...talk]),
    Uint8Array.from([0, 0x78, 0, 2, 1, 2, 1, 1, 0, 0x08, 0, 2, 9, ...talk, ...talk, 0, 0, 0, 2]),
    Uint8Array.from([0x12, 0x80, 1, 1, 2, 1, 4, 1, 0, 0, 0, 9, ...talk, 3, 0, 1, 0, 1, ...talk]),
  ];
}
